-- What a device knows of its schema and the log's; one row.
CREATE TABLE main.replog_schema(
  agreed      TEXT NOT NULL, -- the log's objects, as far as the file follows them, as JSON
  fingerprint TEXT NOT NULL, -- theirs
  found       TEXT NOT NULL, -- the file's objects when they were last compared; '' for never
  captured    TEXT NOT NULL, -- the tables that capture knows: see applier.Schema.Describe
  lacks       TEXT NOT NULL  -- JSON: what the log has, and the file does not; '' for nothing
);

-- What format 5 has beside format 4: see schema.sql.
ALTER TABLE main.replog_device ADD COLUMN chain TEXT NOT NULL DEFAULT '';
ALTER TABLE main.replog_device ADD COLUMN rejoined TEXT NOT NULL DEFAULT '';
ALTER TABLE main.replog_device ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;

CREATE TABLE main.replog_kept(
  seq       INTEGER PRIMARY KEY,
  revision  INTEGER NOT NULL,
  processed INTEGER NOT NULL,
  size      INTEGER NOT NULL,
  refused   INTEGER NOT NULL,
  long      INTEGER,
  intents   INTEGER NOT NULL,
  schema    INTEGER NOT NULL,
  without   TEXT NOT NULL,
  hash      TEXT NOT NULL,
  ran       TEXT NOT NULL,
  recorded  BLOB NOT NULL
);

CREATE TABLE main.replog_point(
  revision INTEGER PRIMARY KEY,
  chain    TEXT NOT NULL,
  reached  INTEGER NOT NULL
);

UPDATE main.replog_device SET format = 5;

-- The log of one database. Times are integer milliseconds since 1970, UTC.
-- People read the views: statement, change, transaction_log.

-- +goose Up

-- One row: where the log stands.
CREATE TABLE head (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    database        TEXT NOT NULL,
    epoch           TEXT NOT NULL,
    revision        INTEGER NOT NULL,
    chain           TEXT NOT NULL,
    -- The newest entry that changed something, the device that made it, and the
    -- newest that any other device made: they tell without a search whether
    -- somebody else wrote since a revision. 0 and '' where there is none.
    last_changed    INTEGER NOT NULL,
    last_changed_by TEXT NOT NULL,
    other_changed   INTEGER NOT NULL
) STRICT;

-- The schema from a revision on: the published one, and those that schema
-- statements made of it. objects is the applier's text.
CREATE TABLE schema_version (
    revision    INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    objects     TEXT NOT NULL
) STRICT;

-- One row a transaction, whatever became of it.
CREATE TABLE entry (
    revision    INTEGER PRIMARY KEY,
    device      TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    base        INTEGER NOT NULL,
    seen        INTEGER NOT NULL,
    label       TEXT NOT NULL,
    marked      INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    -- What did not share the outcome of the whole, as JSON.
    parts       TEXT,
    -- 1: some part is in conflict, rejected or held.
    unsettled   INTEGER NOT NULL,
    -- The recorded form is this line, then the bodies of the recorded
    -- statements and, after those that they belong to, net changes; the hash is
    -- the SHA-256 of its lines.
    first_line  TEXT NOT NULL,
    hash        TEXT NOT NULL,
    -- Identifies the log up to here: 32 hexadecimal digits of a SHA-256 of the chain
    -- before, the revision, the hash, the outcome and the parts.
    chain       TEXT NOT NULL,
    statements  INTEGER NOT NULL,
    -- How many net changes are recorded; NULL where the statements are they.
    net         INTEGER,
    -- How many rows it changed; NULL where it was not applied.
    changes     INTEGER,
    -- 1: the changes are exactly the recorded net changes, and stored as such;
    -- never where there are intents.
    as_recorded INTEGER NOT NULL,
    -- How many of the statements are intents. What follows is of such entries.
    intents     INTEGER NOT NULL,
    -- Where net changes are recorded, as JSON: [first, last, n] for the row
    -- statements between two intents, by their numbers, and their n net changes.
    net_blocks  TEXT,
    -- The tables that the intents may write, as a JSON array.
    tables      TEXT,
    -- 1: everything changed just what it changed on the device.
    as_run      INTEGER NOT NULL,
    -- What whoever runs the steps on the revision before has to change.
    digest      TEXT,
    -- How many lines the steps are that other devices get; NULL where they get
    -- the changes.
    step_lines  INTEGER,
    -- Of an applied entry with schema statements, as a JSON array: for each step,
    -- how many of the changes are made when it is done.
    step_ends   TEXT,
    UNIQUE (device, seq)
) STRICT;

CREATE INDEX entry_of_device ON entry (device, revision);

CREATE INDEX entry_unsettled ON entry (device, seq) WHERE unsettled = 1;

-- The recorded statements, in the order in which the device ran them: changes of
-- a row, or intents, which begin with "sql". outcome is NULL where it is that of
-- the entry.
CREATE TABLE recorded_statement (
    revision INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    body     TEXT NOT NULL,
    outcome  TEXT,
    reason   TEXT,
    detail   TEXT,
    PRIMARY KEY (revision, n)
) STRICT, WITHOUT ROWID;

-- The recorded net changes, where they differ from the statements; where there
-- are intents, those of one block of row statements after the other.
CREATE TABLE recorded_net (
    revision INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (revision, n)
) STRICT, WITHOUT ROWID;

-- What an applied entry changed, where that is not what was recorded, or where
-- there are intents: the number of the recorded net change that was made, or a
-- change of its own.
CREATE TABLE effect (
    revision INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    net      INTEGER,
    body     TEXT,
    PRIMARY KEY (revision, n),
    CHECK ((net IS NULL) <> (body IS NULL))
) STRICT, WITHOUT ROWID;

-- Finds the changes of a row: the n-th of the entry's.
CREATE TABLE changed_row (
    table_name TEXT NOT NULL,
    key        TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    PRIMARY KEY (table_name, key, revision)
) STRICT, WITHOUT ROWID;

-- One row a recorded statement.
CREATE VIEW statement AS
SELECT s.revision, s.n,
    json_extract(s.body, '$.time')  AS time,
    json_extract(s.body, '$.table') AS table_name,
    coalesce(json_extract(s.body, '$.op'),
        CASE WHEN json_extract(s.body, '$.schema') IS NULL THEN 'intent' ELSE 'schema' END) AS operation,
    json_extract(s.body, '$.key')   AS key,
    CASE json_extract(s.body, '$.op')
    WHEN 'insert' THEN
        'INSERT INTO "' || replace(json_extract(s.body, '$.table'), '"', '""') || '"('
        || (SELECT group_concat('"' || replace(value, '"', '""') || '"', ', ')
            FROM json_each(s.body, '$.columns'))
        || ') VALUES('
        || (SELECT group_concat('?', ', ') FROM json_each(s.body, '$.columns'))
        || ')'
    WHEN 'update' THEN
        'UPDATE "' || replace(json_extract(s.body, '$.table'), '"', '""') || '" SET '
        || (SELECT group_concat('"' || replace(value, '"', '""') || '" = ?', ', ')
            FROM json_each(s.body, '$.columns'))
        || ' WHERE '
        || (SELECT group_concat('"' || replace(value, '"', '""') || '" = ?', ' AND ')
            FROM json_each(s.body, '$.key_columns'))
    WHEN 'delete' THEN
        'DELETE FROM "' || replace(json_extract(s.body, '$.table'), '"', '""') || '" WHERE '
        || (SELECT group_concat('"' || replace(value, '"', '""') || '" = ?', ' AND ')
            FROM json_each(s.body, '$.key_columns'))
    ELSE json_extract(s.body, '$.sql')
    END AS sql,
    CASE json_extract(s.body, '$.op')
    WHEN 'insert' THEN json_extract(s.body, '$.new')
    WHEN 'update' THEN
        -- Two arrays made one. No value ends in a bracket.
        rtrim(json_extract(s.body, '$.new'), ']') || ','
        || substr(json_extract(s.body, '$.key'), 2)
    WHEN 'delete' THEN json_extract(s.body, '$.key')
    ELSE coalesce(json_extract(s.body, '$.args'), '[]')
    END AS args,
    coalesce(s.outcome, e.outcome) AS outcome,
    CASE WHEN s.outcome IS NOT NULL THEN s.reason
         WHEN e.outcome <> 'applied' THEN e.reason END AS reason,
    CASE WHEN s.outcome IS NOT NULL THEN s.detail
         WHEN e.outcome <> 'applied' THEN e.detail END AS detail
FROM entry e
JOIN recorded_statement s ON s.revision = e.revision;

-- One row a change that an applied entry made.
CREATE VIEW change AS
WITH made AS (
    SELECT e.revision, e.device, s.n, s.body
    FROM entry e
    JOIN recorded_statement s ON s.revision = e.revision
    WHERE e.as_recorded = 1 AND e.net IS NULL
    UNION ALL
    SELECT e.revision, e.device, c.n, c.body
    FROM entry e
    JOIN recorded_net c ON c.revision = e.revision
    WHERE e.as_recorded = 1
    UNION ALL
    SELECT e.revision, e.device, f.n, coalesce(f.body, c.body, s.body)
    FROM entry e
    JOIN effect f ON f.revision = e.revision
    LEFT JOIN recorded_net c ON c.revision = f.revision AND c.n = f.net
    LEFT JOIN recorded_statement s ON s.revision = f.revision AND s.n = f.net
)
SELECT revision, n, device,
    json_extract(body, '$.table')   AS table_name,
    json_extract(body, '$.key')     AS key,
    json_extract(body, '$.op')      AS operation,
    json_extract(body, '$.columns') AS columns,
    json_extract(body, '$.old')     AS old,
    json_extract(body, '$.new')     AS new,
    json_extract(body, '$.time')    AS time
FROM made;

-- The log as SQL, one row a statement, times in milliseconds and as text.
CREATE VIEW transaction_log AS
SELECT e.revision, e.device, e.seq, s.n, e.label,
    s.time AS recorded_at,
    e.received_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', s.time / 1000.0, 'unixepoch')        AS recorded,
    strftime('%Y-%m-%dT%H:%M:%fZ', e.received_at / 1000.0, 'unixepoch') AS received,
    s.outcome, s.reason, s.detail, s.sql, s.args
FROM entry e
JOIN statement s ON s.revision = e.revision;

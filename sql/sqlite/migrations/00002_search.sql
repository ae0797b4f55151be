-- What finds entries by table, row, outcome, label and time without reading the
-- whole log.

-- +goose Up

-- The tables that an entry touches: with a statement, a net change or an effect,
-- or that its intents may write.
CREATE TABLE touched_table (
    table_name TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (table_name, revision)
) STRICT, WITHOUT ROWID;

-- The rows that an entry touches and did not change, which changed_row lacks:
-- those of what was not applied, of changes that cancel out, and both keys of a
-- key change.
CREATE TABLE touched_row (
    table_name TEXT NOT NULL,
    key        TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    PRIMARY KEY (table_name, key, revision)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_by_arrival ON entry (received_at);

CREATE INDEX entry_not_applied ON entry (revision)
WHERE outcome <> 'applied' OR parts IS NOT NULL;

CREATE INDEX entry_labelled ON entry (label, revision) WHERE label <> '';

-- Of the entries that are in the log already.
CREATE TEMP TABLE touched AS
SELECT s.revision,
    s.body ->> '$.table' AS table_name,
    s.body -> '$.key'    AS key,
    -- The key after a statement that changes it, column by column.
    (
        SELECT '[' || group_concat(coalesce(
            (SELECT s.body -> ('$.new[' || c.key || ']')
             FROM json_each(s.body, '$.columns') c
             WHERE c.value = k.value AND s.body ->> '$.op' = 'update'),
            s.body -> ('$.key[' || k.key || ']')), ',') || ']'
        FROM json_each(s.body, '$.key_columns') k
    ) AS key_after
FROM recorded_statement s
WHERE s.body ->> '$.table' IS NOT NULL -- or it is an intent
UNION ALL
SELECT revision, body ->> '$.table', body -> '$.key', body -> '$.key'
FROM recorded_net;

INSERT OR IGNORE INTO touched_table
SELECT table_name, revision FROM touched
UNION
SELECT table_name, revision FROM changed_row
UNION
SELECT value, revision FROM entry, json_each(entry.tables);

INSERT OR IGNORE INTO touched_row
SELECT table_name, key, revision FROM touched
UNION
SELECT table_name, key_after, revision FROM touched
EXCEPT
SELECT table_name, key, revision FROM changed_row;

DROP TABLE touched;

-- What people read.

-- +goose Up

-- JSON of a recorded form as jsonb, which cannot hold a NUL: it is shown as ␀.
-- +goose StatementBegin
CREATE FUNCTION replog.shown(form text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN strpos(form, E'\\u0000') = 0 THEN form
        -- After an even number of backslashes: another one escapes the next.
        ELSE regexp_replace(form, E'(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000', E'\\1\\\\u2400', 'g')
        END::jsonb
$$;
-- +goose StatementEnd

-- A time as PostgreSQL has them; NULL where it is further away than these go.
-- +goose StatementBegin
CREATE FUNCTION replog.moment(millis bigint) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN millis BETWEEN -210000000000000 AND 9000000000000000
        THEN timestamptz '1970-01-01 00:00:00+00' + millis * interval '1 millisecond' END
$$;
-- +goose StatementEnd

-- One row a recorded statement.
CREATE VIEW replog.statement AS
SELECT d.name AS database, s.revision, s.n, s.time,
    replog.moment(s.time) AS recorded,
    x.table_name, x.operation,
    replog.shown(s.key) AS key,
    x.sql,
    CASE x.operation
    WHEN 'insert' THEN replog.shown(s.new)
    WHEN 'update' THEN replog.shown(s.new) || replog.shown(s.key)
    WHEN 'delete' THEN replog.shown(s.key)
    ELSE coalesce(replog.shown(s.new), '[]')
    END AS args,
    coalesce(s.outcome, e.outcome) AS outcome,
    CASE WHEN s.outcome IS NOT NULL THEN s.reason
         WHEN e.outcome <> 'applied' THEN e.reason END AS reason,
    CASE WHEN s.outcome IS NOT NULL THEN s.detail
         WHEN e.outcome <> 'applied' THEN e.detail END AS detail,
    d.id AS database_id
FROM replog.entry e
JOIN replog.database d ON d.n = e.database
JOIN replog.recorded_statement s ON s.database = e.database AND s.revision = e.revision
JOIN replog.statement_text x ON x.database = s.database AND x.id = s.text;

-- One row a change that an applied entry made.
CREATE VIEW replog.change AS
WITH made AS (
    SELECT e.database, e.revision, e.device, s.n, s.text, s.key, s.old, s.new, s.time
    FROM replog.entry e
    JOIN replog.recorded_statement s ON s.database = e.database AND s.revision = e.revision
    WHERE e.as_recorded AND e.net IS NULL
    UNION ALL
    SELECT e.database, e.revision, e.device, c.n, c.text, c.key, c.old, c.new, c.time
    FROM replog.entry e
    JOIN replog.recorded_net c ON c.database = e.database AND c.revision = e.revision
    WHERE e.as_recorded
    UNION ALL
    SELECT e.database, e.revision, e.device, f.n,
        coalesce(f.text, c.text, s.text), coalesce(f.key, c.key, s.key), coalesce(f.old, c.old, s.old),
        coalesce(f.new, c.new, s.new), coalesce(f.time, c.time, s.time)
    FROM replog.entry e
    JOIN replog.effect f ON f.database = e.database AND f.revision = e.revision
    LEFT JOIN replog.recorded_net c ON c.database = f.database AND c.revision = f.revision AND c.n = f.net
    LEFT JOIN replog.recorded_statement s
        ON s.database = f.database AND s.revision = f.revision AND s.n = f.net AND c.n IS NULL
)
SELECT d.name AS database, m.revision, m.n, m.device, x.table_name,
    replog.shown(m.key) AS key,
    x.operation,
    replog.shown(x.columns) AS columns,
    replog.shown(m.old) AS old,
    replog.shown(m.new) AS new,
    m.time,
    replog.moment(m.time) AS changed,
    d.id AS database_id
FROM made m
JOIN replog.database d ON d.n = m.database
JOIN replog.statement_text x ON x.database = m.database AND x.id = m.text;

-- The log as SQL, one row a statement, times in milliseconds and as timestamps.
CREATE VIEW replog.transaction_log AS
SELECT s.database, e.revision, e.device, e.seq, s.n, e.label,
    s.time AS recorded_at,
    e.received_at,
    s.recorded,
    replog.moment(e.received_at) AS received,
    s.outcome, s.reason, s.detail, s.sql, s.args, s.database_id
FROM replog.statement s
JOIN replog.database d ON d.id = s.database_id
JOIN replog.entry e ON e.database = d.n AND e.revision = s.revision;

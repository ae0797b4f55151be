package postgres

// In queries, {n} is the number of a database (see Log.text).

const (
	selectServer     = `SELECT current_setting('server_encoding'), current_setting('server_version_num')::int`
	createSchema     = `CREATE SCHEMA IF NOT EXISTS replog`
	lockMigrations   = `SELECT pg_advisory_lock($1)`
	unlockMigrations = `SELECT pg_advisory_unlock($1)`
	selectVersion    = `SELECT coalesce(max(version_id), 0) FROM replog.goose_db_version WHERE is_applied`
)

const selectDatabases = `
SELECT name FROM replog.database WHERE retired_at IS NULL ORDER BY name`

const selectDatabase = `
SELECT n, id FROM replog.database WHERE name = $1 AND retired_at IS NULL`

const selectList = `
SELECT d.name, d.id, h.epoch, h.revision, h.chain, coalesce(a.schema_name, ''),
    (SELECT count(*) FROM replog.misfit m WHERE m.database = d.n),
    (SELECT count(*) FROM replog.left_out o WHERE o.database = d.n)
FROM replog.database d
JOIN replog.head h ON h.database = d.n
LEFT JOIN replog.applied_database a ON a.database = d.n
WHERE d.retired_at IS NULL
ORDER BY d.name`

const selectTables = `
SELECT t.table_name, t.schema_name, t.pg_table, t.mapped,
    (SELECT count(*) FROM replog.misfit m WHERE m.database = t.database AND m.table_name = t.table_name),
    (SELECT count(*) FROM replog.left_out o WHERE o.database = t.database AND o.table_name = t.table_name)
FROM replog.applied_table t
WHERE t.database = $1
ORDER BY t.table_name`

const selectMisfits = `
SELECT (SELECT count(*) FROM replog.misfit), (SELECT count(*) FROM replog.left_out)`

const selectKeptUpTo = `
SELECT coalesce(max(revision), 0) FROM replog.snapshot WHERE database = $1`

const insertDatabase = `
INSERT INTO replog.database (id, name, published_at) VALUES ($1, $2, $3) RETURNING n`

const insertHead = `
INSERT INTO replog.head (database, epoch, revision, chain, horizon, last_changed, last_changed_by, other_changed)
VALUES ($1, $2, $3, $4, 0, 0, '', 0)`

const selectPartsTo = `
SELECT coalesce(max(to_revision), -1) FROM replog.part WHERE database = $1`

const insertPart = `
INSERT INTO replog.part (database, from_revision, to_revision) VALUES ($1, $2, $3)`

const selectHead = `
SELECT epoch, revision, chain, horizon FROM replog.head WHERE database = $1`

const selectHorizon = `
SELECT horizon FROM replog.head WHERE database = $1`

const selectDropped = `
SELECT from_revision, to_revision FROM replog.part
WHERE database = $1 AND to_revision > $2 AND to_revision <= $3
ORDER BY from_revision`

const updateHorizon = `
UPDATE replog.head SET horizon = $2 WHERE database = $1`

const selectHeads = `
SELECT d.id, h.revision, h.epoch
FROM replog.head h
JOIN replog.database d ON d.n = h.database
WHERE d.retired_at IS NULL`

const lockHead = `
SELECT epoch, revision, chain, horizon, last_changed, last_changed_by, other_changed
FROM replog.head
WHERE database = $1
FOR UPDATE`

const updateHead = `
UPDATE replog.head
SET epoch = $2, revision = $3, chain = $4, last_changed = $5, last_changed_by = $6, other_changed = $7
WHERE database = $1`

const insertSchemaVersion = `
INSERT INTO replog.schema_version (database, revision, fingerprint, objects) VALUES ($1, $2, $3, $4)`

const selectSchemaAt = `
SELECT revision, fingerprint, objects
FROM replog.schema_version
WHERE database = $1 AND revision <= $2
ORDER BY revision DESC
LIMIT 1`

const selectHasSchema = `
SELECT EXISTS (SELECT 1 FROM replog.schema_version WHERE database = $1 AND fingerprint = $2)`

const selectSchemaOf = `
SELECT revision, fingerprint, objects FROM replog.schema_version WHERE database = $1 AND revision = $2`

const selectReceived = `
SELECT EXISTS (SELECT 1 FROM replog.received WHERE database = $1 AND device = $2 AND seq = $3)`

const selectLastSeq = `
SELECT coalesce(max(seq), 0) FROM replog.received WHERE database = $1 AND device = $2`

// selectEntry gives what scanEntry reads; a condition follows. Deliveries need no first
// line.
const (
	selectEntry = `
SELECT revision, received_at, device, seq, outcome, reason, detail, hash, first_line, ` + judgedColumns
	selectJudged = `
SELECT revision, received_at, device, seq, outcome, reason, detail, hash, '', ` + judgedColumns

	judgedColumns = `statements, net, changes, as_recorded, as_run,
    parts, net_blocks, tables, digest, step_ends, step_lines, label, intents > 0, size
FROM replog.entry_{n} e
`
)

const selectFound = selectJudged + `
WHERE revision = (SELECT revision FROM replog.received WHERE database = {n} AND device = $1 AND seq = $2)`

const selectUnsettled = selectJudged + `
WHERE device = $1 AND seq > $2 AND unsettled
ORDER BY seq`

const selectDeliveries = selectJudged + `
WHERE revision > $1 AND revision <= $2 AND (outcome = 'applied' OR device = $3)
ORDER BY revision
LIMIT $4`

// selectPlace reads all in one statement, and so as of one moment.
const selectPlace = `
SELECT h.epoch, h.revision, h.chain, h.horizon,
    coalesce((SELECT e.chain FROM replog.entry_{n} e WHERE e.revision = $3), ''),
    (SELECT coalesce(max(r.seq), 0) FROM replog.received r WHERE r.database = $1 AND r.device = $2)
FROM replog.head h
WHERE h.database = $1`

// selectChain is of a revision above 0.
const selectChain = `
SELECT chain FROM replog.entry_{n} WHERE revision = $1`

// bodyOf is the recorded form of a row of bodies, s, whose text is x: see pieces.join.
func bodyOf(key, old, new, time, more, body string) string {
	return `coalesce(` + body + `, concat(x.start, ` + key + `, x.middle, ',"old":' || ` + old + `,
        CASE WHEN x.middle IS NULL THEN ',"args":' ELSE ',"new":' END || ` + new + `,
        ',"time":', ` + time + `, ` + more + `, '}'))`
}

func bodyIn(table string) string {
	return bodyOf(table+".key", table+".old", table+".new", table+".time", table+".more", table+".body")
}

// madeBody is the body of an effect, f: its own, that of the recorded net change, or,
// where the statements are these, of the statement.
var madeBody = bodyOf("coalesce(f.key, c.key, s.key)", "coalesce(f.old, c.old, s.old)", "coalesce(f.new, c.new, s.new)",
	"coalesce(f.time, c.time, s.time)", "coalesce(f.more, c.more, s.more)", "coalesce(f.body, c.body, s.body)")

// textOf joins the text, x, that an expression is the id of, by looking up each: the
// planner must not take it for a good idea to go through all texts.
func textOf(id string) string {
	return `CROSS JOIN LATERAL (
    SELECT start, middle FROM replog.statement_text WHERE database = {n} AND id = ` + id + ` OFFSET 0
) x
`
}

// fromMade is what madeBody is of.
var fromMade = `
FROM replog.effect_{n} f
LEFT JOIN replog.recorded_net_{n} c ON c.revision = f.revision AND c.n = f.net
LEFT JOIN replog.recorded_statement_{n} s ON s.revision = f.revision AND s.n = f.net AND c.n IS NULL
` + textOf("coalesce(f.text, c.text, s.text)") + `
`

// The bodies of lists, with the revision and the number; a condition on l follows.
var (
	selectStatements = bodiesOf("recorded_statement_{n}")
	selectNets       = bodiesOf("recorded_net_{n}")
	selectMade       = `
SELECT f.revision, f.n, ` + madeBody + fromMade
)

func bodiesOf(table string) string {
	return `
SELECT f.revision, f.n, ` + bodyIn("f") + `
FROM replog.` + table + ` f
` + textOf("f.text")
}

// The rows of several entries, and a page of one's.
const (
	ofSome = `WHERE f.revision = ANY ($1::bigint[]) ORDER BY f.revision, f.n`
	ofPage = `WHERE f.revision = $1 AND f.n >= $2 ORDER BY f.revision, f.n LIMIT $3`
)

// selectConcurrent gives each change of a row as it was made: an effect of its own, a
// recorded net change, or the statement that is the net change. Of several at one
// revision the last counts.
var selectConcurrent = `
SELECT DISTINCT ON (r.revision) r.revision, e.device, ` + madeBody + `
FROM replog.changed_row_{n} r
JOIN replog.entry_{n} e ON e.revision = r.revision
LEFT JOIN replog.effect_{n} f ON f.revision = r.revision AND f.n = r.n
LEFT JOIN replog.recorded_net_{n} c ON c.revision = r.revision AND c.n = coalesce(f.net, r.n)
LEFT JOIN replog.recorded_statement_{n} s
    ON s.revision = r.revision AND s.n = coalesce(f.net, r.n) AND f.text IS NULL AND c.n IS NULL
` + textOf("coalesce(f.text, c.text, s.text)") + `
WHERE r.row = $1 AND r.revision > $2 AND r.revision <= $3 AND e.device <> $4
ORDER BY r.revision, r.n DESC`

const selectChangeCount = `
SELECT coalesce(sum(changes), 0), coalesce(sum(size), 0), count(*)
FROM replog.entry_{n}
WHERE revision > $1 AND revision <= $2`

// selectAllMade gives all changes of the entries in a span.
var selectAllMade = `
SELECT revision, device, body
FROM (
    SELECT e.revision, e.device, f.n, ` + bodyIn("f") + ` AS body
    FROM replog.entry_{n} e
    JOIN replog.recorded_statement_{n} f ON f.revision = e.revision
    ` + textOf("f.text") + `
    WHERE e.revision > $1 AND e.revision <= $2 AND e.as_recorded AND e.net IS NULL
    UNION ALL
    SELECT e.revision, e.device, f.n, ` + bodyIn("f") + `
    FROM replog.entry_{n} e
    JOIN replog.recorded_net_{n} f ON f.revision = e.revision
    ` + textOf("f.text") + `
    WHERE e.revision > $1 AND e.revision <= $2 AND e.as_recorded
    UNION ALL
    SELECT e.revision, e.device, m.n, m.body
    FROM replog.entry_{n} e
    JOIN (SELECT f.revision, f.n, ` + madeBody + ` AS body` + fromMade + `) m ON m.revision = e.revision
    WHERE e.revision > $1 AND e.revision <= $2
) AS made
ORDER BY revision, n`

const selectWrote = `
SELECT coalesce(max(t.revision), 0)
FROM replog.touched_table_{n} t
JOIN replog.entry_{n} e ON e.revision = t.revision
WHERE t.name = $1 AND t.revision > $2 AND e.device <> $3 AND e.outcome = 'applied'`

// selectTableNames gives the names that are one of some but for ASCII case.
const selectTableNames = `
SELECT name
FROM replog.touched_name
WHERE database = {n}
    AND lower(name COLLATE "C") IN (SELECT lower(wanted COLLATE "C") FROM unnest($1::text[]) AS wanted)`

// selectArrivals narrows a span of time to one of revisions. The server's clock may have
// been set back, so that not all of these lie within the time.
const selectArrivals = `
SELECT coalesce(min(revision), 0), coalesce(max(revision), 0)
FROM replog.entry_{n}
WHERE received_at >= $1 AND received_at <= $2`

const (
	lockSnapshots = `SELECT pg_advisory_xact_lock(x'7265706c'::int, $1)`

	deleteSnapshot = `
WITH parts AS (DELETE FROM replog.snapshot_part WHERE database = $1 AND revision = $2)
DELETE FROM replog.snapshot WHERE database = $1 AND revision = $2`

	insertSnapshot = `
INSERT INTO replog.snapshot (database, revision, epoch, chain, size, digest, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)`

	insertSnapshotPart = `
INSERT INTO replog.snapshot_part (database, revision, n, bytes) VALUES ($1, $2, $3, $4)`

	// Revision 0 is for those who compare with what was published.
	deleteOldSnapshots = `
WITH old AS (
    SELECT revision
    FROM replog.snapshot
    WHERE database = $1 AND revision > 0
    ORDER BY revision DESC
    OFFSET 2
), parts AS (
    DELETE FROM replog.snapshot_part WHERE database = $1 AND revision IN (SELECT revision FROM old)
)
DELETE FROM replog.snapshot WHERE database = $1 AND revision IN (SELECT revision FROM old)`

	selectSnapshot = `
SELECT s.revision, s.epoch, s.chain, s.size, s.digest, s.made_at
FROM replog.snapshot s
LEFT JOIN replog.entry_{n} e ON e.revision = s.revision
LEFT JOIN replog.head h ON h.database = {n} AND h.revision = s.revision
WHERE s.database = {n} AND s.revision <= $1
    AND s.chain = CASE WHEN s.revision = 0 THEN $2 ELSE coalesce(e.chain, h.chain) END
ORDER BY s.revision DESC
LIMIT 1`

	selectSnapshotPart = `
SELECT bytes FROM replog.snapshot_part WHERE database = $1 AND revision = $2 AND n = $3`
)

const (
	notifyChannel = "replog"

	notify = `
SELECT pg_notify('replog', id) FROM unnest($1::text[]) AS id`
)

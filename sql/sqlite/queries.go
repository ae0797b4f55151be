package sqlite

const insertSchemaVersion = `
INSERT INTO schema_version (revision, fingerprint, objects) VALUES (?, ?, ?)`

const selectSchemaAt = `
SELECT revision, fingerprint, objects FROM schema_version WHERE revision <= ? ORDER BY revision DESC LIMIT 1`

const selectHasSchema = `
SELECT EXISTS (SELECT 1 FROM schema_version WHERE fingerprint = ?)`

const selectSchemaOf = `
SELECT revision, fingerprint, objects FROM schema_version WHERE revision = ?`

const insertHead = `
INSERT INTO head (id, database, epoch, revision, chain, last_changed, last_changed_by, other_changed)
VALUES (1, ?, ?, ?, ?, 0, '', 0)`

const selectHead = `
SELECT database, epoch, revision, chain, last_changed, last_changed_by, other_changed
FROM head`

const updateHead = `
UPDATE head SET epoch = ?, revision = ?, chain = ?, last_changed = ?, last_changed_by = ?, other_changed = ?`

const insertEntry = `
INSERT INTO entry (revision, device, seq, base, seen, label, marked, recorded_at, received_at,
    outcome, reason, detail, parts, unsettled, first_line, hash, chain, statements, net, changes, as_recorded,
    intents, net_blocks, tables, as_run, digest, step_lines, step_ends)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const insertStatement = `
INSERT INTO recorded_statement (revision, n, body, outcome, reason, detail)
VALUES (?, ?, ?, ?, ?, ?)`

const insertNet = `
INSERT INTO recorded_net (revision, n, body) VALUES (?, ?, ?)`

const insertEffect = `
INSERT INTO effect (revision, n, net, body) VALUES (?, ?, ?, ?)`

const insertChangedRow = `
INSERT INTO changed_row (table_name, key, revision, n) VALUES (?, ?, ?, ?)`

// insertChangedAgain is of an entry that may change a row several times: the last
// stays.
const insertChangedAgain = insertChangedRow + `
ON CONFLICT DO UPDATE SET n = max(n, excluded.n)`

// selectEntry gives what scanEntry reads; a condition follows.
const selectEntry = `
SELECT revision, received_at, outcome, reason, detail, parts,
    first_line, hash, statements, net, changes, as_recorded, net_blocks, tables, as_run, digest, step_lines,
    step_ends
FROM entry
`

const selectStatements = `
SELECT body FROM recorded_statement WHERE revision = ? ORDER BY n`

const selectNet = `
SELECT body FROM recorded_net WHERE revision = ? ORDER BY n`

// selectJudged gives what session.delivery reads; a condition follows.
const selectJudged = `
SELECT revision, device, seq, hash, outcome, reason, detail, parts, net, changes, as_recorded,
    net_blocks, tables, as_run, digest, step_lines, step_ends
FROM entry
`

const selectNetCount = `
SELECT net, intents > 0, net_blocks FROM entry WHERE revision = ?`

const selectDeliveries = selectJudged + `
WHERE revision > ? AND revision <= ? AND (outcome = 'applied' OR device = ?)
ORDER BY revision`

// selectMade gives the changes of an entry that were not all made as recorded.
const selectMade = `
SELECT coalesce(f.body, c.body, s.body)
FROM effect f
LEFT JOIN recorded_net c ON c.revision = f.revision AND c.n = f.net
LEFT JOIN recorded_statement s ON s.revision = f.revision AND s.n = f.net
WHERE f.revision = ?
ORDER BY f.n`

// selectChain is of a revision above 0.
const selectChain = `
SELECT chain FROM entry WHERE revision = ?`

const selectLastSeq = `
SELECT coalesce(max(seq), 0) FROM entry WHERE device = ?`

// selectConcurrent gives each change of a row as it was made: an effect of its
// own, a recorded net change, or the statement that is the net change.
const selectConcurrent = `
SELECT e.revision, e.device, coalesce(f.body, c.body, s.body)
FROM changed_row r
JOIN entry e ON e.revision = r.revision AND e.device <> ?
LEFT JOIN effect f ON f.revision = r.revision AND f.n = r.n
LEFT JOIN recorded_net c ON c.revision = r.revision AND c.n = coalesce(f.net, r.n)
LEFT JOIN recorded_statement s ON s.revision = r.revision AND s.n = coalesce(f.net, r.n)
WHERE r.table_name = ? AND r.key = ? AND r.revision > ?
ORDER BY r.revision`

const selectWrote = `
SELECT coalesce(max(t.revision), 0)
FROM touched_table t
JOIN entry e ON e.revision = t.revision
WHERE t.table_name = ? AND t.revision > ? AND e.device <> ? AND e.outcome = 'applied'`

const insertTouchedTable = `
INSERT INTO touched_table (table_name, revision) VALUES (?, ?)`

// insertTouchedRow leaves out a row that changed_row has.
const insertTouchedRow = `
INSERT OR IGNORE INTO touched_row (table_name, key, revision)
SELECT ?1, ?2, ?3
WHERE NOT EXISTS (SELECT 1 FROM changed_row WHERE table_name = ?1 AND key = ?2 AND revision = ?3)`

// selectTableNames jumps from one name in the index to the next.
const selectTableNames = `
WITH RECURSIVE logged (name) AS (
    SELECT min(table_name) FROM touched_table
    UNION ALL
    SELECT (SELECT min(table_name) FROM touched_table WHERE table_name > logged.name)
    FROM logged
    WHERE logged.name IS NOT NULL
)
SELECT name FROM logged WHERE name = ? COLLATE NOCASE`

// selectWords gives what a text is looked for in, besides the statements.
const selectWords = `
SELECT label, reason, detail, coalesce(parts, '[]') FROM entry WHERE revision = ?`

// selectArrivals narrows a span of time to one of revisions. The server's clock
// may have been set back, so that not all of these lie within the time.
const selectArrivals = `
SELECT coalesce(min(revision), 0), coalesce(max(revision), 0)
FROM entry
WHERE received_at >= ? AND received_at <= ?`

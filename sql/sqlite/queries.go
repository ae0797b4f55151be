package sqlite

import (
	"strings"

	"replog/replog"
)

const insertHead = `
INSERT INTO head (id, database, epoch, revision, last_changed, last_changed_by, other_changed)
VALUES (1, ?, ?, ?, 0, '', 0)`

const selectHead = `
SELECT database, epoch, revision, last_changed, last_changed_by, other_changed
FROM head`

const updateHead = `
UPDATE head SET revision = ?, last_changed = ?, last_changed_by = ?, other_changed = ?`

const insertEntry = `
INSERT INTO entry (revision, device, seq, base, seen, label, marked, recorded_at, received_at,
    outcome, reason, detail, parts, unsettled, first_line, hash, statements, net, changes, as_recorded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const insertStatement = `
INSERT INTO recorded_statement (revision, n, body, outcome, reason, detail)
VALUES (?, ?, ?, ?, ?, ?)`

const insertNet = `
INSERT INTO recorded_net (revision, n, body) VALUES (?, ?, ?)`

const insertEffect = `
INSERT INTO effect (revision, n, net, body) VALUES (?, ?, ?, ?)`

const insertChangedRow = `
INSERT INTO changed_row (table_name, key, revision, n) VALUES (?, ?, ?, ?)`

// selectEntry gives what scanEntry reads; a condition follows.
const selectEntry = `
SELECT revision, received_at, outcome, reason, detail, parts,
    first_line, hash, statements, net, changes, as_recorded
FROM entry
`

const selectStatements = `
SELECT body FROM recorded_statement WHERE revision = ? ORDER BY n`

const selectNet = `
SELECT body FROM recorded_net WHERE revision = ? ORDER BY n`

const selectEffects = `
SELECT net, body FROM effect WHERE revision = ? ORDER BY n`

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

// filtered is the query and the arguments for the entries that f selects.
func filtered(f replog.Filter) (string, []any) {
	var where strings.Builder
	where.WriteString("WHERE revision > ?")
	args := []any{int64(f.After)}
	if f.UpTo != 0 {
		where.WriteString(" AND revision <= ?")
		args = append(args, int64(f.UpTo))
	}
	if f.AppliedOnly {
		where.WriteString(" AND outcome = ?")
		args = append(args, string(replog.Applied))
	}
	if f.Device != "" {
		where.WriteString(" AND device = ?")
		args = append(args, string(f.Device))
	}
	where.WriteString(" ORDER BY revision")
	if f.Descending {
		where.WriteString(" DESC")
	}
	if f.Limit > 0 {
		where.WriteString(" LIMIT ?")
		args = append(args, f.Limit)
	}
	return selectEntry + where.String(), args
}

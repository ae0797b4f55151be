package applied

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"replog/replog"
)

// findMisfits reads rows of misfit by the hashes of their keys.
const findMisfits = `
SELECT key, columns, rest FROM replog.misfit
WHERE database = $1 AND table_name = $2 AND key_hash = ANY ($3::bytea[])`

// takeMisfits removes rows from misfit by the hashes of their keys.
const takeMisfits = `
DELETE FROM replog.misfit
WHERE database = $1 AND table_name = $2 AND key_hash = ANY ($3::bytea[])
RETURNING key, columns, rest`

// keepMisfits puts rows into misfit.
const keepMisfits = `
INSERT INTO replog.misfit (database, table_name, key, key_hash, revision, columns, why, rest)
SELECT $1, $2, s.* FROM unnest($3::text[], $4::bytea[], $5::bigint[], $6::json[], $7::text[], $8::json[]) AS s
ON CONFLICT (database, table_name, key_hash) DO UPDATE
SET revision = excluded.revision, columns = excluded.columns, why = excluded.why, rest = excluded.rest`

// keyHash is the SHA-256 of a key, as PostgreSQL reads it.
func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return `\x` + hex.EncodeToString(sum[:])
}

// take removes those of the rows that are in misfit from there, and returns them by
// key. A table without misfits costs nothing.
func (w *writer) take(ctx context.Context, t *table, rows []*pending) (map[string][]cell, error) {
	if !t.misfits || len(rows) == 0 {
		return nil, nil
	}
	hashes := textArray(len(rows), func(i int) string { return keyHash(rows[i].key) })
	found := map[string][]cell{}
	err := query(ctx, w.c, takeMisfits, []any{w.t.database, t.shape.Name, hashes}, func(scan func(...any) error) error {
		var key string
		var columns, rest []byte
		if err := scan(&key, &columns, &rest); err != nil {
			return err
		}
		cells, err := t.parseMisfit(columns, rest)
		found[key] = cells
		return err
	})
	return found, err
}

// inMisfit tells which of the rows are in misfit, by key.
func (t *Tables) inMisfit(ctx context.Context, c Conn, made *table, rows []*pending) (map[string]bool, error) {
	if !made.misfits || len(rows) == 0 {
		return nil, nil
	}
	hashes := textArray(len(rows), func(i int) string { return keyHash(rows[i].key) })
	found := map[string]bool{}
	err := query(ctx, c, findMisfits, []any{t.database, made.shape.Name, hashes}, func(scan func(...any) error) error {
		var key string
		var columns, rest []byte
		err := scan(&key, &columns, &rest)
		found[key] = true
		return err
	})
	return found, err
}

// parseMisfit reads a row of misfit.
func (t *table) parseMisfit(columns, rest []byte) ([]cell, error) {
	var values map[string]replog.Value
	var texts map[string]*string
	err := json.Unmarshal(columns, &values)
	if err == nil {
		err = json.Unmarshal(rest, &texts)
	}
	if err != nil {
		return nil, fmt.Errorf("a row of %s in replog.misfit: %w", t.shape.Name, err)
	}
	cells := make([]cell, len(t.cols))
	for i, c := range t.cols {
		name := t.shape.Columns[i].Name
		v, isBad := values[name]
		switch text := texts[name]; {
		case isBad && c != nil:
			cells[i] = c.fit(v)
		case text == nil:
			cells[i] = nullCell
		default:
			cells[i] = cell{text: *text}
		}
	}
	return cells, nil
}

// keep puts rows into misfit. Of a table's first one all processes have to know.
func (w *writer) keep(ctx context.Context, t *table, rows []*pending) error {
	if len(rows) > 0 && !t.misfits {
		t.misfits = true
		if err := w.t.changed(ctx, w.c); err != nil {
			return err
		}
	}
	for len(rows) > 0 {
		n := min(len(rows), copyFrom)
		if err := w.keepSome(ctx, t, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func (w *writer) keepSome(ctx context.Context, t *table, rows []*pending) error {
	columns, why, rest := make([]string, len(rows)), make([]string, len(rows)), make([]string, len(rows))
	for i, p := range rows {
		columns[i], why[i], rest[i] = t.formatMisfit(p)
	}
	list := func(texts []string) string {
		return textArray(len(rows), func(i int) string { return texts[i] })
	}
	_, err := w.c.ExecContext(ctx, keepMisfits, w.t.database, t.shape.Name,
		textArray(len(rows), func(i int) string { return rows[i].key }),
		textArray(len(rows), func(i int) string { return keyHash(rows[i].key) }),
		textArray(len(rows), func(i int) string { return strconv.FormatInt(int64(rows[i].revision), 10) }),
		list(columns), list(why), list(rest))
	return err
}

// formatMisfit writes a row of misfit: the columns that do not fit, why, and the rest.
func (t *table) formatMisfit(p *pending) (columns, why, rest string) {
	var bads, others bytes.Buffer
	var reasons []string
	for i, c := range p.cells {
		if t.cols[i] == nil {
			continue
		}
		name := t.shape.Columns[i].Name
		switch {
		case c.bad != nil:
			member(&bads, name, c.bad.wire)
			reasons = append(reasons, name+": "+c.bad.why)
		case c.null:
			member(&others, name, "null")
		default:
			text := replog.Text(c.text)
			member(&others, name, string(text.AppendJSON(nil)))
		}
	}
	if p.refused != nil && len(reasons) == 0 {
		reasons = append(reasons, p.refused.Error())
	}
	return "{" + bads.String() + "}", strings.Join(reasons, "; "), "{" + others.String() + "}"
}

func member(b *bytes.Buffer, name, value string) {
	if b.Len() > 0 {
		b.WriteByte(',')
	}
	b.Write(replog.Text(name).AppendJSON(nil))
	b.WriteByte(':')
	b.WriteString(value)
}

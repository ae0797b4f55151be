package applied

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// lift takes rows out of their table, and keeps them: in memory, or, of a long entry,
// in a temporary table. A row that is not there stays without.
func (w *writer) lift(ctx context.Context, t *table, rows []*pending) error {
	if len(rows) == 0 {
		return nil
	}
	if w.stash != nil && rows[0].refused == nil {
		return w.stashRows(ctx, t, rows)
	}
	keys := keySource(t, rows)
	text := fmt.Sprintf("DELETE FROM %s AS t USING %s WHERE %s RETURNING s.n, %s",
		t.target(), keys.text("n"), onKey(t, "t"), t.asText("t"))
	return w.readLifted(ctx, t, rows, text, keys.args)
}

// asText lists the carried columns as the text that PostgreSQL writes and reads.
func (t *table) asText(alias string) string {
	numbers := t.carried()
	list := make([]string, len(numbers))
	for i, n := range numbers {
		list[i] = fmt.Sprintf("%s.%s::%s::text", alias, quote(t.columns[n]), t.cols[n].base)
	}
	return strings.Join(list, ", ")
}

// readLifted reads rows: their place in rows, from 1 on, and the carried columns.
func (w *writer) readLifted(ctx context.Context, t *table, rows []*pending, text string, args []any) error {
	numbers := t.carried()
	texts := make([]sql.NullString, len(numbers))
	var place int
	into := []any{&place}
	for i := range texts {
		into = append(into, &texts[i])
	}
	return query(ctx, w.c, text, args, func(scan func(...any) error) error {
		if err := scan(into...); err != nil {
			return err
		}
		lifted := make([]cell, len(t.cols))
		for i := range lifted {
			lifted[i] = nullCell
		}
		for i, n := range numbers {
			lifted[n] = cell{text: texts[i].String, null: !texts[i].Valid}
		}
		rows[place-1].lifted = lifted
		return nil
	})
}

// stashRows lifts rows into a temporary table.
func (w *writer) stashRows(ctx context.Context, t *table, rows []*pending) error {
	columns := quoteList("", t.names(t.carried()))
	if w.stash[t.shape.Name] == "" {
		w.t.serial++
		name := fmt.Sprintf("replog_lifted_%d", w.t.serial)
		w.stash[t.shape.Name] = "pg_temp." + name
		err := execAll(ctx, w.c, `CREATE TEMP TABLE %[1]s ON COMMIT DROP AS SELECT %[2]s FROM %[3]s WITH NO DATA;
			CREATE INDEX ON pg_temp.%[1]s (%[4]s)`, name, columns, t.target(), quoteList("", t.names(t.shape.Key)))
		if err != nil {
			return err
		}
	}
	keys := keySource(t, rows)
	text := fmt.Sprintf("WITH gone AS (DELETE FROM %s AS t USING %s WHERE %s RETURNING %s) INSERT INTO %s (%s) SELECT %s FROM gone",
		t.target(), keys.text(""), onKey(t, "t"), quoteList("t.", t.names(t.carried())), w.stash[t.shape.Name], columns, columns)
	_, err := w.c.ExecContext(ctx, text, keys.args...)
	return err
}

// unstash reads rows that were lifted into a temporary table.
func (w *writer) unstash(ctx context.Context, t *table, rows []*pending) error {
	stash := w.stash[t.shape.Name]
	rows = slices.DeleteFunc(slices.Clone(rows), func(p *pending) bool { return !p.keyFits() })
	if stash == "" || len(rows) == 0 {
		return nil
	}
	keys := keySource(t, rows)
	text := fmt.Sprintf("SELECT s.n, %s FROM %s AS t JOIN %s ON %s", t.asText("t"), stash, keys.text("n"), onKey(t, "t"))
	return w.readLifted(ctx, t, rows, text, keys.args)
}

// dropStash drops the temporary tables.
func (w *writer) dropStash(ctx context.Context) error {
	for _, name := range w.stash {
		if err := execAll(ctx, w.c, "DROP TABLE %s", name); err != nil {
			return err
		}
	}
	return nil
}

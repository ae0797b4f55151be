package applied

import (
	"context"
	"fmt"

	"replog/replog"
)

// loadRows writes the rows of content.
func (w *writer) loadRows(ctx context.Context, t *table, content replog.Content, o op) error {
	return w.t.eachBatch(t, content, func(rows []*pending) error {
		for _, p := range rows {
			p.op = o
		}
		return w.put(ctx, t, rows)
	})
}

// mergeRows makes a table's rows those of content, and leaves what else its rows have:
// rows that content lacks are deleted, the others are updated or inserted.
func (w *writer) mergeRows(ctx context.Context, t *table, content replog.Content) error {
	s, err := w.t.stage(ctx, w.c, t, content, stageKeys)
	if err != nil {
		return err
	}
	gone := fmt.Sprintf("DELETE FROM %s AS t WHERE NOT EXISTS (SELECT FROM %s AS s WHERE %s)", t.target(), s.name, onKey(t, "t"))
	if err := execAll(ctx, w.c, "%s", gone); err != nil {
		return err
	}
	if err := s.drop(ctx, w.c); err != nil {
		return err
	}
	return w.loadRows(ctx, t, content, opMerge)
}

// empty deletes all rows of a table.
func (t *Tables) empty(ctx context.Context, c Conn, target string) error {
	err := guard(ctx, c, func() error { return execAll(ctx, c, "TRUNCATE %s", target) })
	if err != nil && serverError(err) != nil {
		err = execAll(ctx, c, "DELETE FROM %s", target)
	}
	return err
}

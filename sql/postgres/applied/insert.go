package applied

import (
	"context"
	"fmt"
	"strings"
)

// copyFrom is the number of rows from which on COPY is faster.
const copyFrom = 500

// insert inserts whole rows that fit, and returns those that the server refused.
func (w *writer) insert(ctx context.Context, t *table, rows []*pending) (refused []*pending, err error) {
	err = w.run(ctx, rows, func(rows []*pending) error {
		if len(rows) >= copyFrom && rows[0].op != opMerge {
			return w.copy(ctx, t, rows)
		}
		return w.insertArrays(ctx, t, rows)
	}, func(p *pending, err error) error {
		p.refused = err
		refused = append(refused, p)
		return w.t.tooLong(t, p.cells, err)
	})
	return refused, err
}

func (w *writer) copy(ctx context.Context, t *table, rows []*pending) error {
	numbers := t.carried()
	return copyRows(ctx, w.c, t.target(), t.names(numbers), len(rows), func(i int, cells []any) {
		copyCells(cells, rows[i].cells, numbers)
	})
}

// copyCells sets what COPY takes of some of a row's cells.
func copyCells(to []any, cells []cell, numbers []int) {
	for i, n := range numbers {
		to[i] = cells[n].text
		if cells[n].null || cells[n].bad != nil {
			to[i] = nil
		}
	}
}

func (w *writer) insertArrays(ctx context.Context, t *table, rows []*pending) error {
	numbers := t.carried()
	var from source
	for i, n := range numbers {
		from.add(fmt.Sprintf("c%d", i), t.cols[n], len(rows), func(r int) *cell { return &rows[r].cells[n] })
	}
	text := fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM %s",
		t.target(), quoteList("", t.names(numbers)), strings.Join(from.names, ", "), from.text(""))
	if rows[0].op == opMerge {
		text += onConflict(t, numbers)
	}
	_, err := w.c.ExecContext(ctx, text, from.args...)
	return err
}

// onConflict makes an update of an insert where the row is there.
func onConflict(t *table, numbers []int) string {
	text := " ON CONFLICT (" + quoteList("", t.names(t.shape.Key)) + ") DO "
	var set []string
	for _, n := range numbers {
		if !t.isKey(n) {
			name := quote(t.columns[n])
			set = append(set, name+" = excluded."+name)
		}
	}
	if len(set) == 0 {
		return text + "NOTHING"
	}
	return text + "UPDATE SET " + strings.Join(set, ", ")
}

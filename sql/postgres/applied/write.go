package applied

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// writer writes within one unit.
type writer struct {
	t *Tables
	c Conn
	// careful: each statement has a savepoint, and where the server does not take a
	// row, the rows are halved until that row is alone.
	careful bool
	// stash names, by table, the temporary tables that hold the lifted rows of a long
	// entry.
	stash map[string]string
}

// clear takes rows out of a table: those that go, and, since the values of a unique
// index may move between them, those that cannot be updated where they are. A row
// that stands in misfit is taken from there if it goes.
func (w *writer) clear(ctx context.Context, t *table, rows []*pending) error {
	var gone, moved []*pending
	for _, p := range rows {
		switch {
		case p.op == opDelete || p.op == opReplace:
			gone = append(gone, p)
		case w.lifts(t, p) && p.keyFits():
			moved = append(moved, p)
		}
	}
	stored, err := w.take(ctx, t, gone)
	if err != nil {
		return err
	}
	standing := gone[:0]
	for _, p := range gone {
		switch {
		case stored[p.key] != nil:
		case p.keyFits():
			standing = append(standing, p)
		case t.isStrict():
			return &missingError{t, []*pending{p}}
		}
	}
	if err := w.remove(ctx, t, standing); err != nil {
		return err
	}
	// Another row may have the same key to PostgreSQL.
	elsewhere, err := w.t.inMisfit(ctx, w.c, t, moved)
	if err != nil {
		return err
	}
	return w.lift(ctx, t, slices.DeleteFunc(moved, func(p *pending) bool { return elsewhere[p.key] }))
}

// lifts tells whether an update is written by taking the row out and inserting it: it
// touches a unique index, or makes a misfit of the row. What somebody keeps in the
// same row would be lost, so that such rows are taken out only where they clash.
func (w *writer) lifts(t *table, p *pending) bool {
	if p.op != opUpdate {
		return false
	}
	for i, n := range p.cols {
		if t.touchy[n] && !t.extras || p.cells[i].bad != nil {
			return true
		}
	}
	return false
}

// fill writes rows: updates, and then what is inserted.
func (w *writer) fill(ctx context.Context, t *table, rows []*pending) error {
	if err := w.returned(ctx, t, rows); err != nil {
		return err
	}
	var inserts, late []*pending
	groups := map[string][]*pending{}
	var order []string
	for _, p := range rows {
		switch {
		case p.whole():
			inserts = append(inserts, p)
		case p.op == opUpdate && len(p.cols) > 0:
			set := fmt.Sprint(p.cols)
			if groups[set] == nil {
				order = append(order, set)
			}
			groups[set] = append(groups[set], p)
		}
	}
	for _, set := range order {
		refused, err := w.update(ctx, t, groups[set])
		if err != nil {
			return err
		}
		late = append(late, refused...)
	}
	if err := w.lift(ctx, t, late); err != nil {
		return err
	}
	for _, p := range late {
		p.op, p.cells = opReplace, p.onto(p.lifted)
		if e := serverError(p.refused); e != nil && e.Code == uniqueViolation {
			p.refused = nil // it may fit now that all of them are out
		}
	}
	return w.put(ctx, t, append(inserts, late...))
}

// returned makes whole rows of the updates whose row is in misfit or was lifted.
func (w *writer) returned(ctx context.Context, t *table, rows []*pending) error {
	var updates, lifted []*pending
	for _, p := range rows {
		if p.op == opUpdate {
			updates = append(updates, p)
		}
	}
	stored, err := w.take(ctx, t, updates)
	if err != nil {
		return err
	}
	for _, p := range updates {
		if row := stored[p.key]; row != nil {
			p.op, p.cells = opReplace, p.onto(row)
		} else if w.lifts(t, p) || !p.keyFits() {
			lifted = append(lifted, p)
		}
	}
	if err := w.unstash(ctx, t, lifted); err != nil {
		return err
	}
	var missing []*pending
	for _, p := range lifted {
		if p.lifted == nil {
			p.op = opNothing
			missing = append(missing, p)
			continue
		}
		p.op, p.cells = opReplace, p.onto(p.lifted)
	}
	if len(missing) > 0 && t.isStrict() {
		return &missingError{t, missing}
	}
	return nil
}

// put inserts whole rows, those that fit into the table and the others into misfit.
func (w *writer) put(ctx context.Context, t *table, rows []*pending) error {
	var fitting, unfit []*pending
	for _, p := range rows {
		if p.refused != nil || anyBad(p.cells) {
			unfit = append(unfit, p)
		} else {
			fitting = append(fitting, p)
		}
	}
	refused, err := w.insert(ctx, t, fitting)
	if err != nil {
		return err
	}
	return w.keep(ctx, t, append(unfit, refused...))
}

// remove deletes rows.
func (w *writer) remove(ctx context.Context, t *table, rows []*pending) error {
	s := func(rows []*pending) (string, []any) {
		keys := keySource(t, rows)
		return fmt.Sprintf("DELETE FROM %s AS t USING %s WHERE %s", t.target(), keys.text(""), onKey(t, "t")), keys.args
	}
	return w.run(ctx, rows, func(rows []*pending) error {
		return w.exec(ctx, t, rows, s)
	}, func(p *pending, err error) error {
		return w.t.record(ctx, w.c, leftOut{t.shape.Name, "row", p.key, "DELETE", err.Error()})
	})
}

// update updates rows that write the same columns, and returns those that the server
// refused.
func (w *writer) update(ctx context.Context, t *table, rows []*pending) (refused []*pending, err error) {
	s := func(rows []*pending) (string, []any) {
		from := keySource(t, rows)
		set := make([]string, len(rows[0].cols))
		for i, n := range rows[0].cols {
			name := fmt.Sprintf("c%d", i)
			from.add(name, t.cols[n], len(rows), func(r int) *cell { return &rows[r].cells[i] })
			set[i] = quote(t.columns[n]) + " = s." + name
		}
		return fmt.Sprintf("UPDATE %s AS t SET %s FROM %s WHERE %s",
			t.target(), strings.Join(set, ", "), from.text(""), onKey(t, "t")), from.args
	}
	err = w.run(ctx, rows, func(rows []*pending) error {
		return w.exec(ctx, t, rows, s)
	}, func(p *pending, err error) error {
		p.refused = err
		refused = append(refused, p)
		return w.t.tooLong(t, p.onto(make([]cell, len(t.cols))), err)
	})
	return refused, err
}

// exec runs a statement that concerns each of the rows. Fewer is an error, but in a
// table that is somebody else's.
func (w *writer) exec(ctx context.Context, t *table, rows []*pending, statement func([]*pending) (string, []any)) error {
	text, args := statement(rows)
	result, err := w.c.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && int(n) < len(rows) && t.isStrict() {
		return &missingError{t, rows}
	}
	return err
}

// run executes what writes rows. Where it is careful, rows that the server does not
// take are given to refused, one by one.
func (w *writer) run(ctx context.Context, rows []*pending, exec func([]*pending) error, refused func(*pending, error) error) error {
	if len(rows) == 0 {
		return nil
	}
	if !w.careful {
		return exec(rows)
	}
	err := guard(ctx, w.c, func() error { return exec(rows) })
	if err == nil || !isRowFault(err) || w.t.fault(err) != nil {
		return err
	}
	if len(rows) == 1 {
		return refused(rows[0], err)
	}
	half := len(rows) / 2
	if err := w.run(ctx, rows[:half], exec, refused); err != nil {
		return err
	}
	return w.run(ctx, rows[half:], exec, refused)
}

package applied

import (
	"context"
	"errors"
	"fmt"
)

// unit writes what do writes, in a savepoint, and checks the deferred constraints. Where
// the data violate a constraint, that is left out and do runs again; so does it where
// rows are missing, and, carefully, where the server does not take a row. do does not change what it starts from.
func (t *Tables) unit(ctx context.Context, c Conn, careful bool, do func(w *writer) error) error {
	for {
		if _, err := c.ExecContext(ctx, "SAVEPOINT replog_unit"); err != nil {
			return err
		}
		err := do(&writer{t: t, c: c, careful: careful})
		if err == nil {
			if err = check(ctx, c, "; RELEASE SAVEPOINT replog_unit"); err == nil {
				return nil
			}
		}
		if undone := t.undo(ctx, c); undone != nil {
			return errors.Join(err, undone)
		}
		f := t.fault(err)
		var missing *missingError
		switch {
		case f != nil:
			if err := t.without(ctx, c, f); err != nil {
				return err
			}
		case errors.As(err, &missing):
			if err := t.tear(ctx, c, missing); err != nil {
				return err
			}
		case isRowFault(err) && !careful:
			careful = true
		default:
			return err
		}
	}
}

// check looks at all deferred constraints now: no violation is left for the commit, and
// no trigger event is pending, so that tables can be altered. A violation is a *fault.
func check(ctx context.Context, c Conn, then string) error {
	err := execAll(ctx, c, "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED%s", then)
	if f := deferredFault(err); f != nil {
		return f
	}
	return err
}

// undo goes back to before the unit.
func (t *Tables) undo(ctx context.Context, c Conn) error {
	err := execAll(ctx, c, "ROLLBACK TO SAVEPOINT replog_unit; RELEASE SAVEPOINT replog_unit")
	if err == nil {
		t.loaded = false // the version is as it was before, too
		err = t.Begin(ctx, c)
	}
	return err
}

// without goes on without a constraint.
func (t *Tables) without(ctx context.Context, c Conn, f *fault) error {
	err := t.leaveOut(ctx, c, f)
	if err == nil {
		err = t.changed(ctx, c)
	}
	if err == nil {
		err = t.load(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("leaving out %s of %s.%s: %w", f.name, f.schema, f.table, err)
	}
	return nil
}

// tear records that rows are missing from a table, as somebody else has written to it,
// and has the table go without them.
func (t *Tables) tear(ctx context.Context, c Conn, missing *missingError) error {
	lost := t.diverged(ctx, c, missing)
	err := t.record(ctx, c, leftOut{table: lost.Table, kind: "rows", name: lost.Key, reason: lost.Error()})
	if err != nil {
		return err
	}
	if err := t.changed(ctx, c); err != nil {
		return err
	}
	t.tables[lost.Table].torn = true
	return nil
}

// diverged finds the first of the rows that is not there.
func (t *Tables) diverged(ctx context.Context, c Conn, missing *missingError) *DivergedError {
	made := missing.table
	e := &DivergedError{Table: made.shape.Name, Key: missing.rows[0].key, Target: made.target()}
	var fitting []*pending
	for _, p := range missing.rows {
		if !p.keyFits() {
			e.Key = p.key
			return e
		}
		fitting = append(fitting, p)
	}
	keys := keySource(made, fitting)
	var place int
	text := fmt.Sprintf("SELECT s.n FROM %s WHERE NOT EXISTS (SELECT FROM %s AS t WHERE %s) ORDER BY s.n LIMIT 1",
		keys.text("n"), made.target(), onKey(made, "t"))
	if err := c.QueryRowContext(ctx, text, keys.args...).Scan(&place); err == nil {
		e.Key = fitting[place-1].key
	}
	return e
}

// Flush writes what is buffered. The caller calls it before it commits.
func (t *Tables) Flush(ctx context.Context, c Conn) error {
	if t.buffer.rows == 0 {
		return nil
	}
	b := t.buffer
	t.buffer = buffer{}
	return t.unit(ctx, c, false, func(w *writer) error { return w.writeAll(ctx, &b) })
}

// writeAll writes all of a buffer: first everything that leaves its place, then the rest.
func (w *writer) writeAll(ctx context.Context, b *buffer) error {
	rows := map[string][]*pending{}
	for _, name := range b.names() {
		rows[name] = copies(b.tables[name].list)
	}
	for _, step := range []func(context.Context, *table, []*pending) error{w.clear, w.fill} {
		for _, name := range b.names() {
			if err := step(ctx, w.t.tables[name], rows[name]); err != nil {
				return fmt.Errorf("writing %s: %w", name, err)
			}
		}
	}
	return nil
}

// copies are what a unit may change.
func copies(list []*pending) []*pending {
	all := make([]pending, len(list))
	rows := make([]*pending, 0, len(list))
	for i, p := range list {
		all[i] = *p
		rows = append(rows, &all[i])
	}
	return rows
}

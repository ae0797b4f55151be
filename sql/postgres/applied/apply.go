package applied

import (
	"context"
	"fmt"

	"replog/replog"
)

// Apply takes the changes of an entry that was applied. They are buffered, together
// with those of entries before, until there are many, or until Flush. An entry with
// schema statements, whose Content is needed, is written at once, and so is one whose
// changes are many. Any error leaves the caller nothing but to roll back, and to call
// Rollback.
func (t *Tables) Apply(ctx context.Context, c Conn, e *replog.Entry) error {
	if e.Outcome != replog.Applied {
		return nil
	}
	if !t.loaded {
		if err := t.Begin(ctx, c); err != nil {
			return err
		}
	}
	if !t.Published() {
		return ErrNoTables
	}
	err := t.apply(ctx, c, e)
	if err != nil {
		return fmt.Errorf("revision %d: %w", e.Revision, err)
	}
	return nil
}

func (t *Tables) apply(ctx context.Context, c Conn, e *replog.Entry) error {
	made := e.Made()
	isLong := e.LongChanges != nil || made.Len() > maxRows
	if e.Schema != nil || isLong || t.buffer.rows+made.Len() > maxRows {
		if err := t.Flush(ctx, c); err != nil {
			return err
		}
	}
	t.revision = e.Revision
	if e.Schema != nil {
		return t.applySchema(ctx, c, e)
	}
	if isLong {
		return t.unit(ctx, c, true, func(w *writer) error { return w.long(ctx, made, e.Revision, 0, made.Len(), nil) })
	}
	err := replog.EachChange(made, func(_ int, change *replog.Change) error {
		return t.gather(&t.buffer, change, e.Revision, nil)
	})
	if err == nil && t.buffer.full() {
		err = t.Flush(ctx, c)
	}
	return err
}

// gather adds a change to a buffer, but for tables that are not kept, or skipped.
func (t *Tables) gather(b *buffer, change *replog.Change, r replog.Revision, skip func(table string) bool) error {
	if skip != nil && skip(change.Table) {
		return nil
	}
	made := t.tables[change.Table]
	if made == nil {
		return fmt.Errorf("%w: %s", ErrNoTables, change.Table)
	}
	if !made.usable() {
		return nil
	}
	return b.add(made, made.pend(change, r))
}

// long writes the changes from one number to another of a list that may not be held
// in memory: everything that leaves its place first, then the rest.
func (w *writer) long(ctx context.Context, changes replog.Changes, r replog.Revision, from, to int, skip func(string) bool) error {
	w.stash = map[string]string{}
	for _, step := range []func(context.Context, *table, []*pending) error{w.clear, w.fill} {
		var b buffer
		write := func() error {
			for _, name := range b.names() {
				if err := step(ctx, w.t.tables[name], copies(b.tables[name].list)); err != nil {
					return fmt.Errorf("writing %s: %w", name, err)
				}
			}
			b = buffer{}
			return nil
		}
		for i := from; i < to; i++ {
			change, err := changes.At(i)
			if err == nil {
				err = w.t.gather(&b, change, r, skip)
			}
			if err == nil && b.full() {
				err = write()
			}
			if err != nil {
				return err
			}
		}
		if err := write(); err != nil {
			return err
		}
	}
	err := w.dropStash(ctx)
	w.stash = nil
	return err
}

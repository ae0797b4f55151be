package applier

import "replog/replog"

// Widen gives changes that were recorded before columns were added to their tables,
// as they are with these: an INSERT and a DELETE have all columns of the table, with
// the defaults in those that they leave out. What cannot be completed stays as it is.
func (r *Replica) Widen(changes replog.Changes) replog.Changes {
	return &wide{of: changes, schema: r.Schema}
}

type wide struct {
	of     replog.Changes
	schema *Schema
	c      replog.Change
}

// Len implements replog.Changes.
func (l *wide) Len() int { return l.of.Len() }

// At implements replog.Changes.
func (l *wide) At(i int) (*replog.Change, error) {
	c, err := l.of.At(i)
	if err != nil || c.Op == replog.Update {
		return c, err
	}
	t := l.schema.Table(c.Table)
	if t == nil || len(c.Columns) >= len(t.Columns) {
		return c, nil
	}
	l.c = *c
	if c.Op == replog.Delete {
		l.c.Op, l.c.Old, l.c.New = replog.Insert, nil, c.Old
	}
	whole, err := t.complete(&l.c)
	if err != nil {
		return c, nil // which fits no more
	}
	l.c = *whole
	if c.Op == replog.Delete {
		l.c.Op, l.c.Old, l.c.New = replog.Delete, whole.New, nil
	}
	return &l.c, nil
}

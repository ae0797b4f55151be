package applier

import (
	"fmt"

	"replog/replog"
)

// compose makes one net change of two of a row, the second made on what the first
// left; nil where they cancel out.
func (s *Schema) compose(a, b *replog.Change) (*replog.Change, error) {
	t := s.Table(b.Table)
	if t == nil {
		return nil, fmt.Errorf("%w: no table %q", ErrSchema, b.Table)
	}
	// What the second needs there has to be what the first left.
	if (a.Op == replog.Delete) != (b.Op == replog.Insert) {
		return nil, fmt.Errorf("%s of %s follows its %s", b.Op, b.Row(), a.Op)
	}
	w := merged{table: t, columns: make([]mergedColumn, len(t.Columns))}
	if err := w.add(a); err != nil {
		return nil, err
	}
	if err := w.add(b); err != nil {
		return nil, err
	}
	c := replog.Change{Table: b.Table, Key: b.Key, KeyColumns: b.KeyColumns}
	switch was, is := a.Op != replog.Insert, b.Op != replog.Delete; {
	case was && is:
		c.Op = replog.Update
		w.update(&c)
	case is:
		c.Op, c.Restored = replog.Insert, a.Restored
		w.insert(&c)
	case was:
		c.Op, c.Time = replog.Delete, b.Time
		w.remove(&c)
	}
	if c.Columns == nil {
		return nil, nil
	}
	return &c, nil
}

// merged is what two changes of a row say of its columns.
type merged struct {
	table   *Table
	columns []mergedColumn // in the order of the table's
}

type mergedColumn struct {
	old, now replog.Value
	// was: old is the value before; is: now is the value after.
	was, is bool
	time    replog.Millis // when it was written; 0 where it was not
}

// add adds what the next change says.
func (w *merged) add(c *replog.Change) error {
	for i, name := range c.Columns {
		m, err := w.column(name)
		if err != nil {
			return err
		}
		if c.Op != replog.Insert && !m.was && !m.is {
			m.old, m.was = c.Old[i], true
		}
		if m.is = c.Op != replog.Delete; m.is {
			m.now, m.time = c.New[i], c.TimeOf(i)
		}
	}
	if c.Context == nil {
		return nil
	}
	for i, name := range c.Context.Columns {
		m, err := w.column(name)
		if err != nil {
			return err
		}
		if !m.is {
			m.now, m.is = c.Context.Values[i], true
		}
		if !m.was {
			m.old, m.was = c.Context.Values[i], true
		}
	}
	return nil
}

func (w *merged) column(name string) (*mergedColumn, error) {
	n := w.table.Column(name)
	if n < 0 {
		return nil, fmt.Errorf("%w: table %q has no column %q", ErrSchema, w.table.Name, name)
	}
	return &w.columns[n], nil
}

func (w *merged) update(c *replog.Change) {
	var changed []int
	image := make([]replog.Value, len(w.columns))
	for n, m := range w.columns {
		image[n] = m.now
		if !m.was || !m.is || m.old == m.now {
			continue
		}
		changed = append(changed, n)
		c.Columns = append(c.Columns, w.table.Columns[n].Name)
		c.Old, c.New, c.Times = append(c.Old, m.old), append(c.New, m.now), append(c.Times, m.time)
	}
	c.Context = contextOf(w.table, changed, image)
	shareTime(c)
}

func (w *merged) insert(c *replog.Change) {
	for n, m := range w.columns {
		c.Columns = append(c.Columns, w.table.Columns[n].Name)
		c.New, c.Times = append(c.New, m.now), append(c.Times, m.time)
	}
	shareTime(c)
}

func (w *merged) remove(c *replog.Change) {
	for n, m := range w.columns {
		c.Columns, c.Old = append(c.Columns, w.table.Columns[n].Name), append(c.Old, m.old)
	}
}

// shareTime makes Time of Times.
func shareTime(c *replog.Change) {
	for _, at := range c.Times {
		c.Time = max(c.Time, at)
	}
	for _, at := range c.Times {
		if at != c.Time {
			return
		}
	}
	c.Times = nil
}

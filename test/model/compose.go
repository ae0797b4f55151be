package model

import (
	"maps"
	"slices"

	"replog/replog"
)

// composition is what several lists of effects, one made on the result of the other,
// do as a whole.
type composition struct {
	lists int // that are not empty
	only  []*Effect
	rows  map[replog.RowID]*composed
	moves []Move // rows that are joined
}

type composed struct {
	table         *Table
	before, after Row
	times         map[int]replog.Millis // of the columns that were written
	gone          replog.Millis         // when it was deleted
	restored      bool
}

func (m *composition) add(effects []*Effect) {
	if len(effects) == 0 {
		return
	}
	if m.lists++; m.lists == 1 {
		m.only, m.rows = effects, map[replog.RowID]*composed{}
	}
	first := map[int]replog.RowID{} // of a unit
	for _, e := range effects {
		if u := e.Net.Unit; u > 0 {
			if _, ok := first[u]; !ok {
				first[u] = e.Net.ID
			}
			m.moves = append(m.moves, Move{first[u], e.Net.ID})
		}
		c := m.rows[e.Net.ID]
		if c == nil {
			c = &composed{table: e.Net.Table, before: e.Before, after: e.Before, times: map[int]replog.Millis{}}
			m.rows[e.Net.ID] = c
		}
		c.add(e)
	}
}

func (c *composed) add(e *Effect) {
	if c.after = e.After; e.Op == replog.Delete {
		c.gone = e.Net.Time
	} else {
		if e.Op == replog.Insert {
			c.restored, c.times = e.Restored && c.before == nil, map[int]replog.Millis{}
		}
		for i := range c.table.Columns {
			if at, ok := e.wrote(i); ok {
				c.times[i] = at
			}
		}
	}
	if (c.before == nil) == (c.after == nil) && slices.Equal(c.before, c.after) {
		c.times, c.restored = map[int]replog.Millis{}, false
	}
}

// effects are those of the whole.
func (m *composition) effects() []*Effect {
	if m.lists < 2 {
		return m.only
	}
	var out []*Effect
	var nets []*Net
	for _, id := range slices.SortedFunc(maps.Keys(m.rows), compareIDs) {
		if e := m.rows[id].effect(id); e != nil {
			out, nets = append(out, e), append(nets, e.Net)
		}
	}
	numberUnits(nets, m.moves)
	return out
}

// effect is what it did to the row in all; nil for nothing.
func (c *composed) effect(id replog.RowID) *Effect {
	n := &Net{Table: c.table, ID: id, Before: c.before, After: c.after, Time: c.gone, Times: c.times}
	e := &Effect{Net: n, Before: c.before, After: c.after, Restored: c.restored}
	switch {
	case c.before == nil && c.after == nil:
		return nil
	case c.before == nil:
		e.Op = replog.Insert
		for i := range c.table.Columns {
			if c.restored && c.times[i] > 0 {
				e.Columns = append(e.Columns, i)
			}
		}
	case c.after == nil:
		e.Op = replog.Delete
	default:
		e.Op = replog.Update
		for i := range c.table.Columns {
			if c.before[i] != c.after[i] {
				e.Columns = append(e.Columns, i)
			}
		}
		if len(e.Columns) == 0 {
			return nil
		}
	}
	if n.Op = e.Op; e.Op != replog.Delete {
		n.Time = 0
		for _, at := range c.times {
			n.Time = max(n.Time, at)
		}
	}
	return e
}

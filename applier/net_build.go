package applier

import (
	"slices"

	"replog/replog"
)

// build makes the net changes and images out of what happened to each row.
func (g *Gathered) build(rows []*history) {
	units := unitNumbers(rows)
	single := map[replog.RowID]int{} // rows that one statement touched, to their net change
	for i, h := range rows {
		change, ok := h.netChange()
		if !ok {
			continue
		}
		change.Unit = units[i]
		if len(h.effect) == 1 && change.Unit == 0 {
			single[h.id] = len(g.Net)
		}
		g.Net = append(g.Net, change)
		g.Images = append(g.Images, RowImage{Table: h.table, Key: h.key, Before: h.before, After: h.after})
	}
	// Such a statement is its net change, context included, so that nothing
	// has to be recorded twice.
	for i := range g.Statements {
		s := &g.Statements[i]
		if n, ok := single[s.Row()]; ok {
			s.Change = g.Net[n]
		}
	}
}

// unitNumbers gives each row the number of its unit: 1, 2 … in the order of
// their first rows, 0 for rows that no key change joins to another with a net
// change.
func unitNumbers(rows []*history) []int {
	size := map[int]int{}
	for i, h := range rows {
		if h.hasNet() {
			size[root(rows, i)]++
		}
	}
	numbers := make([]int, len(rows))
	given := map[int]int{}
	for i, h := range rows {
		at := root(rows, i)
		if !h.hasNet() || size[at] < 2 {
			continue
		}
		if given[at] == 0 {
			given[at] = len(given) + 1
		}
		numbers[i] = given[at]
	}
	return numbers
}

func (h *history) hasNet() bool {
	return (h.before == nil) != (h.after == nil) || !slices.Equal(h.before, h.after)
}

func (h *history) netChange() (replog.Change, bool) {
	if !h.hasNet() {
		return replog.Change{}, false
	}
	c := replog.Change{Table: h.table.Name, Key: h.key, KeyColumns: h.table.KeyColumns()}
	for _, e := range h.effect {
		c.Time = max(c.Time, e.time)
	}
	switch {
	case h.before == nil:
		c.Op, c.Columns, c.New = replog.Insert, h.table.ColumnNames(), h.after
	case h.after == nil:
		c.Op, c.Columns, c.Old = replog.Delete, h.table.ColumnNames(), h.before
	default:
		h.update(&c)
	}
	return c, true
}

func (h *history) update(c *replog.Change) {
	c.Op = replog.Update
	image := RowImage{Table: h.table, Key: h.key, Before: h.before, After: h.after}
	changed := image.changed()
	var latest replog.Millis
	for _, i := range changed {
		at := h.written(i)
		c.Columns = append(c.Columns, h.table.Columns[i].Name)
		c.Old = append(c.Old, h.before[i])
		c.New = append(c.New, h.after[i])
		c.Times = append(c.Times, at)
		latest = max(latest, at)
	}
	c.Time = latest
	if !slices.ContainsFunc(c.Times, func(at replog.Millis) bool { return at != latest }) {
		c.Times = nil
	}
	c.Context = contextOf(h.table, changed, h.after)
}

// written is the time of the last effect that wrote a column.
func (h *history) written(column int) replog.Millis {
	var at replog.Millis
	for _, e := range h.effect {
		if e.writes(column) {
			at = max(at, e.time)
		}
	}
	return at
}

// contextOf collects the unchanged columns that complete a foreign key or a
// unique index of which another column changed, and those that a foreign key
// refers to; never key columns, as a change carries its key. Nil for none.
func contextOf(t *Table, changed []int, image []replog.Value) *replog.Context {
	wanted := make([]bool, len(t.Columns))
	add := func(columns []int, always bool) {
		if !always && !slices.ContainsFunc(columns, func(c int) bool { return slices.Contains(changed, c) }) {
			return
		}
		for _, c := range columns {
			wanted[c] = true
		}
	}
	for i := range t.Unique {
		if t.Unique[i].Plain() {
			add(t.Unique[i].columns(), false)
		}
	}
	for _, f := range t.ForeignKeys {
		add(f.Columns, false)
	}
	for _, f := range t.Inbound {
		add(f.Referenced, true)
	}
	context := &replog.Context{}
	for c, want := range wanted {
		if want && !slices.Contains(changed, c) && !t.isKey(c) {
			context.Columns = append(context.Columns, t.Columns[c].Name)
			context.Values = append(context.Values, image[c])
		}
	}
	if context.Columns == nil {
		return nil
	}
	return context
}

func (x *Index) columns() []int {
	columns := make([]int, len(x.Parts))
	for i, p := range x.Parts {
		columns[i] = p.Column
	}
	return columns
}

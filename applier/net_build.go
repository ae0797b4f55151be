package applier

import (
	"slices"

	"replog/replog"
)

// build makes the statements, and the net changes in the order in which
// statements first touched their rows.
func (g *Gathered) build(h *histories, records []*record) {
	b := builder{Gathered: g, histories: h, of: map[*history]int{}}
	for _, e := range records {
		b.add(e)
	}
	units := h.unitNumbers(b.touched)
	for _, row := range b.touched {
		change, ok := row.netChange()
		if !ok {
			continue
		}
		change.Unit = units[row]
		if change.Unit == 0 && len(row.effects) == 1 {
			// Such a statement is its net change, context included, so that
			// nothing has to be recorded twice.
			g.Statements[b.of[row]].Change = change
		}
		g.Net = append(g.Net, change)
	}
}

// builder turns records into statements.
type builder struct {
	*Gathered
	*histories
	touched []*history
	of      map[*history]int // a row's last statement
}

// add adds the statements of a record: what happened between its facts and the
// next ones.
func (b *builder) add(e *record) {
	if e.late != nil {
		b.addFact(e, e.late)
	}
	if e.op == opTarget {
		return // see opMove
	}
	if e.op == opMove && e.target != nil {
		from, to := e.facts[0], e.target.facts[0]
		if settleMove(from, to) {
			if to.before != nil {
				b.statement(e, to, to.before, nil)
			}
			b.move(e, from, to)
			return
		}
		b.addFact(e, to)
	}
	for _, f := range e.facts {
		b.addFact(e, f)
	}
}

func (b *builder) addFact(e *record, f *fact) {
	switch {
	case !f.changed():
	case (f.arrives || f.leaves) && f.before != nil && f.after != nil:
		// One row in the place of another.
		b.statement(e, f, f.before, nil)
		b.statement(e, f, nil, f.after)
	default:
		b.statement(e, f, f.before, f.after)
	}
}

// statement adds what turned a row from before to after.
func (b *builder) statement(e *record, f *fact, before, after []replog.Value) {
	var columns []bool
	if before != nil && after != nil {
		columns = make([]bool, len(before))
		for i := range before {
			columns[i] = before[i] != after[i]
		}
	}
	b.touch(e, f.row, columns)
	b.append(e, f.row.key, before, after)
}

// move adds a key change.
func (b *builder) move(e *record, from, to *fact) {
	b.join(from.row, to.row)
	b.touch(e, from.row, nil)
	b.touch(e, to.row, nil)
	b.append(e, from.row.key, from.before, to.after)
}

// touch notes that the next statement writes some columns of a row.
func (b *builder) touch(e *record, row *history, columns []bool) {
	if row.effects == nil {
		b.touched = append(b.touched, row)
	}
	row.effects = append(row.effects, effect{columns, e.time})
	b.of[row] = len(b.Statements)
}

func (b *builder) append(e *record, key, before, after []replog.Value) {
	c := replog.Change{Table: e.table.Name, Key: key, KeyColumns: e.table.KeyColumns(), Time: e.time}
	switch {
	case before == nil:
		c.Op, c.Columns, c.New = replog.Insert, e.table.ColumnNames(), after
	case after == nil:
		c.Op, c.Columns, c.Old = replog.Delete, e.table.ColumnNames(), before
	default:
		c.Op = replog.Update
		for i := range before {
			if before[i] != after[i] {
				c.Columns = append(c.Columns, e.table.Columns[i].Name)
				c.Old = append(c.Old, before[i])
				c.New = append(c.New, after[i])
			}
		}
	}
	b.Statements = append(b.Statements, replog.Statement{Change: c})
	b.Time = max(b.Time, e.time)
}

// unitNumbers gives each row the number of its unit: 1, 2 … in the order of
// their first rows, 0 for rows that no key change joins to another with a net
// change.
func (h *histories) unitNumbers(rows []*history) map[*history]int {
	size := map[int]int{}
	for _, row := range rows {
		if row.hasNet() {
			size[h.root(row.unit)]++
		}
	}
	numbers, given := map[*history]int{}, map[int]int{}
	for _, row := range rows {
		at := h.root(row.unit)
		if !row.hasNet() || size[at] < 2 {
			continue
		}
		if given[at] == 0 {
			given[at] = len(given) + 1
		}
		numbers[row] = given[at]
	}
	return numbers
}

func (h *history) netChange() (replog.Change, bool) {
	if !h.hasNet() {
		return replog.Change{}, false
	}
	c := replog.Change{Table: h.table.Name, Key: h.key, KeyColumns: h.table.KeyColumns()}
	c.Time = h.latest()
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

// latest is the time of the last effect.
func (h *history) latest() replog.Millis {
	var at replog.Millis
	if h.later != nil {
		at = h.later.latest
	}
	for _, e := range h.effects {
		at = max(at, e.time)
	}
	return at
}

// written is the time of the last effect that wrote a column.
func (h *history) written(column int) replog.Millis {
	var at replog.Millis
	if h.later != nil {
		at = h.later.times[column]
	}
	for _, e := range h.effects {
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

// holds tells whether a row has what a change carries along of it.
func (t *Table) holds(row []replog.Value, context *replog.Context) bool {
	if context == nil {
		return true
	}
	for i, name := range context.Columns {
		if n := t.Column(name); n < 0 || row[n] != context.Values[i] {
			return false
		}
	}
	return true
}

func (x *Index) columns() []int {
	columns := make([]int, len(x.Parts))
	for i, p := range x.Parts {
		columns[i] = p.Column
	}
	return columns
}

package applier

import (
	"fmt"
	"slices"

	"replog/replog"
)

// Gathered is what became one transaction: its recorded statements, its net
// changes, and the rows as they were before and after it.
type Gathered struct {
	Marked     bool
	Label      string
	Statements []replog.Statement
	Net        []replog.Change
	Images     []RowImage
	// Time is the latest time in it.
	Time replog.Millis
	// Mended counts the rows that differed from what capture had recorded of
	// them, so that a statement was made up for the difference.
	Mended int
}

// Gather works out the transactions that capture has gathered since the last
// time, in order, without those that changed nothing in the end. The caller
// holds the write lock, and empties the change table by Forget afterwards. No
// time in the result is before last, nor before an earlier one.
func (r *Replica) Gather(last replog.Millis) ([]*Gathered, error) {
	events, err := r.readEvents()
	if err != nil || len(events) == 0 {
		return nil, err
	}
	for _, e := range events {
		last = max(last, e.time)
		e.time = last
	}
	if events, err = r.confirmEvictions(events); err != nil {
		return nil, err
	}
	// Back from what is in the tables now: the state before a transaction is
	// the state after the one before it.
	states := rowStates{r: r, now: map[replog.RowID][]replog.Value{}}
	spans := split(events)
	list := make([]*Gathered, len(spans))
	for i, s := range slices.Backward(spans) {
		if list[i], err = states.stepBack(s); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(g *Gathered) bool { return len(g.Net) == 0 }), nil
}

// Forget empties the change table.
func (r *Replica) Forget() error { return r.Exec("DELETE FROM main.replog_change") }

// rowStates holds the images of rows at a point in time that moves backwards.
type rowStates struct {
	r   *Replica
	now map[replog.RowID][]replog.Value // nil: absent
}

func (s *rowStates) at(t *Table, key []replog.Value) ([]replog.Value, error) {
	id := rowID(t, key)
	if image, ok := s.now[id]; ok {
		return image, nil
	}
	image, err := s.r.Row(t, key)
	if err == nil {
		s.now[id] = image
	}
	return image, err
}

// history is what a transaction did to one row.
type history struct {
	id     replog.RowID
	table  *Table
	key    []replog.Value
	effect []effect
	before []replog.Value
	after  []replog.Value
	unit   int // union-find parent, an index into the list of histories
}

// effect is an event seen from one row: old or new is nil where the row is
// absent before or after it. carried is nil where all columns are.
type effect struct {
	old, new []replog.Value
	carried  []bool
	time     replog.Millis
	late     []replog.Value // of an eviction: what old is if updates came first
}

// stepBack works out the transaction whose events are s.
func (s *rowStates) stepBack(p *span) (*Gathered, error) {
	g := &Gathered{Marked: p.marked, Label: p.label}
	rows := historiesOf(p.events)
	// The statements are written after the histories, as mending adds to them.
	for _, h := range rows {
		var err error
		if h.after, err = s.at(h.table, h.key); err != nil {
			return nil, err
		}
		if mended := h.reconcile(p.events[len(p.events)-1].time); mended != nil {
			g.Mended++
			p.events = append(p.events, mended)
		}
		s.now[h.id] = h.before
	}
	for _, e := range p.events {
		g.Statements = append(g.Statements, replog.Statement{Change: e.change()})
		g.Time = max(g.Time, e.time)
	}
	g.build(rows)
	return g, nil
}

// historiesOf sorts events by row, in the order in which rows are first
// touched, and joins the rows of each key change.
func historiesOf(events []*event) []*history {
	var rows []*history
	index := map[replog.RowID]int{}
	of := func(t *Table, key []replog.Value) int {
		id := rowID(t, key)
		i, ok := index[id]
		if !ok {
			i = len(rows)
			index[id] = i
			rows = append(rows, &history{id: id, table: t, key: key, unit: i})
		}
		return i
	}
	for _, e := range events {
		if !e.movesKey() {
			key := e.oldKey()
			if key == nil {
				key = e.newKey()
			}
			h := rows[of(e.table, key)]
			h.effect = append(h.effect, effect{e.old, e.new, e.carried, e.time, e.late})
			continue
		}
		from, to := of(e.table, e.oldKey()), of(e.table, e.newKey())
		rows[from].effect = append(rows[from].effect, effect{e.old, nil, nil, e.time, nil})
		rows[to].effect = append(rows[to].effect, effect{nil, e.new, nil, e.time, nil})
		rows[root(rows, to)].unit = root(rows, from)
	}
	return rows
}

func root(rows []*history, i int) int {
	for rows[i].unit != i {
		rows[i].unit = rows[rows[i].unit].unit // so that a chain is walked once
		i = rows[i].unit
	}
	return i
}

// reconcile works out the row before the transaction. Effects may have been
// captured out of order, as the application's triggers run around ours, so the
// state before follows from all of them at once: per column, "absent" being a
// value, (all old values + the value after) − (all new values), as multisets.
//
// Where that does not leave one value, something went past capture. Then the
// order of capture is believed, and what is missing between its last image and
// the row itself becomes an event of its own, which is returned.
func (h *history) reconcile(now replog.Millis) *event {
	if before, ok := h.solveSingle(); ok {
		h.before = before
		return nil
	}
	if before, ok := h.solve(); ok {
		h.before = before
		return nil
	}
	if h.updatedBeforeEviction() {
		if before, ok := h.solve(); ok {
			h.before = before
			return nil
		}
	}
	h.before = h.first()
	last := h.replay()
	if slices.Equal(last, h.after) {
		return nil
	}
	e := &event{table: h.table, time: now, old: last, new: h.after}
	switch {
	case last == nil && h.after == nil:
		return nil
	case last == nil:
		e.op = opInsert
	case h.after == nil:
		e.op = opDelete
	default:
		e.op = opUpdate
		e.settle()
	}
	h.effect = append(h.effect, effect{e.old, e.new, e.carried, now, nil})
	return e
}

// updatedBeforeEviction takes the updates captured after a copy as made before
// the eviction. It tells whether there were any.
func (h *history) updatedBeforeEviction() bool {
	found := false
	for i := range h.effect {
		if e := &h.effect[i]; e.late != nil {
			e.old, e.late, found = e.late, nil, true
		}
	}
	return found
}

// solveSingle is the rule for a row with one effect, whose new image the row
// shows: most rows.
func (h *history) solveSingle() ([]replog.Value, bool) {
	e := &h.effect[0]
	if len(h.effect) > 1 || (e.new == nil) != (h.after == nil) {
		return nil, false
	}
	if e.carried == nil {
		return e.old, slices.Equal(e.new, h.after)
	}
	before := slices.Clone(h.after)
	for c, carried := range e.carried {
		if carried {
			if e.new[c] != h.after[c] {
				return nil, false
			}
			before[c] = e.old[c]
		}
	}
	return before, true
}

// solve applies the multiset rule. Columns and presence must agree.
func (h *history) solve() ([]replog.Value, bool) {
	present, ok := h.solvePresence()
	if !ok {
		return nil, false
	}
	if !present {
		// Every column must come out as absent too, which their numbers of
		// present values say.
		for c := range h.table.Columns {
			if _, n := h.balance(c); n != 0 {
				return nil, false
			}
		}
		return nil, true
	}
	before := make([]replog.Value, len(h.table.Columns))
	for c := range h.table.Columns {
		v, n := h.balance(c)
		if n != 1 {
			return nil, false
		}
		before[c] = v
	}
	return before, true
}

func (h *history) solvePresence() (present, ok bool) {
	count := 0 // of "present"
	absent := 0
	note := func(image []replog.Value, by int) {
		if image != nil {
			count += by
		} else {
			absent += by
		}
	}
	note(h.after, 1)
	for _, e := range h.effect {
		note(e.old, 1)
		note(e.new, -1)
	}
	return count == 1, count+absent == 1 && (count == 0 || count == 1)
}

// balance adds up one column. The number is 0 where nothing is left, 1 where
// exactly one value is, and -1 where the sum makes no sense.
func (h *history) balance(c int) (replog.Value, int) {
	sum := map[replog.Value]int{}
	if h.after != nil {
		sum[h.after[c]]++
	}
	for _, e := range h.effect {
		if e.carried != nil && !e.carried[c] {
			continue
		}
		if e.old != nil {
			sum[e.old[c]]++
		}
		if e.new != nil {
			sum[e.new[c]]--
		}
	}
	var left replog.Value
	n := 0
	for v, count := range sum {
		switch {
		case count == 0:
		case count == 1 && n == 0:
			left, n = v, 1
		default:
			return replog.Value{}, -1
		}
	}
	return left, n
}

// first is the row before the first effect, as far as capture tells: columns
// that no effect carried are as after.
func (h *history) first() []replog.Value {
	e := h.effect[0]
	if e.old == nil {
		return nil
	}
	image := slices.Clone(e.old)
	for c := range image {
		if !e.writes(c) && !h.table.isKey(c) {
			image[c] = h.firstOf(c)
		}
	}
	return image
}

func (h *history) firstOf(c int) replog.Value {
	for _, e := range h.effect {
		switch {
		case e.carried != nil && !e.carried[c]:
		case e.old == nil:
			return replog.Value{}
		default:
			return e.old[c]
		}
	}
	if h.after == nil {
		return replog.Value{}
	}
	return h.after[c]
}

func (e *effect) writes(c int) bool { return e.carried == nil || e.carried[c] }

// replay runs the effects, in order, on the row before.
func (h *history) replay() []replog.Value {
	image := h.before
	for _, e := range h.effect {
		if e.carried == nil || image == nil {
			image = e.new
			continue
		}
		image = slices.Clone(image)
		for c, carried := range e.carried {
			if carried {
				image[c] = e.new[c]
			}
		}
	}
	return image
}

// change renders an event as a recorded statement.
func (e *event) change() replog.Change {
	c := replog.Change{Table: e.table.Name, Key: e.oldKey(), KeyColumns: e.table.KeyColumns(), Time: e.time}
	switch e.op {
	case opInsert:
		c.Op, c.Key = replog.Insert, e.newKey()
		c.Columns, c.New = e.table.ColumnNames(), e.new
	case opDelete:
		c.Op = replog.Delete
		c.Columns, c.Old = e.table.ColumnNames(), e.old
	case opUpdate:
		c.Op = replog.Update
		for i := range e.old {
			if e.old[i] != e.new[i] {
				c.Columns = append(c.Columns, e.table.Columns[i].Name)
				c.Old = append(c.Old, e.old[i])
				c.New = append(c.New, e.new[i])
			}
		}
	default:
		panic(fmt.Sprintf("operation %d is no statement", e.op))
	}
	return c
}

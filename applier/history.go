package applier

import (
	"slices"

	"replog/replog"
)

// history is what a transaction did to one row.
type history struct {
	id            replog.RowID
	table         *Table
	key           []replog.Value
	facts         []*fact
	before, after []replog.Value // full images; nil: absent
	// effects are what changed it, in order.
	effects []effect
	unit    int // union-find parent, an index into the list of histories
	// instead: only what was missed of the row counts, as capture's facts do not
	// fit what it was.
	instead bool
	// later is what newer batches of a long transaction tell of it.
	later *laterFacts
}

// fact is what a row was just before something was to happen to it.
type fact struct {
	row  *history
	told *record
	// arrives: a row was to be written at this key, by INSERT or a key change.
	// leaves: the row was to be deleted, or moved away.
	arrives, leaves bool
	// inWay is the INSERT at another key in whose way the row was found.
	inWay *record
	// image is the row, nil where it was absent. Where carried is not nil, the
	// image holds the columns that carried names, and the row was there.
	image   []replog.Value
	carried []bool
	// before and after are the row just before, and just before the next fact.
	before, after []replog.Value
}

// effect is a change of one row; columns is nil where all of them were written.
type effect struct {
	columns []bool
	time    replog.Millis
}

func (e *effect) writes(column int) bool { return e.columns == nil || e.columns[column] }

// histories collects what a span's records say of each row.
type histories struct {
	rows  []*history
	index map[replog.RowID]int
}

func rowID(t *Table, key []replog.Value) replog.RowID {
	return replog.RowID{Table: t.Name, Key: replog.KeyString(key)}
}

func (h *histories) of(t *Table, key []replog.Value) *history {
	id := rowID(t, key)
	i, ok := h.index[id]
	if !ok {
		i = len(h.rows)
		h.index[id] = i
		h.rows = append(h.rows, &history{id: id, table: t, key: key, unit: i})
	}
	return h.rows[i]
}

// historiesOf sorts the facts by row.
func historiesOf(records []*record) *histories {
	h := &histories{index: map[replog.RowID]int{}}
	// What the statement at hand found in its way, and where it moves a row to.
	var found []*record
	var target *record
	for _, e := range records {
		if e.op == opTarget {
			target = e
			continue
		}
		row := h.of(e.table, e.table.KeyOf(e.image))
		switch e.op {
		case opFound:
			row.add(e, &fact{image: e.image})
			found = append(found, e)
			continue
		case opInsert:
			row.arrive(e, found)
			for _, other := range found {
				if other.facts[0].row != row {
					other.facts[0].inWay = e
				}
			}
		case opAssign:
			row.arrive(e, found)
			h.of(e.table, []replog.Value{replog.Integer(-1)}).arrive(e, found)
		case opInserted:
			row.arrivedBefore(e)
		case opUpdate:
			row.add(e, &fact{image: e.image, carried: e.carried})
		case opDelete:
			row.add(e, &fact{image: e.image, leaves: true})
		case opMove:
			// To SQL 0.0 and -0.0 are equal, so that a key of zero may seem to
			// have changed when it did not.
			to := h.of(e.table, e.table.KeyOf(target.image))
			row.add(e, &fact{image: e.image, leaves: to != row})
			if to != row {
				to.arrive(target, found)
				e.target = target
			}
		}
		found, target = found[:0], nil
	}
	return h
}

func (h *history) add(e *record, f *fact) {
	f.row, f.told = h, e
	h.facts = append(h.facts, f)
	e.facts = append(e.facts, f)
}

// arrive notes that a row was to be written here, where none was but one that
// was found in the way.
func (h *history) arrive(e *record, found []*record) {
	f := &fact{arrives: true}
	for _, other := range found {
		if other.facts[0].row == h {
			f.image = other.image
		}
	}
	h.add(e, f)
}

// arrivedBefore notes that the row was inserted before what is known of it. It
// says nothing new where it is known that a row was to be written there. Where
// the row was found in the way of an INSERT, it was that one: its key was to be
// another than could be foreseen.
func (h *history) arrivedBefore(e *record) {
	if slices.ContainsFunc(h.facts, func(f *fact) bool { return f.arrives }) {
		return
	}
	f := &fact{arrives: true}
	if h.facts == nil {
		h.add(e, f)
		return
	}
	for i, known := range slices.Backward(h.facts) {
		if by := known.inWay; by != nil {
			f.row, f.told, f.image = h, by, known.image
			by.facts = append(by.facts, f)
			h.facts = slices.Insert(h.facts, i+1, f)
			return
		}
	}
	f.row, f.told = h, h.facts[0].told
	f.told.late = f
	h.facts = slices.Insert(h.facts, 0, f)
}

// resolve works out the row at each fact, back from what it is after the
// transaction. It tells whether the row vanished at some point without a trace:
// then only the columns that were going to change are known of it.
func (h *history) resolve() (vanished bool) {
	now := h.after
	for _, f := range slices.Backward(h.facts) {
		f.after = now
		switch {
		case h.instead && !f.told.missed:
		case f.carried == nil:
			now = f.image
		case now == nil:
			if now = h.lastSeen(f); now == nil {
				now, vanished = f.image, true
			}
		default:
			now = slices.Clone(now)
			for c, carried := range f.carried {
				if carried {
					now[c] = f.image[c]
				}
			}
		}
		f.before = now
	}
	h.before = now
	return vanished
}

// lastSeen is the row as a fact before f told it in full, if it was there since.
func (h *history) lastSeen(f *fact) []replog.Value {
	for _, earlier := range slices.Backward(h.facts[:slices.Index(h.facts, f)]) {
		if earlier.carried == nil {
			return earlier.image
		}
	}
	return nil
}

// settleMove tells whether a row that was to move from one key to another did,
// and leaves that to these two facts: from.after is nil then, and to.after the
// row. Other facts may stand between each of them and the move, as a foreign-key
// action may come upon the one row, and a DELETE trigger see the other evicted.
func settleMove(from, to *fact) bool {
	if from.row.instead || to.row.instead {
		return false
	}
	taken := to.find(func(f *fact) bool { return f.after != nil && f.changed() && (f == to || f.leaves) })
	gone := from.find(func(f *fact) bool {
		return f.after == nil && (f == from || f.carried != nil || taken != nil && !f.leaves)
	})
	if gone == nil || to.after == nil && taken == nil {
		return false
	}
	from.upTo(gone)
	if taken != nil { // otherwise one row took the place of another like it
		to.upTo(taken)
	}
	return true
}

// find returns the first fact of the row, from f on, of which is holds, if
// nothing arrives or leaves before.
func (f *fact) find(is func(*fact) bool) *fact {
	facts := f.row.facts
	for i, next := range facts[slices.Index(facts, f):] {
		if i > 0 && next.arrives {
			break
		}
		if is(next) {
			return next
		}
		if i > 0 && next.leaves {
			break
		}
	}
	return nil
}

// upTo moves what happened at a later fact of the row to f.
func (f *fact) upTo(later *fact) {
	facts := f.row.facts
	f.after = later.after
	for _, between := range facts[slices.Index(facts, f)+1 : slices.Index(facts, later)+1] {
		between.before, between.after = nil, nil
	}
}

func (f *fact) changed() bool { return !sameImage(f.before, f.after) }

func sameImage(a, b []replog.Value) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }

func (h *history) hasNet() bool { return !sameImage(h.before, h.after) }

// join puts two rows into one unit.
func (h *histories) join(a, b *history) {
	from, to := h.root(h.index[a.id]), h.root(h.index[b.id])
	h.rows[to].unit = from
}

func (h *histories) root(i int) int {
	for h.rows[i].unit != i {
		h.rows[i].unit = h.rows[h.rows[i].unit].unit // so that a chain is walked once
		i = h.rows[i].unit
	}
	return i
}

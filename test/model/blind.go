package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"replog/replog"
)

// Sight is how much of a table's changes capture sees.
type Sight int

// What capture sees: all, nothing since the table was made anew, or, where
// triggers of its own went or came back by somebody else's hand, this and that.
const (
	SeesAll Sight = iota
	SeesNothing
	SeesSome
)

// Recorded is what a device recorded as one transaction.
type Recorded struct {
	Seq    replog.Seq
	Marked bool
	Label  string
	Net    []replog.Change
}

// Blind records that capture no longer sees all that happens to a table.
func (d *Device) Blind(table string, s Sight) { d.sight[table] = max(d.sight[table], s) }

// IsBlind tells whether there is such a table.
func (d *Device) IsBlind() bool { return len(d.sight) > 0 }

// BlindTables lists them.
func (d *Device) BlindTables() []string { return slices.Sorted(maps.Keys(d.sight)) }

// overlooked notes the rows that a write changed that capture may not have seen.
func (d *Device) overlooked(now State) {
	for id := range d.Visible.differing(now) {
		if d.sight[id.Table] != SeesAll {
			d.unseen[id] = true
		}
	}
}

// CloseBlind is Close after capture was blind to some tables. The device has
// compared them, in the time given: what it recorded of the rows concerned must
// lead, step by step, from what they were to what they are, and everything else
// is as in Close. Which transaction has a step depends on what capture noted
// before: that is taken from the recorded ones.
func (d *Device) CloseBlind(recorded []Recorded, compared Span) ([]*Txn, error) {
	d.clock = max(d.clock, compared.To)
	compared.To = d.clock // as times never go back
	for _, s := range d.segments {
		for _, w := range s.writes {
			compared.From = min(compared.From, w.from)
		}
	}
	list := d.stretches()
	if list[len(list)-1].marked {
		list = append(list, stretch{segment: segment{before: d.Visible}, after: d.Visible})
	}
	f := fitting{device: d, list: list, recorded: recorded}
	if !f.fitAll(d.allUnseen(list, false)) && !f.fitAll(d.allUnseen(list, true)) {
		return nil, fmt.Errorf("what was recorded after a table was made anew does not fit: %w", errors.Join(f.failed...))
	}
	for i := range list {
		list[i].before = list[i].before.with(f.unseen, f.steps[i])
		list[i].after = list[i].after.with(f.unseen, f.steps[i+1])
		list[i].unseen, list[i].compared = f.unseen, compared
	}
	blind := d.sight
	closed := d.close(list)
	if len(closed) != len(recorded) {
		return nil, fmt.Errorf("%d transactions were recorded after a table was made anew, want %d", len(recorded), len(closed))
	}
	for i, t := range closed {
		t.adoptUnits(recorded[i].Net, blind)
	}
	return closed, nil
}

// allUnseen are the rows of which the recorded transactions tell, not the model:
// those that changed since capture went blind, or all rows where capture saw this
// and that. Rows that capture takes to have been then what they are now may be in
// the way of others, seen ones: then the device does not trust what it saw of
// either. With crowded, such are among them.
func (d *Device) allUnseen(list []stretch, crowded bool) map[replog.RowID]bool {
	unseen := maps.Clone(d.unseen)
	for _, s := range list {
		for _, state := range s.states() {
			for id := range state {
				sight := d.sight[id.Table]
				if sight == SeesSome || crowded && sight == SeesNothing && len(d.server.Schema.Table(id.Table).Unique) > 0 {
					unseen[id] = true
				}
			}
		}
	}
	return unseen
}

// states are the contents that the stretch went through.
func (s *stretch) states() []State {
	states := []State{s.before}
	for _, w := range s.writes {
		states = append(states, w.after)
	}
	return append(states, s.after)
}

// fitting assigns recorded transactions to stretches.
type fitting struct {
	device   *Device
	list     []stretch
	recorded []Recorded
	unseen   map[replog.RowID]bool
	steps    []State // of the unseen rows: before the first stretch, after each
	failed   []error
}

// fitAll tries to assign them, given the rows of which they tell.
func (f *fitting) fitAll(unseen map[replog.RowID]bool) bool {
	f.unseen = unseen
	return f.fit(0, 0, f.list[0].before.of(unseen))
}

// fit assigns the recorded transactions from j on to the stretches from i on. now
// holds the unseen rows as the transactions before j left them.
func (f *fitting) fit(i, j int, now State) bool {
	f.steps = append(f.steps[:i], now)
	if i == len(f.list) {
		if d := now.Difference(f.device.Visible.of(f.unseen)); j == len(f.recorded) && d != nil {
			f.failed = append(f.failed, fmt.Errorf("recorded against the file: %v", d))
		}
		return j == len(f.recorded) && now.Equal(f.device.Visible.of(f.unseen))
	}
	s := &f.list[i]
	seen := map[replog.RowID]bool{}
	for id := range s.before.differing(s.after) {
		if !f.unseen[id] {
			seen[id] = true
		}
	}
	if j < len(f.recorded) {
		next, err := f.follow(s, &f.recorded[j], seen, now)
		if err == nil && f.fit(i+1, j+1, next) {
			return true
		}
		if err != nil {
			f.failed = append(f.failed, fmt.Errorf("recorded transaction %d as stretch %d: %w", f.recorded[j].Seq, i, err))
		}
	}
	return len(seen) == 0 && f.fit(i+1, j, now)
}

// follow checks that a recorded transaction may be that of a stretch, of which
// the device saw some rows change, and returns the unseen rows after it.
func (f *fitting) follow(s *stretch, t *Recorded, seen map[replog.RowID]bool, now State) (State, error) {
	if t.Marked != s.marked || t.Label != s.label {
		return nil, fmt.Errorf("marked %v, label %q", s.marked, s.label)
	}
	now = now.Clone()
	rows := 0
	for i := range t.Net {
		c := &t.Net[i]
		id := c.Row()
		if !f.unseen[id] {
			if rows++; !seen[id] {
				return nil, fmt.Errorf("%s did not change", id)
			}
			continue
		}
		if err := now.follow(f.device.server.Schema.Table(c.Table), c); err != nil {
			return nil, err
		}
		if !f.was(id, now[id]) {
			return nil, fmt.Errorf("%s was never %s", id, now[id])
		}
	}
	if rows != len(seen) {
		return nil, fmt.Errorf("%d rows are recorded that were seen, want %d", rows, len(seen))
	}
	return now, s.joins(t.Net)
}

// was tells whether a row, value by value, was so at some time. What came in
// between two reads is not known where capture may have noted it.
func (f *fitting) was(id replog.RowID, row Row) bool {
	if row == nil || f.device.sight[id.Table] == SeesSome {
		return true
	}
	for c := range row {
		found := false
		for i := range f.list {
			for _, state := range f.list[i].states() {
				found = found || state[id] != nil && state[id][c] == row[c]
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// follow makes a recorded change of a row, which must be as the change says.
func (s State) follow(t *Table, c *replog.Change) error {
	id := c.Row()
	row := s[id]
	next := make(Row, len(t.Columns))
	copy(next, row)
	if (row == nil) != (c.Op == replog.Insert) {
		return fmt.Errorf("%s of %s, which is %s", c.Op, id, row)
	}
	for i, name := range c.Columns {
		at := slices.IndexFunc(t.Columns, func(x Column) bool { return x.Name == name })
		if at < 0 {
			return fmt.Errorf("%s has no column %s", id, name)
		}
		if row != nil && c.Old[i] != row[at] {
			return fmt.Errorf("%s of %s replaces %s in %s, which is %s", c.Op, id, c.Old[i], name, row[at])
		}
		if c.Op != replog.Delete {
			next[at] = c.New[i]
		}
	}
	s[id] = next
	if c.Op == replog.Delete {
		delete(s, id)
	}
	return nil
}

// joins checks that key changes of the stretch join what is recorded as one unit.
// That capture did not see both ends of all of them is no fault.
func (s *stretch) joins(recorded []replog.Change) error {
	joined, first := joinedBy(s.moves), map[int]replog.RowID{}
	for i := range recorded {
		unit, id := recorded[i].Unit, recorded[i].Row()
		if unit == 0 {
			continue
		}
		if _, ok := first[unit]; !ok {
			first[unit] = id
		}
		if joined[id] == 0 || joined[id] != joined[first[unit]] {
			return fmt.Errorf("%s and %s are of one unit, but no key change joins them", first[unit], id)
		}
	}
	return nil
}

// adoptUnits takes from a recorded transaction which rows of blind tables are of
// one unit.
func (t *Txn) adoptUnits(recorded []replog.Change, blind map[string]Sight) {
	unit := map[replog.RowID]int{}
	for i := range recorded {
		unit[recorded[i].Row()] = recorded[i].Unit
	}
	for _, n := range t.Net {
		if blind[n.ID.Table] == SeesAll {
			continue
		}
		if n.Unit = 0; unit[n.ID] > 0 {
			n.Unit = 1000*len(t.Net) + unit[n.ID] // apart from the model's numbers
		}
	}
}

package applier

import (
	"hash/maphash"
	"slices"

	"replog/replog"
)

// Composition makes the net changes of several lists of net changes that were made
// one after the other: what each row was before the first and is after the last.
// Their units are those of the lists, joined where these share a row. What is long
// is on disk.
type Composition struct {
	schema *Schema
	// first is the only list so far, which is not taken apart before it has to be.
	first replog.Changes
	list  *replog.Spill[replog.Change]
	// at finds a row by its hash: the number of its place. Of rows with one hash,
	// more has those that do not come first.
	seed maphash.Seed
	at   map[uint64]int32
	more map[uint64][]int32
	// places are the rows in the order in which they were first touched: where the
	// change is in list, or dropped.
	places []int32
	units  unitSets
	unit   map[int32]int32 // of a place
}

// NewComposition makes an empty one of changes to a schema's tables.
func NewComposition(s *Schema) *Composition { return &Composition{schema: s} }

// Add adds the next list, which has to last as long as what List returns. Rows are
// the same row where table and key are.
func (m *Composition) Add(changes replog.Changes) error {
	switch {
	case changes.Len() == 0:
		return nil
	case m.first == nil && m.list == nil:
		m.first = changes
		return nil
	case m.list == nil:
		m.list, m.seed = replog.NewChangeSpill(), maphash.MakeSeed()
		m.at, m.more, m.unit = map[uint64]int32{}, map[uint64][]int32{}, map[int32]int32{}
		m.units.add() // 0 is none
		if err := m.addAll(m.first); err != nil {
			return err
		}
		m.first = nil
	}
	return m.addAll(changes)
}

func (m *Composition) addAll(changes replog.Changes) error {
	units := map[int]int32{} // of this list
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		unit := int32(0)
		if c.Unit > 0 {
			if unit = units[c.Unit]; unit == 0 {
				unit = m.units.add()
				units[c.Unit] = unit
			}
		}
		return m.add(c, unit)
	})
}

func (m *Composition) add(c *replog.Change, unit int32) error {
	place, before, err := m.find(c)
	if err != nil {
		return err
	}
	if place < 0 {
		place = m.newPlace(c)
	}
	if unit = m.units.join(m.unit[place], unit); unit > 0 {
		m.unit[place] = unit
	}
	made := *c
	if before != nil {
		both, err := m.schema.compose(before, c)
		if err != nil {
			return err
		}
		if both == nil {
			m.places[place] = dropped
			return nil
		}
		made = *both
	}
	made.Unit = 0
	m.places[place] = int32(m.list.Len())
	return m.list.Add(made)
}

// find returns the place of a row, -1 for none, and what it holds, nil for nothing.
func (m *Composition) find(c *replog.Change) (int32, *replog.Change, error) {
	h := maphash.Comparable(m.seed, c.Row())
	first, there := m.at[h]
	if !there {
		return -1, nil, nil
	}
	for _, place := range append([]int32{first}, m.more[h]...) {
		if m.places[place] == dropped {
			return place, nil, nil // a row, or another's place: empty it is
		}
		held, err := m.list.At(int(m.places[place]))
		if err != nil || held.Table == c.Table && slices.Equal(held.Key, c.Key) {
			return place, held, err
		}
	}
	return -1, nil, nil
}

func (m *Composition) newPlace(c *replog.Change) int32 {
	place := int32(len(m.places))
	m.places = append(m.places, dropped)
	h := maphash.Comparable(m.seed, c.Row())
	if _, there := m.at[h]; there {
		m.more[h] = append(m.more[h], place)
	} else {
		m.at[h] = place
	}
	return place
}

// List returns the net changes, in the order in which their rows were first
// touched. They last until Close.
func (m *Composition) List() replog.Changes {
	switch {
	case m.list != nil:
		return newComposed(m)
	case m.first != nil:
		return m.first
	}
	return replog.ChangeList(nil)
}

// Close lets go of what is on disk; not of the lists that were added.
func (m *Composition) Close() error { return m.list.Close() }

// composed is the list of a composition.
type composed struct {
	*Composition
	kept    []int32 // places
	numbers map[int32]int
	change  replog.Change
}

// newComposed numbers the units of several rows, 1, 2 …, in the order of their
// first rows.
func newComposed(m *Composition) *composed {
	l := &composed{Composition: m, numbers: map[int32]int{}}
	rows := map[int32]int{}
	for place, at := range m.places {
		if at != dropped {
			l.kept = append(l.kept, int32(place))
			rows[m.units.root(m.unit[int32(place)])]++
		}
	}
	for _, place := range l.kept {
		if root := m.units.root(m.unit[place]); root > 0 && rows[root] > 1 && l.numbers[root] == 0 {
			l.numbers[root] = len(l.numbers) + 1
		}
	}
	return l
}

// Len implements replog.Changes.
func (l *composed) Len() int { return len(l.kept) }

// At implements replog.Changes.
func (l *composed) At(i int) (*replog.Change, error) {
	place := l.kept[i]
	c, err := l.list.At(int(l.places[place]))
	if err != nil {
		return nil, err
	}
	l.change = *c
	l.change.Unit = l.numbers[l.units.root(l.unit[place])]
	return &l.change, nil
}

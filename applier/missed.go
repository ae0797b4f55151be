package applier

import (
	"errors"
	"math"
	"slices"

	"replog/replog"
)

// Missed compares tables with what they should hold, row by row, in the order of
// tables and keys. expected holds that without what capture has gathered, and is
// changed; it and actual must not be in a transaction. Rows with NULL in their key
// are left out, as by capture.
//
// What capture noted of a row leads to what the row is now, in the columns that it
// saw written; the others are compared. A row of which that cannot be true was not
// as capture noted, or went unseen: it is compared as a whole, and what capture
// gathered of it does not count.
func (r *Replica) Missed(expected *Replica, actual *Conn, tables []*Table) ([]RowImage, error) {
	s, err := r.glimpse(tables)
	if err != nil {
		return nil, err
	}
	if err := s.doubt(expected); err != nil {
		return nil, err
	}
	if err := s.overlay(expected); err != nil {
		return nil, err
	}
	var missed []RowImage
	differ := map[replog.RowID]bool{}
	_, err = Compare(expected.Conn, actual, CompareOptions{
		Skip: func(name string) bool { return !isAmong(tables, name) },
		Row: func(d RowDifference) error {
			if image := r.Schema.Table(d.Table).difference(&d); image != nil {
				image.instead = s.isDoubted(image.ID())
				differ[image.ID()] = true
				missed = append(missed, *image)
			}
			return nil
		},
	})
	for _, g := range s.order {
		if id := rowID(g.table, g.key); g.doubted && !differ[id] {
			missed = append(missed, RowImage{Table: g.table, Key: g.key, Before: g.after, After: g.after, instead: true})
		}
	}
	return missed, err
}

// CountMissed is how many rows of those that Missed returned differ.
func CountMissed(missed []RowImage) (n int) {
	for i := range missed {
		if !sameImage(missed[i].Before, missed[i].After) {
			n++
		}
	}
	return n
}

func isAmong(tables []*Table, name string) bool {
	return slices.ContainsFunc(tables, func(t *Table) bool { return foldName(t.Name) == foldName(name) })
}

// glimpses are what capture has gathered of some tables.
type glimpses struct {
	rows  map[replog.RowID]*glimpse
	order []*glimpse
	spans [][]RowImage // what each transaction would make of them, oldest first
}

// glimpse is what capture has gathered of a row.
type glimpse struct {
	table *Table
	key   []replog.Value
	// before is the row as it must have been, in the columns that were told of,
	// and after as it is now.
	before, after []replog.Value
	told          []bool // nil for all
	// doubted: it cannot be true, or nobody knows.
	doubted bool
}

func (r *Replica) glimpse(tables []*Table) (*glimpses, error) {
	s := &glimpses{rows: map[replog.RowID]*glimpse{}}
	batches, err := r.readBatches(0, batchSize{math.MaxInt, math.MaxInt})
	if err != nil || len(batches.list) == 0 {
		return s, err
	}
	all := batches.list[0]
	records, err := r.readRecords(all.first, all.upTo)
	if err != nil {
		return nil, err
	}
	states := rowStates{r: r, now: map[replog.RowID][]replog.Value{}, all: map[*Table]bool{}}
	if err := states.readMany(records, all); err != nil {
		return nil, err
	}
	for _, p := range slices.Backward(splitWhole(records)) {
		var images []RowImage
		for _, row := range historiesOf(p.records).rows {
			if !slices.Contains(tables, row.table) {
				continue
			}
			if row.after, err = states.at(row); err != nil {
				return nil, err
			}
			vanished := row.resolve()
			states.now[row.id] = row.before
			s.add(row, vanished)
			images = append(images, RowImage{Table: row.table, Key: row.key, Before: row.before, After: row.after})
		}
		s.spans = append(s.spans, images)
	}
	slices.Reverse(s.spans)
	return s, nil
}

// add takes what an older transaction tells of a row.
func (s *glimpses) add(h *history, vanished bool) {
	g := s.rows[h.id]
	if g == nil {
		g = &glimpse{table: h.table, key: h.key, after: h.after, told: make([]bool, len(h.table.Columns))}
		s.rows[h.id] = g
		s.order = append(s.order, g)
	}
	g.before, g.doubted = h.before, g.doubted || vanished
	for _, f := range h.facts {
		if f.carried == nil {
			g.told = nil
		}
		for c := range g.told {
			g.told[c] = g.told[c] || f.carried[c]
		}
	}
}

func (s *glimpses) isDoubted(id replog.RowID) bool { return s.rows[id] != nil && s.rows[id].doubted }

// doubt finds the rows that were not as capture noted.
func (s *glimpses) doubt(expected *Replica) error {
	for _, g := range s.order {
		was, err := expected.imageFor(g.table, g.key)
		if err != nil {
			return err
		}
		g.doubted = g.doubted || !g.fits(was)
	}
	return nil
}

// fits tells whether the row can have been so.
func (g *glimpse) fits(was []replog.Value) bool {
	if (was == nil) != (g.before == nil) {
		return false
	}
	for c := range was {
		if (g.told == nil || g.told[c]) && was[c] != g.before[c] {
			return false
		}
	}
	return true
}

// imageFor is a row as an image of the same table in another file.
func (r *Replica) imageFor(t *Table, key []replog.Value) ([]replog.Value, error) {
	own := r.Schema.Table(t.Name)
	row, err := r.Row(own, key)
	if err != nil || row == nil {
		return nil, err
	}
	image := make([]replog.Value, len(t.Columns))
	for i := range image {
		image[i] = row[own.Column(t.Columns[i].Name)]
	}
	return image, nil
}

// mostDoubts bounds how often a single row is doubted before all rows of its
// transaction are.
const mostDoubts = 50

// overlay makes what was gathered on what is expected. As every row is taken to
// have been then what it is now, some may be in each other's way: these are
// doubted, too. It asks no foreign key, as a parent may be among what was missed.
func (s *glimpses) overlay(expected *Replica) error {
	for tries := 0; ; tries++ {
		if err := expected.Begin(); err != nil {
			return err
		}
		at, err := s.overlayAll(expected)
		if err == nil {
			return expected.Commit()
		}
		if err = errors.Join(s.doubtOne(at, err, tries < mostDoubts), expected.Rollback()); err != nil {
			return err
		}
	}
}

// overlayAll tells at which transaction it failed.
func (s *glimpses) overlayAll(expected *Replica) (at int, err error) {
	for i, images := range s.spans {
		var changes []replog.Change
		for n := range images {
			if m := &images[n]; !s.isDoubted(m.ID()) && !sameImage(m.Before, m.After) {
				changes = append(changes, m.change())
			}
		}
		if err := expected.overlay(changes); err != nil {
			return i, err
		}
	}
	return 0, nil
}

// overlay makes changes as Replay does, but asks no foreign key.
func (r *Replica) overlay(changes []replog.Change) error {
	remade := NewImages(r.Schema)
	defer remade.Close()
	if _, err := r.remake(replog.ChangeList(changes), remade); err != nil {
		return err
	}
	return r.Write(remade)
}

// doubtOne doubts the row that was refused, or all rows of its transaction. It
// returns an error that is no refusal.
func (s *glimpses) doubtOne(at int, err error, one bool) error {
	if !Refused(err) {
		return err
	}
	var refused *ConstraintError
	if errors.As(err, &refused) && one {
		if g := s.rows[replog.RowID{Table: refused.Table, Key: replog.KeyString(refused.Key)}]; g != nil {
			g.doubted = true
			return nil
		}
	}
	for i := range s.spans[at] {
		s.rows[s.spans[at][i].ID()].doubted = true
	}
	return nil
}

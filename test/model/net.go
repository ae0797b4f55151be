package model

import (
	"slices"

	"replog/replog"
)

// Net is a net change: what a transaction did to one row.
type Net struct {
	Table   *Table
	ID      replog.RowID
	Op      replog.Op
	Before  Row   // nil for INSERT
	After   Row   // nil for DELETE
	Changed []int // the columns that differ; UPDATE only
	Unit    int   // above 0 for rows that a key change joins

	// Time and Times come from the log: Time is the latest, Times is by column
	// and says something of Changed only.
	Time  replog.Millis
	Times map[int]replog.Millis

	schema *Schema
}

// Move is an UPDATE that changed a primary key.
type Move struct{ From, To replog.RowID }

// NetChanges compares two states. The order of the result means nothing.
func (s *Schema) NetChanges(before, after State, moves []Move) []*Net {
	var out []*Net
	for id, b := range before {
		t := s.Table(id.Table)
		a, ok := after[id]
		switch {
		case !ok:
			out = append(out, &Net{Table: t, ID: id, Op: replog.Delete, Before: b, schema: s})
		case !slices.Equal(a, b):
			n := &Net{Table: t, ID: id, Op: replog.Update, Before: b, After: a, schema: s}
			for c := range t.Columns {
				if a[c] != b[c] {
					n.Changed = append(n.Changed, c)
				}
			}
			out = append(out, n)
		}
	}
	for id, a := range after {
		if _, ok := before[id]; !ok {
			out = append(out, &Net{Table: s.Table(id.Table), ID: id, Op: replog.Insert, After: a, schema: s})
		}
	}
	slices.SortFunc(out, func(a, b *Net) int { return compareIDs(a.ID, b.ID) })
	numberUnits(out, moves)
	return out
}

func compareIDs(a, b replog.RowID) int {
	return slices.Compare([]string{a.Table, a.Key}, []string{b.Table, b.Key})
}

// numberUnits joins rows by key changes. Rows without net change join others
// but are not counted.
func numberUnits(nets []*Net, moves []Move) {
	unit := joinedBy(moves)
	size := map[int]int{}
	for _, n := range nets {
		size[unit[n.ID]]++
	}
	for _, n := range nets {
		if u := unit[n.ID]; size[u] > 1 {
			n.Unit = u
		}
	}
}

// joinedBy gives each row of a key change a number, rows that are joined the same.
func joinedBy(moves []Move) map[replog.RowID]int {
	unit := map[replog.RowID]int{}
	for i, m := range moves {
		number := i + 1
		for _, id := range []replog.RowID{m.From, m.To} {
			if old := unit[id]; old != 0 {
				for other, u := range unit {
					if u == old {
						unit[other] = number
					}
				}
			}
			unit[id] = number
		}
	}
	return unit
}

// moves tells whether the change is the DELETE of a key change.
func (n *Net) moves() bool { return n.Op == replog.Delete && n.Unit > 0 }

// side names a row before or after.
type side int

const (
	before side = iota
	after
)

var sides = []side{before, after}

func (n *Net) image(at side) Row {
	if at == before {
		return n.Before
	}
	return n.After
}

// Carries tells whether the change carries a column's values.
func (n *Net) Carries(column int) bool {
	return n.Op != replog.Update || slices.Contains(n.Table.Key, column) ||
		slices.Contains(n.Changed, column) || n.Context(column)
}

// Context tells whether an UPDATE carries a column that it did not change, for
// the sake of a foreign key or a unique index.
func (n *Net) Context(column int) bool {
	if n.Op != replog.Update || slices.Contains(n.Changed, column) {
		return false
	}
	if n.schema.referenced(n.Table, column) {
		return true
	}
	for _, fk := range n.Table.ForeignKeys {
		if slices.Contains(fk.Columns, column) && n.changes(fk.Columns) {
			return true
		}
	}
	for _, index := range n.Table.indexes() {
		if slices.Contains(index.Columns, column) && n.changes(index.Columns) {
			return true
		}
	}
	return false
}

// changes tells whether an UPDATE changed one of the columns; other changes
// always do.
func (n *Net) changes(columns []int) bool {
	return n.Op != replog.Update || slices.ContainsFunc(columns, func(c int) bool {
		return slices.Contains(n.Changed, c)
	})
}

// tuple returns the values of the columns on one side; nil where there is no
// row on that side, or a value is NULL or not carried.
func (n *Net) tuple(at side, columns []int) []Value {
	row := n.image(at)
	if row == nil {
		return nil
	}
	for _, c := range columns {
		if row[c].IsNull() || !n.Carries(c) {
			return nil
		}
	}
	return row.pick(columns)
}

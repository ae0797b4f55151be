package model

import (
	"maps"
	"slices"

	"replog/replog"
)

// Row holds the values of a table's stored columns.
type Row []Value

// State is a database's content: each row by its table and exact key.
type State map[replog.RowID]Row

// ID is the identity of a row of t.
func (t *Table) ID(r Row) replog.RowID {
	return replog.RowID{Table: t.Name, Key: replog.KeyString(r.pick(t.Key))}
}

func (r Row) pick(columns []int) []Value {
	out := make([]Value, len(columns))
	for i, c := range columns {
		out[i] = r[c]
	}
	return out
}

// Clone copies a state. Rows are never changed in place, so they are shared.
func (s State) Clone() State { return maps.Clone(s) }

// Equal tells whether two states hold the same rows, exactly.
func (s State) Equal(other State) bool {
	return maps.EqualFunc(s, other, func(a, b Row) bool { return slices.Equal(a, b) })
}

// Difference lists the rows that two states do not share, for messages.
func (s State) Difference(other State) []string {
	var out []string
	for id, row := range s {
		o, ok := other[id]
		switch {
		case !ok:
			out = append(out, id.String()+": "+row.String()+" against none")
		case !slices.Equal(row, o):
			out = append(out, id.String()+": "+row.String()+" against "+o.String())
		}
	}
	for id, row := range other {
		if _, ok := s[id]; !ok {
			out = append(out, id.String()+": none against "+row.String())
		}
	}
	slices.Sort(out)
	return out
}

// differing is the set of rows that two states do not share.
func (s State) differing(other State) map[replog.RowID]bool {
	out := map[replog.RowID]bool{}
	for id, row := range s {
		if o, ok := other[id]; !ok || !slices.Equal(row, o) {
			out[id] = true
		}
	}
	for id := range other {
		if _, ok := s[id]; !ok {
			out[id] = true
		}
	}
	return out
}

// of is the part of a state that some rows are.
func (s State) of(rows map[replog.RowID]bool) State {
	out := State{}
	for id := range rows {
		if row, ok := s[id]; ok {
			out[id] = row
		}
	}
	return out
}

// with is a state with some of its rows as in another.
func (s State) with(rows map[replog.RowID]bool, other State) State {
	out := s.Clone()
	for id := range rows {
		delete(out, id)
		if row, ok := other[id]; ok {
			out[id] = row
		}
	}
	return out
}

func (r Row) String() string { return replog.KeyString(r) }

// has tells whether some row of t holds the values in the columns.
func (s State) has(t *Table, columns []int, collations []string, values []Value) bool {
	for id, row := range s {
		if id.Table == t.Name && equalTuples(collations, row.pick(columns), values) {
			return true
		}
	}
	return false
}

package model

import (
	"slices"

	"replog/replog"
)

// makeEffects makes the effects on a copy of the state. It returns the reason's code
// where a constraint or a foreign key refuses the result.
func makeEffects(s *Schema, state State, effects []*Effect) (State, string) {
	out, broken := put(state, effects)
	switch {
	case broken:
		return nil, replog.ReasonConstraint
	case dangles(s, out, effects):
		return nil, replog.ReasonForeignKey
	}
	return out, ""
}

// put makes effects, and tells whether a row that they wrote breaks a constraint.
func put(state State, effects []*Effect) (next State, broken bool) {
	out := state.Clone()
	for _, e := range effects {
		delete(out, e.Net.ID)
	}
	for _, e := range effects {
		if e.After != nil {
			out[e.Net.ID] = e.After
		}
	}
	for _, e := range effects {
		if e.After != nil && violates(e.Net.Table, out, e.Net.ID) {
			return nil, true
		}
	}
	return out, false
}

// dangles tells whether effects, which are made, left a reference without its parent.
func dangles(s *Schema, state State, effects []*Effect) bool {
	return slices.ContainsFunc(effects, func(e *Effect) bool { return orphaned(s, state, e) || leavesChildren(s, state, e) })
}

// violates tells whether a row breaks NOT NULL, CHECK or UNIQUE.
func violates(t *Table, state State, id replog.RowID) bool {
	row := state[id]
	for c := range t.Columns {
		if t.Columns[c].NotNull && row[c].IsNull() {
			return true
		}
	}
	if t.Check != nil && !t.Check(row) {
		return true
	}
	for _, index := range t.indexes() {
		if index.Where != nil && !index.Where(row) {
			continue
		}
		values := index.values(row)
		for other, o := range state {
			if other != id && other.Table == t.Name && (index.Where == nil || index.Where(o)) &&
				equalTuples(index.Collations, values, index.values(o)) {
				return true
			}
		}
	}
	return false
}

// orphaned tells whether the effect wrote a reference to a parent that is not
// there.
func orphaned(s *Schema, state State, e *Effect) bool {
	t := e.Net.Table
	for i := range t.ForeignKeys {
		fk := &t.ForeignKeys[i]
		if e.After == nil || !e.affects(fk.Columns) || anyNull(e.After.pick(fk.Columns)) {
			continue
		}
		if !state.has(s.Table(fk.Parent), fk.ParentColumns, s.collations(fk), e.After.pick(fk.Columns)) {
			return true
		}
	}
	return false
}

// leavesChildren tells whether the effect took away a value that a child still
// references and that no parent has now.
func leavesChildren(s *Schema, state State, e *Effect) bool {
	for _, child := range s.Tables {
		for i := range child.ForeignKeys {
			fk := &child.ForeignKeys[i]
			if fk.Parent != e.Net.Table.Name || e.Before == nil || !e.affects(fk.ParentColumns) {
				continue
			}
			old, collations := e.Before.pick(fk.ParentColumns), s.collations(fk)
			if state.has(child, fk.Columns, collations, old) &&
				!state.has(e.Net.Table, fk.ParentColumns, collations, old) {
				return true
			}
		}
	}
	return false
}

// affects tells whether the effect changed one of the columns.
func (e *Effect) affects(columns []int) bool {
	return e.Op != replog.Update || slices.ContainsFunc(columns, func(c int) bool {
		return slices.Contains(e.Columns, c)
	})
}

func anyNull(values []Value) bool {
	return slices.ContainsFunc(values, Value.IsNull)
}

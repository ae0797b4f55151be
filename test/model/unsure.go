package model

import "slices"

// unsure is U: what a transaction must not build on. Of intents it has whole tables.
type unsure struct {
	nets   []*Net
	tables []string
}

func (u *unsure) add(nets []*Net, tables []string) {
	u.nets, u.tables = append(u.nets, nets...), append(u.tables, tables...)
}

// touchedBy tells whether one of some net changes touches U.
func (u *unsure) touchedBy(s *Schema, nets []*Net) bool {
	return slices.ContainsFunc(nets, func(n *Net) bool {
		return slices.ContainsFunc(u.nets, func(other *Net) bool { return touches(s, n, other) }) ||
			slices.ContainsFunc(u.tables, func(table string) bool { return inTable(s, n, table) })
	})
}

// inTable tells whether the change is of the table, or of a row that refers to one of
// it, or that one of it may refer to.
func inTable(s *Schema, n *Net, table string) bool {
	if n.ID.Table == table {
		return true
	}
	for i := range n.Table.ForeignKeys {
		fk := &n.Table.ForeignKeys[i]
		if fk.Parent == table && n.changes(fk.Columns) && n.has(fk.Columns) {
			return true
		}
	}
	other := s.Table(table)
	return slices.ContainsFunc(other.ForeignKeys, func(fk ForeignKey) bool {
		return fk.Parent == n.ID.Table && n.has(fk.ParentColumns)
	})
}

// has tells whether the change carries values of the columns, before or after.
func (n *Net) has(columns []int) bool {
	return n.tuple(before, columns) != nil || n.tuple(after, columns) != nil
}

// isRead tells whether some of the tables are in U: whole, or a row of them.
func (u *unsure) isRead(tables []string) bool {
	return slices.ContainsFunc(tables, func(table string) bool {
		return slices.Contains(u.tables, table) ||
			slices.ContainsFunc(u.nets, func(n *Net) bool { return n.ID.Table == table })
	})
}

// holds tells whether a transaction with intents touches U, which is by table for
// these.
func (u *unsure) holds(s *Schema, t *Txn, reach Reach) bool {
	for i := range t.Steps {
		if in := t.Steps[i].Intent; in != nil && (u.isRead(in.Named) || u.isRead(reach(in))) {
			return true
		}
	}
	return u.touchedBy(s, t.Net)
}

package model

import "slices"

// Schema is a set of replicated tables.
type Schema struct {
	Tables []*Table
}

// Table describes one table as far as the rules need it. Columns are the stored
// ones: generated columns take no part.
type Table struct {
	Name        string
	Columns     []Column
	Key         []int // positions in Columns, in key order
	Unique      []Index
	ForeignKeys []ForeignKey
	// Check tells whether a row satisfies the table's CHECK constraints; nil
	// where it has none.
	Check func(Row) bool
}

// Column is a stored column.
type Column struct {
	Name      string
	Collation string
	NotNull   bool
}

// Index is a UNIQUE index on plain columns or, where Expr is not nil, on one
// expression. Where tells which rows a partial index holds; nil means all.
type Index struct {
	Columns    []int
	Expr       func(Row) Value
	Collations []string
	Where      func(Row) bool
}

// values are what the index holds of a row.
func (x *Index) values(r Row) []Value {
	if x.Expr != nil {
		return []Value{x.Expr(r)}
	}
	return r.pick(x.Columns)
}

// ForeignKey is a child's reference to a parent. The collations that compare
// the two are those of the parent's columns.
type ForeignKey struct {
	Columns       []int
	Parent        string
	ParentColumns []int
	// OnDelete and OnUpdate are its actions, as SQL has them.
	OnDelete, OnUpdate string
}

// Table returns a table by name; nil if there is none.
func (s *Schema) Table(name string) *Table {
	for _, t := range s.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// indexes are the unique indexes, the primary key's first.
func (t *Table) indexes() []Index {
	key := Index{Columns: t.Key}
	for _, c := range t.Key {
		key.Collations = append(key.Collations, t.Columns[c].Collation)
	}
	return append([]Index{key}, t.Unique...)
}

// referenced tells whether a foreign key of some table references a column of t.
func (s *Schema) referenced(t *Table, column int) bool {
	for _, child := range s.Tables {
		for _, fk := range child.ForeignKeys {
			if fk.Parent == t.Name && slices.Contains(fk.ParentColumns, column) {
				return true
			}
		}
	}
	return false
}

// collations are those that compare a foreign key's values.
func (s *Schema) collations(fk *ForeignKey) []string {
	parent := s.Table(fk.Parent)
	var out []string
	for _, c := range fk.ParentColumns {
		out = append(out, parent.Columns[c].Collation)
	}
	return out
}

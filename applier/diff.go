package applier

import (
	"errors"
	"fmt"
	"sort"

	"replog/replog"
)

// CompareOptions says what Compare compares and what it tells besides counts.
type CompareOptions struct {
	// Row, if set, is called for each difference between rows, in the order of
	// tables and keys. An error of it ends the comparison and is returned.
	Row func(RowDifference) error
	// Skip, if set, names tables to leave out; they are listed nowhere.
	Skip func(table string) bool
}

// Comparison is how two databases, A and B, differ. Its JSON form is what
// `replog diff --json` prints.
type Comparison struct {
	// Equal: the same tables with the same columns and constraints, and the
	// same rows, exact in type and bytes. Notes do not make databases differ.
	Equal bool `json:"equal"`
	// Tables lists every table that was compared, by name.
	Tables []TableComparison `json:"tables"`
	// Schema lists the differences that change what a database accepts:
	// tables, columns, constraints. They make databases differ.
	Schema []SchemaDifference `json:"schema,omitempty"`
	// Notes lists other differences: ordinary indexes, triggers, views, the
	// order of columns, the text encoding.
	Notes []SchemaDifference `json:"notes,omitempty"`
	// NotCompared lists virtual tables and the tables they keep their content in.
	NotCompared []string `json:"not_compared,omitempty"`
}

// TableComparison counts the rows in which a table differs. Rows of a table
// without a primary key are never Different: they are in one side or in both,
// each as often as it is there.
type TableComparison struct {
	Table     string `json:"table"`
	OnlyA     int64  `json:"only_a"`
	OnlyB     int64  `json:"only_b"`
	Different int64  `json:"different"`
}

// Same tells whether the rows are the same.
func (t *TableComparison) Same() bool { return t.OnlyA == 0 && t.OnlyB == 0 && t.Different == 0 }

// RowDifference is a row that is not the same on both sides.
type RowDifference struct {
	Table string
	// Columns are the columns compared, generated ones that are not stored
	// left out. Key holds the primary key's indexes in it; it is nil where
	// rows are compared without one.
	Columns []string
	Key     []int
	// A and B are the values, parallel to Columns; nil on the side that does
	// not have the row.
	A, B []replog.Value
	// Count is how often the row is missing on the other side: above 1 only
	// without a key.
	Count int64
}

// Cell is one value that differs.
type Cell struct {
	Column string
	A, B   replog.Value
}

// Cells returns the columns in which a row differs that both sides have.
func (d *RowDifference) Cells() []Cell {
	if d.A == nil || d.B == nil {
		return nil
	}
	var cells []Cell
	for i, name := range d.Columns {
		if d.A[i] != d.B[i] {
			cells = append(cells, Cell{Column: name, A: d.A[i], B: d.B[i]})
		}
	}
	return cells
}

// Compare compares two databases table by table, row by row, exact in type and
// bytes. It reads each side in one transaction, streams in key order, and needs
// memory for a few hundred rows only; tables that are not stored in that order
// are sorted in temporary files. Tables of replog and of SQLite itself
// (sqlite_sequence and the like) are left out. Of generated columns only stored
// ones are compared: virtual ones follow from the others.
//
// Rows are found by the exact values of their primary key; tables without one,
// and rows with NULL in it, are compared as multisets. Where the columns of a
// table differ, the rows are compared in the columns that both sides have.
//
// Neither connection may be in a transaction.
func Compare(a, b *Conn, o CompareOptions) (*Comparison, error) {
	for _, c := range []*Conn{a, b} {
		if err := c.BeginRead(); err != nil {
			return nil, fmt.Errorf("read %s: %w", c.path, err)
		}
		defer func() { _ = c.Rollback() }()
	}
	sa, err := readShape(a)
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", a.path, err)
	}
	sb, err := readShape(b)
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", b.path, err)
	}
	if o.Skip != nil {
		sa.leaveOut(o.Skip)
		sb.leaveOut(o.Skip)
	}
	c := &Comparison{Tables: []TableComparison{}}
	c.Schema, c.Notes = compareShapes(sa, sb)
	c.NotCompared = union(sa.notCompared, sb.notCompared)
	for _, name := range union(sa.tableNames(), sb.tableNames()) {
		t, err := compareTable(a, b, sa, sb, name, o)
		if err != nil {
			return nil, err
		}
		c.Tables = append(c.Tables, t)
	}
	c.Equal = len(c.Schema) == 0
	for i := range c.Tables {
		c.Equal = c.Equal && c.Tables[i].Same()
	}
	return c, nil
}

// compareTable compares one table that either side has.
func compareTable(a, b *Conn, sa, sb *shape, name string, o CompareOptions) (TableComparison, error) {
	ta, tb := sa.table(name), sb.table(name)
	p := planTable(ta, tb)
	m := &merge{plan: p, row: o.Row}
	m.count.Table = p.name
	for _, pass := range p.passes() {
		if err := m.run(a, b, sa, sb, pass); err != nil {
			var stop *callbackError
			if errors.As(err, &stop) {
				return m.count, stop.err
			}
			return m.count, fmt.Errorf("compare table %q: %w", p.name, err)
		}
	}
	return m.count, nil
}

// union merges two lists of names that may differ in case, sorted.
func union(a, b []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, name := range append(append([]string{}, a...), b...) {
		if key := foldName(name); !seen[key] {
			seen[key] = true
			out = append(out, name)
		}
	}
	sort.Strings(out)
	return out
}

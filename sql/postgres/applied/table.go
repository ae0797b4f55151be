package applied

import (
	"slices"

	"replog/replog"
)

// table is a replicated table with what stands for it in PostgreSQL.
type table struct {
	shape  replog.Table
	schema string
	name   string // "" where no table could be made
	mapped bool
	// torn: somebody else has removed rows, which is recorded. Others that are missing
	// stop nothing until the table is made again.
	torn bool
	// What stands for the shape's columns, indexes and references: names, "" for what
	// is not carried.
	columns, indexes, references []string

	number  map[string]int // of a column, by its name in SQLite
	cols    []*column      // by number; nil for what is not carried
	touchy  []bool         // by number: a unique index other than the key's has it
	misfits bool           // rows may be in replog.misfit
	extras  bool           // it has columns to which nothing is mapped
}

func newTable(shape replog.Table) *table {
	t := &table{shape: shape}
	t.index()
	return t
}

// index makes what is looked up.
func (t *table) index() {
	t.number = make(map[string]int, len(t.shape.Columns))
	for i, c := range t.shape.Columns {
		t.number[c.Name] = i
	}
	n := len(t.shape.Columns)
	t.cols, t.touchy = make([]*column, n), make([]bool, n)
}

func (t *table) target() string { return quote(t.schema, t.name) }

// carried are the numbers of the columns that stand in PostgreSQL.
func (t *table) carried() []int {
	var numbers []int
	for i, c := range t.cols {
		if c != nil {
			numbers = append(numbers, i)
		}
	}
	return numbers
}

// names are the PostgreSQL names of columns.
func (t *table) names(numbers []int) []string {
	names := make([]string, len(numbers))
	for i, n := range numbers {
		names[i] = t.columns[n]
	}
	return names
}

func (t *table) isKey(number int) bool { return slices.Contains(t.shape.Key, number) }

// usable tells whether rows can be written: every column of the key stands there.
func (t *table) usable() bool {
	return t.name != "" && !slices.ContainsFunc(t.shape.Key, func(k int) bool { return t.cols[k] == nil })
}

// isStrict tells whether all rows have to be there.
func (t *table) isStrict() bool { return !t.mapped && !t.torn }

// wanted is the column that the mapping gives a column of SQLite's.
func (t *table) wanted(number int) column {
	c := t.shape.Columns[number]
	typeName, k := declared(c.Type)
	if t.shape.ByRowID && number == len(t.shape.Columns)-1 {
		typeName, k = "bigint", kindInteger
	}
	made := column{name: columnName(c.Name), notNull: c.NotNull || t.isKey(number)}
	made.sized(typeName, -1)
	made.kind = k
	return made
}

// fitRow gives the cells for a row of values, by number.
func (t *table) fitRow(values []replog.Value) []cell {
	cells := make([]cell, len(t.cols))
	for i, c := range t.cols {
		if c == nil {
			cells[i] = nullCell
			continue
		}
		cells[i] = c.fit(values[i])
	}
	return cells
}

func anyBad(cells []cell) bool {
	return slices.ContainsFunc(cells, func(c cell) bool { return c.bad != nil })
}

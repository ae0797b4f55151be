package applier

import (
	"math"
	"strings"

	"replog/replog"
)

// footprint is what a net change touches beside its row, from the values that
// it carries: unique values, and its place in foreign keys. Strings stand for
// tuples of values under the collations of an index.
type footprint struct {
	row replog.RowID
	// before and after are unique values held before and after.
	before, after map[string]bool
	// child and parent are references that the row makes and that it answers,
	// before or after.
	child, parent map[string]bool
}

// footprintOf works out a change's footprint. A table that the schema does not
// have leaves only the row.
func (s *Schema) footprintOf(c *replog.Change) *footprint {
	f := &footprint{
		row: c.Row(), before: map[string]bool{}, after: map[string]bool{},
		child: map[string]bool{}, parent: map[string]bool{},
	}
	t := s.Table(c.Table)
	if t == nil {
		return f
	}
	for i := range t.Unique {
		f.addUnique(t, &t.Unique[i], c)
	}
	for _, k := range t.ForeignKeys {
		if c.Op == replog.Update && !carriesAny(t, c, k.Columns) {
			continue
		}
		f.addTuple(f.child, k.id, t, k.Columns, k.Collations, c)
	}
	for _, k := range t.Inbound {
		f.addTuple(f.parent, k.id, t, k.Referenced, k.Collations, c)
	}
	return f
}

// addUnique adds the change's values under one index. An index on an expression
// is taken as one value that all rows of the table share.
func (f *footprint) addUnique(t *Table, x *Index, c *replog.Change) {
	name := t.Name + "\x00" + x.Name
	if !x.Plain() {
		f.before[name], f.after[name] = true, true
		return
	}
	columns := x.columns()
	if c.Op == replog.Update && !carriesAny(t, c, columns) {
		return
	}
	collations := make([]string, len(columns))
	for i, p := range x.Parts {
		collations[i] = p.Collation
	}
	if v, ok := tuple(name, t, columns, collations, c.Before); ok {
		f.before[v] = true
	}
	if v, ok := tuple(name, t, columns, collations, c.After); ok {
		f.after[v] = true
	}
}

func (f *footprint) addTuple(to map[string]bool, name string, t *Table, columns []int, collations []string, c *replog.Change) {
	for _, side := range []func(string) (replog.Value, bool){c.Before, c.After} {
		if v, ok := tuple(name, t, columns, collations, side); ok {
			to[v] = true
		}
	}
}

// carriesAny tells whether an UPDATE changed one of the columns.
func carriesAny(t *Table, c *replog.Change, columns []int) bool {
	for _, name := range c.Columns {
		n := t.Column(name)
		for _, want := range columns {
			if n == want {
				return true
			}
		}
	}
	return false
}

// tuple names the values of some columns; false where the change does not carry
// them all, or one is NULL.
func tuple(name string, t *Table, columns []int, collations []string, side func(string) (replog.Value, bool)) (string, bool) {
	values := make([]replog.Value, len(columns))
	for i, n := range columns {
		v, ok := side(t.Columns[n].Name)
		if !ok || v.IsNull() {
			return "", false
		}
		values[i] = foldValue(v, collations[i])
	}
	return name + "\x00" + replog.KeyString(values), true
}

// foldValue maps values that an index takes for equal to one.
func foldValue(v replog.Value, collation string) replog.Value {
	switch v.Kind() {
	case replog.KindReal:
		f := v.Float64()
		if f == math.Trunc(f) && f >= -(1<<63) && f < 1<<63 {
			return replog.Integer(int64(f))
		}
	case replog.KindText:
		switch strings.ToUpper(collation) {
		case "NOCASE":
			return replog.Text(foldName(v.Bytes()))
		case "RTRIM":
			return replog.Text(strings.TrimRight(v.Bytes(), " "))
		}
	}
	return v
}

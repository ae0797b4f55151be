package applier

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// SchemaDifference is one object of the schema that A and B do not share.
type SchemaDifference struct {
	// Kind is table, column, constraint, options (of a table: STRICT, WITHOUT
	// ROWID), index, trigger, view, column order or encoding.
	Kind string `json:"kind"`
	// Table is the table it belongs to, if any.
	Table string `json:"table,omitempty"`
	Name  string `json:"name,omitempty"`
	// A and B are the definitions; empty on the side that has none.
	A string `json:"a,omitempty"`
	B string `json:"b,omitempty"`
}

// String is one line for people.
func (d SchemaDifference) String() string {
	what := d.Kind
	if d.Name != "" {
		what += " " + d.Name
	}
	if d.Table != "" && d.Table != d.Name {
		what = d.Table + ": " + what
	}
	switch {
	case d.Kind == "table" && d.B == "":
		return what + " only in A"
	case d.Kind == "table" && d.A == "":
		return what + " only in B"
	case d.B == "":
		return fmt.Sprintf("%s only in A: %s", what, oneLine(d.A))
	case d.A == "":
		return fmt.Sprintf("%s only in B: %s", what, oneLine(d.B))
	}
	return fmt.Sprintf("%s differs: A %s, B %s", what, oneLine(d.A), oneLine(d.B))
}

func oneLine(sql string) string { return strings.Join(strings.Fields(sql), " ") }

// compareShapes returns what makes the databases differ, and what is only
// worth a note: it changes neither which rows a database accepts nor what they are.
func compareShapes(a, b *shape) (differences, notes []SchemaDifference) {
	for _, name := range union(a.tableNames(), b.tableNames()) {
		ta, tb := a.table(name), b.table(name)
		switch {
		case tb == nil:
			differences = append(differences, SchemaDifference{Kind: "table", Table: name, Name: name, A: ta.sql})
		case ta == nil:
			differences = append(differences, SchemaDifference{Kind: "table", Table: name, Name: name, B: tb.sql})
		default:
			d, n := compareTableShapes(name, a.definition(ta), b.definition(tb))
			differences, notes = append(differences, d...), append(notes, n...)
		}
	}
	notes = append(notes, compareObjects(a, b)...)
	if a.encoding != b.encoding {
		notes = append(notes, SchemaDifference{Kind: "encoding", A: a.encoding, B: b.encoding})
	}
	return differences, notes
}

// definition parses a table with the unique indexes that stand beside it.
func (s *shape) definition(t *tableShape) *definition {
	d := parseTable(t.sql)
	for _, o := range s.objects {
		if o.kind == "index" && foldName(o.table) == foldName(t.name) {
			if sql, unique := uniqueIndex(o.sql); unique {
				d.constraints = append(d.constraints, sql)
			}
		}
	}
	return d
}

func compareTableShapes(name string, a, b *definition) (differences, notes []SchemaDifference) {
	for _, ca := range a.columns {
		cb, ok := b.column(ca.name)
		if !ok {
			differences = append(differences, SchemaDifference{Kind: "column", Table: name, Name: ca.name, A: ca.text})
		} else if ca.norm != cb.norm {
			differences = append(differences, SchemaDifference{Kind: "column", Table: name, Name: ca.name, A: ca.text, B: cb.text})
		}
	}
	for _, cb := range b.columns {
		if _, ok := a.column(cb.name); !ok {
			differences = append(differences, SchemaDifference{Kind: "column", Table: name, Name: cb.name, B: cb.text})
		}
	}
	if len(differences) == 0 && a.order() != b.order() {
		notes = append(notes, SchemaDifference{Kind: "column order", Table: name, A: a.order(), B: b.order()})
	}
	onlyA, onlyB := subtract(a.constraints, b.constraints), subtract(b.constraints, a.constraints)
	for _, c := range onlyA {
		differences = append(differences, SchemaDifference{Kind: "constraint", Table: name, A: c.text})
	}
	for _, c := range onlyB {
		differences = append(differences, SchemaDifference{Kind: "constraint", Table: name, B: c.text})
	}
	if a.options != b.options {
		differences = append(differences, SchemaDifference{Kind: "options", Table: name, A: a.options, B: b.options})
	}
	return differences, notes
}

// subtract returns the clauses that a has more often than b.
func subtract(a, b []clause) []clause {
	count := map[string]int{}
	for _, c := range b {
		count[c.norm]++
	}
	var out []clause
	for _, c := range a {
		if count[c.norm]--; count[c.norm] < 0 {
			out = append(out, c)
		}
	}
	return out
}

// compareObjects notes indexes that are not unique, triggers and views.
func compareObjects(a, b *shape) (notes []SchemaDifference) {
	left, right := noted(a.objects), noted(b.objects)
	for key, o := range left {
		other, ok := right[key]
		d := SchemaDifference{Kind: o.kind, Table: o.table, Name: o.name, A: o.sql, B: other.sql}
		if !ok || normal(tokenize(o.sql)) != normal(tokenize(other.sql)) {
			notes = append(notes, d)
		}
	}
	for key, o := range right {
		if _, ok := left[key]; !ok {
			notes = append(notes, SchemaDifference{Kind: o.kind, Table: o.table, Name: o.name, B: o.sql})
		}
	}
	slices.SortFunc(notes, func(a, b SchemaDifference) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return notes
}

func noted(objects []object) map[string]object {
	out := map[string]object{}
	for _, o := range objects {
		if _, unique := uniqueIndex(o.sql); o.kind != "index" || !unique {
			out[o.kind+" "+foldName(o.name)] = o
		}
	}
	return out
}

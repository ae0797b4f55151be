package applier

import (
	"cmp"
	"slices"
	"strings"
)

// DriftDifference is an object, a column or a constraint that differs: A is what
// should be there, B what was found.
type DriftDifference struct {
	SchemaDifference
	// Why is why it cannot be logged, or "".
	Why string `json:"why,omitempty"`
}

// SchemaDrift is how the objects found in a file differ from those that it should
// have.
type SchemaDrift struct {
	// Statements lead from one to the other where objects were added, in an order
	// that works. They are nil where there are Conflicts.
	Statements []string
	// Conflicts are tables and columns, constraints and unique indexes, that are
	// another, and additions that SQLite cannot make to a table with rows.
	Conflicts []DriftDifference
	// Missing are those that were not found.
	Missing []DriftDifference
	// Notes are views, triggers and indexes that are not unique, which were
	// changed or taken away, or triggers that fire in another order: that is the
	// file's own business.
	Notes []DriftDifference
	// Local were added and stay in the file: virtual tables and what depends on
	// them, and what InspectSchema refuses, as it needs the application.
	Local []DriftDifference
}

// Drift works out what was done to the objects of a file: from are those that it
// should have, to those that were found. That the statements lead there is tried in
// a database in memory each time; what they do not bring about is a conflict.
//
// A column that was added becomes ALTER TABLE … ADD COLUMN with its own text where
// SQLite allows that for a table with rows
// (https://www.sqlite.org/lang_altertable.html). A renamed object is one that is
// missing, and another.
func Drift(from, to []Object) (*SchemaDrift, error) {
	w := &driftWork{d: &SchemaDrift{}, form: newSchemaForm(from, to)}
	w.from, _ = divideVirtual(from)
	var virtual []Object
	w.to, virtual = divideVirtual(to)
	for i := range virtual {
		o := &virtual[i]
		if there := findObject(from, o.Type, o.Name); there == nil || !w.form.same(there, o) {
			w.local(o.Type, o, o.Name, o.SQL, "it is a virtual table or depends on one, of which each replica has its own")
		}
	}
	w.tables()
	w.others()
	if len(w.d.Conflicts) == 0 {
		if err := w.prove(w.order()); err != nil {
			return nil, err
		}
	}
	if len(w.d.Conflicts) > 0 {
		w.d.Statements = nil
	}
	for _, list := range [][]DriftDifference{w.d.Conflicts, w.d.Missing, w.d.Notes, w.d.Local} {
		sortDifferences(list)
	}
	return w.d, nil
}

// driftWork is one call of Drift.
type driftWork struct {
	d        *SchemaDrift
	form     *schemaForm
	from, to []Object
	// created are the tables that were added, columns those that were added to
	// others, and more the other objects.
	created, more []Object
	columns       []addedColumn
}

func difference(kind string, o *Object, name, a, b, why string) DriftDifference {
	return DriftDifference{SchemaDifference{Kind: kind, Table: o.Table, Name: name, A: a, B: b}, why}
}

func (w *driftWork) conflict(kind string, o *Object, name, a, b string) {
	w.d.Conflicts = append(w.d.Conflicts, difference(kind, o, name, a, b, ""))
}

func (w *driftWork) missing(kind string, o *Object, name, a string) {
	w.d.Missing = append(w.d.Missing, difference(kind, o, name, a, "", ""))
}

func (w *driftWork) local(kind string, o *Object, name, b, why string) {
	w.d.Local = append(w.d.Local, difference(kind, o, name, "", b, why))
}

func (w *driftWork) tables() {
	for i := range w.to {
		b := &w.to[i]
		if b.Type != typeTable {
			continue
		}
		a := findNamed(w.from, typeTable, b.Name)
		switch {
		case a == nil:
			w.created = append(w.created, *b)
		case a.Type != typeTable:
			w.conflict(typeTable, b, b.Name, a.SQL, b.SQL)
		case !w.form.same(a, b):
			w.table(a, b)
		}
	}
	for i := range w.from {
		if a := &w.from[i]; a.Type == typeTable && findNamed(w.to, typeTable, a.Name) == nil {
			w.missing(typeTable, a, a.Name, a.SQL)
		}
	}
}

// table compares two definitions of a table.
func (w *driftWork) table(a, b *Object) {
	was, is := w.form.definition(a.SQL), w.form.definition(b.SQL)
	for _, c := range was.columns {
		if other, ok := is.column(c.name); !ok {
			w.missing("column", a, c.name, c.text)
		} else if other.norm != c.norm {
			w.conflict("column", a, c.name, c.text, other.text)
		}
	}
	for _, c := range subtract(was.constraints, is.constraints) {
		w.missing("constraint", a, "", c.text)
	}
	for _, c := range subtract(is.constraints, was.constraints) {
		w.conflict("constraint", a, "", "", c.text)
	}
	if was.options != is.options {
		w.conflict("options", a, "", was.options, is.options)
	}
	for _, c := range is.columns {
		if _, ok := was.column(c.name); ok {
			continue
		}
		if err := addable(b, c); err != nil {
			w.d.Conflicts = append(w.d.Conflicts, difference("column", a, c.name, "", c.text, err.Error()))
		} else {
			w.columns = append(w.columns, addedColumn{a, c})
		}
	}
}

// others compares indexes, views and triggers.
func (w *driftWork) others() {
	for i := range w.to {
		b := &w.to[i]
		if b.Type == typeTable {
			continue
		}
		a := findNamed(w.from, b.Type, b.Name)
		switch {
		case a == nil:
			w.more = append(w.more, *b)
		case w.form.same(a, b):
		case a.Type == typeTable || isUnique(a) || isUnique(b):
			w.conflict(b.Type, b, b.Name, a.SQL, b.SQL)
		default:
			w.note(a, b)
		}
	}
	for i := range w.from {
		a := &w.from[i]
		if a.Type == typeTable || findNamed(w.to, a.Type, a.Name) != nil || w.goesWithTable(a) {
			continue
		}
		if isUnique(a) {
			w.missing(typeIndex, a, a.Name, a.SQL)
		} else {
			w.note(a, &Object{})
		}
	}
}

// goesWithTable tells whether an object is gone because its table is.
func (w *driftWork) goesWithTable(o *Object) bool {
	return o.Type == typeIndex && findNamed(w.to, typeTable, o.Table) == nil
}

func (w *driftWork) note(a, b *Object) {
	w.d.Notes = append(w.d.Notes, difference(a.Type, a, a.Name, a.SQL, b.SQL, ""))
}

func isUnique(o *Object) bool {
	_, unique := uniqueIndex(o.SQL)
	return o.Type == typeIndex && unique
}

// sortDifferences puts differences in an order for people.
func sortDifferences(list []DriftDifference) {
	slices.SortStableFunc(list, func(a, b DriftDifference) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Table, b.Table), strings.Compare(a.Name, b.Name))
	})
}

package applier

import (
	"slices"
	"strings"

	"replog/replog"
)

// addedColumn is a column that was added to a table, as that should be.
type addedColumn struct {
	table  *Object
	column clause
}

func (a *addedColumn) sql() string {
	return "ALTER TABLE " + replog.QuoteName(a.table.Name) + " ADD COLUMN " + a.column.text
}

// addable returns why SQLite does not add a column to a table that has a row.
func addable(table *Object, column clause) error {
	s, err := newScratch(nil, false)
	if err != nil {
		return err
	}
	defer s.Close()
	options := ""
	if strings.Contains(parseTable(table.SQL).options, "STRICT") {
		options = " STRICT"
	}
	name := replog.QuoteName(table.Name)
	var others []string
	for _, c := range parseTable(table.SQL).columns {
		if c.name != column.name {
			others = append(others, ", "+replog.QuoteName(c.name)+" INT") // by what it is called, for checks
		}
	}
	id := ownPrefix + "id"
	return s.Script("CREATE TABLE " + name + "(" + id + " INTEGER PRIMARY KEY" + strings.Join(others, "") + ")" + options +
		"; INSERT INTO " + name + "(" + id + ") VALUES(1); ALTER TABLE " + name + " ADD COLUMN " + column.text)
}

// addition is a statement that adds an object, or, as kind says, a column.
type addition struct {
	kind, name, sql string
	object          *Object // it, or the table
}

// order puts the additions into an order that works: tables, parents before their
// children, then columns, indexes, views and triggers, each in the order of
// creation.
func (w *driftWork) order() (list []addition) {
	add := func(objects []Object, kind string) {
		for i := range objects {
			if o := &objects[i]; o.Type == kind {
				list = append(list, addition{kind, o.Name, o.SQL, o})
			}
		}
	}
	add(parentsFirst(w.created), typeTable)
	for _, a := range w.columnOrder() {
		list = append(list, addition{"column", a.column.name, a.sql(), a.table})
	}
	for _, kind := range []string{typeIndex, typeView, typeTrigger} {
		add(w.more, kind)
	}
	return list
}

// parentsFirst orders tables so that each comes after those that it refers to, as
// far as they do not refer to each other.
func parentsFirst(tables []Object) (list []Object) {
	names, done := map[string]int{}, map[int]bool{}
	for i, o := range tables {
		names[foldName(o.Name)] = i
	}
	var add func(int)
	add = func(i int) {
		if done[i] {
			return
		}
		done[i] = true
		tokens := tokenize(tables[i].SQL)
		for n := 1; n < len(tokens); n++ {
			if parent, ok := names[unquotedName(tokens[n])]; ok && tokens[n-1].is("references") {
				add(parent)
			}
		}
		list = append(list, tables[i])
	}
	for i := range tables {
		add(i)
	}
	return list
}

func unquotedName(t token) string {
	if !t.isName() {
		return ""
	}
	return unquoted(t)
}

// columnOrder puts generated columns after those that they are computed from.
func (w *driftWork) columnOrder() (list []addedColumn) {
	rest := slices.Clone(w.columns)
	for len(rest) > 0 {
		at := slices.IndexFunc(rest, func(a addedColumn) bool {
			return !slices.ContainsFunc(rest, func(b addedColumn) bool {
				return a.table == b.table && a.column.name != b.column.name && namesAny(a.column.text, map[string]bool{b.column.name: true})
			})
		})
		at = max(at, 0)
		list = append(list, rest[at])
		rest = slices.Delete(rest, at, at+1)
	}
	return list
}

package model

import (
	"fmt"
	"slices"
	"strings"
)

// addTriggers draws application triggers: on the same table, on another, for
// each event, before and after, made before capture and after it.
//
// Until the next closing, triggers that are newer than capture run before it. A
// row that such a trigger's statement clashes with may then look evicted and
// inserted again; so those made after capture clash with nothing.
func (f *family) addTriggers(g generator) {
	for n := range g.upTo(3, "triggers") {
		text, clashes := f.trigger(g, n)
		_ = clashes
		if !g.chance(60, "made after capture") {
			f.before = append(f.before, text)
			continue
		}
		f.after = append(f.after, text)
		for _, t := range f.tables {
			t.newerTriggers = true
		}
	}
}

// trigger draws one, and tells whether what it does may clash with another row.
func (f *family) trigger(g generator, n int) (text string, clashes bool) {
	on, other := pickOne(g, f.tables, "trigger's table"), pickOne(g, f.tables, "trigger's target")
	event := pickOne(g, []string{"INSERT", "UPDATE", "DELETE"}, "event")
	var body string
	switch g.upTo(4, "trigger's body") {
	case 0:
		if event == "DELETE" {
			event = "INSERT"
		}
		other = on
		body = on.assign(g) + " WHERE " + on.keyIs("NEW")
		clashes = on.isUnique(len(on.columns) - 1)
	case 1:
		body = other.assign(g) + other.whereKey(g)
		clashes = other.isUnique(len(other.columns) - 1)
	case 2:
		body = "DELETE FROM " + other.quoted + other.whereKey(g)
	default:
		body = "INSERT OR REPLACE INTO " + other.quoted + other.columnList() + " VALUES(" + strings.Join(other.literals(g), ", ") + ")"
		clashes = true
	}
	timing := "AFTER"
	if other != on { // what a BEFORE trigger may do to its own row is undefined
		timing = pickOne(g, []string{"AFTER", "BEFORE"}, "timing")
	}
	return fmt.Sprintf("CREATE TRIGGER app%d %s %s ON %s BEGIN %s; END", n, timing, event, on.quoted, body), clashes
}

// assign sets the last column.
func (t *familyTable) assign(g generator) string {
	last := t.columns[len(t.columns)-1]
	return "UPDATE OR IGNORE " + t.quoted + " SET " + last.name + " = " + pickOne(g, domains[last.kind], "trigger's value")
}

func (t *familyTable) whereKey(g generator) string {
	key := t.columns[t.Key[0]]
	return " WHERE " + key.name + " = " + pickOne(g, domains[key.kind], "trigger's key")
}

func (t *familyTable) isUnique(column int) bool {
	return slices.ContainsFunc(t.indexes(), func(x Index) bool {
		return x.Expr != nil || slices.Contains(x.Columns, column)
	})
}

func (t *familyTable) keyIs(row string) string {
	var terms []string
	for _, k := range t.Key {
		terms = append(terms, t.columns[k].name+" IS "+row+"."+t.columns[k].name)
	}
	return strings.Join(terms, " AND ")
}

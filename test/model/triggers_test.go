package model

import (
	"fmt"
	"strings"
)

// addTriggers draws application triggers: on the same table, on another, for
// each event, before and after, made before capture and after it.
func (f *family) addTriggers(g generator) {
	for n := range g.upTo(3, "triggers") {
		text, t := f.trigger(g, n)
		f.add(text, t, g.chance(50, "made after capture"))
	}
}

// add adds a trigger, with what it is.
func (f *family) add(text string, t appTrigger, late bool) {
	t.late = late
	f.triggers = append(f.triggers, t)
	if late {
		f.after = append(f.after, text)
	} else {
		f.before = append(f.before, text)
	}
}

func (f *family) trigger(g generator, n int) (string, appTrigger) {
	on, other := pickOne(g, f.tables, "trigger's table"), pickOne(g, f.tables, "trigger's target")
	event := pickOne(g, []string{"INSERT", "UPDATE", "DELETE"}, "event")
	var body string
	by := "UPDATE"
	switch g.upTo(4, "trigger's body") {
	case 0:
		if event == "DELETE" {
			event = "INSERT"
		}
		other = on
		body = f.assign(g, on) + " WHERE " + on.keyIs("NEW")
	case 1:
		body = f.assign(g, other) + other.whereKey(g)
	case 2:
		by = "DELETE"
		body = "DELETE FROM " + other.quoted + other.whereKey(g)
	default:
		by = "INSERT"
		body = "INSERT OR REPLACE INTO " + other.quoted + other.columnList() + " VALUES(" + strings.Join(other.literals(g), ", ") + ")"
	}
	timing := "AFTER"
	if other != on { // what a BEFORE trigger may do to its own row is undefined
		timing = pickOne(g, []string{"AFTER", "BEFORE"}, "timing")
	}
	name := fmt.Sprintf("app%d", n)
	return fmt.Sprintf("CREATE TRIGGER app%d %s %s ON %s BEGIN %s; END", n, timing, event, on.quoted, body),
		appTrigger{name: name, on: on.Name, event: event, by: by, writes: other.Name}
}

// assign sets the last column.
func (f *family) assign(g generator, t *familyTable) string {
	last := t.columns[len(t.columns)-1]
	return "UPDATE OR IGNORE " + t.quoted + " SET " + last.name + " = " + pickOne(g, domains[last.kind], "trigger's value")
}

func (t *familyTable) whereKey(g generator) string {
	key := t.columns[t.Key[0]]
	return " WHERE " + key.name + " = " + pickOne(g, domains[key.kind], "trigger's key")
}

func (t *familyTable) keyIs(row string) string {
	var terms []string
	for _, k := range t.Key {
		terms = append(terms, t.columns[k].name+" IS "+row+"."+t.columns[k].name)
	}
	return strings.Join(terms, " AND ")
}

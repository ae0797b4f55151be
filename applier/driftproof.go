package applier

import (
	"fmt"
	"slices"
)

// prove runs the additions in a database in memory that is made of from, and
// compares the result with to. What does not come about is a conflict. Those that
// may not be logged stay in the file, but for unique indexes, which would refuse
// what comes from others.
func (w *driftWork) prove(list []addition) error {
	s, err := newScratch(w.from, false)
	if err != nil {
		return err
	}
	defer s.Close()
	r, err := NewReplica(s.Conn)
	if err != nil {
		return err
	}
	for _, a := range list {
		x, err := r.InspectSchema(a.sql, SchemaOptions{})
		switch {
		case err != nil:
			return err
		case x.Refused != nil && a.kind == typeIndex && isUnique(a.object):
			w.d.Conflicts = append(w.d.Conflicts, difference(a.kind, a.object, a.name, "", a.sql, x.Refused.Detail))
			continue
		case x.Refused != nil:
			w.local(a.kind, a.object, a.name, a.sql, x.Refused.Detail)
			continue
		}
		if err := s.Script(a.sql); err != nil {
			return fmt.Errorf("%w: %s", err, abbreviate(a.sql))
		}
		w.d.Statements = append(w.d.Statements, a.sql)
	}
	made, err := ReadObjects(s.Conn)
	if err != nil {
		return err
	}
	made = append(made, s.left...)
	for i := range w.to {
		w.compare(made, &w.to[i])
	}
	w.triggerOrder(made)
	return nil
}

// compare checks that an object which was found is among those that were made. Of
// a table that lacks something, as Missing says, the rest has to be the same.
func (w *driftWork) compare(made []Object, o *Object) {
	is := findObject(made, o.Type, o.Name)
	told := func(list []DriftDifference) bool {
		return slices.ContainsFunc(list, func(d DriftDifference) bool {
			if o.Type == typeTable {
				return foldName(d.Table) == foldName(o.Name)
			}
			return d.Kind == o.Type && foldName(d.Name) == foldName(o.Name)
		})
	}
	switch {
	case is != nil && w.form.same(is, o), told(w.d.Conflicts), told(w.d.Local), o.Type != typeTable && told(w.d.Notes):
	case is != nil && o.Type == typeTable && told(w.d.Missing) && w.lacks(is, o):
	case is == nil:
		w.conflict(o.Type, o, o.Name, "", o.SQL)
	default:
		w.conflict(o.Type, o, o.Name, is.SQL, o.SQL)
	}
}

// lacks tells whether a table is another but for what it lacks.
func (w *driftWork) lacks(whole, part *Object) bool {
	a, b := w.form.definition(whole.SQL), w.form.definition(part.SQL)
	for _, c := range b.columns {
		if other, ok := a.column(c.name); !ok || other.norm != c.norm {
			return false
		}
	}
	return a.options == b.options && len(subtract(b.constraints, a.constraints)) == 0
}

// triggerOrder notes events whose triggers fire in another order than the
// statements lead to.
func (w *driftWork) triggerOrder(made []Object) {
	both := func(list, other []Object) map[string][]Object {
		events := map[string][]Object{}
		for _, o := range list {
			if there := findObject(other, typeTrigger, o.Name); o.Type == typeTrigger && there != nil && w.form.same(there, &o) {
				event := triggerEvent(&o)
				events[event] = append(events[event], o)
			}
		}
		return events
	}
	a, b := both(made, w.to), both(w.to, made)
	for event, list := range b {
		if !slices.EqualFunc(a[event], list, func(x, y Object) bool { return foldName(x.Name) == foldName(y.Name) }) {
			w.d.Notes = append(w.d.Notes, difference("trigger order", &list[0], "", namesOfObjects(a[event]), namesOfObjects(list), ""))
		}
	}
}

func namesOfObjects(list []Object) (names string) {
	for i, o := range list {
		if i > 0 {
			names += ", "
		}
		names += o.Name
	}
	return names
}

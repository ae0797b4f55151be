package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// derived is what of a database follows from its tables and is not replicated:
// virtual tables, such as full-text indexes. Each replica keeps its own.
type derived struct {
	// triggers are the application's, by folded name, that write to nothing but
	// virtual tables. They stay on while replog writes: what they do was captured
	// nowhere.
	triggers map[string]bool
	// indexes are the full-text indexes with the content of other tables.
	indexes []contentIndex
	// unkept are virtual tables that triggers of replicated tables keep, but that
	// do not follow what replog writes: their module is missing here, or such a
	// trigger does other things too.
	unkept []string
}

// contentIndex is a full-text index whose content is another table or a view.
type contentIndex struct {
	name   string
	tables []*Table // the replicated tables that it shows
	// kept: triggers that stay on keep it.
	kept bool
}

// readDerived works out what the triggers of replicated tables derive.
func (r *Replica) readDerived(triggers []trigger) (*derived, error) {
	d := &derived{triggers: map[string]bool{}}
	if len(r.Schema.virtual) == 0 {
		return d, nil
	}
	objects, err := readObjects(r.Conn)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(triggers, r.mayDerive) && !slices.ContainsFunc(objects, func(o object) bool { return contentOption(o.sql) != "" }) {
		return d, nil
	}
	s, err := newStandIn(r.Conn, r.Schema, objects)
	if err != nil {
		return nil, err
	}
	defer s.close()
	kept, lost := s.sort(slices.DeleteFunc(slices.Clone(triggers), func(t trigger) bool { return !r.mayDerive(t) }))
	for _, w := range kept {
		d.triggers[w.trigger] = true
	}
	for _, o := range objects {
		if !s.virtual[foldName(o.name)] {
			continue
		}
		name := foldName(o.name)
		x := contentIndex{name: o.name, kept: slices.ContainsFunc(kept, func(w virtualWriter) bool { return slices.Contains(w.tables, name) })}
		if content := contentOption(o.sql); content != "" {
			x.tables = s.shows(o.name, content, r.Schema)
		}
		switch {
		case x.tables != nil:
			d.indexes = append(d.indexes, x)
		case lost[name]:
			d.unkept = append(d.unkept, o.name)
		}
	}
	d.unkept = append(d.unkept, s.missing(triggers)...)
	return d, nil
}

// mayDerive tells whether a trigger of the application may name a virtual table.
func (r *Replica) mayDerive(t trigger) bool {
	return !t.own() && slices.ContainsFunc(r.Schema.virtual, func(name string) bool { return mentions(t.sql, name) })
}

// UnkeptTables names the virtual tables that the application keeps by triggers
// and that do not follow what replog writes.
func (r *Replica) UnkeptTables() ([]string, error) {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return nil, err
	}
	d, err := r.readDerived(triggers)
	if err != nil {
		return nil, err
	}
	return d.unkept, nil
}

// DerivedTriggers names the triggers, folded, that stay on while replog writes.
func (r *Replica) DerivedTriggers() (map[string]bool, error) {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return nil, err
	}
	d, err := r.readDerived(triggers)
	if err != nil {
		return nil, err
	}
	return d.triggers, nil
}

// RebuildIndexes makes full-text indexes anew from the tables that they show, in
// the caller's transaction: those that no trigger keeps or, if all, every one.
func (r *Replica) RebuildIndexes(all bool) error {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	d, err := r.readDerived(triggers)
	if err != nil {
		return err
	}
	return r.rebuild(d, func(x *contentIndex) bool { return all || !x.kept })
}

func (r *Replica) rebuild(d *derived, wanted func(*contentIndex) bool) error {
	for i := range d.indexes {
		x := &d.indexes[i]
		if !wanted(x) {
			continue
		}
		name := replog.QuoteName(x.name)
		if err := r.Script(fmt.Sprintf("INSERT INTO main.%[1]s(%[1]s) VALUES('rebuild')", name)); err != nil {
			return fmt.Errorf("rebuild the full-text index %q: %w", x.name, err)
		}
	}
	return nil
}

// contentOption is the content= option of a full-text index: the name of the
// table or view that it shows, or "".
func contentOption(sql string) string {
	tokens := tokenize(sql)
	open := slices.IndexFunc(tokens, func(t token) bool { return t.is("(") })
	if !isVirtual(sql) || open < 2 || !tokens[open-1].is("fts4", "fts5") {
		return ""
	}
	for i := open; i+3 < len(tokens); i++ {
		if tokens[i].is("(", ",") && tokens[i+1].is("content") && tokens[i+2].is("=") {
			return strings.Trim(tokens[i+3].normal(), "'")
		}
	}
	return ""
}

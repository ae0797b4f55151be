package applier

import (
	"slices"
)

// effects are what a statement of a kind on a table may lead to.
type effects struct {
	tables   map[*Table]bool
	triggers []*triggerShape
	// actions: foreign-key actions other than RESTRICT. restricts: RESTRICT, or
	// an action that writes unique columns of children.
	actions, restricts bool
	// again: a table may be written while a trigger of its own runs.
	again bool
	// impure is a function that the default of a SET DEFAULT calls.
	impure string
}

type happening struct {
	table *Table
	kind  IntentKind
}

// effects follows triggers and foreign-key actions.
func (k *checker) effects(t *Table, kind IntentKind) *effects {
	e := &effects{tables: map[*Table]bool{}}
	e.follow(k, happening{t, kind}, map[happening]bool{}, nil)
	return e
}

func (e *effects) follow(k *checker, at happening, seen map[happening]bool, path []happening) {
	if slices.Contains(path, at) {
		e.again = true
		return
	}
	if seen[at] {
		return
	}
	seen[at] = true
	e.tables[at.table] = true
	path = append(slices.Clone(path), at)
	for _, f := range at.table.Inbound {
		action := f.OnUpdate
		if at.kind == IntentDelete {
			action = f.OnDelete
		}
		if at.kind == IntentInsert || action == actionNone {
			continue
		}
		switch action {
		case actionRestrict:
			e.restricts = true
			continue
		case actionCascade:
		default:
			e.restricts = e.restricts || k.changesUnique(f.Child, columnNames(f.Child, f.Columns))
		}
		e.actions = true
		if action == actionSetDefault {
			for _, n := range f.Columns {
				if impure := impureCall(tokenize(f.Child.Columns[n].Default)); impure != "" {
					e.impure = impure
				}
			}
		}
		next := happening{f.Child, IntentUpdate}
		if at.kind == IntentDelete && action == actionCascade {
			next.kind = IntentDelete
		}
		e.follow(k, next, seen, path)
	}
	for _, x := range k.catalog.triggersOn(at.table.Name) {
		if x.event != string(at.kind) {
			continue
		}
		e.triggers = append(e.triggers, x)
		for _, statement := range x.body {
			d, ok := parseStatement(statement)
			if !ok {
				continue
			}
			kinds := []IntentKind{d.kind}
			if d.upsert != nil {
				kinds = append(kinds, IntentUpdate)
			}
			for _, kind := range kinds {
				if t := k.catalog.schema.Table(d.table); t != nil {
					e.follow(k, happening{t, kind}, seen, path)
				}
			}
		}
	}
}

func columnNames(t *Table, columns []int) []string {
	names := make([]string, len(columns))
	for i, n := range columns {
		names[i] = foldName(t.Columns[n].Name)
	}
	return names
}

// unordered refuses what depends on the order in which several rows are written.
func (k *checker) unordered(e *effects) {
	if len(e.triggers) > 0 {
		k.fail(UnsafeTrigger, "trigger %q fires for several rows, in no certain order", e.triggers[0].name)
	}
	if e.restricts {
		k.fail(UnsafeForeignKey, "whether a foreign key refuses several rows depends on their order")
	}
}

// chain checks the triggers that fire.
func (k *checker) chain(e *effects) {
	if e.impure != "" {
		k.fail(UnsafeDefault, "SET DEFAULT calls %s", e.impure)
	}
	if e.again && len(e.triggers) > 0 {
		k.fail(UnsafeTrigger, "trigger %q may fire within itself, which depends on a PRAGMA", e.triggers[0].name)
		return
	}
	first := map[[2]string]*triggerShape{}
	for _, x := range e.triggers {
		if k.found != nil {
			return
		}
		if other := first[[2]string{x.table, x.event}]; other != nil {
			k.fail(UnsafeTrigger, "triggers %q and %q fire in no certain order", x.name, other.name)
		}
		first[[2]string{x.table, x.event}] = x
		k.trigger(x)
	}
}

func (k *checker) trigger(x *triggerShape) {
	if k.checked[x.name] {
		return
	}
	k.checked[x.name] = true
	k.text("trigger "+x.name, tokenize(x.sql))
	k.calls("trigger "+x.name, x.when)
	k.expression(x.when)
	for _, statement := range x.body {
		d, ok := parseStatement(statement)
		switch {
		case ok:
			k.clauses("trigger "+x.name, d)
			k.dml(d, within{trigger: x})
		case len(statement) > 0 && statement[0].is("select"):
			k.calls("trigger "+x.name, statement)
			k.query(statement, forExists)
		default:
			k.fail(UnsafeForm, "trigger %q has a statement of a form that is not looked into", x.name)
		}
	}
}

// parseStatement is parseDML where it is one.
func parseStatement(tokens []token) (*dml, bool) {
	if len(tokens) < 2 || !tokens[0].is("insert", "replace", "update", "delete") {
		return nil, false
	}
	return parseDML(tokens), true
}

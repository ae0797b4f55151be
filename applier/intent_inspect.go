package applier

import (
	"fmt"
	"slices"
	"strings"
)

func (x *Intents) inspect(sql string) (*Inspection, error) {
	tokens := tokenize(sql)
	for len(tokens) > 0 && tokens[len(tokens)-1].is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	i := &Inspection{Kind: IntentOther, length: x.o.Limits.Length}
	k := &checker{catalog: x.catalog, checked: map[string]bool{}}
	if len(tokens) > 0 {
		i.SQL = sql[tokens[0].from:tokens[len(tokens)-1].to]
	}
	i.One = len(tokens) > 0 && !slices.ContainsFunc(tokens, func(t token) bool { return t.is(";") })
	var number map[int]int
	number, i.Names, i.Parameters = parameters(tokens)
	switch {
	case strings.ContainsRune(sql, 0):
		k.fail(UnsafeSyntax, "a NUL in the text")
	case x.o.Limits.SQLLength > 0 && len(sql) > x.o.Limits.SQLLength:
		k.fail(UnsafeSyntax, "a text of %d bytes; at most %d are taken", len(sql), x.o.Limits.SQLLength)
	case deepest(tokens) > maxNesting:
		k.fail(UnsafeSyntax, "parentheses within parentheses %d deep", deepest(tokens))
	case !i.One:
		k.fail(UnsafeSeveral, "not exactly one statement")
	case tokens[0].is("with"):
		k.fail(UnsafeWith, "a common table expression")
	default:
		err := x.look(i, k, tokens, number)
		if err != nil {
			return nil, err
		}
	}
	if k.found != nil {
		k.found.SQL = i.SQL
		i.Unsafe = k.found
	}
	return i, nil
}

// look fills an inspection of what seems to be one statement.
func (x *Intents) look(i *Inspection, k *checker, tokens []token, number map[int]int) error {
	d, ok := parseStatement(tokens)
	if !ok {
		k.fail(UnsafeStatement, "no INSERT, UPDATE or DELETE")
		return nil
	}
	i.Kind = d.kind
	i.Writes = []string{d.table}
	if t := x.r.Schema.Table(d.table); t != nil {
		i.Writes[0] = t.Name
	}
	if d.returning != nil {
		if _, _, inside := parameters(d.returning); inside > 0 {
			k.fail(UnsafeForm, "a parameter within RETURNING")
		}
		tokens = tokens[:slices.IndexFunc(tokens, func(t token) bool { return t == d.returning[0] })-1]
		i.SQL = i.SQL[:tokens[len(tokens)-1].to-tokens[0].from]
	}
	if d.schema != "" && d.schema != "main" {
		k.fail(UnsafeSchema, "table %q is in %q", d.table, d.schema)
	}
	x.hidden(k, tokens)
	k.text("it", tokens)
	k.clauses("it", d)
	k.quoted(tokens)
	if k.found == nil {
		if err := x.compile(i, k, tokens); err != nil {
			return err
		}
	}
	if k.found != nil && (k.found.Class == UnsafeSyntax || k.found.Class == UnsafeQuoted) {
		k.found.Missing = k.missing(d)
	}
	if k.found == nil {
		i.notNull = k.statement(d, number)
		i.probe = x.probe(d, tokens, i.SQL)
	}
	t := x.r.Schema.Table(d.table)
	if t == nil {
		return nil
	}
	e := k.effects(t, d.kind)
	if slices.ContainsFunc(d.upsert, func(t token) bool { return t.is("update") }) {
		e.follow(k, happening{t, IntentUpdate}, map[happening]bool{}, nil)
	}
	for touched := range e.tables {
		k.table(touched)
		i.Touches = append(i.Touches, touched.Name)
	}
	slices.Sort(i.Touches)
	if x.o.Live {
		x.settings(i, k, e)
	}
	return nil
}

// compile lets SQLite compile the statement, and notes what it names.
func (x *Intents) compile(i *Inspection, k *checker, tokens []token) error {
	named := k.namesOf(tokens)
	reads, functions := map[string]bool{}, map[string]bool{}
	allow := func(a action, object, detail, schema string) bool {
		switch a {
		case actionSelect:
		case actionFunction:
			if name := foldName(detail); named[name] || name == "like" || name == "glob" {
				functions[name] = true
			}
		case actionRead, actionInsert, actionUpdate, actionDelete:
			if !named[foldName(object)] {
				return true // what a trigger does; its text is looked at
			}
			if schema != "main" && (schema != "" || x.live.hides(object)) {
				k.fail(UnsafeSchema, "%s.%s is not in this database", schema, object)
				return false
			}
			if a == actionRead {
				reads[object] = true
			}
		default:
			k.fail(UnsafeStatement, "no INSERT, UPDATE or DELETE")
			return false
		}
		return true
	}
	err := x.r.limited(&x.o.Limits, func() error {
		return x.r.authorized(allow, func() error { return x.r.compiles(i.SQL) })
	})
	if err != nil {
		if code := resultCode(err); code != sqliteError && code != sqliteAuth && code != sqliteTooBig && code != sqliteRange {
			return fmt.Errorf("inspect %s: %w", abbreviate(i.SQL), err)
		}
		k.fail(UnsafeSyntax, "%v", err)
	}
	for name := range reads {
		if x.catalog.views[foldName(name)] {
			continue
		}
		if x.r.Schema.Table(name) == nil && !readableModules[foldName(name)] {
			k.fail(UnsafeTable, "table %q is not replicated", name)
		}
		i.Reads = append(i.Reads, name)
	}
	for name := range functions {
		if !pureFunctions[name] && !openAggregates[name] {
			k.fail(UnsafeFunction, "it calls %s, whose result may be another elsewhere", name)
		}
		i.Functions = append(i.Functions, name)
	}
	slices.Sort(i.Reads)
	slices.Sort(i.Functions)
	return nil
}

// missing tells whether a statement writes what is not there.
func (k *checker) missing(d *dml) bool {
	if _, there := k.catalog.views[d.table]; !there {
		return true
	}
	targets := slices.Clone(d.columns)
	for _, s := range d.set {
		if len(s) > 1 && s[1].is("=") {
			targets = append(targets, s[0])
		}
	}
	t := k.catalog.schema.Table(d.table)
	if t == nil {
		return false
	}
	there := map[string]bool{}
	for _, c := range slices.Concat(t.Columns, t.Local) {
		there[foldName(c.Name)] = true
	}
	for i := range t.Generated {
		there[foldName(t.Generated[i].Name)] = true
	}
	return slices.ContainsFunc(targets, func(name token) bool { return name.isName() && !there[unquoted(name)] })
}

// namesOf is the set of folded names in a statement and in the views that it names.
func (k *checker) namesOf(tokens []token) map[string]bool {
	named := map[string]bool{}
	var add func([]token)
	add = func(tokens []token) {
		for _, t := range tokens {
			if !t.isName() || named[unquoted(t)] {
				continue
			}
			named[unquoted(t)] = true
			if k.catalog.views[unquoted(t)] {
				add(k.catalog.texts[unquoted(t)])
			}
		}
	}
	add(tokens)
	return named
}

package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// Intents inspects and runs intents on a replica. It is for the goroutine that the
// replica is for.
type Intents struct {
	r       *Replica
	o       IntentOptions
	catalog *catalog
	version int64 // of the schema that catalog is of
	cache   map[string]*Inspection
	mode    intentMode
	guard   guard
}

// IntentOptions says what a connection is for.
type IntentOptions struct {
	// Live: the connection is an application's, so that its settings count, and
	// nothing is run. Otherwise it is one of Open's.
	Live bool
	// Triggers are the SQL texts of the application's triggers, in order of
	// creation, where they are kept elsewhere than in the database's schema. What
	// of them is in the schema is there as well.
	Triggers []string
	// Limits bound what an intent may cost.
	Limits Limits
}

// NewIntents makes ready to inspect and run intents on a replica.
func NewIntents(r *Replica, o IntentOptions) *Intents {
	return &Intents{r: r, o: o, version: -1, cache: map[string]*Inspection{}}
}

// maxNesting bounds how deep parentheses may nest, as the work on a text is in
// proportion to that too. SQLite's own bound is on the depth of expressions, 1,000.
const maxNesting = 200

// maxInspections bounds the inspections that are kept.
const maxInspections = 1_000

// Inspect looks at one statement without running it. What speaks against running
// it elsewhere is in Inspection.Unsafe; errors are those of the database.
//
// SQLite compiles the statement under an authorizer that allows reading and writing
// the database's tables and nothing else
// (https://www.sqlite.org/c3ref/set_authorizer.html). What it does not tell, such as
// ORDER BY, is read from the texts of the statement and of the views and triggers
// that take part. Where that does not decide, the statement is unsafe.
func (x *Intents) Inspect(sql string) (*Inspection, error) {
	if err := x.refresh(); err != nil {
		return nil, err
	}
	if known := x.cache[sql]; known != nil {
		return known, nil
	}
	i, err := x.inspect(sql)
	if err != nil || x.o.Live || len(sql) > maxCached {
		return i, err // a setting may change unseen
	}
	if len(x.cache) >= maxInspections {
		clear(x.cache)
	}
	x.cache[sql] = i
	return i, nil
}

// refresh reads the schema again where it has changed, but for what run changes of
// it itself.
func (x *Intents) refresh() error {
	if x.catalog != nil && !x.o.Live {
		if x.catalog.schema == x.r.Schema {
			return nil
		}
	}
	if x.o.Live {
		if err := x.r.Refresh(); err != nil {
			return err
		}
		if x.catalog != nil && x.version == x.r.version {
			return nil
		}
	}
	triggers, err := x.triggers()
	if err != nil {
		return err
	}
	if x.catalog, err = readCatalog(x.r, triggers); err != nil {
		return err
	}
	x.version = x.r.version
	clear(x.cache)
	return nil
}

// triggers lists the application's triggers in order of creation.
func (x *Intents) triggers() ([]trigger, error) {
	if x.o.Triggers == nil {
		if x.r.aside != nil {
			return x.r.aside, nil
		}
		list, err := x.r.triggersOfTables()
		return slices.DeleteFunc(list, func(t trigger) bool { return t.own() }), err
	}
	var list []trigger
	for _, sql := range x.o.Triggers {
		shape := parseTrigger(sql)
		if x.r.Schema.Table(shape.table) == nil {
			continue
		}
		list = append(list, trigger{name: shape.name, table: shape.table, sql: sql})
	}
	return list, nil
}

func (x *Intents) inspect(sql string) (*Inspection, error) {
	tokens := tokenize(sql)
	for len(tokens) > 0 && tokens[len(tokens)-1].is(";") {
		tokens = tokens[:len(tokens)-1]
	}
	i := &Inspection{Kind: IntentOther}
	k := &checker{catalog: x.catalog, checked: map[string]bool{}}
	if len(tokens) > 0 {
		i.SQL = sql[tokens[0].from:tokens[len(tokens)-1].to]
	}
	i.One = len(tokens) > 0 && !slices.ContainsFunc(tokens, func(t token) bool { return t.is(";") })
	var number map[int]int
	number, i.Parameters = parameters(tokens)
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
		if _, inside := parameters(d.returning); inside > 0 {
			k.fail(UnsafeForm, "a parameter within RETURNING")
		}
		tokens = tokens[:slices.IndexFunc(tokens, func(t token) bool { return t == d.returning[0] })-1]
		i.SQL = i.SQL[:tokens[len(tokens)-1].to-tokens[0].from]
	}
	if d.schema != "" && d.schema != "main" {
		k.fail(UnsafeSchema, "table %q is in %q", d.table, d.schema)
	}
	k.text("it", tokens)
	k.clauses("it", d)
	k.quoted(tokens)
	if k.found == nil {
		if err := x.compile(i, k, tokens); err != nil {
			return err
		}
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
	for touched := range e.tables {
		k.table(touched)
		i.Touches = append(i.Touches, touched.Name)
	}
	slices.Sort(i.Touches)
	if x.o.Live {
		return x.settings(i, k, e)
	}
	return nil
}

// compile lets SQLite compile the statement, and notes what it names.
func (x *Intents) compile(i *Inspection, k *checker, tokens []token) error {
	named := k.namesOf(tokens)
	temporary, err := x.temporary()
	if err != nil {
		return err
	}
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
			if schema != "main" && (schema != "" || temporary[foldName(object)]) {
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
	err = x.limited(func() error {
		return x.r.authorized(allow, func() error {
			s, err := x.r.conn.Prepare(i.SQL)
			if err == nil {
				err = s.Close()
			}
			return err
		})
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

// temporary names, folded, what shadows the database's tables: of a table of which
// no column is read the authorizer does not tell the schema.
func (x *Intents) temporary() (map[string]bool, error) {
	list := map[string]bool{}
	if !x.o.Live {
		return list, nil // ours alone
	}
	return list, x.r.Query("SELECT name FROM temp.sqlite_schema", func(row []replog.Value) error {
		list[foldName(row[0].Bytes())] = true
		return nil
	})
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

// settings checks the settings of an application's connection that the statement
// depends on. Elsewhere it will run with SQLite's defaults, but with foreign keys.
func (x *Intents) settings(i *Inspection, k *checker, e *effects) error {
	ask := func(query string) (int64, error) {
		row, err := x.r.QueryRow(query)
		if err != nil || row == nil {
			return 0, err
		}
		return row[0].Int64(), nil
	}
	related := false
	for t := range e.tables {
		related = related || len(t.ForeignKeys) > 0 || len(t.Inbound) > 0
	}
	for _, s := range []struct {
		query string
		want  int64
		asks  bool
		what  string
	}{
		{"PRAGMA foreign_keys", 1, related, "foreign keys are off"},
		{"PRAGMA ignore_check_constraints", 0, true, "CHECK constraints are off"},
		{"PRAGMA writable_schema", 0, true, "writable_schema is on"},
		{"SELECT 'a' LIKE 'A'", 1, k.likes(i), "LIKE is case-sensitive"},
	} {
		if !s.asks {
			continue
		}
		got, err := ask(s.query)
		if err != nil {
			return err
		}
		if got != s.want {
			k.fail(UnsafeSetting, "%s on this connection", s.what)
		}
	}
	return nil
}

// likes tells whether anything that takes part may call LIKE.
func (k *checker) likes(i *Inspection) bool {
	if slices.Contains(i.Functions, "like") {
		return true
	}
	for _, x := range k.catalog.triggers {
		if slices.Contains(i.Touches, x.table) || slices.ContainsFunc(tokenize(x.sql), func(t token) bool { return t.is("like") }) {
			return true
		}
	}
	return slices.ContainsFunc(i.Touches, func(name string) bool { return k.catalog.has(name, "like") })
}

// probe renders a query that reads what the statement reads, and counts the rows
// that it would write; "" where both are little.
func (x *Intents) probe(d *dml, tokens []token, sql string) string {
	base := tokens[0].from
	text := func(part []token) string { return sql[part[0].from-base : part[len(part)-1].to-base] }
	hasQuery := func(part []token) bool {
		return slices.ContainsFunc(part, func(t token) bool { return t.is("select", "in") })
	}
	where := ""
	if d.where != nil {
		where = " WHERE " + text(d.where)
	}
	switch {
	case d.kind == IntentInsert && d.source != nil:
		return countEach(len(d.columns), text(d.source))
	case d.kind == IntentInsert:
		var rows []string
		queries := false
		for _, row := range d.values {
			if hasQuery(row) {
				queries = true
			}
			rows = append(rows, "("+text(row)+")")
		}
		if !queries {
			return ""
		}
		return countEach(len(d.columns), "VALUES"+strings.Join(rows, ", "))
	}
	t := x.r.Schema.Table(d.table)
	if t == nil {
		return ""
	}
	k := &checker{catalog: x.catalog}
	set := slices.Concat(d.set...)
	if !k.severalRows(d, t) && !hasQuery(set) && !hasQuery(d.where) {
		return ""
	}
	counts := []string{"count(*)"}
	for _, s := range d.set {
		if len(s) > 2 && s[1].is("=") {
			counts = append(counts, "count("+text(s[2:])+")")
		}
	}
	as := ""
	if d.alias != d.table {
		as = " AS " + replog.QuoteName(d.alias)
	}
	return "SELECT " + strings.Join(counts, ", ") + " FROM main." + replog.QuoteName(t.Name) + as + where
}

// countEach counts the rows of a query. Each column is counted too, as SQLite does
// not compute what nobody asks for.
func countEach(columns int, query string) string {
	names, counts := make([]string, columns), "count(*)"
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
		counts += fmt.Sprintf(", count(c%d)", i)
	}
	return fmt.Sprintf("WITH probe(%s) AS (%s) SELECT %s FROM probe", strings.Join(names, ", "), query, counts)
}

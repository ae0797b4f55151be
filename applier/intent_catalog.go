package applier

import (
	"slices"

	"replog/replog"
)

// catalog is what intents need to know of a schema beyond its tables: texts.
type catalog struct {
	schema   *Schema
	texts    map[string][]token // of tables and views, by folded name
	views    map[string]bool
	indexes  map[string][][]token // by folded table name
	triggers []*triggerShape      // the application's, in order of creation
	// known are the names of tables, views and columns, folded.
	known map[string]bool
	// functions are those that the connection has, and overridden the built-in
	// ones that the application replaced, folded.
	functions, overridden map[string]bool
}

// readCatalog reads the schema's texts. The triggers are the application's, in
// order of creation; those that keep virtual tables alone are left out.
func readCatalog(r *Replica, triggers []trigger) (*catalog, error) {
	c := &catalog{
		schema: r.Schema, texts: map[string][]token{}, views: map[string]bool{}, indexes: map[string][][]token{},
		known: wordSet("main rowid oid _rowid_ new old excluded"), functions: map[string]bool{}, overridden: map[string]bool{},
	}
	objects, err := readObjects(r.Conn)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		switch o.kind {
		case "table", "view":
			c.texts[foldName(o.name)] = tokenize(o.sql)
			c.views[foldName(o.name)] = o.kind == "view"
		case "index":
			c.indexes[foldName(o.table)] = append(c.indexes[foldName(o.table)], tokenize(o.sql))
		}
	}
	for name, view := range c.views {
		c.known[name] = true
		if !view {
			continue
		}
		for _, t := range c.texts[name] {
			if t.isName() {
				c.known[unquoted(t)] = true
			}
		}
	}
	for _, t := range r.Schema.Tables {
		for _, name := range t.ColumnNames() {
			c.known[foldName(name)] = true
		}
		for i := range t.Generated {
			c.known[foldName(t.Generated[i].Name)] = true
		}
	}
	err = r.Query("SELECT lower(name), builtin FROM pragma_function_list", func(row []replog.Value) error {
		name := row[0].Bytes()
		c.functions[name] = true
		if row[1].Int64() == 0 && pureFunctions[name] {
			c.overridden[name] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	derived, err := r.readDerived(triggers)
	if err != nil {
		return nil, err
	}
	for _, t := range triggers {
		if !derived.triggers[foldName(t.name)] {
			c.triggers = append(c.triggers, parseTrigger(t.sql))
		}
	}
	return c, nil
}

// triggersOn lists the application's triggers on a table or a view.
func (c *catalog) triggersOn(name string) (list []*triggerShape) {
	for _, t := range c.triggers {
		if t.table == foldName(name) {
			list = append(list, t)
		}
	}
	return list
}

// has tells whether the text of a table or of one of its indexes has a keyword.
func (c *catalog) has(table string, words ...string) bool {
	is := func(t token) bool { return t.is(words...) }
	return slices.ContainsFunc(c.texts[foldName(table)], is) ||
		slices.ContainsFunc(c.indexes[foldName(table)], func(text []token) bool { return slices.ContainsFunc(text, is) })
}

// triggerShape is a trigger's text taken apart. Names are folded.
type triggerShape struct {
	name, table, event string
	sql                string
	before             bool
	when               []token
	body               [][]token
}

// parseTrigger takes the SQL of a trigger apart, as sqlite_schema keeps it
// (https://www.sqlite.org/lang_createtrigger.html).
func parseTrigger(sql string) *triggerShape {
	t := &triggerShape{sql: sql}
	tokens := tokenize(sql)
	i := slices.IndexFunc(tokens, func(t token) bool { return t.is("trigger") }) + 1
	if i+3 < len(tokens) && tokens[i].is("if") {
		i += 3
	}
	if i+2 < len(tokens) && tokens[i+1].is(".") {
		i += 2
	}
	if i >= len(tokens) {
		return t
	}
	t.name = unquoted(tokens[i])
	rest := tokens[i+1:]
	for len(rest) > 0 && !rest[0].is("insert", "update", "delete") {
		t.before = t.before || rest[0].is("before")
		rest = rest[1:]
	}
	on := outside(rest, "on")
	if on < 1 || on+1 >= len(rest) {
		return t
	}
	t.event, t.table = foldName(rest[0].text), unquoted(rest[on+1])
	rest = rest[on+2:]
	if len(rest) > 1 && rest[0].is(".") {
		t.table, rest = unquoted(rest[1]), rest[2:]
	}
	begin := bodyOf(rest)
	if begin < 0 {
		return t
	}
	if when := outside(rest[:begin], "when"); when >= 0 {
		t.when = rest[when+1 : begin]
	}
	body := rest[begin+1:]
	if len(body) > 0 && body[len(body)-1].is("end") {
		body = body[:len(body)-1]
	}
	for _, statement := range splitOutside(body, ";") {
		if len(statement) > 0 {
			t.body = append(t.body, statement)
		}
	}
	return t
}

// bodyOf finds the BEGIN of a trigger; a column may have that name too.
func bodyOf(tokens []token) int {
	for i := range tokens {
		if tokens[i].is("begin") && (i == 0 || !tokens[i-1].is(".")) {
			return i
		}
	}
	return -1
}

// unquoted is a token's name, folded, without its quotes.
func unquoted(t token) string {
	name := t.normal()
	if len(name) > 1 && name[0] == '\'' {
		return foldName(name[1 : len(name)-1])
	}
	return name
}

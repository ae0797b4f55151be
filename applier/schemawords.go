package applier

import (
	"slices"
	"strconv"
	"strings"
)

// dateFunctions tell the time, or follow from their arguments.
var dateFunctions = wordSet("date time datetime julianday strftime unixepoch timediff")

// freeFunctions are further functions that SQLite itself has, for where what they
// give is captured, or only shown: DEFAULT, triggers and views
// (https://www.sqlite.org/lang_corefunc.html, lang_mathfunc.html,
// windowfunctions.html).
var freeFunctions = wordSet(`
	current_date current_time current_timestamp random randomblob last_insert_rowid changes total_changes json_patch jsonb_patch
	acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power
	radians sin sinh sqrt tan tanh trunc
	row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value`)

func isFreeFunction(name string) bool {
	return isStrictFunction(name) || freeFunctions[name] || openAggregates[name] || readableModules[name]
}

// isStrictFunction tells whether a function may be in what every replica computes
// for itself: CHECK, generated columns and indexes.
func isStrictFunction(name string) bool { return pureFunctions[name] || dateFunctions[name] }

// words checks what can be told of the statement by its words alone.
func (x *schemaInspection) words() {
	h := &x.head
	switch {
	case h.temp:
		x.fail(UnsafeSchema, "a temporary %s is in no file", h.kind)
	case h.schema != "" && h.schema != "main":
		x.fail(UnsafeSchema, "%q is in the schema %q", h.name, h.schema)
	case h.virtual:
		x.fail(UnsafeVirtual, "virtual tables are not replicated: each replica has its own")
	case h.action == "":
		x.fail(UnsafeForm, "ALTER TABLE can be replicated where it renames, adds or drops a column, or renames the table")
	case h.action == SchemaCreate && h.kind == typeTable && len(h.rest) > 0 && h.rest[0].is("as"):
		x.fail(UnsafeForm, "CREATE TABLE … AS SELECT: create the table first, then INSERT … SELECT")
	}
	x.own()
	for i, t := range x.tokens {
		if t.is("collate") && i+1 < len(x.tokens) && !x.tokens[i+1].named("binary", "nocase", "rtrim") {
			x.fail(UnsafeCollation, "the collation %s, which SQLite itself does not have", x.tokens[i+1].text)
		}
	}
	for _, e := range x.expressions() {
		x.expression(&e)
	}
}

// own refuses names that replog and SQLite keep for themselves.
func (x *schemaInspection) own() {
	for _, name := range []string{x.head.name, x.head.table, x.head.newName} {
		if IsOwn(name) {
			x.fail(UnsafeOwn, "%q is a name that SQLite or replog keeps for itself", name)
		}
	}
	for i, t := range x.tokens {
		name := ""
		switch {
		case x.head.kind == typeTable || x.head.kind == typeIndex || x.head.action == SchemaDrop:
			if i > 0 && x.tokens[i-1].is("references") && t.isName() {
				name = unquoted(t)
			}
		case t.isName(): // a string may be a name
			name = unquoted(t)
		}
		if IsOwn(name) || strings.HasPrefix(name, "pragma_") {
			x.fail(UnsafeOwn, "it names %s", t.text)
		}
	}
}

// schemaExpression is an expression of a table or an index; strict where every
// replica computes it for itself.
type schemaExpression struct {
	tokens []token
	strict bool
}

// expressions finds those of a CREATE TABLE, an ADD COLUMN or a CREATE INDEX.
func (x *schemaInspection) expressions() (list []schemaExpression) {
	switch {
	case x.head.kind == typeIndex && x.head.action == SchemaCreate:
		if open := slices.IndexFunc(x.head.rest, func(t token) bool { return t.is("(") }); open >= 0 {
			list = append(list, schemaExpression{x.head.rest[open:], true})
		}
	case x.head.kind == typeTable && (x.head.action == SchemaCreate || x.head.action == SchemaAddColumn):
		tokens := x.head.rest
		for i := 0; i+1 < len(tokens); i++ {
			if tokens[i].is("default", "check", "as") && tokens[i+1].is("(") {
				end := min(closing(tokens, i+1)+1, len(tokens))
				list = append(list, schemaExpression{tokens[i+1 : end], !tokens[i].is("default")})
				i = end - 1
			}
		}
	}
	return list
}

// expression checks the functions that an expression calls.
func (x *schemaInspection) expression(e *schemaExpression) {
	for _, name := range calledIn(e.tokens) {
		if e.strict && !isStrictFunction(name) || !isFreeFunction(name) {
			x.fail(UnsafeFunction, "it calls %s, whose result may be another elsewhere", name)
		}
	}
	if e.strict {
		if name := impureWord(e.tokens); name != "" {
			x.fail(UnsafeFunction, "it uses %s, whose result may be another elsewhere", name)
		}
	}
	if name := twofoldCall(e.tokens); name != "" && e.strict {
		x.fail(UnsafeLimit, "it calls %s with what may be long", name)
	}
	for i, t := range e.tokens {
		if isCall(e.tokens, i) && !isSmall(t.normal(), e.tokens[i+2:min(closing(e.tokens, i+1), len(e.tokens))]) {
			x.fail(UnsafeLimit, "it calls %s for what may be large", t.normal())
		}
	}
}

// impureWord is the first operator or keyword, folded, that is a function which is not
// pure, or "".
func impureWord(tokens []token) string {
	for _, t := range tokens {
		if t.is("current_time", "current_date", "current_timestamp", "match", "regexp") {
			return foldName(t.text)
		}
	}
	return ""
}

// largestConstant bounds what a constant expression of the schema may make, in bytes.
const largestConstant = 1_000_000

// isSmall tells of functions that make as much as an argument says, whether that is
// known and not much.
func isSmall(name string, args []token) bool {
	switch name {
	case "zeroblob", "randomblob":
		if len(args) != 1 {
			return false
		}
		n, err := strconv.ParseInt(args[0].text, 0, 64)
		return err == nil && n <= largestConstant
	case "printf", "format":
		if len(args) == 0 || args[0].text[0] != '\'' || strings.Contains(args[0].text, "*") {
			return false
		}
		digits := 0
		for _, b := range args[0].text {
			if digits++; b < '0' || '9' < b {
				digits = 0
			}
			if digits > 3 {
				return false
			}
		}
	}
	return true
}

// calledIn names, folded, what tokens call as functions.
func calledIn(tokens []token) (names []string) {
	for i, t := range tokens {
		if !isCall(tokens, i) || i > 0 && tokens[i-1].is("as", "into", "references") {
			continue
		}
		end := closing(tokens, i+1)
		if end+1 < len(tokens) && tokens[end+1].is("as") && i > 0 && tokens[i-1].is("with", "recursive", ",") {
			continue // a common table expression
		}
		names = append(names, t.normal())
	}
	return names
}

// calls names what the statement calls, as far as its words tell.
func (x *schemaInspection) calls() (names []string) {
	if x.head.kind == typeView || x.head.kind == typeTrigger {
		return calledIn(x.tokens)
	}
	for _, e := range x.expressions() {
		names = append(names, calledIn(e.tokens)...)
	}
	return names
}

// checkCalls checks the functions that SQLite found.
func (t *schemaTrial) checkCalls() {
	for name := range t.functions {
		if !isFreeFunction(name) {
			t.x.fail(UnsafeFunction, "it calls %s, which is not known to do the same elsewhere", name)
		}
	}
}

package applier

import "strings"

// pureFunctions are the built-in functions whose result follows from their
// arguments alone, on every system, and whose cost is in proportion to those: not
// the math functions, which the C library computes, nor json_patch, whose cost is a
// product (https://www.sqlite.org/lang_corefunc.html, json1.html).
var pureFunctions = wordSet(`
	abs char coalesce concat concat_ws format glob hex if ifnull iif instr length like likelihood likely lower
	ltrim max min nullif octet_length printf quote replace round rtrim sign substr substring trim typeof unhex
	unicode unlikely upper zeroblob
	json jsonb json_array jsonb_array json_array_length json_error_position json_extract jsonb_extract json_insert
	jsonb_insert json_object jsonb_object json_pretty json_quote json_remove jsonb_remove json_replace
	jsonb_replace json_set jsonb_set json_type json_valid -> ->>
	count sum total avg`)

// openAggregates are built-in aggregates whose result depends on the order of
// rows. What is not in either list is not known to be pure.
var openAggregates = wordSet(`group_concat string_agg json_group_array jsonb_group_array json_group_object jsonb_group_object`)

// twofold are functions whose cost is the product of the lengths of two arguments.
var twofold = wordSet("instr replace trim ltrim rtrim unhex")

// aggregates are the functions of pureFunctions that aggregate; max and min do
// with one argument.
var aggregates = wordSet("count sum total avg max min")

// readableModules are table-valued functions that follow from their arguments.
var readableModules = wordSet("json_each json_tree")

// callWords may stand before a parenthesis without being a function.
var callWords = wordSet(`
	abort action add after all always and as asc before begin between by case cascade cast check collate
	conflict cross current_date current_time current_timestamp default deferrable deferred delete desc distinct do
	each else end escape except exclude exists fail filter first following for foreign from full generated glob
	group having if ignore immediate in index initially inner insert instead intersect into is isnull join key
	last left like limit match materialized natural no not nothing notnull null nulls of offset on or order
	outer over partition preceding primary raise range recursive references regexp rename replace restrict
	returning right row rows select set table then ties to trigger unbounded union unique update using values
	view virtual when where window with without`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for _, name := range strings.Fields(list) {
		set[name] = true
	}
	return set
}

// isCall tells whether the token at i is the name of a function that is called.
// Where it is a column list's table, or a type, the caller has to know.
func isCall(tokens []token, i int) bool {
	if i+1 >= len(tokens) || !tokens[i+1].is("(") || !tokens[i].isName() || tokens[i].text[0] == '\'' {
		return false
	}
	name := tokens[i].normal()
	switch {
	case name == "replace" || name == "glob" || name == "like" || name == "if":
		// Functions too, that begin where a value is expected.
		return i > 0 && !tokens[i-1].is("not", "or") && !tokens[i-1].isOperand()
	case tokens[i].isWord():
		return !callWords[name]
	}
	return true
}

// isOperand tells whether an infix operator may follow the token.
func (t token) isOperand() bool {
	b := t.text[0]
	switch {
	case t.is(")"), strings.IndexByte("'\"`[", b) >= 0:
		return true
	case isNameByte(b):
		return !t.is("select", "where", "and", "or", "not", "when", "then", "else", "case", "set", "by", "on", "having", "distinct", "values", "in", "between", "limit", "offset", "returning")
	}
	return false
}

// impureCall is the first function, folded, that tokens call and that is not
// known to be pure, or "".
func impureCall(tokens []token) string {
	for i, t := range tokens {
		if t.is("current_time", "current_date", "current_timestamp", "match", "regexp") {
			return foldName(t.text)
		}
		if isCall(tokens, i) && !pureFunctions[t.normal()] && !openAggregates[t.normal()] && !readableModules[t.normal()] {
			return t.normal()
		}
	}
	return ""
}

// twofoldCall is the first function of twofold whose second argument may be long,
// or "".
func twofoldCall(tokens []token) string {
	for i, t := range tokens {
		if !isCall(tokens, i) || !twofold[t.normal()] {
			continue
		}
		args := splitOutside(tokens[i+2:min(closing(tokens, i+1), len(tokens))], ",")
		if len(args) > 1 && !isConstant(args[1]) {
			return t.normal()
		}
	}
	return ""
}

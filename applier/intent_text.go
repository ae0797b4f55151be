package applier

import (
	"slices"
	"strings"
)

// text checks what can be told of a text by its words alone: that of a statement,
// a trigger or a view, which what names.
func (k *checker) text(what string, tokens []token) {
	for i, t := range tokens {
		switch {
		case t.is("over", "window"):
			k.fail(UnsafeWindow, "%s has a window", what)
		case t.is("with", "recursive"):
			k.fail(UnsafeWith, "%s has a common table expression", what)
		case t.is("rollback"):
			k.fail(UnsafeRollback, "%s may end the transaction", what)
		case t.is("indexed"):
			k.fail(UnsafeIndex, "%s names an index", what)
		case t.is("collate") && i+1 < len(tokens) && !tokens[i+1].named("binary", "nocase", "rtrim"):
			k.fail(UnsafeCollation, "%s has the collation %s, which SQLite itself does not have", what, tokens[i+1].text)
		}
		if t.isName() {
			k.name(what, tokens, unquoted(t))
		}
	}
}

// name checks a name, quoted or not, that may be one of a table.
func (k *checker) name(what string, tokens []token, name string) {
	switch {
	case IsOwn(name) || strings.HasPrefix(name, "pragma_"):
		k.fail(UnsafeOwn, "%s names %s", what, name)
		return
	case k.catalog.views[name]:
		k.view(name)
		return
	case k.catalog.schema.Table(name) != nil || k.catalog.texts[name] == nil:
	default:
		k.fail(UnsafeTable, "%s names %q, which is not replicated", what, name)
		return
	}
	t := k.catalog.schema.Table(name)
	if t == nil {
		return
	}
	k.table(t)
	if mention := what + " names " + name; k.checked[mention] {
		return
	} else {
		k.checked[mention] = true
	}
	for _, x := range tokens {
		if !x.isName() || x.text[0] == '\'' {
			continue
		}
		if column := unquoted(x); isRowIDName(column) && t.Column(column) < 0 && !t.rowidAlias() {
			k.fail(UnsafeRowID, "%s names the rowid of %q, which is not replicated", what, t.Name)
		} else if t.isLocal(column) {
			k.fail(UnsafeTable, "%s names column %q of %q, which is not replicated", what, column, t.Name)
		}
	}
}

func isRowIDName(name string) bool { return name == "rowid" || name == "_rowid_" || name == "oid" }

// view checks the query of a view.
func (k *checker) view(name string) {
	if k.checked["view "+name] {
		return
	}
	k.checked["view "+name] = true
	tokens := k.catalog.texts[name]
	if as := outside(tokens, "as"); as >= 0 && as+1 < len(tokens) {
		k.text("view "+name, tokens[as+1:])
		k.calls("view "+name, tokens[as+1:])
		k.query(tokens[as+1:], forRows)
	}
}

// table checks what SQLite computes for a table's rows: checks, generated columns
// and indexes. Defaults are checked where they are used.
func (k *checker) table(t *Table) {
	if k.checked["table "+foldName(t.Name)] {
		return
	}
	k.checked["table "+foldName(t.Name)] = true
	for _, text := range append([][]token{k.catalog.texts[foldName(t.Name)]}, k.catalog.indexes[foldName(t.Name)]...) {
		// Before the first parenthesis there are only names.
		for i := 1 + slices.IndexFunc(text, func(t token) bool { return t.is("(") }); i < len(text); i++ {
			if i > 0 && text[i-1].is("references") {
				continue
			}
			if text[i].is("default") {
				if i++; i < len(text) && text[i].is("(") {
					i = closing(text, i)
				}
				continue
			}
			if text[i].is("collate") && i+1 < len(text) && !text[i+1].named("binary", "nocase", "rtrim") {
				k.fail(UnsafeCollation, "table %q has the collation %s, which SQLite itself does not have", t.Name, text[i+1].text)
			}
			name := text[i].normal()
			if isCall(text, i) && k.catalog.functions[name] && (!pureFunctions[name] || k.catalog.overridden[name]) {
				k.fail(UnsafeFunction, "table %q calls %s", t.Name, name)
			}
		}
	}
}

// calls checks the functions that a text calls.
func (k *checker) calls(what string, tokens []token) {
	if name := impureCall(tokens); name != "" {
		k.fail(UnsafeFunction, "%s calls %s, whose result may be another elsewhere", what, name)
	}
	if name := twofoldCall(tokens); name != "" {
		k.fail(UnsafeFunction, "%s calls %s with what may be long", what, name)
	}
	for i, t := range tokens {
		if name := t.normal(); k.catalog.overridden[name] && (isCall(tokens, i) || t.is("like", "glob")) {
			k.fail(UnsafeFunction, "%s calls %s, which the application has made its own", what, name)
		}
	}
}

// clauses checks the functions that a statement calls.
func (k *checker) clauses(what string, d *dml) {
	for _, tokens := range slices.Concat(d.values, d.set, [][]token{d.source, d.upsert, d.from, d.where, d.order, d.limit}) {
		k.calls(what, tokens)
	}
}

// quoted refuses names in double quotes that are none: SQLite takes those for
// strings, if it is set to do so (https://www.sqlite.org/quirks.html#dblquote).
func (k *checker) quoted(tokens []token) {
	alias := map[string]bool{}
	for i, t := range tokens {
		if i > 0 && tokens[i-1].is("as") {
			alias[unquoted(t)] = true
		}
	}
	for _, t := range tokens {
		if name := unquoted(t); t.text[0] == '"' && !alias[name] && !k.catalog.known[name] {
			k.fail(UnsafeQuoted, "%s is no name that is known here", t.text)
		}
	}
}

// parameters tells, by their offsets and by their names, which parameters tokens
// are, and how many there are (https://www.sqlite.org/lang_expr.html#varparam).
func parameters(tokens []token) (number map[int]int, named map[string]int, count int) {
	number, named = map[int]int{}, map[string]int{}
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		next := i+1 < len(tokens) && tokens[i+1].from == t.to && tokens[i+1].isWord()
		n := 0
		switch {
		case t.is("?") && next && isInteger(tokens[i+1]):
			for _, b := range []byte(tokens[i+1].text) {
				n = min(n*10+int(b-'0'), 1<<20)
			}
		case t.is("?"):
			n = count + 1
		case t.is(":", "@") && next, t.text[0] == '$':
			name := t.text
			if t.text[0] != '$' {
				name += tokens[i+1].text
			}
			if n = named[name]; n == 0 {
				n = count + 1
				named[name] = n
			}
		default:
			continue
		}
		number[t.from] = n
		count = max(count, n)
		if next && t.text[0] != '$' && !(t.is("?") && !isInteger(tokens[i+1])) {
			i++
		}
	}
	return number, named, count
}

package applier

// dml is an INSERT, UPDATE or DELETE taken apart at its clauses. Lists of tokens
// are nil where the clause is not there.
type dml struct {
	kind         IntentKind
	or           string // the conflict word, folded: "replace"
	schema       string
	table, alias string // folded
	hasColumns   bool
	columns      []token // of an INSERT
	values       [][]token
	source       []token // the SELECT of an INSERT
	defaults     bool    // DEFAULT VALUES
	upsert       []token // from ON CONFLICT on
	set          [][]token
	from, where  []token
	order, limit []token
	returning    []token
	// odd is what was not understood.
	odd string
}

// clause cuts tokens at the first of some keywords outside of parentheses.
func cutClause(tokens []token, words ...string) (before, from []token) {
	if at := outside(tokens, words...); at >= 0 {
		return tokens[:at], tokens[at:]
	}
	return tokens, nil
}

// parseDML takes a statement apart whose first keyword is INSERT, REPLACE, UPDATE
// or DELETE (https://www.sqlite.org/lang.html).
func parseDML(tokens []token) *dml {
	d := &dml{}
	tokens, returning := cutClause(tokens, "returning")
	if returning != nil {
		d.returning = returning[1:]
	}
	first := tokens[0]
	tokens = tokens[1:]
	if first.is("replace") {
		d.or = "replace"
	}
	if len(tokens) > 2 && tokens[0].is("or") {
		d.or = foldName(tokens[1].text)
		tokens = tokens[2:]
	}
	switch {
	case first.is("insert", "replace"):
		d.kind = IntentInsert
		d.parseInsert(d.skip(tokens, "into"))
	case first.is("update"):
		d.kind = IntentUpdate
		d.parseUpdate(tokens)
	default:
		d.kind = IntentDelete
		d.parseDelete(d.skip(tokens, "from"))
	}
	return d
}

func (d *dml) skip(tokens []token, word string) []token {
	if len(tokens) == 0 || !tokens[0].is(word) {
		d.odd = "without " + word
		return tokens
	}
	return tokens[1:]
}

// target reads a table with its schema and alias.
func (d *dml) target(tokens []token) []token {
	if len(tokens) == 0 {
		d.odd = "no table"
		return nil
	}
	if len(tokens) > 2 && tokens[1].is(".") {
		d.schema, tokens = unquoted(tokens[0]), tokens[2:]
	}
	d.table, tokens = unquoted(tokens[0]), tokens[1:]
	d.alias = d.table
	switch {
	case len(tokens) > 1 && tokens[0].is("as"):
		d.alias, tokens = unquoted(tokens[1]), tokens[2:]
	case len(tokens) > 0 && tokens[0].isName() && !tokens[0].is("set", "where", "order", "limit", "values", "select", "default", "indexed", "not", "with", "from"):
		d.alias, tokens = unquoted(tokens[0]), tokens[1:]
	}
	if len(tokens) > 0 && tokens[0].is("indexed", "not") {
		d.odd = "INDEXED BY"
	}
	return tokens
}

func (d *dml) parseInsert(tokens []token) {
	tokens = d.target(tokens)
	if len(tokens) > 0 && tokens[0].is("(") {
		end := closing(tokens, 0)
		if len(tokens) <= end+1 {
			d.odd = "no rows"
			return
		}
		d.hasColumns = true
		for _, name := range splitOutside(tokens[1:end], ",") {
			if len(name) != 1 {
				d.odd = "a column that is no name"
				return
			}
			d.columns = append(d.columns, name[0])
		}
		tokens = tokens[end+1:]
	}
	// ON is a keyword of joins too.
	for i := 0; i+1 < len(tokens); i++ {
		if tokens[i].is("(") {
			i = closing(tokens, i)
		} else if tokens[i].is("on") && tokens[i+1].is("conflict") {
			d.upsert, tokens = tokens[i:], tokens[:i]
		}
	}
	switch {
	case len(tokens) == 2 && tokens[0].is("default") && tokens[1].is("values"):
		d.defaults = true
	case len(tokens) > 0 && tokens[0].is("values"):
		for _, row := range splitOutside(tokens[1:], ",") {
			if len(row) < 3 || !row[0].is("(") || closing(row, 0) != len(row)-1 {
				d.odd = "VALUES with something after them"
				return
			}
			d.values = append(d.values, row[1:len(row)-1])
		}
	case len(tokens) > 0 && tokens[0].is("select"):
		d.source = tokens
	default:
		d.odd = "an INSERT of neither VALUES nor SELECT"
	}
}

func (d *dml) parseUpdate(tokens []token) {
	tokens = d.target(tokens)
	if len(tokens) == 0 || !tokens[0].is("set") {
		d.odd = "without SET"
		return
	}
	set, rest := cutClause(tokens[1:], "from", "where", "order", "limit")
	d.set = splitOutside(set, ",")
	if len(rest) > 0 && rest[0].is("from") {
		d.from, rest = cutClause(rest, "where", "order", "limit")
	}
	d.parseWhere(rest)
}

func (d *dml) parseDelete(tokens []token) { d.parseWhere(d.target(tokens)) }

func (d *dml) parseWhere(tokens []token) {
	if len(tokens) > 0 && tokens[0].is("where") {
		d.where, tokens = cutClause(tokens[1:], "order", "limit")
	}
	if len(tokens) > 1 && tokens[0].is("order") && tokens[1].is("by") {
		d.order, tokens = cutClause(tokens[2:], "limit")
	}
	if len(tokens) > 0 && tokens[0].is("limit") {
		d.limit, tokens = tokens[1:], nil
	}
	if len(tokens) > 0 {
		d.odd = tokens[0].text
	}
}

// assigned lists the columns that a SET assigns, folded; ok is false where it
// assigns several at once.
func assigned(set [][]token) (columns []string, ok bool) {
	for _, s := range set {
		if len(s) < 3 || !s[1].is("=") || !s[0].isName() {
			return nil, false
		}
		columns = append(columns, unquoted(s[0]))
	}
	return columns, true
}

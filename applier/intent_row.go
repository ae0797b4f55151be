package applier

import "slices"

// aggregates checks the aggregates among expressions. single tells whether there
// is one, so that without GROUP BY the query has one row.
func (k *checker) aggregates(tokens []token, sources []source) (single bool) {
	bare := false
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		if isCall(tokens, i) {
			name, end := t.normal(), closing(tokens, i+1)
			args := tokens[i+2 : min(end, len(tokens))]
			if openAggregates[name] {
				k.fail(UnsafeAggregate, "%s depends on the order of rows", name)
			}
			if aggregates[name] && (name != "max" && name != "min" || outside(args, ",") < 0) {
				k.aggregate(name, args, sources)
				single, i = true, end
			}
			continue
		}
		switch {
		case t.is("as", ":", "@"):
			i++
		case t.is("(") && i+1 < len(tokens) && tokens[i+1].is("select"):
			bare, i = true, closing(tokens, i)
		case t.isName() && t.text[0] != '\'' && t.text[0] != '$' && !callWords[foldName(t.text)] && !t.is("null", "true", "false"):
			bare = true
		}
	}
	if single && bare {
		k.fail(UnsafeAggregate, "a column beside an aggregate is that of any row")
	}
	return single
}

func (k *checker) aggregate(name string, args []token, sources []source) {
	if slices.ContainsFunc(args, func(t token) bool { return t.is("select") }) {
		k.fail(UnsafeAggregate, "%s of a query", name)
		return
	}
	switch name {
	case "count":
	case "min", "max":
		if !k.tellsApart(args, sources) {
			k.fail(UnsafeAggregate, "%s may have to choose between equal values", name)
		}
	default:
		if !k.wholeNumbers(args, sources) {
			k.fail(UnsafeAggregate, "%s of what may be floating-point numbers depends on their order", name)
		}
	}
}

// columnOf resolves an expression that is a column of one of the sources.
func columnOf(tokens []token, sources []source) (*Table, int) {
	of := ""
	if len(tokens) == 3 && tokens[1].is(".") {
		of, tokens = unquoted(tokens[0]), tokens[2:]
	}
	if len(tokens) != 1 || !tokens[0].isName() || tokens[0].text[0] == '\'' {
		return nil, -1
	}
	for _, s := range sources {
		if of != "" && of != s.name {
			continue
		}
		if s.table == nil && of == "" {
			return nil, -1
		}
		if s.table != nil {
			if n := s.table.Column(unquoted(tokens[0])); n >= 0 {
				return s.table, n
			}
		}
	}
	return nil, -1
}

// tellsApart tells whether all values of an expression that are equal are the same:
// 1 and 1.0 are equal, and under a collation 'a' and 'A' may be.
func (k *checker) tellsApart(tokens []token, sources []source) bool {
	t, n := columnOf(tokens, sources)
	if t == nil || k.catalog.has(t.Name, "collate") {
		return false
	}
	switch t.Columns[n].Affinity {
	case AffinityInteger, AffinityNumeric, AffinityText:
		return true
	}
	return false
}

// wholeNumbers tells whether an expression has no values but integers.
func (k *checker) wholeNumbers(tokens []token, sources []source) bool {
	switch {
	case len(tokens) == 1 && isInteger(tokens[0]):
		return true
	case len(tokens) > 4 && tokens[0].is("cast") && closing(tokens, 1) == len(tokens)-1:
		return tokens[len(tokens)-2].is("integer", "int") && tokens[len(tokens)-3].is("as")
	}
	t, n := columnOf(tokens, sources)
	return t != nil && (t.rowidAlias() && t.isKey(n) || t.Strict && t.Columns[n].Affinity == AffinityInteger)
}

func isInteger(t token) bool {
	for _, b := range []byte(t.text) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// totalOrder tells whether ORDER BY leaves no two rows in doubt: one table, by its
// whole key.
func (k *checker) totalOrder(b *block, sources []source) bool {
	if len(sources) != 1 || sources[0].table == nil || b.order == nil || b.group != nil || b.distinct || len(b.order) < 3 {
		return false
	}
	// A name of the result goes before a column's.
	for _, item := range splitOutside(b.list, ",") {
		if len(item) > 1 && !(len(item) == 3 && item[1].is(".")) && sources[0].table.Column(unquoted(item[len(item)-1])) >= 0 {
			return false
		}
	}
	return k.ordersByKey(b.order[2:], sources[0])
}

// ordersByKey tells whether the terms of an ORDER BY hold the whole key.
func (k *checker) ordersByKey(terms []token, s source) bool {
	t := s.table
	if t.nullableKey() || k.catalog.has(t.Name, "collate") {
		return false
	}
	var by []int
	for _, term := range splitOutside(terms, ",") {
		for len(term) > 1 && term[len(term)-1].is("asc", "desc") {
			term = term[:len(term)-1]
		}
		if _, n := columnOf(term, []source{s}); n >= 0 {
			by = append(by, n)
		}
	}
	return !slices.ContainsFunc(t.Key, func(n int) bool { return !slices.Contains(by, n) })
}

// pinned tells whether a condition leaves at most one row: of one table, by a
// unique index, each of whose columns is to equal something of another row.
func (k *checker) pinned(where []token, sources []source) bool {
	if len(sources) != 1 || sources[0].table == nil || where == nil {
		return false
	}
	t := sources[0].table
	if where[0].is("where") {
		where = where[1:]
	}
	if outside(where, "or", "between", "case") >= 0 || k.catalog.has(t.Name, "collate") {
		return false
	}
	var equal []int
	for _, term := range splitOutside(where, "and") {
		if n, ok := k.equals(term, sources[0]); ok {
			equal = append(equal, n)
		}
	}
	return slices.ContainsFunc(t.Unique, func(x Index) bool {
		return x.Where == "" && x.Plain() && !slices.ContainsFunc(x.columns(), func(n int) bool { return !slices.Contains(equal, n) })
	})
}

// equals reads a test of a column of the source for equality with a literal, a
// parameter or a column of another source.
func (k *checker) equals(term []token, s source) (column int, ok bool) {
	for len(term) > 2 && term[0].is("(") && closing(term, 0) == len(term)-1 {
		term = term[1 : len(term)-1]
	}
	at := outside(term, "=")
	if at < 0 {
		return -1, false
	}
	left, right := term[:at], term[at+1:]
	if len(right) > 0 && right[0].is("=") {
		right = right[1:]
	}
	for _, side := range [][2][]token{{left, right}, {right, left}} {
		if _, n := columnOf(side[0], []source{s}); n >= 0 && (isConstant(side[1]) || k.isOuter(side[1], s, s.table.Columns[n].Affinity)) {
			return n, true
		}
	}
	return -1, false
}

// isConstant tells whether an expression is a literal or a parameter.
func isConstant(tokens []token) bool {
	if len(tokens) > 1 && tokens[0].is("-", "+") {
		tokens = tokens[1:]
	}
	switch len(tokens) {
	case 1:
		b := tokens[0].text[0]
		return b == '\'' || b == '?' || b == '$' || '0' <= b && b <= '9'
	case 2:
		return tokens[0].is("?") && isInteger(tokens[1]) || tokens[0].is(":", "@") && tokens[1].isWord() ||
			tokens[0].is("x") && tokens[1].text[0] == '\''
	case 3:
		return tokens[1].is(".") && isInteger(tokens[0]) && isInteger(tokens[2])
	}
	return false
}

// isOuter tells whether an expression is a column of another source, whose
// affinity does not make different values of a column equal: '1' and '01' are as
// numbers.
func (k *checker) isOuter(tokens []token, s source, affinity Affinity) bool {
	var name string
	switch {
	case len(tokens) == 3 && tokens[1].is(".") && tokens[0].isName() && unquoted(tokens[0]) != s.name:
		name = unquoted(tokens[2])
	case len(tokens) == 1 && tokens[0].isName() && !tokens[0].is("null", "true", "false") && tokens[0].text[0] != '\'':
		if name = unquoted(tokens[0]); s.table.Column(name) >= 0 || s.table.isLocal(name) || isRowIDName(name) {
			return false
		}
	default:
		return false
	}
	return affinity != AffinityText && affinity != AffinityBlob || k.allTexts(name)
}

func (k *checker) allTexts(name string) bool {
	found := false
	for _, t := range k.catalog.schema.Tables {
		if n := t.Column(name); n >= 0 {
			if found = true; t.Columns[n].Affinity != AffinityText && t.Columns[n].Affinity != AffinityBlob {
				return false
			}
		}
	}
	return found
}

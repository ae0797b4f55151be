package applier

import (
	"fmt"
	"slices"
)

// purpose is what a query's rows are for, which says what of them matters.
type purpose uint8

const (
	forRows   purpose = iota // all rows, in whatever order
	forExists                // whether there is one
	forValue                 // the first row
)

// checker looks for what is open in texts. The first finding is kept.
type checker struct {
	catalog *catalog
	found   *UnsafeError
	checked map[string]bool // triggers and views, by folded name
}

func (k *checker) fail(class UnsafeClass, format string, args ...any) {
	if k.found == nil {
		k.found = &UnsafeError{Class: class, Detail: fmt.Sprintf(format, args...)}
	}
}

// expression checks the queries within an expression, or a list of them.
func (k *checker) expression(tokens []token) {
	for i := 0; i+1 < len(tokens); i++ {
		if !tokens[i].is("(") || !tokens[i+1].is("select", "values", "with") {
			continue
		}
		end := closing(tokens, i)
		inner := tokens[i+1 : end]
		switch {
		case i > 0 && tokens[i-1].is("in"):
			k.query(inner, forRows)
		case i > 0 && tokens[i-1].is("exists"):
			k.query(inner, forExists)
		default:
			k.query(inner, forValue)
		}
		i = end
	}
}

// query checks a SELECT, or several with UNION ALL between them.
func (k *checker) query(tokens []token, p purpose) {
	if len(tokens) == 0 || tokens[0].is("with") {
		k.fail(UnsafeWith, "a common table expression")
		return
	}
	if tokens[0].is("values") {
		k.expression(tokens)
		return
	}
	if at := outside(tokens, "union", "except", "intersect"); at >= 0 {
		if !tokens[at].is("union") || at+1 >= len(tokens) || !tokens[at+1].is("all") {
			k.fail(UnsafeDistinct, "%s keeps one of equal rows", tokens[at].text)
			return
		}
		if p == forValue || outside(tokens, "order", "limit") >= 0 {
			k.fail(UnsafeOrder, "the first rows of a UNION ALL")
			return
		}
		k.query(tokens[:at], p)
		k.query(tokens[at+2:], p)
		return
	}
	k.block(parseBlock(tokens), p)
}

// block is a SELECT taken apart at its clauses.
type block struct {
	distinct                       bool
	list, from, where              []token
	group, having, order, limitsTo []token
}

func parseBlock(tokens []token) *block {
	b := &block{}
	rest := tokens[1:]
	if len(rest) > 0 && rest[0].is("distinct") {
		b.distinct, rest = true, rest[1:]
	} else if len(rest) > 0 && rest[0].is("all") {
		rest = rest[1:]
	}
	for _, clause := range []struct {
		to   *[]token
		next []string
	}{
		{&b.list, []string{"from", "where", "group", "having", "order", "limit"}}, {&b.from, []string{"where", "group", "having", "order", "limit"}},
		{&b.where, []string{"group", "having", "order", "limit"}}, {&b.group, []string{"having", "order", "limit"}}, {&b.having, []string{"order", "limit"}},
		{&b.order, []string{"limit"}}, {&b.limitsTo, nil},
	} {
		words := map[*[]token]string{&b.from: "from", &b.where: "where", &b.group: "group", &b.having: "having", &b.order: "order", &b.limitsTo: "limit"}
		if word := words[clause.to]; word != "" && (len(rest) == 0 || !rest[0].is(word)) {
			continue
		}
		*clause.to, rest = cutClause(rest, clause.next...)
		if clause.next == nil {
			*clause.to = slices.Concat(*clause.to, rest)
			rest = nil
		}
	}
	return b
}

func (k *checker) block(b *block, p purpose) {
	for _, part := range [][]token{b.list, b.where, b.having, b.order, b.limitsTo} {
		k.expression(part)
	}
	sources, ok := k.sources(b.from)
	if !ok {
		return
	}
	if p != forExists {
		for _, item := range splitOutside(b.list, ",") {
			if len(item) > 0 && item[len(item)-1].is("*") && (len(item) == 1 || item[len(item)-2].is(".")) {
				k.fail(UnsafeColumns, "* stands for columns in the order that they happen to have")
			}
		}
	}
	switch {
	case b.group != nil || b.having != nil:
		k.fail(UnsafeDistinct, "GROUP BY shows one of equal values")
	case b.distinct && p != forExists:
		k.fail(UnsafeDistinct, "DISTINCT keeps one of equal rows")
	}
	single := k.aggregates(slices.Concat(b.list, b.order), sources)
	if b.limitsTo != nil && !single && !k.totalOrder(b, sources) {
		k.fail(UnsafeOrder, "LIMIT takes rows of an order that is not certain")
	}
	if p == forValue && !single && b.from != nil && !k.pinned(b.where, sources) && !k.totalOrder(b, sources) {
		k.fail(UnsafeOrder, "the first of possibly several rows, in no certain order")
	}
}

// source is something that a query reads: a table under a name, or, where table
// is nil, a view, a query or a function.
type source struct {
	table *Table
	name  string
}

// sources lists what a FROM clause names.
func (k *checker) sources(from []token) (list []source, ok bool) {
	if from == nil {
		return nil, true
	}
	rest := from[1:]
	for len(rest) > 0 {
		var s source
		if s, rest = k.source(rest); s.name == "" {
			k.fail(UnsafeForm, "a FROM clause of a form that is not looked into")
			return nil, false
		}
		list = append(list, s)
		if rest, ok = k.join(rest); !ok {
			return nil, false
		}
	}
	return list, true
}

func (k *checker) source(tokens []token) (source, []token) {
	var s source
	switch {
	case tokens[0].is("("):
		end := closing(tokens, 0)
		if end >= len(tokens) || len(tokens) < 2 || !tokens[1].is("select") {
			return s, nil
		}
		k.query(tokens[1:end], forRows)
		s.name, tokens = "()", tokens[end+1:]
	case tokens[0].isName():
		if len(tokens) > 2 && tokens[1].is(".") {
			tokens = tokens[2:]
		}
		s.name = unquoted(tokens[0])
		s.table = k.catalog.schema.Table(s.name)
		tokens = tokens[1:]
		if len(tokens) > 0 && tokens[0].is("(") {
			end := closing(tokens, 0)
			if end >= len(tokens) {
				return source{}, nil
			}
			k.expression(tokens[1:end])
			s.table, tokens = nil, tokens[end+1:]
		}
	default:
		return s, nil
	}
	switch {
	case len(tokens) > 1 && tokens[0].is("as"):
		s.name, tokens = unquoted(tokens[1]), tokens[2:]
	case len(tokens) > 0 && tokens[0].isName() && !tokens[0].is(joinWords...) && !tokens[0].is("on", "using", "indexed", "not"):
		s.name, tokens = unquoted(tokens[0]), tokens[1:]
	}
	return s, tokens
}

var joinWords = []string{"natural", "left", "right", "full", "outer", "inner", "cross", "join"}

// join reads what stands between two sources.
func (k *checker) join(tokens []token) (rest []token, ok bool) {
	if len(tokens) > 0 && tokens[0].is("on") {
		condition, after := cutClause(tokens[1:], append([]string{","}, joinWords...)...)
		k.expression(condition)
		tokens = after
	} else if len(tokens) > 1 && tokens[0].is("using") {
		tokens = tokens[min(len(tokens), closing(tokens, 1)+1):]
	}
	if len(tokens) == 0 {
		return nil, true
	}
	if tokens[0].is(",") {
		return tokens[1:], len(tokens) > 1
	}
	for i, t := range tokens {
		switch {
		case t.is("natural"):
			k.fail(UnsafeColumns, "NATURAL JOIN depends on which columns there are")
			return nil, false
		case t.is("join"):
			return tokens[i+1:], i+1 < len(tokens)
		case t.is("indexed", "not"):
			k.fail(UnsafeIndex, "it names an index")
			return nil, false
		case !t.is(joinWords...):
			k.fail(UnsafeForm, "a FROM clause of a form that is not looked into: %s", t.text)
			return nil, false
		}
	}
	return nil, false
}

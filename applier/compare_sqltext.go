package applier

import (
	"slices"
	"strings"
)

// normal is a form that is equal for texts with equal tokens, whatever their
// spacing, comments, case and way of quoting names.
func normal(tokens []token) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t.normal())
		b.WriteByte(0)
	}
	return b.String()
}

// normal folds names and keywords and takes the quotes off names; strings stay.
func (t token) normal() string {
	switch q := t.text[:1]; q {
	case "'":
		return t.text
	case `"`, "`":
		inner := strings.TrimSuffix(t.text[1:], q)
		return foldName(strings.ReplaceAll(inner, q+q, q))
	case "[":
		return foldName(strings.TrimSuffix(t.text[1:], "]"))
	}
	return foldName(t.text)
}

// is tells whether t is one of these keywords, or punctuation; a quoted name is not.
func (t token) is(words ...string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(t.text, w) })
}

// clause is a column or a constraint of a table: its name, its text as
// written, and a form to compare.
type clause struct{ name, text, norm string }

// definition is a table's SQL taken apart.
type definition struct {
	columns     []clause
	constraints []clause
	options     string
}

// column returns the column of a folded name.
func (d *definition) column(name string) (clause, bool) {
	i := slices.IndexFunc(d.columns, func(c clause) bool { return c.name == name })
	if i < 0 {
		return clause{}, false
	}
	return d.columns[i], true
}

func (d *definition) order() string {
	names := make([]string, len(d.columns))
	for i, c := range d.columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// parseTable takes a CREATE TABLE apart.
func parseTable(sql string) *definition {
	d := &definition{}
	tokens := tokenize(sql)
	open := slices.IndexFunc(tokens, func(t token) bool { return t.is("(") })
	if open < 0 {
		return d
	}
	depth, begin := 0, open+1
	for i := open; i < len(tokens); i++ {
		switch t := tokens[i]; {
		case t.is("("):
			depth++
		case t.is(")"):
			if depth--; depth == 0 {
				d.add(sql, tokens[begin:i])
				d.options = options(tokens[i+1:])
				return d
			}
		case t.is(",") && depth == 1:
			d.add(sql, tokens[begin:i])
			begin = i + 1
		}
	}
	return d
}

// add takes a column or a constraint. The name of a constraint is left out of
// its form: it changes nothing.
func (d *definition) add(sql string, tokens []token) {
	if len(tokens) == 0 {
		return
	}
	c := clause{text: sql[tokens[0].from:tokens[len(tokens)-1].to]}
	if tokens[0].is("constraint") && len(tokens) > 2 {
		tokens = tokens[2:]
	}
	if tokens[0].is("primary", "unique", "check", "foreign") {
		c.norm = normal(tokens)
		d.constraints = append(d.constraints, c)
		return
	}
	c.name = strings.Trim(tokens[0].normal(), "'")
	c.norm = normal(tokens[1:])
	d.columns = append(d.columns, c)
}

// options names what follows the columns.
func options(tokens []token) string {
	var parts []string
	for _, t := range tokens {
		switch {
		case t.is("without"):
			parts = append(parts, "WITHOUT ROWID")
		case t.is("strict"):
			parts = append(parts, "STRICT")
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// uniqueIndex tells whether sql makes a unique index, which is a constraint by
// another name, and returns it without that name.
func uniqueIndex(sql string) (clause, bool) {
	tokens := tokenize(sql)
	if len(tokens) < 2 || !tokens[1].is("unique") {
		return clause{}, false
	}
	on := slices.IndexFunc(tokens, func(t token) bool { return t.is("on") })
	if on < 0 {
		return clause{}, false
	}
	return clause{text: sql, norm: "unique index " + normal(tokens[on+1:])}, true
}

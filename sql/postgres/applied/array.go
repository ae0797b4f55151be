package applied

import (
	"fmt"
	"strings"
)

// source is rows as arrays: FROM unnest($1::t[], …) AS s(…).
type source struct {
	names []string // of the columns of s
	types []string
	args  []any
}

// add adds a column with a cell for each row.
func (s *source) add(name string, c *column, n int, at func(i int) *cell) {
	s.raw(name, c.base, arrayOf(c.kind.quoted(), n, at))
}

func (s *source) raw(name, base, array string) {
	s.names = append(s.names, name)
	s.types = append(s.types, base)
	s.args = append(s.args, array)
}

// text renders it, with a running number as the last column where n names one.
func (s *source) text(n string) string {
	params := make([]string, len(s.types))
	for i, base := range s.types {
		params[i] = fmt.Sprintf("$%d::%s[]", i+1, base)
	}
	from := "unnest(" + strings.Join(params, ", ") + ")"
	names := s.names
	if n != "" {
		from += " WITH ORDINALITY"
		names = append(names[:len(names):len(names)], n)
	}
	return from + " AS s(" + strings.Join(names, ", ") + ")"
}

// keySource has the keys of rows, as k0, k1, ….
func keySource(t *table, rows []*pending) *source {
	s := &source{}
	for i, n := range t.shape.Key {
		s.add(fmt.Sprintf("k%d", i), t.cols[n], len(rows), func(r int) *cell { return &rows[r].keys[i] })
	}
	return s
}

// onKey joins a table, by its alias, with the key columns of s.
func onKey(t *table, alias string) string {
	terms := make([]string, len(t.shape.Key))
	for i, n := range t.shape.Key {
		terms[i] = fmt.Sprintf("%s.%s = s.k%d", alias, quote(t.columns[n]), i)
	}
	return strings.Join(terms, " AND ")
}

// arrayOf writes PostgreSQL's text form of an array
// (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
func arrayOf(quoted bool, n int, at func(i int) *cell) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		switch c := at(i); {
		case c.null:
			b.WriteString("NULL")
		case quoted:
			appendQuoted(&b, c.text)
		default:
			b.WriteString(c.text)
		}
	}
	b.WriteByte('}')
	return b.String()
}

func appendQuoted(b *strings.Builder, s string) {
	b.WriteByte('"')
	for {
		i := strings.IndexAny(s, `"\`)
		if i < 0 {
			break
		}
		b.WriteString(s[:i])
		b.WriteByte('\\')
		b.WriteByte(s[i])
		s = s[i+1:]
	}
	b.WriteString(s)
	b.WriteByte('"')
}

// textArray is an array of strings.
func textArray(n int, at func(i int) string) string {
	var c cell
	return arrayOf(true, n, func(i int) *cell {
		c.text = at(i)
		return &c
	})
}

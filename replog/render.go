package replog

import "strings"

// QuoteName quotes an SQL identifier.
func QuoteName(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// When is when the statement was run.
func (s *Statement) When() Millis {
	if s.Intent != nil {
		return s.Intent.Time
	}
	return s.Time
}

// SQL renders a row statement as SQL with one ? for each argument, and gives an
// intent as it is. It is for people and for tools that read the log; replicas render
// their own SQL from the change itself. The key of an UPDATE or DELETE comes last.
func (s *Statement) SQL() (string, []Value) {
	if s.Intent != nil {
		return s.Intent.SQL, append([]Value{}, s.Intent.Args...)
	}
	var b strings.Builder
	table := QuoteName(s.Table)
	switch s.Op {
	case Insert:
		b.WriteString("INSERT INTO " + table + "(")
		for i, c := range s.Columns {
			comma(&b, i)
			b.WriteString(QuoteName(c))
		}
		b.WriteString(") VALUES(")
		for i := range s.Columns {
			comma(&b, i)
			b.WriteByte('?')
		}
		b.WriteByte(')')
		return b.String(), append([]Value{}, s.New...)
	case Update:
		b.WriteString("UPDATE " + table + " SET ")
		for i, c := range s.Columns {
			comma(&b, i)
			b.WriteString(QuoteName(c) + " = ?")
		}
		s.where(&b)
		return b.String(), append(append([]Value{}, s.New...), s.Key...)
	default:
		b.WriteString("DELETE FROM " + table)
		s.where(&b)
		return b.String(), append([]Value{}, s.Key...)
	}
}

func comma(b *strings.Builder, i int) {
	if i > 0 {
		b.WriteString(", ")
	}
}

func (s *Statement) where(b *strings.Builder) {
	for i, k := range s.KeyColumns {
		if i == 0 {
			b.WriteString(" WHERE ")
		} else {
			b.WriteString(" AND ")
		}
		b.WriteString(QuoteName(k) + " = ?")
	}
}

package replog

import (
	"strings"
)

// Search looks for a text, without regard to case, in what people see of the
// log. The zero Search finds itself everywhere.
type Search struct{ text string }

// NewSearch makes a search for text.
func NewSearch(text string) Search { return Search{strings.ToLower(text)} }

// In tells whether the text is part of s.
func (s Search) In(text string) bool { return strings.Contains(strings.ToLower(text), s.text) }

// InReason tells whether the text is part of a reason.
func (s Search) InReason(r Reason) bool { return s.In(r.Code) || s.In(r.Detail) }

// InStatement tells whether the text is part of a statement: of its SQL with ?
// for the arguments, of an argument, or of the SQL with the arguments in their
// places and without quotes that names do not need.
func (s Search) InStatement(st *Statement) bool {
	sql, args := st.SQL()
	if s.In(sql) {
		return true
	}
	for _, v := range args {
		if v.Kind() == KindText && s.In(v.Bytes()) {
			return true
		}
	}
	return s.In(Inline(sql, args, Value.String))
}

// Inline renders SQL for people: literal's text for each argument in place of
// its ?, and identifiers without quotes where they need none.
func Inline(sql string, args []Value, literal func(Value) string) string {
	var b strings.Builder
	for sql != "" {
		switch i := strings.IndexAny(sql, `"?`); {
		case i < 0:
			b.WriteString(sql)
			sql = ""
		case sql[i] == '?' && len(args) > 0:
			b.WriteString(sql[:i])
			b.WriteString(literal(args[0]))
			sql, args = sql[i+1:], args[1:]
		case sql[i] == '?':
			b.WriteString(sql[:i+1])
			sql = sql[i+1:]
		default:
			name, rest := cutQuoted(sql[i:])
			b.WriteString(sql[:i])
			b.WriteString(name)
			sql = rest
		}
	}
	return b.String()
}

// cutQuoted splits a quoted identifier off s and takes its quotes away where it
// is a plain word.
func cutQuoted(s string) (name, rest string) {
	end := 1
	for end < len(s) && (s[end] != '"' || strings.HasPrefix(s[end:], `""`)) {
		if s[end] == '"' {
			end++
		}
		end++
	}
	end = min(end+1, len(s))
	name, rest = s[:end], s[end:]
	if word := strings.Trim(name, `"`); isPlainWord(word) {
		return word, rest
	}
	return name, rest
}

func isPlainWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

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

// InStatement tells whether the text is part of a statement: of its SQL as it was
// run, or with ? for the arguments, of an argument, or of the SQL with the arguments
// in their places and without quotes that names do not need.
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

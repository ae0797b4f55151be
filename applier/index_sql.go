package applier

import (
	"errors"
	"strings"
)

// errIndexSQL says that a CREATE INDEX statement could not be split.
var errIndexSQL = errors.New("not a CREATE INDEX statement")

// splitIndexSQL splits the SQL of a CREATE INDEX, as sqlite_schema keeps it,
// into its columns or expressions (without COLLATE and ASC or DESC at their
// end) and the condition of a partial index.
func splitIndexSQL(sql string) (parts []string, where string, err error) {
	tokens := tokenize(sql)
	open := -1
	for i, t := range tokens {
		if t.text == "(" {
			open = i
			break
		}
	}
	if open < 0 {
		return nil, "", errIndexSQL
	}
	depth, from := 0, open+1
	for i := open; i < len(tokens); i++ {
		switch tokens[i].text {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 1 {
				parts = append(parts, indexPart(sql, tokens[from:i]))
				from = i + 1
			}
		}
		if depth > 0 {
			continue
		}
		parts = append(parts, indexPart(sql, tokens[from:i]))
		rest := tokens[i+1:]
		if len(rest) > 1 && strings.EqualFold(rest[0].text, "WHERE") {
			where = unqualified(sql, rest[1:])
		}
		return parts, where, nil
	}
	return nil, "", errIndexSQL
}

// indexPart cuts ASC, DESC and a final COLLATE off a column or an expression, if
// it is of all of that: of a = b COLLATE c, it is of b.
func indexPart(sql string, tokens []token) string {
	n := len(tokens)
	if n > 1 && (strings.EqualFold(tokens[n-1].text, "ASC") || strings.EqualFold(tokens[n-1].text, "DESC")) {
		n--
	}
	if n > 2 && strings.EqualFold(tokens[n-2].text, "COLLATE") && isOperand(tokens[:n-2]) {
		n -= 2
	}
	if n == 0 {
		return ""
	}
	return sql[tokens[0].from:tokens[n-1].to]
}

// isOperand tells whether tokens are one operand: a name, a literal, a call, or an
// expression in parentheses.
func isOperand(tokens []token) bool {
	if len(tokens) > 1 && tokens[0].isName() && !tokens[0].is("not") {
		tokens = tokens[1:] // a call, or x'00'
	}
	depth := 0
	for i, t := range tokens {
		switch t.text {
		case "(":
			depth++
		case ")":
			depth--
		}
		if depth == 0 && i < len(tokens)-1 {
			return false
		}
	}
	return true
}

// unqualified renders a condition with columns by their bare names: within a
// trigger the index's table goes by another name.
func unqualified(sql string, tokens []token) string {
	var b strings.Builder
	from := tokens[0].from
	for i := 0; i+2 < len(tokens); i++ {
		if tokens[i+1].text == "." && tokens[i].isName() {
			b.WriteString(sql[from:tokens[i].from])
			from = tokens[i+2].from
			i++
		}
	}
	b.WriteString(sql[from:tokens[len(tokens)-1].to])
	return b.String()
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

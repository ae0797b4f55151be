package applier

import (
	"errors"
	"slices"
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

// indexPart cuts ASC, DESC and a final COLLATE off a column or an expression.
func indexPart(sql string, tokens []token) string {
	n := len(tokens)
	if n > 1 && (strings.EqualFold(tokens[n-1].text, "ASC") || strings.EqualFold(tokens[n-1].text, "DESC")) {
		n--
	}
	if n > 2 && strings.EqualFold(tokens[n-2].text, "COLLATE") {
		n -= 2
	}
	if n == 0 {
		return ""
	}
	return sql[tokens[0].from:tokens[n-1].to]
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

// literalDefault renders a column's DEFAULT for use within a trigger, "" where it
// is no literal: there a name, quoted or bare, would be a column, and a function
// might be one that only the application has.
func literalDefault(text string) string {
	tokens := tokenize(text)
	if len(tokens) == 0 {
		return ""
	}
	first := tokens[0].text
	switch {
	case len(tokens) > 1 || first[0] == '\'' || '0' <= first[0] && first[0] <= '9':
		if !isLiteral(tokens) {
			return ""
		}
		return "(" + text + ")"
	case first[0] == '"' || first[0] == '`':
		return quoteText(strings.ReplaceAll(first[1:len(first)-1], first[:1]+first[:1], first[:1]))
	case slices.Contains([]string{"NULL", "TRUE", "FALSE", "CURRENT_TIME", "CURRENT_DATE", "CURRENT_TIMESTAMP"}, strings.ToUpper(first)):
		return first
	}
	return quoteText(strings.Trim(first, "[]"))
}

// isLiteral tells whether tokens hold no name: only numbers, strings, blobs and
// operators.
func isLiteral(tokens []token) bool {
	for i, t := range tokens {
		blob := strings.EqualFold(t.text, "x") && i+1 < len(tokens) && tokens[i+1].text[0] == '\''
		number := '0' <= t.text[0] && t.text[0] <= '9'
		if isNameByte(t.text[0]) && !blob && !number || strings.Contains("\"`[(", t.text[:1]) {
			return false
		}
	}
	return true
}

func quoteText(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

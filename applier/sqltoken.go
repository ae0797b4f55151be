package applier

import (
	"slices"
	"strings"
)

// token is a piece of SQL: a name, number, string or a single other byte.
type token struct {
	text     string
	from, to int
}

// isName tells whether the token may name a schema, a table or a column.
func (t token) isName() bool {
	b := t.text[0]
	return isNameByte(b) && (b < '0' || '9' < b) || strings.IndexByte("\"`['", b) >= 0
}

// tokenize splits SQL, dropping white space and comments
// (https://www.sqlite.org/lang_comment.html).
func tokenize(sql string) []token {
	var tokens []token
	for i := 0; i < len(sql); {
		from := i
		switch b := sql[i]; {
		case strings.IndexByte(" \t\r\n\f", b) >= 0:
			i++
			continue
		case strings.HasPrefix(sql[i:], "--"):
			i = skipTo(sql, i, "\n")
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			i = skipTo(sql, i+2, "*/")
			continue
		case b == '\'' || b == '"' || b == '`':
			i = skipQuoted(sql, i, b)
		case b == '[':
			i = skipTo(sql, i, "]")
		case isNameByte(b):
			for i < len(sql) && isNameByte(sql[i]) {
				i++
			}
		default:
			i++
		}
		tokens = append(tokens, token{sql[from:i], from, i})
	}
	return tokens
}

func skipTo(sql string, i int, end string) int {
	if at := strings.Index(sql[i:], end); at >= 0 {
		return i + at + len(end)
	}
	return len(sql)
}

func skipQuoted(sql string, i int, quote byte) int {
	for i++; i < len(sql); i++ {
		if sql[i] != quote {
			continue
		}
		if i+1 < len(sql) && sql[i+1] == quote {
			i++
			continue
		}
		return i + 1
	}
	return len(sql)
}

func isNameByte(b byte) bool {
	return b == '_' || b == '$' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// isWord tells whether the token is a bare word: a keyword, a name or a number.
func (t token) isWord() bool { return isNameByte(t.text[0]) }

// named tells whether the token is, bare or quoted, one of these folded names.
func (t token) named(names ...string) bool {
	return t.isName() && slices.Contains(names, strings.Trim(t.normal(), "'"))
}

// closing returns the index of the parenthesis that closes the one at i, or the
// number of tokens.
func closing(tokens []token, i int) int {
	depth := 0
	for ; i < len(tokens); i++ {
		switch tokens[i].text {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(tokens)
}

// outside returns the index of the first of some keywords that is not within
// parentheses, or -1.
func outside(tokens []token, words ...string) int {
	for i := 0; i < len(tokens); i++ {
		if tokens[i].is("(") {
			i = closing(tokens, i)
			continue
		}
		if tokens[i].is(words...) {
			return i
		}
	}
	return -1
}

// splitOutside splits at every one of some keywords that is not within
// parentheses.
func splitOutside(tokens []token, words ...string) (parts [][]token) {
	for {
		at := outside(tokens, words...)
		if at < 0 {
			return append(parts, tokens)
		}
		parts = append(parts, tokens[:at])
		tokens = tokens[at+1:]
	}
}

// deepest is how deep parentheses nest.
func deepest(tokens []token) (most int) {
	depth := 0
	for _, t := range tokens {
		switch t.text {
		case "(":
			depth++
			most = max(most, depth)
		case ")":
			depth--
		}
	}
	return most
}

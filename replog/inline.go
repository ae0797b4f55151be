package replog

import (
	"strconv"
	"strings"
)

// Inline renders SQL for people: literal's text for each argument in place of its
// parameter, identifiers without quotes where they need none, and one space for white
// space that breaks lines, but for the end of a comment. A parameter whose argument is
// missing stays as it is.
func Inline(sql string, args []Value, literal func(Value) string) string {
	p := parameters{names: map[string]int{}}
	var b strings.Builder
	for sql != "" {
		n := tokenLength(sql)
		token := sql[:n]
		sql = sql[n:]
		number := p.number(token)
		word := strings.Trim(token, `"`)
		switch {
		case number > 0 && number <= len(args):
			apart(&b, literal(args[number-1]), sql)
		case isPlainWord(word) && strings.TrimSuffix(token, `"`) == `"`+word:
			apart(&b, word, sql)
		case strings.IndexByte(space, token[0]) >= 0 && strings.Trim(token, " ") != "":
			b.WriteByte(' ')
		default:
			b.WriteString(token)
		}
	}
	return b.String()
}

// apart writes a text so that it does not become one with what is around it.
func apart(b *strings.Builder, text, next string) {
	if n := b.Len(); n > 0 {
		before := b.String()[n-1]
		if isWordByte(before) || before == '-' && strings.HasPrefix(text, "-") {
			b.WriteByte(' ')
		}
	}
	b.WriteString(text)
	if next != "" && isWordByte(next[0]) {
		b.WriteByte(' ')
	}
}

// parameters counts those of a statement as SQLite does
// (https://www.sqlite.org/lang_expr.html#varparam).
type parameters struct {
	names map[string]int
	last  int // the largest number so far
}

// number returns that of a token, 0 for one that is no parameter.
func (p *parameters) number(token string) int {
	n := 0
	switch {
	case token == "?":
		n = p.last + 1
	case token[0] == '?':
		n, _ = strconv.Atoi(token[1:])
	case len(token) > 1 && strings.IndexByte(":@$", token[0]) >= 0:
		if n = p.names[token]; n == 0 {
			n = p.last + 1
			p.names[token] = n
		}
	}
	p.last = max(p.last, n)
	return n
}

// space is what SQLite takes for white space.
const space = " \t\n\f\r"

// tokenLength is the length of the token that a text begins with: of white space, a
// quoted text, a comment, a word, a parameter, and otherwise of a byte.
func tokenLength(s string) int {
	switch c := s[0]; {
	case strings.IndexByte(space, c) >= 0:
		return len(s) - len(strings.TrimLeft(s, space))
	case c == '\'' || c == '"' || c == '`':
		return quotedLength(s, c)
	case c == '[':
		return upToEnd(s, "]")
	case strings.HasPrefix(s, "--"):
		return upToEnd(s, "\n")
	case strings.HasPrefix(s, "/*"):
		return 2 + upToEnd(s[2:], "*/")
	case c == '?':
		return 1 + len(s[1:]) - len(strings.TrimLeft(s[1:], "0123456789"))
	case c == ':' || c == '@' || c == '$' || c == '#':
		return 1 + parameterName(s[1:])
	case isWordByte(c):
		n := 1
		for n < len(s) && isWordByte(s[n]) {
			n++
		}
		return n
	}
	return 1
}

// quotedLength is that of a text up to the quote that ends it; doubled ones are of it.
func quotedLength(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 == len(s) || s[i+1] != quote {
			return i + 1
		}
		i++
	}
	return len(s)
}

func upToEnd(s, end string) int {
	if i := strings.Index(s, end); i >= 0 {
		return i + len(end)
	}
	return len(s)
}

// parameterName is the length of a name after : @ or $. It may hold :: and end with
// parentheses.
func parameterName(s string) int {
	letters := 0
	for i := 0; i < len(s); i++ {
		switch {
		case isWordByte(s[i]):
			letters++
		case s[i] == '(' && letters > 0:
			if end := strings.IndexAny(s[i:], ")"+space); end >= 0 && s[i+end] == ')' {
				return i + end + 1
			}
			return i
		case strings.HasPrefix(s[i:], "::"):
			i++
		default:
			return i
		}
	}
	return len(s)
}

func isWordByte(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
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

package postgres

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// PostgreSQL's text holds neither a NUL nor what is not UTF-8. Text from devices that
// does is kept readable: escape and two hexadecimal digits for each such byte, and
// escape twice for itself. No two texts have the same form.
const escape = '␛'

const escapeText = string(escape)

// escaped gives the form in which a text is stored.
func escaped(s string) string {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") && !strings.Contains(s, escapeText) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0 || r == utf8.RuneError && size == 1:
			b.WriteString(escapeText)
			b.WriteString(hex.EncodeToString([]byte(s[i : i+1])))
		case r == escape:
			b.WriteString(escapeText + escapeText)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// unescaped gives the text that escaped made its argument of. What it never made, such
// as an escape at the end, stays as it is.
func unescaped(s string) string {
	before, rest, found := strings.Cut(s, escapeText)
	if !found {
		return s
	}
	var b strings.Builder
	for found {
		b.WriteString(before)
		switch digits, err := hex.DecodeString(rest[:min(2, len(rest))]); {
		case strings.HasPrefix(rest, escapeText):
			b.WriteString(escapeText)
			rest = rest[len(escapeText):]
		case err == nil && len(digits) == 1:
			b.Write(digits)
			rest = rest[2:]
		default:
			b.WriteString(escapeText)
		}
		before, rest, found = strings.Cut(rest, escapeText)
	}
	b.WriteString(before)
	return b.String()
}

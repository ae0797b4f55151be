package sqlite

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// likely is a condition on entry that holds wherever replog.Search finds the
// text, and in little else: SQLite weeds out the rest many times faster than
// statements can be put together and searched. False where a text has nothing
// to go by.
func likely(text string) (string, []any, bool) {
	patterns := likePatterns(text)
	if len(patterns) == 0 {
		return "", nil, false
	}
	var args []any
	like := func(column string) string {
		terms := make([]string, len(patterns))
		for i, p := range patterns {
			terms[i] = column + " LIKE ?"
			args = append(args, "%"+p+"%")
		}
		return strings.Join(terms, " AND ")
	}
	return `(` + like("label") + ` OR ` + like("reason") + ` OR ` + like("detail") + ` OR ` + like("parts") + `
        -- LIKE stops at a NUL.
        OR instr(label, char(0)) OR instr(detail, char(0))
        OR EXISTS (
            SELECT 1 FROM recorded_statement s
            WHERE s.revision = entry.revision
                -- {"blob", {"real" and {"text" box values that are rendered otherwise.
                AND (` + like("s.body") + ` OR s.body GLOB '?*{"[brt]*')))`, args, true
}

// sqlWords are what rendered statements have that their stored form has not.
var sqlWords = []string{"insert", "into", "values", "update", "set", "where", "and", "delete", "from", "null"}

// maxWords is how many words are looked for, and maxPattern how many characters
// of each.
const (
	maxWords   = 4
	maxPattern = 100
)

// likePatterns are LIKE patterns for the first words of a text. Names, numbers
// and words are stored as they are rendered, whatever is between them; a single
// character is in everything.
func likePatterns(text string) []string {
	var patterns []string
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		var pattern strings.Builder
		literal := 0
		for i, r := range []rune(word) {
			if i == maxPattern {
				break
			}
			if isLiteral(r) {
				literal++
				pattern.WriteRune(r)
			} else {
				pattern.WriteByte('_')
			}
		}
		if literal > 1 && !isSQLWord(word) && len(patterns) < maxWords {
			patterns = append(patterns, pattern.String())
		}
	}
	return patterns
}

// isLiteral tells whether LIKE finds a lower-case character wherever some form
// of it stands: it ignores the case of ASCII letters only. The lower case of the
// Kelvin sign is k, and of a Turkish letter i.
func isLiteral(r rune) bool {
	if r < utf8.RuneSelf {
		return r != 'k' && r != 'i'
	}
	return r != utf8.RuneError && unicode.ToUpper(r) == r && unicode.ToLower(r) == r
}

func isSQLWord(word string) bool {
	for _, w := range sqlWords {
		if strings.Contains(w, word) {
			return true
		}
	}
	return false
}

package form

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sqlWords are what rendered statements have that their stored form has not.
var sqlWords = []string{"insert", "into", "values", "update", "set", "where", "and", "delete", "from", "null"}

// maxWords is how many words are looked for, and maxPattern how many characters
// of each.
const (
	maxWords   = 4
	maxPattern = 100
)

// LikePatterns are LIKE patterns for the first words of a text. Names, numbers
// and words are stored as they are rendered, whatever is between them; a single
// character is in everything.
func LikePatterns(text string) []string {
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

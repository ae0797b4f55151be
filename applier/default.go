package applier

import (
	"slices"
	"strings"
)

// literalDefault renders a column's DEFAULT for use within a trigger, "" where it
// is no literal: there a name, quoted or bare, would be a column, and a function
// might be one that only the application has.
func literalDefault(text string) string {
	tokens := tokenize(text)
	if len(tokens) == 0 {
		return ""
	}
	text = text[:tokens[len(tokens)-1].to] // without a comment
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

// computedDefault renders a column's DEFAULT for use within a trigger, where it is
// an expression that has one value in all of a statement and that every SQLite can
// compute; "" otherwise.
func computedDefault(text string) string {
	tokens := tokenize(text)
	for i, t := range tokens {
		isCall := i+1 < len(tokens) && tokens[i+1].text == "("
		switch b := t.text[0]; {
		case !isNameByte(b) && strings.IndexByte("\"`[", b) < 0, '0' <= b && b <= '9':
		case t.is("x") && i+1 < len(tokens) && tokens[i+1].text[0] == '\'': // a blob
		case t.is(defaultWords...):
		case isCall && t.is(defaultFunctions...):
		default:
			return ""
		}
	}
	if len(tokens) == 0 {
		return ""
	}
	return "(" + text[:tokens[len(tokens)-1].to] + ")"
}

// defaultWords may be in a DEFAULT without being a name.
var defaultWords = strings.Fields(`
	AND OR NOT IS ISNULL NOTNULL IN BETWEEN LIKE GLOB ESCAPE CASE WHEN THEN ELSE END COLLATE BINARY NOCASE RTRIM DISTINCT FROM
	CAST AS INTEGER INT REAL NUMERIC TEXT BLOB NULL TRUE FALSE CURRENT_TIME CURRENT_DATE CURRENT_TIMESTAMP`)

// defaultFunctions give the same wherever they are called within a statement, as
// SQLite holds the time still meanwhile.
var defaultFunctions = strings.Fields(`
	abs char coalesce format glob hex ifnull iif instr length like lower ltrim max min nullif printf quote replace round rtrim substr
	substring trim typeof unicode upper zeroblob date time datetime julianday strftime unixepoch`)

// storedLiteral renders a literal DEFAULT as the column stores it: 1 is '1' in a
// TEXT column. SQLite itself converts it, in a table of that one column.
func (c *Column) storedLiteral() (string, error) {
	if c.Affinity == AffinityBlob || strings.HasPrefix(strings.ToUpper(c.foreseen), "CURRENT_") {
		return c.foreseen, nil
	}
	declared := map[Affinity]string{
		AffinityText: "TEXT", AffinityNumeric: "NUMERIC", AffinityInteger: "INTEGER", AffinityReal: "REAL",
	}
	scratch, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		return "", err
	}
	defer scratch.Close()
	if err := scratch.Script("CREATE TABLE d(c " + declared[c.Affinity] + "); INSERT INTO d VALUES(" + c.foreseen + ")"); err != nil {
		return "", err
	}
	row, err := scratch.QueryRow("SELECT quote(c) FROM d")
	if err != nil {
		return "", err
	}
	return row[0].Bytes(), nil
}

package applier

import "strings"

// storedDefault renders a literal DEFAULT, for use within a trigger, as the
// column stores it: 1 is '1' in a TEXT column. SQLite itself converts it, in a
// table of that one column. It is "" where there is no literal.
func (c *Column) storedDefault() (string, error) {
	literal := literalDefault(c.Default)
	if literal == "" || c.Affinity == AffinityBlob || strings.HasPrefix(strings.ToUpper(literal), "CURRENT_") {
		return literal, nil
	}
	declared := map[Affinity]string{
		AffinityText: "TEXT", AffinityNumeric: "NUMERIC", AffinityInteger: "INTEGER", AffinityReal: "REAL",
	}
	scratch, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		return "", err
	}
	defer scratch.Close()
	if err := scratch.Script("CREATE TABLE d(c " + declared[c.Affinity] + "); INSERT INTO d VALUES(" + literal + ")"); err != nil {
		return "", err
	}
	row, err := scratch.QueryRow("SELECT quote(c) FROM d")
	if err != nil {
		return "", err
	}
	return row[0].Bytes(), nil
}

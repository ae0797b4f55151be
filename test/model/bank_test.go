package model

import "fmt"

// addBank adds tables that are written through the driver alone, with rows in them:
// accounts between which money moves, and notes, whose changes a trigger counts and
// another one, which the server does not have, may count once more.
func (f *family) addBank(g generator) {
	f.addDriven("account", "balance INTEGER NOT NULL CHECK(balance >= 0)")
	account := f.schema.Tables[len(f.schema.Tables)-1]
	account.Columns[1].NotNull = true
	account.Check = func(r Row) bool { return r[1].Int64() >= 0 }
	f.addDriven("note", "n INTEGER", "at TEXT DEFAULT CURRENT_TIMESTAMP")
	f.addDriven("tally", "n INTEGER")
	f.first = append(f.first, "INSERT INTO account VALUES(1, 10), (2, 10), (3, 10)", "INSERT INTO tally VALUES(1, 0), (2, 0)",
		"INSERT INTO note VALUES(1, 0, 'first'), (2, 0, 'first')")
	count := func(name, event string, row, by int, late bool) {
		f.add(fmt.Sprintf("CREATE TRIGGER %s AFTER %s ON note BEGIN UPDATE tally SET n = n + %d WHERE id = %d; END", name, event, by, row),
			appTrigger{name: name, on: "note", event: event, by: "UPDATE", writes: "tally"}, late)
	}
	count("noted", "UPDATE", 1, 1, false)
	if g.chance(40, "a trigger of the devices alone") {
		count("local", "INSERT", 2, 10, true)
	}
}

// addDriven adds a table with the key id.
func (f *family) addDriven(name string, columns ...string) {
	t := &familyTable{
		Table:  &Table{Name: name, Key: []int{0}, Columns: []Column{{Name: "id", Collation: Binary, NotNull: true}}},
		quoted: `"` + name + `"`, columns: []familyColumn{{name: `"id"`, kind: kindInteger, notNull: true}},
		driven: true, defs: append([]string{"id INTEGER PRIMARY KEY"}, columns...),
	}
	for _, c := range columns {
		var column string
		_, _ = fmt.Sscan(c, &column)
		t.Columns = append(t.Columns, Column{Name: column, Collation: Binary})
		t.columns = append(t.columns, familyColumn{name: `"` + column + `"`, kind: kindInteger})
	}
	f.schema.Tables = append(f.schema.Tables, t.Table)
	f.tables = append(f.tables, t)
	f.ddl = append(f.ddl, t.create(t.quoted, t.defs))
}

// checkBank checks that no money came or went.
func (f *family) checkBank(s State) error {
	sum, any := int64(0), false
	for id, row := range s {
		if id.Table == "account" {
			sum, any = sum+row[1].Int64(), true
			if row[1].Int64() < 0 {
				return fmt.Errorf("account %s has %s", row[0], row[1])
			}
		}
	}
	if any && sum != 30 {
		return fmt.Errorf("the accounts have %d, want 30", sum)
	}
	return nil
}

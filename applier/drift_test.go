package applier

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func objectsOf(t testingT, c *Conn) []Object {
	t.Helper()
	list, err := ReadObjects(c)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// said describes a drift, a line a fact.
func (d *SchemaDrift) said() (lines []string) {
	for _, sql := range d.Statements {
		lines = append(lines, oneLine(sql))
	}
	return slices.Concat(lines, saidOf("conflict", d.Conflicts), saidOf("missing", d.Missing), saidOf("note", d.Notes), saidOf("local", d.Local))
}

func saidOf(what string, list []DriftDifference) (lines []string) {
	for _, d := range list {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", what, d.Kind, d.Table, d.Name)))
	}
	return lines
}

const shop = `
CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'Abc', note text);
CREATE TABLE item(a, b, person INT REFERENCES person(id), PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE UNIQUE INDEX one ON person(name);
CREATE INDEX item_person ON item(person);
CREATE VIEW named AS SELECT id, name FROM person;
CREATE TRIGGER first AFTER INSERT ON item BEGIN UPDATE person SET note = 'x'; END;
CREATE TRIGGER second AFTER INSERT ON item BEGIN UPDATE person SET note = 'y'; END;`

var driftCases = []struct {
	name, change string
	want         []string
}{
	{"nothing", "", nil},
	{"the order of columns, and what means nothing", `PRAGMA legacy_alter_table=ON; DROP VIEW named; CREATE TABLE n("NOTE" Text, [name] TEXT not  null /* why */ DEFAULT 'Abc', id INTEGER
		primary key); DROP TABLE person; ALTER TABLE n RENAME TO person; CREATE UNIQUE INDEX ONE on person ( "name" ); create view named as select ID, [name] from PERSON -- x`, nil},
	{"a table, its index, a view on a view and triggers", `CREATE TABLE a(id INTEGER PRIMARY KEY, b REFERENCES b(id)); CREATE TABLE b(id INTEGER PRIMARY KEY); CREATE INDEX i ON a(b);
		CREATE VIEW v AS SELECT id FROM named; CREATE VIEW w AS SELECT * FROM v; CREATE TRIGGER t INSTEAD OF DELETE ON w BEGIN DELETE FROM a; END; CREATE TRIGGER third AFTER INSERT ON item BEGIN SELECT 1; END`,
		[]string{"CREATE TABLE b(id INTEGER PRIMARY KEY)", "CREATE TABLE a(id INTEGER PRIMARY KEY, b REFERENCES b(id))", "CREATE INDEX i ON a(b)", "CREATE VIEW v AS SELECT id FROM named",
			"CREATE VIEW w AS SELECT * FROM v", "CREATE TRIGGER t INSTEAD OF DELETE ON w BEGIN DELETE FROM a; END", "CREATE TRIGGER third AFTER INSERT ON item BEGIN SELECT 1; END"}},
	{"columns", `ALTER TABLE person ADD COLUMN "x y" TEXT COLLATE NOCASE DEFAULT "Abc"; ALTER TABLE item ADD c INT NOT NULL DEFAULT -1 CHECK (c < 9)`,
		[]string{`ALTER TABLE "person" ADD COLUMN "x y" TEXT COLLATE NOCASE DEFAULT "Abc"`, `ALTER TABLE "item" ADD COLUMN c INT NOT NULL DEFAULT -1 CHECK (c < 9)`}},
	{"columns of a table made anew", "CREATE TABLE n(more REFERENCES person(id), b, g AS (h || 'x'), a, person INT REFERENCES person(id), h AS (more + 1), PRIMARY KEY(a, b)) WITHOUT ROWID; DROP TABLE item; ALTER TABLE n RENAME TO item; CREATE INDEX item_person ON item(person)",
		[]string{`ALTER TABLE "item" ADD COLUMN more REFERENCES person(id)`, `ALTER TABLE "item" ADD COLUMN h AS (more + 1)`, `ALTER TABLE "item" ADD COLUMN g AS (h || 'x')`, "note: trigger item first", "note: trigger item second"}},
	{"columns that cannot be added", `PRAGMA legacy_alter_table=ON; CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'Abc', note text, a NOT NULL, b UNIQUE, c DEFAULT CURRENT_TIMESTAMP, d DEFAULT (random()), e AS (1) STORED, f CHECK (f > 1) DEFAULT 0);
		DROP VIEW named; DROP TABLE person; ALTER TABLE n RENAME TO person; CREATE UNIQUE INDEX one ON person(name); CREATE VIEW named AS SELECT id, name FROM person`,
		[]string{"conflict: column person a", "conflict: column person b", "conflict: column person c", "conflict: column person d", "conflict: column person e", "conflict: column person f"}},
	{"another type, default, constraint", `PRAGMA legacy_alter_table=ON; CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT 'abc', note INT, CHECK (id > 0)) STRICT;
		DROP VIEW named; DROP TABLE person; ALTER TABLE n RENAME TO person; CREATE UNIQUE INDEX one ON person(name); CREATE VIEW named AS SELECT id, name FROM person`,
		[]string{"conflict: column person name", "conflict: column person note", "conflict: constraint person", "conflict: options person"}},
	{"another key", "DROP TABLE item; CREATE TABLE item(a, b, person INT REFERENCES person(id), PRIMARY KEY(b, a)) WITHOUT ROWID",
		[]string{"conflict: constraint item", "missing: constraint item", "note: index item item_person", "note: trigger item first", "note: trigger item second"}},
	{"a column and a table less", "DROP TRIGGER first; DROP TRIGGER second; ALTER TABLE person DROP note; DROP TABLE item", []string{"missing: column person note", "missing: table item item", "note: trigger item first", "note: trigger item second"}},
	{"a table's name", "ALTER TABLE item RENAME TO thing", []string{"CREATE TABLE \"thing\"(a, b, person INT REFERENCES person(id), PRIMARY KEY(a, b)) WITHOUT ROWID", "missing: table item item",
		"note: index item item_person", "note: trigger item first", "note: trigger item second"}},
	{"a column's name", "ALTER TABLE person RENAME note TO remark", []string{`ALTER TABLE "person" ADD COLUMN remark text`, "missing: column person note", "note: trigger item first", "note: trigger item second"}},
	{"indexes, views and triggers less, or others", "DROP INDEX item_person; DROP VIEW named; CREATE VIEW named AS SELECT id FROM person; DROP TRIGGER second; CREATE TRIGGER second AFTER DELETE ON item BEGIN SELECT 1; END",
		[]string{"note: index item item_person", "note: trigger item second", "note: view named named"}},
	{"a unique index less, and one more", "DROP INDEX one; CREATE UNIQUE INDEX two ON person(note)", []string{"CREATE UNIQUE INDEX two ON person(note)", "missing: index person one"}},
	{"an index that is unique now", "DROP INDEX item_person; CREATE UNIQUE INDEX item_person ON item(person)", []string{"conflict: index item item_person"}},
	{"the order of triggers", "DROP TRIGGER first; CREATE TRIGGER first AFTER INSERT ON item BEGIN UPDATE person SET note = 'x'; END", []string{"note: trigger order item"}},
	{"virtual tables and what depends on them", `CREATE VIRTUAL TABLE words USING fts4(body); CREATE TRIGGER w AFTER INSERT ON person BEGIN INSERT INTO words VALUES(NEW.name); END;
		CREATE VIEW v AS SELECT * FROM words; CREATE VIEW u AS SELECT * FROM v; CREATE TABLE a(id INTEGER PRIMARY KEY)`,
		[]string{"CREATE TABLE a(id INTEGER PRIMARY KEY)", "local: table words words", "local: trigger person w", "local: view u u", "local: view v v"}},
	{"what needs the application", `CREATE VIEW v AS SELECT mine(id) FROM person; CREATE VIEW u AS SELECT * FROM v; CREATE TRIGGER t AFTER INSERT ON person BEGIN SELECT mine(NEW.id); END; CREATE TABLE a(id INTEGER PRIMARY KEY, v DEFAULT (mine()))`,
		[]string{"local: table a a", "local: trigger person t", "local: view u u", "local: view v v"}},
}

// What an application did to its schema is told as statements that lead there, or
// as what stands against that.
func TestDriftIsTold(t *testing.T) {
	for _, tc := range driftCases {
		t.Run(tc.name, func(t *testing.T) {
			from, to := objectsOf(t, scripted(t, "from", shop)), objectsOf(t, scripted(t, "to", shop, tc.change))
			d, err := Drift(from, to)
			if err != nil {
				t.Fatal(err)
			}
			if got := d.said(); !slices.Equal(got, tc.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			for _, c := range d.Conflicts {
				if c.B == "" {
					t.Errorf("a conflict without what was found: %+v", c)
				}
			}
			parsed, err := ParseObjects(FormatObjects(to))
			if err != nil || !slices.Equal(parsed, to) {
				t.Errorf("as JSON: %q, %v", parsed, err)
			}
		})
	}
}

// Letters count in literals, however they are quoted.
func TestFingerprintsFollowMeaning(t *testing.T) {
	const base = `CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT DEFAULT 'Abc', CHECK (a <> 'X')); CREATE TABLE u(a UNIQUE); CREATE VIEW v AS SELECT id AS "Id" FROM t WHERE a = 'Q';
		CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END; CREATE TRIGGER y AFTER DELETE ON t BEGIN SELECT 2; END; CREATE TRIGGER z BEFORE DELETE ON t BEGIN SELECT 2; END`
	want := FingerprintObjects(objectsOf(t, scripted(t, "base", base)))
	for _, tc := range []struct {
		old, new string
		same     bool
	}{
		{"TEXT DEFAULT 'Abc'", "text  default\n'Abc' /* why */", true},
		{"TEXT DEFAULT 'Abc'", `TEXT DEFAULT "Abc"`, true},
		{"TEXT DEFAULT 'Abc'", `TEXT DEFAULT Abc`, true},
		{"TEXT DEFAULT 'Abc'", `TEXT DEFAULT "abc"`, false},
		{"TEXT DEFAULT 'Abc'", `TEXT DEFAULT abc`, false},
		{"a <> 'X'", `[A]  <> "X"`, true},
		{"a <> 'X'", `a <> "x"`, false},
		{"CHECK (a <> 'X')", "CONSTRAINT c CHECK (a <> 'X')", true},
		{"CREATE TABLE u(a UNIQUE); CREATE VIEW", "CREATE TABLE \"U\"(`a` unique); CREATE VIEW", true},
		{"a UNIQUE", "a UNIQUE ON CONFLICT REPLACE", false},
		{`AS "Id" FROM t`, `as ID from [T]`, true},
		{"a = 'Q'", "a = 'q'", false},
		{"CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END; CREATE TRIGGER y AFTER DELETE ON t BEGIN SELECT 2; END", "CREATE TRIGGER y AFTER DELETE ON t BEGIN SELECT 2; END; CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END", false},
		{"CREATE TRIGGER y AFTER DELETE ON t BEGIN SELECT 2; END; CREATE TRIGGER z BEFORE DELETE ON t BEGIN SELECT 2; END", "CREATE TRIGGER z BEFORE DELETE ON t BEGIN SELECT 2; END; CREATE TRIGGER IF NOT EXISTS main.y AFTER DELETE ON t BEGIN SELECT 2; END", true},
	} {
		text := strings.Replace(base, tc.old, tc.new, 1)
		if text == base {
			t.Fatalf("%q is not there", tc.old)
		}
		if same := FingerprintObjects(objectsOf(t, scripted(t, "other", text))) == want; same != tc.same {
			t.Errorf("%s: the same: %t", tc.new, same)
		}
	}
}

// The second device to upgrade finds that the log has what it has; one whose
// application is older goes on.
func TestSettlingWithTheLog(t *testing.T) {
	const x, y, z = "ALTER TABLE person ADD x INT DEFAULT 1;", "ALTER TABLE person ADD y TEXT;", "CREATE TABLE z(id INTEGER PRIMARY KEY); CREATE VIEW zz AS SELECT * FROM z;"
	for _, tc := range []struct {
		name, log, found string
		want             []string
	}{
		{"the same, in another order", x + y + z, z + y + x, []string{"same: column person x", "same: column person y", "same: table z z", "same: view zz zz"}},
		{"part of it", x + y + z, y, []string{"same: column person y", "lacks: column person x", "lacks: table z z", "lacks: view zz zz"}},
		{"part of it, and more", x + z, x + y, []string{`ALTER TABLE "person" ADD COLUMN y TEXT`, "same: column person x", "lacks: table z z", "lacks: view zz zz"}},
		{"nothing of it", x + y + z, "", []string{"lacks: column person x", "lacks: column person y", "lacks: table z z", "lacks: view zz zz"}},
		{"first", "", x + z, []string{`CREATE TABLE z(id INTEGER PRIMARY KEY)`, `ALTER TABLE "person" ADD COLUMN x INT DEFAULT 1`, `CREATE VIEW zz AS SELECT * FROM z`}},
		{"another type", x, "ALTER TABLE person ADD x TEXT DEFAULT 1", []string{"conflict: column person x"}},
		{"another default", x + y, "ALTER TABLE person ADD x INT DEFAULT 2;" + y, []string{"same: column person y", "conflict: column person x"}},
		{"another table", z, "CREATE TABLE z(id TEXT PRIMARY KEY)", []string{"lacks: view zz zz", "conflict: column z id"}},
		{"a column less", x, "DROP TRIGGER first; DROP TRIGGER second; ALTER TABLE person DROP note", []string{"lacks: column person x", "conflict: column person note", "note: trigger item first", "note: trigger item second"}},
		{"a unique index less", y, "DROP INDEX one;" + y, []string{"same: column person y", "conflict: index person one"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s, err := Settle(objectsOf(t, scripted(t, "agreed", shop)), objectsOf(t, scripted(t, "log", shop, tc.log)), objectsOf(t, scripted(t, "found", shop, tc.found)))
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Concat(s.Statements, saidOf("same", s.Same), saidOf("lacks", s.Lacks), saidOf("conflict", s.Conflicts), saidOf("note", s.Notes), saidOf("local", s.Local))
			if !slices.Equal(got, tc.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

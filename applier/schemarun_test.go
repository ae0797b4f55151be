package applier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// runSchema inspects and runs a statement in the caller's transaction.
func (r *testReplica) runSchema(sql string, o SchemaOptions) (*SchemaResult, error) {
	s, err := r.InspectSchema(sql, o)
	if err != nil {
		return nil, err
	}
	return r.RunSchema(s, o)
}

// checkCapture checks that capture is whole: nothing is blind, nothing to mend, and
// the change table has a place for all.
func (r *testReplica) checkCapture(t testingT) {
	t.Helper()
	blind, err := r.Blind()
	if err != nil || len(blind) > 0 {
		t.Errorf("capture is blind to %d tables, %v", len(blind), err)
	}
	tables, layout, err := r.capturedTables()
	if err != nil || len(tables) != len(r.Schema.Tables) {
		t.Errorf("capture knows %d of %d tables, %v", len(tables), len(r.Schema.Tables), err)
	}
	for id, table := range tables {
		if !slices.Equal(layout[id], table.changeOrder()) {
			t.Errorf("table %s: columns are read in the order %v and written in %v", table.Name, layout[id], table.changeOrder())
		}
	}
	row, err := r.QueryRow("SELECT count(*) - ? FROM pragma_table_info('replog_change')", replog.Integer(changeHead))
	if err != nil || row[0].Int64() < int64(r.Schema.changeWidth()) {
		t.Errorf("the change table holds %v columns of %d, %v", row, r.Schema.changeWidth(), err)
	}
	if row, err := r.QueryRow("SELECT recording FROM replog_control"); err != nil || row == nil || row[0] != replog.Integer(1) {
		t.Errorf("recording is %v, %v", row, err)
	}
	r.in(t, "look", func() error {
		if mended, err := r.MendCapture(); err != nil || mended {
			t.Errorf("capture had to be mended: %t, %v", mended, err)
		}
		return nil
	})
}

// household is a schema with something of everything.
const household = `
CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE COLLATE NOCASE, n INT DEFAULT 7);
CREATE TABLE child(a TEXT, b INT, parent INT REFERENCES parent(id), note, g AS (note || '!'), PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE TABLE strict(k TEXT PRIMARY KEY NOT NULL, v ANY) STRICT;
CREATE TABLE counted(id INTEGER PRIMARY KEY, n INT);
CREATE INDEX child_parent ON child(parent);
CREATE VIEW named AS SELECT id, name FROM parent;
CREATE VIEW short AS SELECT id FROM named WHERE length(name) < 5;
CREATE TRIGGER child_first AFTER INSERT ON child BEGIN INSERT OR IGNORE INTO counted VALUES(1, 0); END;
CREATE TRIGGER child_count AFTER INSERT ON child BEGIN UPDATE counted SET n = n + 1 WHERE id = 1; END;
CREATE TRIGGER child_check BEFORE INSERT ON child BEGIN SELECT RAISE(ABORT, 'no') WHERE NEW.a = ''; END;
CREATE TRIGGER named_insert INSTEAD OF INSERT ON named BEGIN INSERT INTO parent(id, name) VALUES(NEW.id, NEW.name); END;
INSERT INTO parent(id, name) VALUES(1, 'Ann'), (2, 'Bob');
INSERT INTO child(a, b, parent, note) VALUES('x', 1, 1, 'one'), ('y', 2, 2, 'two');
INSERT INTO strict VALUES('s', 1.5);`

// migrations are schema statements, with statements that see whether what the
// application writes afterwards is captured.
var migrations = []struct{ name, schema, writes string }{
	{"a table", "CREATE TABLE more(id INTEGER PRIMARY KEY, v)", "INSERT INTO more VALUES(1, 'a'), (2, 'b'); UPDATE more SET v = 'c' WHERE id = 1; DELETE FROM more WHERE id = 2"},
	{"a table that another refers to", "CREATE TABLE p(k TEXT PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(k))", "INSERT INTO p VALUES('a'); INSERT INTO c VALUES(1, 'a'); INSERT OR REPLACE INTO c VALUES(1, NULL)"},
	{"a wide table", wideTable(150, nil, "PRIMARY KEY(c0)"), "INSERT INTO t(c0, c149) VALUES(1, 2); UPDATE t SET c70 = 5, c148 = 6"},
	{"a column", "ALTER TABLE parent ADD COLUMN more TEXT DEFAULT 'd'", "UPDATE parent SET more = 'e' WHERE id = 1; INSERT INTO parent(id, more) VALUES(3, 'f'); DELETE FROM parent WHERE id = 2"},
	{"a column of a table WITHOUT ROWID", "ALTER TABLE child ADD COLUMN more", "UPDATE child SET more = 1, note = 'n'; UPDATE child SET b = 5, more = 2 WHERE a = 'x'"},
	{"a generated column", "ALTER TABLE parent ADD COLUMN twice AS (n * 2)", "UPDATE parent SET n = 8"},
	{"several columns", "ALTER TABLE strict ADD COLUMN a INT; ALTER TABLE strict ADD b TEXT NOT NULL DEFAULT ''", "INSERT INTO strict VALUES('t', NULL, 3, 'b'); UPDATE strict SET a = 1, b = 'c'"},
	{"a unique index", "CREATE UNIQUE INDEX i ON parent(n) WHERE n > 100", "UPDATE parent SET n = 101 WHERE id = 1; REPLACE INTO parent VALUES(5, 'c', 101)"},
	{"an index, a view and triggers", `CREATE INDEX i ON child(note); CREATE VIEW v AS SELECT * FROM short;
		CREATE TRIGGER b BEFORE UPDATE ON parent BEGIN INSERT OR REPLACE INTO strict VALUES('log', OLD.name); END;
		CREATE TRIGGER a AFTER UPDATE ON parent BEGIN UPDATE strict SET v = NEW.name || v WHERE k = 'log'; END`, "UPDATE parent SET name = 'Cy' WHERE id = 1; INSERT INTO named VALUES(9, 'Di')"},
	{"a table's name", "ALTER TABLE parent RENAME TO people", "UPDATE people SET n = 1; INSERT INTO child(a, b, parent) VALUES('z', 1, 1); INSERT INTO named VALUES(9, 'Di')"},
	{"the name of a table with triggers", "ALTER TABLE child RENAME TO kid", "INSERT INTO kid(a, b) VALUES('z', 1); UPDATE kid SET note = 'm'; DELETE FROM kid WHERE a = 'y'"},
	{"a column's name", "DROP TRIGGER named_insert; DROP VIEW short; ALTER TABLE parent RENAME COLUMN name TO called; CREATE TRIGGER t AFTER UPDATE OF called ON parent BEGIN DELETE FROM counted; END; ALTER TABLE parent RENAME called TO nick", "UPDATE parent SET nick = 'Cy' WHERE id = 1"},
	{"a key's name", "ALTER TABLE child RENAME a TO first", "UPDATE child SET first = 'z' WHERE b = 1; INSERT INTO child(first, b) VALUES('q', 3)"},
	{"a column less", "ALTER TABLE parent DROP COLUMN n", "UPDATE parent SET name = 'Cy' WHERE id = 1; INSERT INTO parent VALUES(3, 'Di')"},
	{"a table less", "DROP TABLE counted; DROP TRIGGER child_first; DROP TRIGGER child_count", "INSERT INTO child(a, b) VALUES('z', 3)"},
	{"views and triggers less", "DROP VIEW short; DROP TRIGGER child_count; DROP INDEX child_parent", "INSERT INTO child(a, b) VALUES('z', 3)"},
	{"a table made anew", `DROP VIEW short; DROP VIEW named; CREATE TABLE n(n INT, extra DEFAULT 'e', name TEXT, id INTEGER PRIMARY KEY);
		INSERT INTO n(id, name, n) SELECT id, name, n FROM parent; DROP TABLE parent; ALTER TABLE n RENAME TO parent; CREATE VIEW named AS SELECT id, name FROM parent`,
		"UPDATE parent SET extra = 'f', n = 9 WHERE id = 1; INSERT INTO parent(id, name) VALUES(3, 'Di')"},
	{"a table that goes and comes", "DROP TABLE strict; CREATE TABLE strict(v INT, k TEXT NOT NULL PRIMARY KEY)", "INSERT INTO strict VALUES(1, 'a'); UPDATE strict SET v = 2"},
}

// migrate runs a script of schema statements and others in a transaction. What
// capture has gathered is closed before a schema statement that needs that.
func (r *testReplica) migrate(script string, o SchemaOptions) ([]string, error) {
	texts := o.Triggers
	for _, p := range Pieces(script) {
		if p.Empty {
			continue
		}
		s, err := r.InspectSchema(p.Text, o)
		if err != nil {
			return nil, err
		}
		if s.Refused != nil && s.Refused.Class == UnsafeStatement {
			if err := r.Script(p.Text); err != nil {
				return nil, err
			}
			continue
		}
		result, err := r.RunSchema(s, o)
		var waiting *WaitingError
		if errors.As(err, &waiting) {
			if err := r.Forget(); err != nil {
				return nil, err
			}
			result, err = r.RunSchema(s, o)
		}
		if err != nil {
			return nil, err
		}
		texts = result.Triggers
		o.Triggers = texts
	}
	return texts, nil
}

// After each migration capture sees all that the application writes, wherever it
// is run, and the schema is the one that SQLite alone makes.
func TestCaptureFollowsTheSchema(t *testing.T) {
	for _, tc := range migrations {
		for _, way := range []string{"outside", "inside"} {
			t.Run(tc.name+" "+way, func(t *testing.T) {
				r := newTestReplica(t, scripted(t, "device", household))
				plain := newTestReplica(t, scripted(t, "plain", household, tc.schema))
				r.in(t, "install", r.Install)
				r.in(t, "migrate", func() error {
					migrate := func() error { _, err := r.migrate(tc.schema, SchemaOptions{}); return err }
					var err error
					if way == "inside" {
						err = r.WithoutTriggers(migrate)
					} else if err = migrate(); err == nil {
						err = r.Forget()
					}
					return err
				})
				if want := newTestReplica(t, plain.Conn).Schema.Describe(); r.Schema.Describe() != want {
					t.Errorf("the schema is\n%swant\n%s", r.Schema.Describe(), want)
				}
				if row, err := r.QueryRow("SELECT count(*) FROM replog_change"); err != nil || row[0].Int64() > 0 {
					t.Errorf("%v changes are recorded, %v", row, err)
				}
				r.checkCapture(t)
				sameSchemas(t, r.Conn, plain.Conn)
				mustEqual(t, "after the migration", r.Conn, plain.Conn, nil)
				before := newTestReplica(t, scripted(t, "before", household, tc.schema))
				before.in(t, "install", before.Install)
				r.script(t, tc.writes)
				plain.script(t, tc.writes)
				checkGathered(t, r, plain, before, &matrixCase{net: -1})
				r.checkRemoval(t, plain)
			})
		}
	}
}

// sameSchemas checks that two databases have the same objects, of the application's.
func sameSchemas(t testingT, a, b *Conn) {
	t.Helper()
	left, err := ReadObjects(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := ReadObjects(b)
	if err != nil {
		t.Fatal(err)
	}
	if !SameObjects(left, right) || FingerprintObjects(left) != FingerprintObjects(right) {
		t.Errorf("the objects are\n%s\nwant\n%s", strings.Join(newSchemaForm(left).lines(left), "\n"), strings.Join(newSchemaForm(right).lines(right), "\n"))
	}
}

// A server's replica has no capture, and keeps triggers elsewhere; they follow.
func TestTriggersThatAreKeptElsewhereFollowTheSchema(t *testing.T) {
	for _, tc := range migrations {
		t.Run(tc.name, func(t *testing.T) {
			plain := newTestReplica(t, scripted(t, "plain", household, tc.schema))
			r := newTestReplica(t, scripted(t, "server", household))
			texts := []string{}
			r.in(t, "stash", func() error {
				list, err := r.Objects()
				if err == nil {
					texts = TriggerTexts(list)
					err = r.dropTheirs(func(string) bool { return true })
				}
				return err
			})
			r.in(t, "migrate", func() (err error) {
				texts, err = r.migrate(tc.schema, SchemaOptions{Triggers: texts})
				return err
			})
			list, err := ReadObjects(r.Conn)
			if err != nil || len(TriggerTexts(list)) > 0 {
				t.Errorf("triggers are left: %q, %v", TriggerTexts(list), err)
			}
			want, err := ReadObjects(plain.Conn)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(texts, TriggerTexts(want)) {
				t.Errorf("triggers are\n%q\nwant\n%q", texts, TriggerTexts(want))
			}
			if !SameObjects(WithTriggers(list, texts), want) {
				t.Error("the objects differ")
			}
			mustEqual(t, "content", r.Conn, plain.Conn, nil)
		})
	}
}

// A statement runs twice, as at a replay: the second time nothing is done.
func TestSchemaStatementsMayComeAgain(t *testing.T) {
	for _, sql := range []string{
		"CREATE TABLE more(id INTEGER PRIMARY KEY)", "ALTER TABLE parent ADD COLUMN c TEXT DEFAULT 'Abc'", "ALTER TABLE parent RENAME TO people",
		"ALTER TABLE parent RENAME n TO m", "ALTER TABLE parent DROP n", "DROP TABLE strict", "DROP VIEW short", "CREATE UNIQUE INDEX i ON parent(n, name)",
		"CREATE TRIGGER tr AFTER DELETE ON parent BEGIN DELETE FROM child; END", "DROP TRIGGER child_count", "CREATE VIEW v(a) AS SELECT 1",
	} {
		r := newTestReplica(t, scripted(t, "device", household))
		r.in(t, "install", r.Install)
		for _, want := range []bool{false, true} {
			r.in(t, sql, func() error {
				result, err := r.runSchema(sql, SchemaOptions{})
				if err == nil && result.Already != want {
					t.Errorf("%s: already %t, want %t", sql, result.Already, want)
				}
				return err
			})
		}
		r.checkCapture(t)
	}
}

// What SQLite refuses on a database with rows leaves nothing.
func TestAFailedSchemaStatementLeavesNothing(t *testing.T) {
	for _, tc := range []struct{ name, sql string }{
		{"a unique index over equal values", "CREATE UNIQUE INDEX i ON parent(n)"},
		{"a column that must not be NULL", "ALTER TABLE parent ADD COLUMN c NOT NULL"},
		{"a default that is not constant", "ALTER TABLE parent ADD COLUMN c DEFAULT CURRENT_TIMESTAMP"},
		{"a check that rows do not pass", "ALTER TABLE parent ADD COLUMN c CHECK (n > 100)"},
	} {
		for _, way := range []string{"outside", "inside", "with triggers"} {
			t.Run(tc.name+" "+way, func(t *testing.T) {
				r := newTestReplica(t, scripted(t, "db", household))
				o := SchemaOptions{}
				if way == "with triggers" {
					list, err := r.Objects()
					if err != nil {
						t.Fatal(err)
					}
					o.Triggers = TriggerTexts(list)
					r.in(t, "stash", func() error { return r.dropTheirs(func(string) bool { return true }) })
				} else {
					r.in(t, "install", r.Install)
				}
				before, schema := r.schemaSQL(t), r.Schema
				try := func() error {
					var refused *SchemaError
					if _, err := r.runSchema(tc.sql, o); !errors.As(err, &refused) || refused.Class != UnsafeData || resultCode(err) == 0 {
						t.Errorf("%v", err)
					}
					return nil
				}
				if way == "inside" {
					r.write(t, "try", try)
				} else {
					r.in(t, "try", try)
				}
				if after := r.schemaSQL(t); !slices.Equal(before, after) {
					t.Errorf("the schema is\n%s\nwas\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
				}
				if r.Schema != schema {
					t.Error("Schema is another")
				}
			})
		}
	}
}

// Changes of other tables keep their meaning; those of the table itself have to be
// closed first.
func TestGatheredChangesAndTheSchema(t *testing.T) {
	r := newTestReplica(t, scripted(t, "device", household))
	r.in(t, "install", r.Install)
	want := []string{"update parent [1] [7] [8]", `insert strict ["t"] [] ['t' 1]`}
	r.in(t, "migrate", func() error {
		r.script(t, "UPDATE parent SET n = 8 WHERE id = 1; INSERT INTO strict VALUES('t', 1)")
		for _, sql := range []string{"ALTER TABLE parent ADD COLUMN c", "ALTER TABLE parent RENAME TO p", "ALTER TABLE parent RENAME n TO m", "ALTER TABLE PARENT DROP n", "DROP TABLE strict"} {
			_, err := r.runSchema(sql, SchemaOptions{})
			var waiting *WaitingError
			if !errors.As(err, &waiting) {
				t.Errorf("%s: %v", sql, err)
			}
		}
		for _, sql := range []string{
			"CREATE TABLE more(id INTEGER PRIMARY KEY)", wideTable(100, nil, "PRIMARY KEY(c0)"), "ALTER TABLE counted ADD COLUMN c", "DROP VIEW short",
			"CREATE UNIQUE INDEX i ON parent(n) WHERE n > 100", "ALTER TABLE child RENAME TO kid", "CREATE TRIGGER tr BEFORE UPDATE ON parent BEGIN SELECT 1; END", "DROP TABLE counted",
		} {
			if _, err := r.runSchema(sql, SchemaOptions{}); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
			list, err := r.Gather(0)
			if err != nil {
				return err
			}
			if got := summarize(list); !slices.Equal(got, want) {
				t.Errorf("after %s: %q, want %q", sql, got, want)
			}
		}
		return nil
	})
}

func TestARolledBackSchemaStatementIsForgotten(t *testing.T) {
	r := newTestReplica(t, scripted(t, "device", household))
	r.in(t, "install", r.Install)
	before := r.Schema.Describe()
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.runSchema("ALTER TABLE parent ADD COLUMN c", SchemaOptions{}); err != nil {
		t.Fatal(err)
	}
	if r.Schema.Describe() == before {
		t.Error("the schema is the old one")
	}
	if err := errors.Join(r.Rollback(), r.Refresh()); err != nil {
		t.Fatal(err)
	}
	if r.Schema.Describe() != before {
		t.Error("the schema is not the old one")
	}
	r.checkCapture(t)
}

func TestManySchemaStatementsInOneTransaction(t *testing.T) {
	r := newTestReplica(t, scripted(t, "device", household))
	r.in(t, "install", r.Install)
	r.in(t, "migrate", func() error {
		for i := range 80 {
			if _, err := r.runSchema(fmt.Sprintf("ALTER TABLE strict ADD COLUMN c%d INT DEFAULT %d", i, i), SchemaOptions{}); err != nil {
				return err
			}
			if _, err := r.runSchema(fmt.Sprintf("CREATE TABLE t%d(id INTEGER PRIMARY KEY)", i), SchemaOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
	r.checkCapture(t)
	r.script(t, "UPDATE strict SET c79 = -1, c0 = -2, v = 2 WHERE k = 's'; INSERT INTO t79 VALUES(1)")
	want := []string{`update strict ["s"] [1.5 0 79] [2 -2 -1]`, "insert t79 [1] [] [1]"}
	if got := summarize(r.gather(t)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

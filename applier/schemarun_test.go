package applier

import (
	"errors"
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

package applier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// Full-text indexes and the triggers that keep them live through migrations, on a
// device and where triggers are kept elsewhere.
func TestFullTextIndexesFollowMigrations(t *testing.T) {
	const migration = "ALTER TABLE parent ADD COLUMN c; CREATE TABLE more(id INTEGER PRIMARY KEY); ALTER TABLE parent RENAME n TO m; ALTER TABLE parent DROP m; CREATE TRIGGER tr AFTER UPDATE ON parent BEGIN DELETE FROM counted; END"
	for _, way := range []string{"outside", "inside", "elsewhere"} {
		t.Run(way, func(t *testing.T) {
			path := scripted(t, "db", household).Path()
			withWords(t, path)
			r := openReplica(t, path)
			before := TriggerTexts(objectsOf(t, r.Conn))
			o := SchemaOptions{}
			if way == "elsewhere" {
				derived, err := r.DerivedTriggers()
				if err != nil {
					t.Fatal(err)
				}
				o.Triggers = before
				r.in(t, "stash", func() error { return r.dropTheirs(func(name string) bool { return !derived[name] }) })
			} else {
				r.in(t, "install", r.Install)
			}
			var texts []string
			migrate := func() (err error) { texts, err = r.migrate(migration, o); return err }
			r.in(t, "migrate", func() error {
				if way == "inside" {
					return r.WithoutTriggers(migrate)
				}
				return migrate()
			})
			if way != "elsewhere" {
				r.checkCapture(t)
				texts = TriggerTexts(objectsOf(t, r.Conn))
			} else if left := TriggerTexts(objectsOf(t, r.Conn)); len(left) != 3 {
				t.Errorf("of the triggers %q are left", left)
			}
			want := append(slices.Clone(before), "CREATE TRIGGER tr AFTER UPDATE ON parent BEGIN DELETE FROM counted; END")
			if !SameObjects(WithTriggers(nil, texts), WithTriggers(nil, want)) {
				t.Errorf("the triggers are\n%q\nwant\n%q", texts, want)
			}
			r.script(t, "INSERT INTO parent(id, name) VALUES(9, 'Zoe'); UPDATE parent SET name = 'Amy' WHERE id = 1; INSERT INTO words(words) VALUES('integrity-check')")
			if got := contentOf(t, r, "SELECT rowid FROM words WHERE words MATCH 'zoe OR amy OR ann' ORDER BY rowid"); got != "[1][9]" {
				t.Errorf("found %s", got)
			}
		})
	}
}

// What is only in this file keeps its values, and stays unknown, while a statement of
// the log runs in the midst of others.
func TestLocalColumnsLiveThroughSchemaStatements(t *testing.T) {
	r := &testReplica{installed(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE TABLE u(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1, 'a'), (2, 'b')",
		"ALTER TABLE t ADD COLUMN mine DEFAULT 'm'; UPDATE t SET mine = id; CREATE TABLE own(id INTEGER PRIMARY KEY)")}
	r.write(t, "write", func() error {
		if err := r.Script("DELETE FROM t WHERE id = 1; INSERT INTO t(id, v) VALUES(1, 'c')"); err != nil {
			return err
		}
		if _, err := r.migrate("ALTER TABLE t ADD COLUMN theirs DEFAULT 't'; ALTER TABLE t RENAME TO s; CREATE TABLE w(id INTEGER PRIMARY KEY); ALTER TABLE s RENAME v TO vv; DROP TABLE u", SchemaOptions{}); err != nil {
			return err
		}
		return r.Script("DELETE FROM s WHERE id = 2; INSERT INTO s(id, vv) VALUES(2, 'd')")
	})
	if got := contentOf(t, r, "SELECT id, vv, mine, theirs FROM s"); got != `[1,"c",1,"t"][2,"d",2,"t"]` {
		t.Error(got)
	}
	if got := r.Schema.Local(); !slices.Equal(got, []string{"table own", "column s.mine"}) {
		t.Errorf("local are %q", got)
	}
	var adopted *Adopted
	r.in(t, "adopt", func() (err error) { adopted, err = r.AdoptSchema(nil); return err })
	if got := fmt.Sprint(*adopted); got != "{[own] map[s:[mine]]}" || len(r.Schema.Local()) > 0 {
		t.Errorf("%s, local are %q", got, r.Schema.Local())
	}
	r.checkCapture(t)
}

// Tables that are known by their rowids have an index of ours, which must not be in
// the way.
func TestTablesWithoutKeysFollowTheSchema(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 2), (3, 4)"))
	r.in(t, "keep rowids", r.KeepRowIDs)
	r.in(t, "install", r.Install)
	r.in(t, "migrate", func() error {
		_, err := r.migrate("ALTER TABLE t DROP COLUMN a; ALTER TABLE t ADD COLUMN c; ALTER TABLE t RENAME TO u; CREATE TABLE v(x)", SchemaOptions{})
		return err
	})
	r.checkCapture(t)
	r.script(t, "UPDATE u SET c = 5 WHERE b = 4; INSERT INTO v VALUES('x')")
	if got := summarize(r.gather(t)); !slices.Equal(got, []string{"update u [2] [NULL] [5]", "insert v [1] [] ['x' 1]"}) {
		t.Errorf("%q", got)
	}
}

// Under legacy_alter_table a table's name changes in its own definition only, here
// and where the statement runs again.
func TestLegacyRenameIsLegacyElsewhere(t *testing.T) {
	const schema = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id)); CREATE VIEW v AS SELECT id FROM p"
	for _, legacy := range []string{"OFF", "ON"} {
		application := newTestReplica(t, scripted(t, "application", schema, "PRAGMA legacy_alter_table = "+legacy))
		server := newTestReplica(t, scripted(t, "server", schema))
		s, err := application.InspectSchema("ALTER TABLE p RENAME TO q", SchemaOptions{First: true, Live: true})
		if err != nil || s.Refused != nil || s.Legacy != (legacy == "ON") {
			t.Fatalf("%+v %v", s, err)
		}
		application.script(t, s.SQL)
		server.in(t, "run", func() error { _, err := server.runSchema(s.SQL, SchemaOptions{Legacy: s.Legacy}); return err })
		sameSchemas(t, server.Conn, application.Conn)
		if row, err := server.QueryRow("PRAGMA legacy_alter_table"); err != nil || row[0] != replog.Integer(0) {
			t.Errorf("legacy_alter_table is %v, %v", row, err)
		}
	}
}

// An application's connection may have temporary objects that hide the file's, and
// statements that do nothing.
func TestTheApplicationsConnectionCounts(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", household, "CREATE TEMP TABLE parent(id); CREATE TEMP TABLE more(id)"))
	for sql, want := range map[string]string{
		"ALTER TABLE parent ADD COLUMN c": "schema", "CREATE TRIGGER tr AFTER INSERT ON parent BEGIN SELECT 1; END": "schema", "DROP TABLE more": "schema",
		"CREATE INDEX i ON more(id)": "schema", "DROP TABLE main.parent": "schema", "CREATE TABLE more(id INTEGER PRIMARY KEY)": "fine", "DROP TABLE strict": "fine", "DROP TABLE gone": "syntax", "DROP TABLE IF EXISTS gone": "already",
		"CREATE TABLE strict(id INTEGER PRIMARY KEY)": "clash", "CREATE TABLE IF NOT EXISTS strict(id INTEGER PRIMARY KEY)": "already", "ALTER TABLE child ADD COLUMN note": "syntax",
	} {
		s, err := r.InspectSchema(sql, SchemaOptions{First: true, Live: true})
		if err != nil || said(s) != want {
			t.Errorf("%s is %s, want %s: %v %v", sql, said(s), want, s.Refused, err)
		}
	}
}

// last_insert_rowid() is what the application's own last INSERT made it.
func TestSchemaStatementsLeaveTheLastRowID(t *testing.T) {
	for _, last := range []int64{0, 1, 2, 77, -5} {
		r := newTestReplica(t, scripted(t, "db", household))
		r.in(t, "install", r.Install)
		if last == 0 {
			r = openReplica(t, r.Path())
		} else {
			r.script(t, fmt.Sprintf("INSERT OR REPLACE INTO counted VALUES(%d, 1)", last))
		}
		r.in(t, "run", func() error {
			_, err := r.runSchema("CREATE TABLE more(id INTEGER PRIMARY KEY)", SchemaOptions{})
			return err
		})
		if row, err := r.QueryRow("SELECT last_insert_rowid(), (SELECT group_concat(rowid || ' ' || recording) FROM replog_control)"); err != nil || row[0] != replog.Integer(last) || row[1] != replog.Text("1 1") {
			t.Errorf("%v, want %d: %v", row, last, err)
		}
		r.checkCapture(t)
	}
}

// What a statement touches is told, and which form of it goes into the log.
func TestASchemaStatementTellsWhatItTouches(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", household))
	for _, tc := range []struct{ sql, logged, touches string }{
		{"create table if not exists main.a(id INTEGER PRIMARY KEY) ; -- x", "create table a(id INTEGER PRIMARY KEY)", "table a"},
		{"DROP TABLE IF EXISTS main.\"child\";", "DROP TABLE \"child\"", "index child_parent, table child, trigger child_check, trigger child_count, trigger child_first"},
		{"ALTER TABLE main.parent RENAME TO people", "ALTER TABLE people", "table child, table parent, table people, trigger named_insert, view named"},
		{"CREATE TRIGGER IF NOT EXISTS main.a AFTER INSERT ON parent BEGIN SELECT 1; END", "CREATE TRIGGER a AFTER INSERT ON parent BEGIN SELECT 1; END", "trigger a"},
	} {
		if strings.Contains(tc.sql, "RENAME") {
			tc.logged = "ALTER TABLE parent RENAME TO people"
		}
		s, err := r.InspectSchema(tc.sql, SchemaOptions{})
		if err != nil || s.Refused != nil {
			t.Fatal(err, s.Refused)
		}
		if got := strings.Join(s.Touches, ", "); s.SQL != tc.logged || got != tc.touches {
			t.Errorf("%s: %q touches %s", tc.sql, s.SQL, got)
		}
	}
}

// The rows of new tables and columns come as one transaction, on disk where they are
// many, whatever capture saw of them.
func TestRowsThatWentUnseen(t *testing.T) {
	defer replog.SetMemory(10_000, 10_000)()
	r := &testReplica{installed(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, v INT); CREATE TABLE k(a TEXT, b, v, PRIMARY KEY(a, b)); INSERT INTO t(v) SELECT 0 FROM json_each('["+strings.TrimSuffix(strings.Repeat("1,", 5_000), ",")+"]'); INSERT INTO k VALUES(NULL, 1, 2), ('a', 1, 2)",
		`ALTER TABLE t ADD COLUMN c REAL DEFAULT 5; ALTER TABLE t ADD COLUMN d TEXT; UPDATE t SET v = 1, c = 6, d = 'six' WHERE id <= 4000; UPDATE t SET c = 5.0 WHERE id = 1; UPDATE t SET c = 5 WHERE id = 5000;
		ALTER TABLE k ADD COLUMN z DEFAULT 0; UPDATE k SET z = 0.0; CREATE TABLE n(a TEXT PRIMARY KEY, b); INSERT INTO n VALUES('x', 1), (NULL, 2)`)}
	r.in(t, "adopt", func() error {
		_, err := r.AdoptSchema(nil)
		var waiting *WaitingError
		if !errors.As(err, &waiting) || waiting.Table != "t" {
			t.Errorf("%v", err)
		}
		list, err := r.Gather(0)
		if err != nil {
			return err
		}
		if got := list[0].Net[0]; len(list) != 1 || len(list[0].Net) != 4_000 || !slices.Equal(got.Columns, []string{"v"}) {
			t.Errorf("%d changes, first of %q", len(list[0].Net), got.Columns)
		}
		return r.Forget()
	})
	r.in(t, "adopt", func() error {
		a, err := r.AdoptSchema(nil)
		if err != nil {
			return err
		}
		g, err := r.GatherUnseen(a, 1)
		if err != nil {
			return err
		}
		if g.Marked || g.long == nil || g.NetChanges().Len() != 4_002 {
			t.Errorf("%d changes", g.NetChanges().Len())
		}
		if err := g.load(); err != nil {
			return err
		}
		got := summarize([]*Gathered{g})
		for i, want := range map[int]string{0: `update k ["a",1] [0] [0.0]`, 1: `insert n ["x"] [] ['x' 1]`, 2: "update t [1] [NULL] ['six']", 3: "update t [2] [5.0 NULL] [6.0 'six']"} {
			if got[i] != want {
				t.Errorf("change %d is %s, want %s", i, got[i], want)
			}
		}
		// As images, for GatherBackWith.
		var missed []RowImage
		if err := r.UnseenRows(a, func(m *RowImage) error { missed = append(missed, *m); return nil }); err != nil {
			return err
		}
		n := 0
		err = r.GatherBackWith(0, missed, func(g *Gathered) error { n += g.NetChanges().Len(); return nil })
		if n != 4_002 || CountMissed(missed) != 4_002 {
			t.Errorf("%d changes, %d missed", n, CountMissed(missed))
		}
		again, err2 := r.AdoptSchema(nil)
		if err2 != nil || len(again.Tables)+len(again.Columns) > 0 {
			t.Errorf("again: %v, %v", again, err2)
		}
		return err
	})
	r.checkCapture(t)
}

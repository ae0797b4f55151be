package applier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"
)

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

// On an application's connection foreign keys may be on: what dropping a table does to
// others then is captured, and what it may not do leaves nothing.
func TestDroppingATableWithForeignKeysOn(t *testing.T) {
	const schema = `CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE q(id INTEGER PRIMARY KEY); CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id) ON DELETE CASCADE, q REFERENCES q(id));
		INSERT INTO p VALUES(1); INSERT INTO q VALUES(1); INSERT INTO c VALUES(1, 1, NULL), (2, NULL, 1)`
	path := scripted(t, "db", schema).Path()
	own := openReplica(t, path)
	own.in(t, "install", own.Install)
	conn, err := (&sqlite3.SQLiteDriver{}).Open(fileURI(path) + "?_foreign_keys=1")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	borrowed := Borrow(conn.(*sqlite3.SQLiteConn), nil)
	defer borrowed.Release()
	r := newTestReplica(t, borrowed)
	live := SchemaOptions{First: true, Live: true}
	r.in(t, "drop p", func() error { _, err := r.runSchema("DROP TABLE p", live); return err })
	r.checkCapture(t)
	if err := own.Refresh(); err != nil {
		t.Fatal(err)
	}
	if got := summarize(own.gather(t)); !slices.Equal(got, []string{"delete c [1] [1 1 NULL] []"}) {
		t.Errorf("%q", got)
	}
	before := r.schemaSQL(t)
	r.in(t, "drop q", func() error {
		_, err := r.runSchema("DROP TABLE q", live)
		var refused *SchemaError
		if !errors.As(err, &refused) || refused.Class != UnsafeData {
			t.Errorf("%v", err)
		}
		return nil
	})
	if !slices.Equal(r.schemaSQL(t), before) {
		t.Error("the schema has changed")
	}
}

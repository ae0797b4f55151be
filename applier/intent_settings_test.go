package applier

import (
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// What an application does to its connection between two looks at a statement counts
// at the second.
func TestWhatAnApplicationDoesToItsConnectionCounts(t *testing.T) {
	sqlite := func(c *Conn) *sqlite3.SQLiteConn { return c.conn.(*sqlite3.SQLiteConn) }
	run := func(script string) func(*Conn) error { return func(c *Conn) error { return c.Script(script) } }
	for _, tc := range []struct {
		name, sql, want string
		do              func(*Conn) error
	}{
		{"a temporary trigger", "UPDATE total SET n = 1", "schema", run("CREATE TEMP TRIGGER x AFTER UPDATE ON main.total BEGIN DELETE FROM account; END")},
		{"a temporary trigger on another table", "UPDATE total SET n = 1", "", run("CREATE TEMP TRIGGER x AFTER UPDATE ON main.account BEGIN DELETE FROM total; END")},
		{"a temporary table of the same name", "UPDATE main.total SET n = 1", "schema", run("CREATE TEMP TABLE total(day, n, more)")},
		{"a temporary table that went again", "UPDATE total SET n = 1", "", run("CREATE TEMP TABLE total(x); DROP TABLE temp.total")},
		{"a temporary view of the name of what it reads", "DELETE FROM account WHERE id = (SELECT max(n) FROM main.total)", "schema", run("CREATE TEMP VIEW total AS SELECT 1 AS n")},
		{"a temporary table of another name", "UPDATE total SET n = 1", "", run("CREATE TEMP TABLE other(day, n)")},
		{"a function in place of SQLite's", "UPDATE total SET n = abs(n)", "function", func(c *Conn) error {
			return sqlite(c).RegisterFunc("abs", func(n int64) int64 { return -n }, true)
		}},
		{"a function in place of SQLite's that is not called", "UPDATE total SET n = 1", "", func(c *Conn) error {
			return sqlite(c).RegisterFunc("abs", func(n int64) int64 { return -n }, true)
		}},
		{"like() in place of SQLite's", "DELETE FROM total WHERE day LIKE 'a'", "function", func(c *Conn) error {
			return sqlite(c).RegisterFunc("like", func(a, b string) bool { return strings.EqualFold(a, b) }, true)
		}},
		{"NOCASE in place of SQLite's", "UPDATE total SET n = 1", "collation", func(c *Conn) error {
			return sqlite(c).RegisterCollation("NOCASE", func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		}},
		{"CHECK off", "UPDATE total SET n = 1", "setting", run("PRAGMA ignore_check_constraints = 1")},
		{"a trigger", "UPDATE total SET n = 1", "trigger", run("CREATE TRIGGER x AFTER UPDATE ON total BEGIN INSERT INTO log(id, what) VALUES(NEW.n, 1); END")},
		{"a column", "UPDATE total SET n = 1", "", run("ALTER TABLE log ADD COLUMN more")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := scripted(t, "bank", bank)
			x := NewIntents(newTestReplica(t, c).Replica, IntentOptions{Live: true})
			inspect := func(want string) {
				t.Helper()
				i, err := x.Inspect(tc.sql)
				got := ""
				if err == nil && i.Unsafe != nil {
					got = string(i.Unsafe.Class)
				}
				if err != nil || got != want {
					t.Errorf("%s: %q, %v, want %q", tc.sql, got, err, want)
				}
			}
			if err := c.Script("PRAGMA foreign_keys = ON"); err != nil {
				t.Fatal(err)
			}
			inspect("")
			if err := tc.do(c); err != nil {
				t.Fatal(err)
			}
			inspect(tc.want)
			inspect(tc.want)
		})
	}
}

// A version of the schema that was rolled back comes again with another schema.
func TestForgettingTheSchema(t *testing.T) {
	c := scripted(t, "bank", bank)
	x := NewIntents(newTestReplica(t, c).Replica, IntentOptions{Live: true})
	for _, script := range []string{"BEGIN; CREATE TABLE a(id INTEGER PRIMARY KEY, v)", "ROLLBACK; BEGIN; CREATE TABLE b(id INTEGER PRIMARY KEY, v)"} {
		if err := c.Script(script); err != nil {
			t.Fatal(err)
		}
		x.Forget()
		i, err := x.Inspect("UPDATE " + script[strings.Index(script, "TABLE")+6:][:1] + " SET v = 1")
		if err != nil || i.Unsafe != nil {
			t.Errorf("%s: %v, %v", script, i.Unsafe, err)
		}
	}
}

// A borrowed connection keeps its authorizer, and SQLite compiles nothing again.
func TestABorrowedConnectionKeepsItsAuthorizer(t *testing.T) {
	c := scripted(t, "bank", bank)
	inner := c.conn.(*sqlite3.SQLiteConn)
	var lent func(op int, arg1, arg2, schema string) int
	compiled := 0
	inner.RegisterAuthorizer(func(op int, arg1, arg2, schema string) int {
		if lent != nil {
			return lent(op, arg1, arg2, schema)
		}
		compiled++
		return sqlite3.SQLITE_OK
	})
	borrowed := Borrow(inner, func(ask func(op int, arg1, arg2, schema string) int, f func() error) error {
		lent = ask
		defer func() { lent = nil }()
		return f()
	})
	r, err := NewReplica(borrowed)
	if err != nil {
		t.Fatal(err)
	}
	s, err := inner.Prepare("UPDATE account SET balance = 1 WHERE id = 1")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x := NewIntents(r, IntentOptions{Live: true, Limits: DefaultLimits()})
	if i, err := x.Inspect("UPDATE log SET what = 1"); err != nil || i.Unsafe != nil {
		t.Fatal(i, err)
	}
	compiled = 0
	if _, err := s.Exec(nil); err != nil || compiled != 0 { //nolint:staticcheck // nothing to cancel
		t.Errorf("%v; SQLite asked %d times", err, compiled)
	}
	borrowed.Release()
	if err := c.Script("UPDATE account SET balance = 2"); err != nil || compiled == 0 {
		t.Errorf("%v; SQLite asked %d times", err, compiled)
	}
}

// What the server would not take as an intent is none.
func TestAnIntentThatIsTooLongIsUnsafe(t *testing.T) {
	x := NewIntents(newTestReplica(t, scripted(t, "bank", bank)).Replica, IntentOptions{Live: true, Limits: DefaultLimits()})
	i, err := x.Inspect("UPDATE log SET what = :a || :b WHERE id = $id")
	if err != nil || i.Unsafe != nil || i.Names[":a"] != 1 || i.Names[":b"] != 2 || i.Names["$id"] != 3 {
		t.Fatalf("%+v, %v", i, err)
	}
	half := replog.Text(strings.Repeat("x", DefaultLimits().Length/2-50))
	if err := i.Certain([]replog.Value{half, {}, replog.Integer(1)}); err != nil {
		t.Error(err)
	}
	if err := i.Certain([]replog.Value{half, half, replog.Text(strings.Repeat("x", 100))}); err == nil {
		t.Error("it is taken")
	}
}

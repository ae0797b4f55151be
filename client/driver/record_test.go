package driver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"replog/applier"
	"replog/client/driver"
	"replog/replog"
)

// ran renders what is recorded of statements, with how many facts of which tables
// each made: "SQL [args] affected: table 2, table 1". What is no intent has its class
// in place of arguments; facts that are of no statement come as "-: …".
func ran(t testing.TB, path string) (list []string) {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var facts []string
	flush := func(what string) {
		if what == "" && facts != nil {
			what = "-"
		}
		if what != "" {
			list = append(list, strings.TrimSuffix(what+": "+strings.Join(facts, ", "), ": "))
		}
		facts = nil
	}
	counts := map[string]int{}
	err = c.Query("SELECT op, (SELECT name FROM replog_table WHERE id = tbl), v1 FROM replog_change ORDER BY id", func(row []replog.Value) error {
		switch row[0].Int64() {
		case 5:
			flush("")
		case 11:
			s, err := applier.ParseRanStatement(row[2].Bytes())
			if err != nil {
				return err
			}
			flush(describeRan(s))
		default:
			name := row[1].Bytes()
			if counts[name]++; len(facts) == 0 || !strings.HasPrefix(facts[len(facts)-1], name+" ") {
				counts[name] = 1
				facts = append(facts, "")
			}
			facts[len(facts)-1] = fmt.Sprintf("%s %d", name, counts[name])
		}
		return nil
	})
	if flush(""); err != nil {
		t.Fatal(err)
	}
	return list
}

func describeRan(s *applier.RanStatement) string {
	what := fmt.Sprintf("%s %v %d", s.SQL, s.Args, s.Affected)
	if s.Class != "" {
		what = fmt.Sprintf("%s <%s> %d", s.SQL, s.Class, s.Affected)
	}
	if s.Expect != nil {
		what += fmt.Sprintf(" expect %d", *s.Expect)
	}
	if s.Optional {
		what += " optional"
	}
	return what
}

type exec struct {
	sql  string
	args []any
}

// each runs statements one after the other.
func each(list ...exec) func(*testing.T, *sql.Conn) {
	return func(t *testing.T, c *sql.Conn) {
		t.Helper()
		for _, e := range list {
			if _, err := c.ExecContext(t.Context(), e.sql, e.args...); err != nil {
				t.Fatalf("%s: %v", e.sql, err)
			}
		}
	}
}

func one(sql string, args ...any) func(*testing.T, *sql.Conn) { return each(exec{sql, args}) }

func fails(t *testing.T, c *sql.Conn, queries ...string) {
	t.Helper()
	for _, q := range queries {
		if _, err := c.ExecContext(t.Context(), q); err == nil {
			t.Fatalf("%s: no error", q)
		}
	}
}

// Each case runs on one connection of a device's file.
var recordings = []struct {
	name string
	run  func(t *testing.T, c *sql.Conn)
	want []string
}{
	{"an UPDATE", one("UPDATE item SET price = price + ? WHERE id = ?;", 2, 1), []string{"UPDATE item SET price = price + ? WHERE id = ? [2 1] 1: item 1"}},
	{"an UPDATE of several rows", one("UPDATE item SET price = 1.5 -- all\n"), []string{"UPDATE item SET price = 1.5 [] 3: item 3"}},
	{"an UPDATE of no row", one("UPDATE item SET price = 0 WHERE id = 99"), []string{"UPDATE item SET price = 0 WHERE id = 99 [] 0"}},
	{"an UPDATE that changes nothing", one("UPDATE item SET price = price WHERE id = 1"), []string{"UPDATE item SET price = price WHERE id = 1 [] 1"}},
	{"an unsafe UPDATE of no row", one("UPDATE item SET price = random() WHERE id = 99"), nil},
	{"a DELETE", one("DELETE FROM pair WHERE a = ?", "x"), []string{"DELETE FROM pair WHERE a = ? ['x'] 0"}},
	{"an INSERT", one("INSERT INTO pair(a, b, v) VALUES(?, ?, ?), ('c', 'd', NULL)", "a", "b", []byte{1}), []string{"INSERT INTO pair(a, b, v) VALUES(?, ?, ?), ('c', 'd', NULL) ['a' 'b' x'01'] 2: pair 2"}},
	{"an UPSERT", each(exec{"INSERT INTO pair(a, b, v) VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1", nil}, exec{"INSERT INTO pair(a, b, v) VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1", nil}),
		[]string{"INSERT INTO pair(a, b, v) VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1 [] 1: pair 1", "INSERT INTO pair(a, b, v) VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1 [] 1: pair 3"}},
	{"REPLACE", one("REPLACE INTO pair(a, b, v) VALUES('a', 'b', 1)"), []string{"REPLACE INTO pair(a, b, v) VALUES('a', 'b', 1) [] 1: pair 1"}},
	{"a cascade", each(exec{"INSERT INTO part(id, item) VALUES(7, 1)", nil}, exec{"DELETE FROM item WHERE id = 1", nil}),
		[]string{"INSERT INTO part(id, item) VALUES(7, 1) [] 1: part 1", "DELETE FROM item WHERE id = 1 [] 1: item 1, part 1"}},
	{"random()", one("UPDATE item SET price = random() WHERE id = 1"), []string{"UPDATE item SET price = random() WHERE id = 1 <function> 1: item 1"}},
	{"a key that SQLite chooses", one("INSERT INTO seen(what) VALUES(?)", 1), []string{"INSERT INTO seen(what) VALUES(?) <key> 1: seen 1"}},
	{"a key that may be NULL", each(exec{"INSERT INTO seen(id, what) VALUES(?, 1)", []any{nil}}, exec{"INSERT INTO seen(id, what) VALUES(?, 1)", []any{9}}),
		[]string{"INSERT INTO seen(id, what) VALUES(?, 1) <key> 1: seen 1", "INSERT INTO seen(id, what) VALUES(?, 1) [9] 1: seen 1"}},
	{"a trigger that leaves a key to SQLite", one("INSERT INTO item(id, name) VALUES(9, 'x')"), []string{"INSERT INTO item(id, name) VALUES(9, 'x') <key> 1: item 1, seen 1, item 1"}},
	{"a common table expression", one("WITH x AS (SELECT 1 AS n) UPDATE item SET price = (SELECT n FROM x)"), []string{"WITH x AS (SELECT 1 AS n) UPDATE item SET price = (SELECT n FROM x) <with> 3: item 3"}},
	{"changes()", one("UPDATE item SET price = changes() WHERE id = 1"), []string{"UPDATE item SET price = changes() WHERE id = 1 <function> 1: item 1"}},
	{"a statement by a temporary table", script("CREATE TEMP TABLE tmp(n)", "INSERT INTO tmp VALUES(4)", "UPDATE item SET price = (SELECT max(n) FROM tmp) WHERE id = 1"),
		[]string{"UPDATE item SET price = (SELECT max(n) FROM tmp) WHERE id = 1 <schema> 1: item 1"}},
	{"a temporary trigger", script("UPDATE item SET price = 1 WHERE id = 1", "CREATE TEMP TRIGGER x AFTER UPDATE ON main.item BEGIN DELETE FROM pair; END", "UPDATE item SET price = 2 WHERE id = 1", "DROP TRIGGER temp.x", "UPDATE item SET price = 3 WHERE id = 1"),
		[]string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 2 WHERE id = 1 <schema> 1: item 1", "UPDATE item SET price = 3 WHERE id = 1 [] 1: item 1"}},
	{"an attached file", script("ATTACH ':memory:' AS m; CREATE TABLE m.x(a); INSERT INTO m.x VALUES(5); UPDATE item SET price = (SELECT a FROM m.x) WHERE id = 1"),
		[]string{"UPDATE item SET price = (SELECT a FROM m.x) WHERE id = 1 <schema> 1: item 1"}},
	{"a table by a trigger of a temporary one", script("CREATE TEMP TABLE tmp(n)", "CREATE TEMP TRIGGER x AFTER INSERT ON tmp BEGIN UPDATE item SET price = NEW.n; END", "INSERT INTO tmp(n) VALUES(4)"),
		[]string{"INSERT INTO tmp(n) VALUES(4) <schema> 1: item 3"}},
	{"a table that is not captured", script("CREATE TABLE more(a)", "INSERT INTO more VALUES(1)", "UPDATE item SET price = (SELECT a FROM more) WHERE id = 1"),
		[]string{"CREATE TABLE more(a) [] 0", "UPDATE item SET price = (SELECT a FROM more) WHERE id = 1 <table> 1: item 1"}},
	{"several in a text, with arguments of each", one("UPDATE item SET price = ? WHERE id = ?; UPDATE pair SET v = ?; SELECT 1; DELETE FROM item WHERE id = ?", 1, 2, 3, 4),
		[]string{"UPDATE item SET price = ? WHERE id = ? [1 2] 1: item 1", "UPDATE pair SET v = ? [3] 0", "DELETE FROM item WHERE id = ? [4] 0"}},
	{"numbered arguments", one("UPDATE item SET price = ?3, name = ?1 WHERE id = ?2", "n", 1, 2.5), []string{"UPDATE item SET price = ?3, name = ?1 WHERE id = ?2 ['n' 1 2.5] 1: item 1"}},
	{"named arguments", one("UPDATE item SET price = :p, name = @n, data = $d, sold = :p WHERE id = ?", sql.Named("n", "x"), sql.Named("p", 2), sql.Named("d", nil), 1),
		[]string{"UPDATE item SET price = :p, name = @n, data = $d, sold = :p WHERE id = ? [2 'x' NULL 1] 1: item 1"}},
	{"one name in several statements", one("UPDATE item SET price = :p WHERE id = 1; UPDATE item SET price = @q WHERE id = 2", sql.Named("q", 2), sql.Named("p", 1)),
		[]string{"UPDATE item SET price = :p WHERE id = 1 [1] 1: item 1", "UPDATE item SET price = @q WHERE id = 2 [2] 1: item 1"}},
	{"a prepared statement", func(t *testing.T, c *sql.Conn) {
		s, err := c.PrepareContext(t.Context(), "UPDATE item SET price = ? WHERE id = 1; the rest")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 3 {
			must(t, execer(func(q string, args ...any) (sql.Result, error) { return s.Exec(args...) }), "", i+5)
		}
	}, []string{"UPDATE item SET price = ? WHERE id = 1 [5] 1: item 1", "UPDATE item SET price = ? WHERE id = 1 [6] 1: item 1", "UPDATE item SET price = ? WHERE id = 1 [7] 1: item 1"}},
	{"RETURNING", query("UPDATE item SET price = 1 WHERE id < 3 RETURNING id, price", "DELETE FROM pair RETURNING a"), []string{"UPDATE item SET price = 1 WHERE id < 3 [] 2: item 2", "DELETE FROM pair [] 0"}},
	{"RETURNING by Exec", one("UPDATE item SET price = 1 WHERE id < 3 RETURNING id, price"), []string{"UPDATE item SET price = 1 WHERE id < 3 [] 2: item 2"}},
	{"RETURNING, read in part", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, t.Context())
		rows, err := tx.Query("UPDATE item SET price = 1 RETURNING id")
		if err != nil || !rows.Next() || rows.Close() != nil {
			t.Fatal(err)
		}
		must(t, tx, "UPDATE item SET price = 2 WHERE id = 1")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}, []string{"UPDATE item SET price = 1 [] 3: item 3", "UPDATE item SET price = 2 WHERE id = 1 [] 1: item 1"}},
	{"a statement within the rows of another", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, t.Context())
		rows, err := tx.Query("UPDATE item SET price = 1 RETURNING id")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			must(t, tx, "SELECT * FROM item")
			must(t, tx, "UPDATE item SET price = 2 WHERE id = 1")
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}, []string{"UPDATE item SET price = 1 RETURNING id <interleaved> -1: item 3", "UPDATE item SET price = 2 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 2 WHERE id = 1 [] 1", "UPDATE item SET price = 2 WHERE id = 1 [] 1"}},
	{"a savepoint within the rows of a statement, rolled back", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, t.Context())
		must(t, tx, "SAVEPOINT a")
		rows, err := tx.Query("UPDATE item SET price = 1 RETURNING id")
		if err != nil || !rows.Next() {
			t.Fatal(err)
		}
		must(t, tx, "ROLLBACK TO a")
		rows.Close()
		must(t, tx, "UPDATE item SET price = 2 WHERE id = 1")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}, []string{"UPDATE item SET price = 2 WHERE id = 1 [] 1: item 1"}},
	{"a savepoint, rolled back", script("BEGIN", "UPDATE item SET price = 1 WHERE id = 1", "SAVEPOINT a", "UPDATE item SET price = 2 WHERE id = 2", "ROLLBACK TO a", "UPDATE item SET price = 3 WHERE id = 3", "RELEASE a", "COMMIT"),
		[]string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 3 WHERE id = 3 [] 1: item 1"}},
	{"a rollback", script("BEGIN; UPDATE item SET price = 1; ROLLBACK"), nil},
	{"statements that fail", func(t *testing.T, c *sql.Conn) {
		script("BEGIN")(t, c)
		fails(t, c, "UPDATE item SET price = -1 WHERE id = 1", "UPDATE item SET name = 'cup' WHERE id = 2", "INSERT INTO pair(a, b) VALUES('a', NULL)")
		script("COMMIT")(t, c)
		fails(t, c, "UPDATE item SET price = -1 WHERE id = 1", "INSERT INTO part(id, item) VALUES(1, 99)")
	}, nil},
	{"OR FAIL", func(t *testing.T, c *sql.Conn) {
		fails(t, c, "INSERT OR FAIL INTO seen(id) VALUES(20), (1), (21)", "INSERT OR FAIL INTO seen(id) VALUES(20)")
		script("BEGIN")(t, c)
		fails(t, c, "INSERT OR FAIL INTO seen(id) VALUES(1)", "INSERT OR FAIL INTO seen(id) VALUES(30), (31), (1)")
		script("UPDATE item SET price = 1 WHERE id = 1", "COMMIT")(t, c)
	}, []string{"INSERT OR FAIL INTO seen(id) VALUES(20), (1), (21) <failed> 1: seen 3", "INSERT OR FAIL INTO seen(id) VALUES(20) <failed> 0: seen 2", "INSERT OR FAIL INTO seen(id) VALUES(1) <failed> 0: seen 2",
		"INSERT OR FAIL INTO seen(id) VALUES(30), (31), (1) <failed> 2: seen 4", "UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1"}},
	{"OR IGNORE", one("INSERT OR IGNORE INTO seen(id, what) VALUES(1, 2)"), []string{"INSERT OR IGNORE INTO seen(id, what) VALUES(1, 2) [] 0: seen 2"}},
	{"settings of the connection", script("UPDATE item SET price = 1 WHERE id = 1", "PRAGMA foreign_keys = 0", "UPDATE item SET price = 2 WHERE id = 1", "PRAGMA foreign_keys = 1", "UPDATE item SET price = 3 WHERE id = 1", "BEGIN", "UPDATE item SET price = 4 WHERE id = 1", "PRAGMA ignore_check_constraints = 1", "UPDATE item SET price = 4 WHERE id = 1", "COMMIT"),
		[]string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 2 WHERE id = 1 <setting> 1: item 1", "UPDATE item SET price = 3 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 4 WHERE id = 1 [] 1: item 1"}},
	{"a schema that changes", script("UPDATE item SET price = 1 WHERE id = 1", "BEGIN", "CREATE TRIGGER x AFTER UPDATE ON item BEGIN INSERT INTO seen(what) VALUES(9); END", "UPDATE item SET price = 2 WHERE id = 1", "ROLLBACK", "UPDATE item SET price = 3 WHERE id = 1", "BEGIN", "CREATE TRIGGER x AFTER UPDATE ON item BEGIN UPDATE pair SET v = 1; END", "UPDATE item SET price = 4 WHERE id = 1", "COMMIT"),
		[]string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 3 WHERE id = 1 [] 1: item 1", "CREATE TRIGGER x AFTER UPDATE ON item BEGIN UPDATE pair SET v = 1; END [] 0", "UPDATE item SET price = 4 WHERE id = 1 [] 1: item 1"}},
	{"the application's own marks", script("BEGIN", "INSERT INTO replog_transaction(label) VALUES('mine')", "UPDATE item SET price = 1 WHERE id = 1", "INSERT INTO replog_transaction(label) VALUES(NULL)", "UPDATE item SET price = 2 WHERE id = 1", "COMMIT"),
		[]string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 2 WHERE id = 1 [] 1: item 1"}},
	{"options", func(t *testing.T, c *sql.Conn) {
		for _, ctx := range []context.Context{driver.Optional(t.Context()), driver.Expect(driver.Optional(t.Context()), 1), driver.Expect(t.Context(), -1), driver.AsRows(driver.Expect(t.Context(), 1))} {
			if _, err := c.ExecContext(ctx, "UPDATE item SET price = price + 1 WHERE id = 1"); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ExecContext(ctx, "INSERT INTO seen(what) VALUES(1)"); err != nil {
				t.Fatal(err)
			}
		}
	}, []string{"UPDATE item SET price = price + 1 WHERE id = 1 [] 1 optional: item 1", "INSERT INTO seen(what) VALUES(1) <key> 1: seen 1",
		"UPDATE item SET price = price + 1 WHERE id = 1 [] 1 expect 1 optional: item 1", "INSERT INTO seen(what) VALUES(1) <key> 1: seen 1",
		"UPDATE item SET price = price + 1 WHERE id = 1 [] 1 expect -1: item 1", "INSERT INTO seen(what) VALUES(1) <key> 1: seen 1",
		"UPDATE item SET price = price + 1 WHERE id = 1 <asked> 1: item 1", "INSERT INTO seen(what) VALUES(1) <asked> 1: seen 1"}},
	{"a long text that is no intent", one("UPDATE item SET price = random() WHERE id = 1 AND name <> '" + strings.Repeat("é", 600) + "'"),
		[]string{"UPDATE item SET price = random() WHERE id = 1 AND name <> '" + strings.Repeat("é", 469) + "… <function> 1: item 1"}},
	{"a long argument", one("UPDATE item SET data = ?1, name = length(?1) WHERE id = 1", strings.Repeat("x", 100_000)), []string{"UPDATE item SET data = ?1, name = length(?1) WHERE id = 1 ['" + strings.Repeat("x", 100_000) + "'] 1: item 1"}},
	{"arguments that the server would refuse", one("UPDATE item SET data = length(?1) WHERE id = 1", strings.Repeat("x", 17<<20)), []string{"UPDATE item SET data = length(?1) WHERE id = 1 <syntax> 1: item 1"}},
}

type execer func(string, ...any) (sql.Result, error)

func (f execer) Exec(q string, args ...any) (sql.Result, error) { return f(q, args...) }

func TestStatementsAreRecordedWithWhatTheyChanged(t *testing.T) {
	for _, tc := range recordings {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, path := deviceConn(t)
			tc.run(t, c)
			wantLines(t, ran(t, path), tc.want)
		})
	}
}

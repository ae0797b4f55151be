package driver_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/client/driver"
)

var registered atomic.Int64

// hooked opens a device's file by a driver with a hook, on one connection.
func hooked(t *testing.T, hook func(*sqlite3.SQLiteConn) error) (*sql.Conn, string) {
	t.Helper()
	name := fmt.Sprintf("hooked%d", registered.Add(1))
	sql.Register(name, &driver.Driver{ConnectHook: hook})
	path := newFile(t, true)
	c, err := openDB(t, name, path+options).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

// What an application does to mattn's connection, in its hook or later, counts.
func TestWhatGoesPastTheDriverCounts(t *testing.T) {
	nothing := func(*sqlite3.SQLiteConn) error { return nil }
	past := func(f func(c *sqlite3.SQLiteConn) error) func(*testing.T, *sql.Conn) {
		return func(t *testing.T, c *sql.Conn) {
			t.Helper()
			if err := c.Raw(func(c any) error { return f(c.(*driver.Conn).SQLite()) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	pastSQL := func(query string) func(*testing.T, *sql.Conn) {
		return past(func(c *sqlite3.SQLiteConn) error { _, err := c.Exec(query, nil); return err }) //nolint:staticcheck // nothing to cancel
	}
	update := func(n int) func(*testing.T, *sql.Conn) {
		return script(fmt.Sprintf("UPDATE item SET price = %d WHERE id = 1 AND upper(name) = 'CUP'", n))
	}
	intent := func(n int) string {
		return fmt.Sprintf("UPDATE item SET price = %d WHERE id = 1 AND upper(name) = 'CUP' [] 1: item 1", n)
	}
	rows := func(n int, class string) string {
		return fmt.Sprintf("UPDATE item SET price = %d WHERE id = 1 AND upper(name) = 'CUP' <%s> 1: item 1", n, class)
	}
	for _, tc := range []struct {
		name string
		hook func(*sqlite3.SQLiteConn) error
		run  []func(*testing.T, *sql.Conn)
		want []string
	}{
		{"a hook that does nothing", nothing, []func(*testing.T, *sql.Conn){script("BEGIN"), update(1), update(2), script("COMMIT")}, []string{intent(1), intent(2)}},
		{"a function of its own", func(c *sqlite3.SQLiteConn) error { return c.RegisterFunc("mine", strings.ToUpper, true) },
			[]func(*testing.T, *sql.Conn){update(1), script("UPDATE item SET name = mine(name) WHERE id = 1")}, []string{intent(1), "UPDATE item SET name = mine(name) WHERE id = 1 <function> 1: item 1"}},
		{"a function in place of SQLite's", func(c *sqlite3.SQLiteConn) error { return c.RegisterFunc("upper", strings.ToUpper, true) },
			[]func(*testing.T, *sql.Conn){update(1)}, []string{rows(1, "function")}},
		{"a function in place of SQLite's, later", nothing,
			[]func(*testing.T, *sql.Conn){update(1), past(func(c *sqlite3.SQLiteConn) error { return c.RegisterFunc("upper", strings.ToUpper, true) }), update(2)}, []string{intent(1), rows(2, "function")}},
		{"a collation in place of SQLite's", func(c *sqlite3.SQLiteConn) error {
			return c.RegisterCollation("nocase", func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
		}, []func(*testing.T, *sql.Conn){update(1)}, []string{rows(1, "collation")}},
		{"a PRAGMA", nothing, []func(*testing.T, *sql.Conn){update(1), pastSQL("PRAGMA ignore_check_constraints = 1"), update(2), pastSQL("PRAGMA ignore_check_constraints = 0"), update(3)}, []string{intent(1), rows(2, "setting"), intent(3)}},
		{"a PRAGMA within a transaction", nothing, []func(*testing.T, *sql.Conn){script("BEGIN"), update(1), pastSQL("PRAGMA ignore_check_constraints = 1"), update(2), script("COMMIT")}, []string{intent(1), rows(2, "setting")}},
		{"a schema", nothing, []func(*testing.T, *sql.Conn){update(1), pastSQL("CREATE TRIGGER x AFTER UPDATE ON item BEGIN INSERT INTO seen(what) VALUES(1); END"), update(2)},
			[]string{intent(1), rows(2, "key") + ", seen 1"}},
		{"an authorizer in place of the driver's", nothing, // what was compiled before is still recorded
			[]func(*testing.T, *sql.Conn){script("BEGIN"), update(1), past(func(c *sqlite3.SQLiteConn) error {
				c.RegisterAuthorizer(func(int, string, string, string) int { return sqlite3.SQLITE_OK })
				return nil
			}), script("COMMIT"), pastSQL("PRAGMA ignore_check_constraints = 1"), script("BEGIN"), update(1), script("UPDATE item SET price = 3 WHERE id = 2"), update(1), script("COMMIT"), update(2)},
			[]string{intent(1), "-: item 2"}},
		{"writes", nothing, []func(*testing.T, *sql.Conn){script("BEGIN"), update(1), pastSQL("UPDATE item SET price = 9 WHERE id = 2"), update(2), pastSQL("UPDATE item SET price = 8 WHERE id = 2"), script("COMMIT")},
			[]string{intent(1), " <unseen> -1: item 1", intent(2), "-: item 1"}},
		{"a transaction", nothing, []func(*testing.T, *sql.Conn){pastSQL("BEGIN"), pastSQL("UPDATE item SET price = 9 WHERE id = 2"), update(1), pastSQL("ROLLBACK; BEGIN"), pastSQL("UPDATE item SET price = 9 WHERE id = 2"), update(2), pastSQL("COMMIT"), update(3)},
			[]string{"-: item 1", intent(2), intent(3)}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, path := hooked(t, tc.hook)
			for _, f := range tc.run {
				f(t, c)
			}
			if got := ran(t, path); !slices.Equal(got, tc.want) {
				t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

// Under a mark that another program opened, what it wrote is not taken for what the
// driver's statements did.
func TestStatementsUnderTheMarkOfAnotherProgram(t *testing.T) {
	db, path := device(t)
	c := reader(t, path)
	defer c.Close()
	if err := c.Script("INSERT INTO replog_transaction(label) VALUES('theirs'); UPDATE item SET price = 9 WHERE id = 3"); err != nil {
		t.Fatal(err)
	}
	must(t, db, "UPDATE item SET price = 1 WHERE id = 1")
	must(t, db, "UPDATE item SET price = 2 WHERE id = 1")
	if err := c.Script("UPDATE item SET price = 8 WHERE id = 3"); err != nil {
		t.Fatal(err)
	}
	must(t, db, "UPDATE item SET price = 3 WHERE id = 1; UPDATE item SET price = 4 WHERE id = 1")
	want := []string{" <unseen> -1: item 1", "UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 2 WHERE id = 1 [] 1: item 1", " <unseen> -1: item 1",
		"UPDATE item SET price = 3 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 4 WHERE id = 1 [] 1: item 1"}
	if got := ran(t, path); !slices.Equal(got, want) {
		t.Errorf("\n%s", strings.Join(got, "\n"))
	}
	if got := recorded(t, path); len(got) != 1 || !strings.HasPrefix(got[0], `"theirs": `) {
		t.Error(got)
	}
}

// A pattern that is an argument has SQLite compile the statement each time it runs.
func TestAStatementThatIsCompiledEachTime(t *testing.T) {
	db, path := device(t)
	db.SetMaxOpenConns(1)
	must(t, db, "CREATE INDEX item_name ON item(name COLLATE NOCASE)")
	s, err := db.Prepare("UPDATE item SET price = 5 WHERE name LIKE ?")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []string{"CREATE INDEX item_name ON item(name COLLATE NOCASE) [] 0"}
	for _, pattern := range []string{"c%", "p%", "x%"} {
		n := map[string]int{"c%": 1, "p%": 2}[pattern]
		if _, err := s.Exec(pattern); err != nil {
			t.Fatal(err)
		}
		want = append(want, fmt.Sprintf("UPDATE item SET price = 5 WHERE name LIKE ? ['%s'] %d", pattern, n))
		if n > 0 {
			want[len(want)-1] += fmt.Sprintf(": item %d", n)
		}
	}
	if got := ran(t, path); !slices.Equal(got, want) {
		t.Errorf("\n%s", strings.Join(got, "\n"))
	}
}

// Several connections record what each has done.
func TestSeveralConnectionsRecord(t *testing.T) {
	db, path := device(t)
	done := make(chan error)
	const writers, each = 4, 10
	for w := range writers {
		go func() {
			for i := range each {
				if _, err := db.Exec("INSERT INTO pair(a, b, v) VALUES(?, ?, 1)", w, i); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	got := ran(t, path)
	for _, s := range got {
		if !strings.HasPrefix(s, "INSERT INTO pair(a, b, v) VALUES(?, ?, 1) [") || !strings.HasSuffix(s, "] 1: pair 1") {
			t.Error(s)
		}
	}
	if len(got) != writers*each {
		t.Errorf("%d recorded", len(got))
	}
}

// A record that SQLite takes to be too large does not stand in the statement's way.
func TestARecordThatIsTooLargeForTheConnection(t *testing.T) {
	c, path := hooked(t, func(c *sqlite3.SQLiteConn) error {
		c.SetLimit(sqlite3.SQLITE_LIMIT_LENGTH, 3_000)
		return nil
	})
	tx := begin(t, c, t.Context())
	for _, size := range []int{1_000, 2_500} {
		must(t, tx, "UPDATE item SET data = ? WHERE id = 1", make([]byte, size))
	}
	must(t, tx, "UPDATE item SET data = zeroblob(5) WHERE id = 1")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range recordedStatements(t, path) {
		got = append(got, fmt.Sprintf("%s <%s> %d", s.SQL, s.Class, len(s.Args)))
	}
	want := []string{"UPDATE item SET data = ? WHERE id = 1 <> 1", "UPDATE item SET data = ? WHERE id = 1 <syntax> 0", "UPDATE item SET data = zeroblob(5) WHERE id = 1 <> 0"}
	if !slices.Equal(got, want) {
		t.Errorf("\n%s", strings.Join(got, "\n"))
	}
}

package applier

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"replog/replog"
)

// engines opens a file by each engine; the tables of the second need it.
var engines = map[string]string{
	"mattn": "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w TEXT COLLATE NOCASE UNIQUE)",
	"fts5":  "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w TEXT COLLATE NOCASE UNIQUE); CREATE VIRTUAL TABLE f USING fts5(x)",
}

func eachEngine(t *testing.T, f func(t *testing.T, c *Conn)) {
	for name, schema := range engines {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			makeFile(t, path, schema)
			c := reopened(t, path)
			if _, ok := c.conn.(*fts5Engine); ok != (name == "fts5") {
				t.Fatalf("opened by %T", c.conn)
			}
			f(t, c)
		})
	}
}

func TestBothEnginesKeepValues(t *testing.T) {
	values := []replog.Value{
		{}, replog.Integer(0), replog.Integer(math.MinInt64), replog.Integer(math.MaxInt64),
		replog.Real(math.Copysign(0, -1)), replog.Real(1), replog.Real(math.Inf(1)), replog.Real(math.Inf(-1)), replog.Real(math.SmallestNonzeroFloat64),
		replog.Text(""), replog.Text("a\x00b"), replog.Text("\xff\xfe"), replog.Text("Мы"), replog.Text(strings.Repeat("x", 1<<20)),
		replog.Blob(nil), replog.Blob([]byte{0, 1, 255}), replog.Blob(make([]byte, 1<<20)),
	}
	eachEngine(t, func(t *testing.T, c *Conn) {
		for i, v := range values {
			n, err := c.ExecCount("INSERT INTO t(id, v) VALUES(?, ?)", replog.Integer(int64(i)), v)
			if err != nil || n != 1 {
				t.Fatalf("%s: %d rows, %v", v, n, err)
			}
		}
		var got []replog.Value
		err := c.Query("SELECT +v FROM t ORDER BY id", func(row []replog.Value) error {
			got = append(got, row[0])
			return nil
		})
		if err != nil || !slices.Equal(got, values) {
			t.Errorf("%v, %v", got, err)
		}
		row, err := c.QueryRow("SELECT count(*), ?1, ?1 || ?2 FROM t WHERE id > ?2", replog.Text("a"), replog.Integer(3))
		if want := []replog.Value{replog.Integer(int64(len(values) - 4)), replog.Text("a"), replog.Text("a3")}; err != nil || !slices.Equal(row, want) {
			t.Errorf("%v, %v", row, err)
		}
	})
}

func TestBothEnginesTellErrorsApart(t *testing.T) {
	eachEngine(t, func(t *testing.T, c *Conn) {
		for _, tc := range []struct {
			query string
			is    func(error) bool
		}{
			{"INSERT INTO t(id, w) VALUES(1, 'a'), (2, 'A')", IsConstraint},
			{"INSERT INTO t(id) VALUES('x')", IsConstraint},
			{"INSERT INTO t(v) VALUES(zeroblob(1000000001))", IsConstraint},
		} {
			if err := c.Exec(tc.query); !tc.is(err) || IsBusy(err) || IsNotDatabase(err) {
				t.Errorf("%s: %v", tc.query, err)
			}
		}
		if err := c.Exec("INSERT INTO t(id, w) VALUES(1, 'a')"); err != nil {
			t.Errorf("after a failure: %v", err)
		}
		if err := c.Begin(); err != nil {
			t.Fatal(err)
		}
		other := reopened(t, c.Path())
		if err := other.Begin(); !IsBusy(err) {
			t.Errorf("two writers: %v", err)
		}
		if err := c.Savepoint(func() error { return c.Exec("INSERT INTO t(id, w) VALUES(5, 'a')") }); !IsConstraint(err) {
			t.Errorf("savepoint: %v", err)
		}
		if err := c.Commit(); err != nil {
			t.Error(err)
		}
		stop := errors.New("stop")
		if err := c.Query("SELECT 1 UNION SELECT 2", func([]replog.Value) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("stopped: %v", err)
		}
		if err := c.Exec("SELECT nonsense FROM t"); err == nil || IsConstraint(err) {
			t.Errorf("nonsense: %v", err)
		}
	})
}

func TestBothEnginesObserveOpenOptions(t *testing.T) {
	eachEngine(t, func(t *testing.T, c *Conn) {
		ro, err := Open(c.Path(), OpenOptions{ReadOnly: true, BusyTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer ro.Close()
		if err := ro.Exec("INSERT INTO t DEFAULT VALUES"); err == nil {
			t.Error("read-only, but it writes")
		}
		for pragma, want := range map[string]replog.Value{
			"foreign_keys": replog.Integer(0), "recursive_triggers": replog.Integer(0), "trusted_schema": replog.Integer(1),
		} {
			if row, err := c.QueryRow("PRAGMA " + pragma); err != nil || row[0] != want {
				t.Errorf("%s: %v, %v", pragma, row, err)
			}
		}
		if row, err := c.QueryRow(`SELECT "a string"`); err != nil || row[0] != replog.Text("a string") {
			t.Errorf("%v, %v", row, err)
		}
		if err := c.Exec("INSERT INTO t(v) VALUES(7)"); err != nil {
			t.Fatal(err)
		}
		copied := c.Path() + ".copy"
		if err := c.Backup(copied); err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "copy", c, reopened(t, copied), nil)
		if err := os.WriteFile(copied, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(copied, OpenOptions{}); !IsNotDatabase(err) {
			t.Errorf("%v", err)
		}
	})
}

// The locks of one process's two engines, and of the shell, keep each other out.
func TestEnginesOfSeveralProcessesShareAFile(t *testing.T) {
	eachEngine(t, func(t *testing.T, c *Conn) {
		if err := c.Script("PRAGMA journal_mode=WAL"); err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			if err := c.Exec("INSERT INTO t(v) VALUES(?)", replog.Integer(int64(i))); err != nil {
				t.Fatal(err)
			}
			(shell{}).run(t, c.Path(), nil, stmts("INSERT INTO t(v) VALUES('shell')"))
			// Opening looks at the file by the other engine first.
			other, err := Open(c.Path(), OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Begin(); err != nil {
				t.Fatal(err)
			}
			if err := other.Begin(); !IsBusy(err) {
				t.Errorf("two writers: %v", err)
			}
			other.Close()
			if seen := (shell{}).run(t, c.Path(), nil, stmts("INSERT INTO t(v) VALUES('locked')")); seen.failed != 1 {
				t.Errorf("the shell wrote past the lock: %v", seen.results)
			}
			if err := c.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if row, err := c.QueryRow("SELECT count(*) FROM t"); err != nil || row[0] != replog.Integer(40) {
			t.Errorf("%v, %v", row, err)
		}
	})
}

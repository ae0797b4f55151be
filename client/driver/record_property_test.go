package driver_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/applier"
	"replog/client/driver"
	"replog/replog"
)

// written are statements whose effect follows from the tables alone, so that what is
// recorded of them can be run once more. Each takes an argument or none.
var written = []string{
	"UPDATE item SET price = coalesce(price, 0) + ? WHERE id <= 4", "UPDATE item SET price = ? WHERE id = 2", "UPDATE item SET price = price WHERE id > ?", "UPDATE item SET id = id + 1 WHERE id = 5",
	"UPDATE OR IGNORE item SET name = 'cup' WHERE id < 4", "UPDATE item SET data = :x, sold = :x WHERE id = @x", "UPDATE item SET price = 7 WHERE id < 4 RETURNING id, name",
	"INSERT INTO item(id) VALUES(4)", "INSERT OR IGNORE INTO item(id) VALUES(6), (1)", "INSERT OR FAIL INTO item(id) VALUES(7), (1), (8)", "INSERT OR ROLLBACK INTO item(id) VALUES(9), (2)", "REPLACE INTO item(id, name) VALUES(3, 'cup')",
	"INSERT INTO part(item) VALUES(1)", "INSERT INTO part(id, item) VALUES(?, 2) ON CONFLICT DO NOTHING", "INSERT INTO part(item) VALUES(99)", "DELETE FROM part WHERE item = ?", "UPDATE part SET n = n + ? WHERE item IN (SELECT id FROM item WHERE price > 1)",
	"INSERT INTO pair(a, b, v) VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1 RETURNING v", "INSERT INTO pair(a, b, v) SELECT 'k', id, price FROM item WHERE price IS NOT NULL ON CONFLICT DO NOTHING", "DELETE FROM pair WHERE b = ?", "DELETE FROM pair RETURNING b",
	"INSERT INTO seen(what) VALUES('x')", "INSERT INTO seen(id, what) VALUES(?, 'y')", "DELETE FROM seen WHERE id > ?", "DELETE FROM item WHERE id = ?",
}

var controls = []string{"BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "SAVEPOINT a", "SAVEPOINT b", "RELEASE a", "ROLLBACK TO a", "ROLLBACK TO b", "SELECT * FROM item"}

// application draws what an application does on one connection of a device's file.
type application struct {
	*rapid.T
	conn *sql.Conn
	rows *sql.Rows
	// noted is the last row of the change table before a step.
	noted int64
	log   []string
}

func (a *application) statement() (query string, args []any) {
	query = rapid.SampledFrom(written).Draw(a.T, "statement")
	v := rapid.IntRange(1, 6).Draw(a.T, "value")
	switch {
	case strings.Contains(query, ":x"):
		args = []any{sql.Named("x", v), sql.Named("x", v)}
	case strings.Contains(query, "?"):
		args = []any{v}
	}
	return query, args
}

func (a *application) context() context.Context {
	ctx := context.Background()
	switch rapid.IntRange(0, 9).Draw(a.T, "option") {
	case 0:
		ctx = driver.Expect(ctx, int64(rapid.IntRange(0, 2).Draw(a.T, "expect")))
	case 1:
		ctx = driver.Optional(ctx)
	}
	return ctx
}

// step does one thing, and checks what it added to the change table: that the facts
// of each statement are followed by what is recorded of it, and by nothing else.
func (a *application) step() {
	a.noted = a.number("SELECT ifnull(max(id), 0) FROM replog_change")
	switch what := rapid.IntRange(0, 9).Draw(a.T, "what"); {
	case what < 3:
		query := rapid.SampledFrom(controls).Draw(a.T, "control")
		_, err := a.conn.ExecContext(context.Background(), query)
		a.did(query, nil, err)
	case what < 4 && a.rows != nil:
		for n := rapid.IntRange(0, 2).Draw(a.T, "read"); n > 0 && a.rows.Next(); n-- {
			continue
		}
		if rapid.Bool().Draw(a.T, "close") {
			a.did("close", nil, a.rows.Close())
			a.rows = nil
		}
	case what < 7:
		query, args := a.statement()
		rows, err := a.conn.QueryContext(a.context(), query, args...)
		a.did("query "+query, args, err)
		if err == nil {
			if a.rows != nil {
				a.rows.Close()
			}
			a.rows = rows
		}
	default:
		query, args := a.statement()
		_, err := a.conn.ExecContext(a.context(), query, args...)
		a.did(query, args, err)
	}
	a.check()
}

func (a *application) did(what string, args []any, err error) {
	a.log = append(a.log, fmt.Sprintf("%s %v: %v", what, args, err))
}

func (a *application) number(query string) (n int64) {
	if err := a.conn.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		a.Fatalf("%s: %v", query, err)
	}
	return n
}

// check looks at the rows that a step added. A statement whose rows are being read
// is recorded later.
func (a *application) check() {
	rows, err := a.conn.QueryContext(context.Background(), "SELECT op FROM replog_change WHERE id > ? ORDER BY id", a.noted)
	if err != nil {
		a.Fatal(err)
	}
	defer rows.Close()
	facts, ops := 0, []int{}
	for rows.Next() {
		var op int
		if err := rows.Scan(&op); err != nil {
			a.Fatal(err)
		}
		ops = append(ops, op)
		switch op {
		case 5:
			if facts > 0 {
				a.Fatalf("facts before a mark: %v after\n%s", ops, strings.Join(a.log, "\n"))
			}
		case 11:
			facts = 0
		default:
			facts++
		}
	}
	if facts > 0 && a.rows == nil {
		a.Fatalf("facts that are of no statement: %v after\n%s", ops, strings.Join(a.log, "\n"))
	}
}

// What is recorded of random transactions, run once more in order on a file that is
// as theirs was, does the same; and no fact is without its statement.
func TestWhatIsRecordedDoesTheSameOnceMore(t *testing.T) {
	intents, others := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		path := newFile(t, true)
		db, err := sql.Open(driver.Name, path+options)
		if err != nil {
			r.Fatal(err)
		}
		defer db.Close()
		a := &application{T: r}
		if a.conn, err = db.Conn(context.Background()); err != nil {
			r.Fatal(err)
		}
		defer func() {
			if a.rows != nil {
				a.rows.Close()
			}
			a.conn.Close()
		}()
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			a.step()
		}
		if a.rows != nil {
			a.rows.Close()
		}
		_, err = a.conn.ExecContext(context.Background(), "ROLLBACK")
		a.did("ROLLBACK", nil, err)
		for _, s := range recordedStatements(t, path) {
			if s.Class == "" {
				intents++
			} else {
				others++
			}
		}
		again := runAgain(t, path)
		if got, want := shows(t, again, content), shows(t, path, content); got != want {
			r.Fatalf("once more gives\n%s\nwant\n%s\nrecorded\n%s\nafter\n%s", got, want, strings.Join(ran(t, path), "\n"), strings.Join(a.log, "\n"))
		}
	})
	t.Logf("%d intents, %d others", intents, others)
}

func recordedStatements(t *testing.T, path string) (list []*applier.RanStatement) {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Query("SELECT v1 FROM replog_change WHERE op = 11 ORDER BY id", func(row []replog.Value) error {
		s, err := applier.ParseRanStatement(row[0].Bytes())
		list = append(list, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// runAgain runs what was recorded on a new file, which it returns.
func runAgain(t *testing.T, path string) string {
	t.Helper()
	again := newFile(t, false)
	db := openDB(t, "sqlite3", again+options)
	db.SetMaxOpenConns(1)
	defer db.Close()
	for _, query := range []string{"BEGIN", "PRAGMA defer_foreign_keys = 1"} {
		must(t, db, query)
	}
	for _, s := range recordedStatements(t, path) {
		var args []any
		for _, v := range s.Args {
			args = append(args, v.Int64())
		}
		result, err := db.Exec(s.SQL, args...)
		if (err != nil) != (s.Class == applier.RowsFailed) {
			t.Errorf("%s: %v", s.SQL, err)
		}
		if err != nil || s.Affected < 0 || strings.Contains(s.SQL, "RETURNING") {
			continue
		}
		if n, err := result.RowsAffected(); err != nil || n != s.Affected {
			t.Errorf("%s changes %d rows, recorded %d, %v", s.SQL, n, s.Affected, err)
		}
	}
	must(t, db, "COMMIT")
	return again
}

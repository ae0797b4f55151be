package driver_test

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"replog/applier"
	"replog/client/driver"
)

// Each case runs on one connection of a device's file. want is what capture has
// gathered, in quotes the label, where it is marked.
var boundaries = []struct {
	name string
	run  func(t *testing.T, c *sql.Conn)
	want []string
}{
	{"a statement of its own", script("INSERT INTO seen(what) VALUES(1)", "UPDATE item SET price = 1 WHERE id < 3"),
		[]string{`"": insert seen [4]`, `"": update item [1], update item [2]`}},
	{"RETURNING", query("INSERT INTO seen(what) VALUES(1), (2) RETURNING id", "DELETE FROM item WHERE id = 1 RETURNING id"),
		[]string{`"": insert seen [4], insert seen [5]`, `"": delete item [1]`}},
	{"RETURNING, read in part", func(t *testing.T, c *sql.Conn) {
		rows, err := c.QueryContext(t.Context(), "INSERT INTO seen(what) VALUES(1), (2) RETURNING id")
		if err != nil || !rows.Next() || rows.Close() != nil {
			t.Fatal(err)
		}
		script("INSERT INTO seen(what) VALUES(3)")(t, c)
	}, []string{`"": insert seen [4], insert seen [5]`, `"": insert seen [6]`}},
	{"a transaction of database/sql", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, driver.Label(t.Context(), "order 17"))
		must(t, tx, "INSERT INTO seen(what) VALUES(1)")
		must(t, tx, "SELECT 1")
		must(t, tx, "UPDATE seen SET what = 2 WHERE id = 4; INSERT INTO pair VALUES('a', 'b', 1)")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}, []string{`"order 17": insert seen [4], insert pair ["a","b"]`}},
	{"the first statement's label", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, driver.Label(t.Context(), "of BeginTx"))
		for _, label := range []string{"first", "second"} {
			if _, err := tx.ExecContext(driver.Label(t.Context(), label), "INSERT INTO seen(what) VALUES(1)"); err != nil {
				t.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExecContext(driver.Label(t.Context(), "alone"), "INSERT INTO seen(what) VALUES(1)"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExecContext(driver.Label(t.Context(), "text"), "BEGIN"); err != nil {
			t.Fatal(err)
		}
		script("INSERT INTO seen(what) VALUES(1)", "END")(t, c)
	}, []string{`"first": insert seen [4], insert seen [5]`, `"alone": insert seen [6]`, `"text": insert seen [7]`}},
	{"a rollback", func(t *testing.T, c *sql.Conn) {
		tx := begin(t, c, t.Context())
		must(t, tx, "INSERT INTO seen(what) VALUES(1)")
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		script("BEGIN; DELETE FROM item; ROLLBACK", "BEGIN; SELECT * FROM item; COMMIT")(t, c)
	}, nil},
	{"BEGIN as text", script("BEGIN", "INSERT INTO seen(what) VALUES(1)", "INSERT INTO seen(what) VALUES(2)", "COMMIT", "INSERT INTO seen(what) VALUES(3)"),
		[]string{`"": insert seen [4], insert seen [5]`, `"": insert seen [6]`}},
	{"BEGIN in a string", script("BEGIN; INSERT INTO seen(what) VALUES(1); INSERT INTO seen(what) VALUES(2); COMMIT; INSERT INTO seen(what) VALUES(3); INSERT INTO seen(what) VALUES(4)"),
		[]string{`"": insert seen [4], insert seen [5]`, `"": insert seen [6]`, `"": insert seen [7]`}},
	{"SAVEPOINT outermost", script("SAVEPOINT a", "INSERT INTO seen(what) VALUES(1)", "SAVEPOINT b", "INSERT INTO seen(what) VALUES(2)", "RELEASE b", "RELEASE A", "INSERT INTO seen(what) VALUES(3)"),
		[]string{`"": insert seen [4], insert seen [5]`, `"": insert seen [6]`}},
	{"SAVEPOINT rolled back before the first change", script("BEGIN", "SAVEPOINT a", "INSERT INTO seen(what) VALUES(1)", "ROLLBACK TO a", "INSERT INTO seen(what) VALUES(2)", "RELEASE a", "COMMIT", "INSERT INTO seen(what) VALUES(3)"),
		[]string{`"": insert seen [4]`, `"": insert seen [5]`}},
	{"SAVEPOINT rolled back after the first change", script("BEGIN", "INSERT INTO seen(what) VALUES(1)", "SAVEPOINT a", "SAVEPOINT b", "INSERT INTO seen(what) VALUES(2)", "ROLLBACK TO a", "INSERT INTO seen(what) VALUES(2)", "COMMIT"),
		[]string{`"": insert seen [4], insert seen [5]`}},
	{"the application's own marks", script("BEGIN", "INSERT INTO replog_transaction(label) VALUES('mine')", "INSERT INTO seen(what) VALUES(1)", "INSERT INTO seen(what) VALUES(2)", "INSERT INTO replog_transaction(label) VALUES(NULL)", "COMMIT", "INSERT INTO seen(what) VALUES(3)"),
		[]string{`"mine": insert seen [4], insert seen [5]`, `"": insert seen [6]`}},
	{"the application's own marks, outside a transaction", script("INSERT INTO replog_transaction(label) VALUES('mine')", "INSERT INTO seen(what) VALUES(1)", "BEGIN; INSERT INTO seen(what) VALUES(2); COMMIT", "INSERT INTO replog_transaction(label) VALUES(NULL)", "INSERT INTO seen(what) VALUES(3)"),
		[]string{`"mine": insert seen [4], insert seen [5]`, `"": insert seen [6]`}},
	{"the application's own marks, late and ended early", script("BEGIN", "INSERT INTO seen(what) VALUES(1)", "INSERT INTO replog_transaction(label) VALUES('mine')", "INSERT INTO seen(what) VALUES(2)", "INSERT INTO replog_transaction(label) VALUES(NULL)", "INSERT INTO seen(what) VALUES(3)", "COMMIT"),
		[]string{`"": insert seen [4]`, `"mine": insert seen [5]`, `"": insert seen [6]`}},
	{"a COMMIT that fails at first", func(t *testing.T, c *sql.Conn) {
		script("BEGIN", "INSERT INTO part(item) VALUES(99)")(t, c)
		if _, err := c.ExecContext(t.Context(), "COMMIT"); err == nil {
			t.Fatal("a part without its item")
		}
		script("INSERT INTO item(id) VALUES(99)", "COMMIT", "INSERT INTO seen(what) VALUES(1)")(t, c)
	}, []string{`"": insert part [1], insert item [99], insert seen [4]`, `"": insert seen [5]`}},
	{"statements that fail", func(t *testing.T, c *sql.Conn) {
		for _, query := range []string{"INSERT INTO item(id) VALUES(1)", "INSERT OR FAIL INTO item(id) VALUES(20), (1)", "INSERT OR ROLLBACK INTO item(id) VALUES(30), (1)", "INSERT INTO part(item) VALUES(99)", "INSERT INTO item(id) VALUES(?)"} {
			if _, err := c.ExecContext(t.Context(), query); err == nil {
				t.Fatal(query)
			}
		}
		script("INSERT INTO seen(what) VALUES(1)")(t, c)
	}, []string{`"": insert item [20], insert seen [4]`, `"": insert seen [5]`}},
	{"a transaction that OR ROLLBACK ended", func(t *testing.T, c *sql.Conn) {
		script("BEGIN", "INSERT INTO seen(what) VALUES(1)")(t, c)
		if _, err := c.ExecContext(t.Context(), "INSERT OR ROLLBACK INTO item(id) VALUES(1)"); err == nil {
			t.Fatal("inserted")
		}
		script("INSERT INTO seen(what) VALUES(2)", "BEGIN; INSERT INTO seen(what) VALUES(3); COMMIT")(t, c)
	}, []string{`"": insert seen [4]`, `"": insert seen [5]`}},
	{"tables that are not captured", script("CREATE TABLE more(a)", "INSERT INTO more VALUES(1)", "CREATE TEMP TABLE tmp(a); INSERT INTO tmp VALUES(1)", "ATTACH ':memory:' AS m; CREATE TABLE m.x(a); INSERT INTO m.x VALUES(1)", "SELECT * FROM item", "EXPLAIN DELETE FROM item"), []string{`"": `}},
}

func script(statements ...string) func(*testing.T, *sql.Conn) {
	return func(t *testing.T, c *sql.Conn) {
		t.Helper()
		for _, s := range statements {
			if _, err := c.ExecContext(t.Context(), s); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
}

func query(statements ...string) func(*testing.T, *sql.Conn) {
	return func(t *testing.T, c *sql.Conn) {
		t.Helper()
		for _, s := range statements {
			rows, err := c.QueryContext(t.Context(), s)
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			for rows.Next() {
				continue
			}
			if err := rows.Err(); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
	}
}

func begin(t *testing.T, c *sql.Conn, ctx context.Context) *sql.Tx {
	t.Helper()
	tx, err := c.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func TestOneLocalTransactionIsOneMarkedTransaction(t *testing.T) {
	for _, tc := range boundaries {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, path := deviceConn(t)
			tc.run(t, c)
			wantLines(t, recorded(t, path), tc.want)
			if tc.want == nil && changes(t, path) != "0" {
				t.Errorf("%s rows in the change table", changes(t, path))
			}
			if err := c.Raw(func(c any) error {
				if !c.(*driver.Conn).SQLite().AutoCommit() {
					t.Error("a transaction is still open")
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAReadTakesNoWriteLock(t *testing.T) {
	db, path := device(t)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM item").Scan(&n); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	other := openDB(t, "sqlite3", path+"?_busy_timeout=0")
	must(t, other, "UPDATE item SET price = 1")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := recorded(t, path); len(got) != 1 || !strings.HasPrefix(got[0], "-: ") {
		t.Error(got)
	}
}

// SQLite notices new triggers when it runs a statement: what was compiled before is
// not marked the first time, and neither is anything else in that transaction.
func TestAFileThatBecomesADeviceMeanwhile(t *testing.T) {
	path := newFile(t, false)
	db := openDB(t, driver.Name, path+options)
	db.SetMaxOpenConns(1)
	prepared, err := db.Prepare("INSERT INTO seen(what) VALUES(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close()
	if _, err := prepared.Exec(); err != nil {
		t.Fatal(err)
	}
	must(t, db, "UPDATE item SET price = 1")
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	install(t, c)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	must(t, tx, "INSERT INTO pair VALUES(1, 1, 1)")
	must(t, tx, "INSERT INTO pair VALUES(2, 2, 2)")
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		must(t, db, "UPDATE item SET price = price + 1 WHERE id = 1")
		if _, err := prepared.Exec(); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`-: insert pair ["1","1"], insert pair ["2","2"]`, `"": update item [1]`, `-: insert seen [5]`, `"": update item [1]`, `"": insert seen [6]`}
	if got := recorded(t, path); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	update := "UPDATE item SET price = price + 1 WHERE id = 1 [] 1: item 1"
	want = []string{"-: pair 2", update, "-: seen 1", update, "INSERT INTO seen(what) VALUES(1) <key> 1: seen 1"}
	if got := ran(t, path); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Uninstall(); err != nil {
		t.Fatal(err)
	}
	must(t, db, "UPDATE item SET price = price + 1 WHERE id = 1")
	must(t, db, "BEGIN; UPDATE item SET price = price + 1 WHERE id = 1; COMMIT")
	if _, err := prepared.Exec(); err != nil {
		t.Fatal(err)
	}
}

package story

import (
	"database/sql"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"replog/client"
	"replog/client/driver"
	"replog/replog"
)

// app opens the file as an application does, by our driver.
func (d *device) app() *sql.DB {
	d.w.t.Helper()
	db, err := sql.Open(driver.Name, d.path+"?_foreign_keys=1&_busy_timeout=5000")
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.w.t.Cleanup(func() { db.Close() })
	return db
}

// shell writes with the sqlite3 shell.
func (d *device) shell(sql string) {
	d.w.t.Helper()
	if out, err := exec.Command("sqlite3", "-bail", d.path, sql).CombinedOutput(); err != nil {
		d.w.t.Fatalf("%s: %v: %s", sql, err, out)
	}
}

// order writes a transaction of several statements.
func order(t *testing.T, db *sql.DB, label string, statements ...string) {
	t.Helper()
	tx, err := db.BeginTx(driver.Label(t.Context(), label), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, s := range statements {
		if _, err := tx.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func TestAnApplicationOnTheDriverAndAPersonWithTheShell(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	db := a.app()
	order(t, db, "order 17", "INSERT INTO invoice VALUES('i17', 1, 5, NULL)", "UPDATE customer SET name = 'Ada L.' WHERE id = 1")
	if _, err := db.ExecContext(t.Context(), "DELETE FROM invoice WHERE id = 'i2'"); err != nil {
		t.Fatal(err)
	}
	b.shell("UPDATE customer SET email = 'c@example.org' WHERE id = 3; INSERT INTO customer VALUES(9, 'by the shell', NULL)")
	b.sync(client.Both)
	w.converge(a, b)

	// One of its rows is in the way of another's: all of it is refused.
	order(t, db, "order 18", "INSERT INTO invoice VALUES('i18', 2, 7, NULL)", "INSERT INTO customer VALUES(10, 'ten', NULL)", "UPDATE customer SET name = 'Bobby' WHERE id = 2")
	order(t, db, "order 19", "INSERT INTO invoice VALUES('i19', 3, 8, NULL)")
	b.shell("INSERT INTO customer VALUES(10, 'another ten', NULL)")
	b.sync(client.Both)
	if r := a.sync(client.Both); r.Uploaded != 2 || r.Conflicts != 1 || r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	for query, want := range map[string]string{
		"SELECT count(*) FROM invoice WHERE id IN ('i18', 'i19')": "[1]",
		"SELECT name FROM customer WHERE id IN (2, 10)":           `["Bob"] ["another ten"]`,
	} {
		b.shows(query, want)
	}
	waiting := a.conflicts()
	if len(waiting) != 1 || waiting[0].Label != "order 18" {
		t.Fatalf("%+v", waiting)
	}
	want := []string{"applied", `applied marked "order 17"`, `applied marked ""`, "applied", `conflict marked "order 18"`, `applied marked "order 19"`}
	if got := logOf(t, a); !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
}

// logOf tells of each revision its outcome, and of marked ones the label.
func logOf(t *testing.T, d *device) (list []string) {
	t.Helper()
	log, err := d.open().Log()
	if err != nil {
		t.Fatal(err)
	}
	err = log.Lines(t.Context(), replog.Filter{}, func(l replog.LogLine) error {
		text := string(l.Outcome)
		if l.Marked {
			text += fmt.Sprintf(" marked %q", l.Label)
		}
		list = append(list, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestTheDriverRefusesWhatWouldBreakADevice(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	db := a.app()
	var names []string
	rows, err := db.Query("SELECT type || ' ' || name FROM sqlite_schema WHERE name GLOB 'replog_*'")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		statements := []string{"DROP " + name}
		if table, ok := strings.CutPrefix(name, "table "); ok {
			statements = append(statements, "DELETE FROM "+table)
		}
		for _, s := range statements {
			var refused *driver.RefusedError
			if _, err := db.Exec(s); !errors.As(err, &refused) {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
}

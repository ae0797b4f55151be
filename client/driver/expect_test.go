package driver_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/client/driver"
)

func isExpect(t *testing.T, err error, want, got int64) {
	t.Helper()
	var e *driver.ExpectError
	if !errors.As(err, &e) || *e != (driver.ExpectError{Want: want, Got: got}) {
		t.Errorf("%v, want %d instead of %d", err, got, want)
	}
}

// What is expected is checked at once, whatever the statement writes and in whichever
// way it is run, and a statement that does not meet it has done nothing.
func TestAStatementThatChangesAnotherNumberOfRowsIsUndone(t *testing.T) {
	for _, capture := range []bool{true, false} {
		path := newFile(t, capture)
		db := openDB(t, driver.Name, path+options)
		db.SetMaxOpenConns(1)
		must(t, db, "CREATE TEMP TABLE tmp(n)")
		must(t, db, "INSERT INTO tmp VALUES(1), (2)")
		before := shows(t, path, content)
		two := driver.Expect(t.Context(), 2)
		for query, n := range map[string]int64{
			"UPDATE item SET price = 1": 3, "DELETE FROM item WHERE id = 99": 0, "INSERT INTO seen(what) VALUES(1)": 1, "REPLACE INTO item(id, name) VALUES(1, 'pot')": 1,
			"INSERT OR IGNORE INTO item(id) VALUES(1), (9)": 1, "UPDATE item SET price = 2 RETURNING id": 3, "DELETE FROM tmp WHERE n = 1": 1,
		} {
			_, err := db.ExecContext(two, query)
			isExpect(t, err, 2, n)
			_, err = db.QueryContext(two, query)
			isExpect(t, err, 2, n)
			s, err := db.Prepare(query)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.ExecContext(two)
			isExpect(t, err, 2, n)
			_, err = s.QueryContext(two)
			isExpect(t, err, 2, n)
			s.Close()
			tx, err := db.Begin()
			if err != nil {
				t.Fatal(err)
			}
			_, err = tx.ExecContext(two, query)
			isExpect(t, err, 2, n)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.ExecContext(two, "INSERT OR FAIL INTO seen(id) VALUES(50), (1)"); err == nil || errors.As(err, new(*driver.ExpectError)) {
			t.Error(err)
		}
		var n int
		if err := db.QueryRow("SELECT count(*) FROM tmp").Scan(&n); err != nil || n != 2 {
			t.Error(n, err)
		}
		if after := shows(t, path, content); after != before {
			t.Errorf("%s became %s", before, after)
		}
		if !capture {
			continue
		}
		if got := ran(t, path); got != nil {
			t.Errorf("recorded %q", got)
		}
	}
}

// The transaction goes on, with what else was done in it.
func TestATransactionGoesOnWithoutWhatWasNotExpected(t *testing.T) {
	db, path := device(t)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	must(t, tx, "UPDATE item SET price = 1 WHERE id = 1")
	_, err = tx.ExecContext(driver.Expect(t.Context(), 1), "UPDATE item SET price = 2")
	isExpect(t, err, 1, 3)
	result, err := tx.ExecContext(driver.Expect(t.Context(), 2), "UPDATE item SET price = 3 WHERE id > 1")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 2 {
		t.Error(n, err)
	}
	rows, err := tx.QueryContext(driver.Expect(t.Context(), 2), "UPDATE item SET price = price + 1 WHERE id > 1 RETURNING id, price")
	if err != nil {
		t.Fatal(err)
	}
	var read []string
	for rows.Next() {
		var id, price any
		if err := rows.Scan(&id, &price); err != nil {
			t.Fatal(err)
		}
		read = append(read, fmt.Sprint(id, price))
		must(t, tx, "UPDATE pair SET v = 1")
	}
	if err := errors.Join(rows.Err(), rows.Close(), tx.Commit()); err != nil {
		t.Fatal(err)
	}
	if strings.Join(read, ", ") != "2 4, 3 4" {
		t.Error(read)
	}
	want := []string{"UPDATE item SET price = 1 WHERE id = 1 [] 1: item 1", "UPDATE item SET price = 3 WHERE id > 1 [] 2 expect 2: item 2", "UPDATE item SET price = price + 1 WHERE id > 1 [] 2 expect 2: item 2",
		"UPDATE pair SET v = 1 [] 0", "UPDATE pair SET v = 1 [] 0"}
	if got := ran(t, path); !slices.Equal(got, want) {
		t.Errorf("\n%s", strings.Join(got, "\n"))
	}
}

// changes() and last_insert_rowid() are the application's after a record.
func TestARecordLeavesTheCountersAlone(t *testing.T) {
	db, _ := device(t)
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	check := func(changes, id int64) {
		t.Helper()
		var a, b int64
		if err := tx.QueryRow("SELECT changes(), last_insert_rowid()").Scan(&a, &b); err != nil || a != changes || b != id {
			t.Errorf("changes() %d, last_insert_rowid() %d, %v", a, b, err)
		}
	}
	must(t, tx, "INSERT INTO seen(id) VALUES(70), (71)")
	check(2, 71)
	must(t, tx, "UPDATE item SET price = 1")
	check(3, 71)
	check(3, 71)
	if _, err := tx.Exec("INSERT OR FAIL INTO seen(id) VALUES(72), (1)"); err == nil {
		t.Fatal("no error")
	}
	check(1, 72)
	var returned sql.NullInt64
	if err := tx.QueryRow("UPDATE item SET price = 2 WHERE id < 3 RETURNING price").Scan(&returned); err != nil || returned.Int64 != 2 {
		t.Fatal(returned, err)
	}
	check(2, 72)
}

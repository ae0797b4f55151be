package sample

import (
	"bytes"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func create(t *testing.T) (string, *sql.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.db")
	if err := Create(path); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return path, db
}

func number(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRow(query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestTheSampleIsTheSameEveryTime(t *testing.T) {
	a, _ := create(t)
	b, _ := create(t)
	first, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two sample databases differ")
	}
}

func TestTheSampleHasAboutFiveThousandRows(t *testing.T) {
	_, db := create(t)
	total := 0
	for _, table := range []string{"customer", "site", "technician", "part", "stock", "visit", "orders", "order_line", "note"} {
		n := number(t, db, "SELECT count(*) FROM "+table)
		t.Logf("%-10s %5d", table, n)
		total += n
	}
	if total < 4800 || total > 5400 {
		t.Errorf("%d rows", total)
	}
}

func TestTheSampleIsSound(t *testing.T) {
	_, db := create(t)
	for name, query := range map[string]string{
		"foreign keys":        "SELECT count(*) FROM pragma_foreign_key_check",
		"integrity":           "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		"totals of the lines": "SELECT count(*) FROM orders WHERE abs(total - (SELECT sum(amount) FROM order_line WHERE order_id = id)) > 0.005",
	} {
		if n := number(t, db, query); n != 0 {
			t.Errorf("%s: %d rows are wrong", name, n)
		}
	}
	if n := number(t, db, "SELECT count(*) FROM agenda WHERE status = 'planned'"); n < 100 {
		t.Errorf("%d visits are planned; the demo needs some", n)
	}
}

func TestCreateLeavesAFileThatIsThereAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mine.db")
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Create(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if content, _ := os.ReadFile(path); string(content) != "mine" {
		t.Errorf("the file now holds %q", content)
	}
}

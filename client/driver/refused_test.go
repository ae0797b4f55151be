package driver_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/client/driver"
)

// refused are statements that a device's file does not take; {path} is its path.
var refused = []string{
	"INSERT INTO replog_change(tbl) VALUES(1)", "DELETE FROM replog_change", "UPDATE replog_change SET op = 5", "DELETE FROM main.[REPLOG_change]",
	"UPDATE replog_control SET recording = 0", `UPDATE "replog_control" SET recording = 0`, "DELETE FROM 'replog_control'", "REPLACE INTO replog_control VALUES(0)",
	"INSERT INTO replog_table VALUES(9, 'x', '[]')", "WITH x AS (SELECT 1) DELETE FROM replog_table", "UPDATE replog_control SET recording = 0 RETURNING 1",
	"INSERT INTO replog_change(id, tbl) VALUES(1, 1) ON CONFLICT DO UPDATE SET op = 5",
	"DROP TABLE replog_change", "DROP VIEW replog_transaction", "ALTER TABLE replog_control ADD COLUMN x", "ALTER TABLE replog_change RENAME TO x", "ALTER TABLE item RENAME TO replog_item",
	"DROP TRIGGER replog_1_insert", "DROP TRIGGER IF EXISTS main.replog_1_insert", "DROP TRIGGER replog_transaction_mark",
	"CREATE TRIGGER x AFTER INSERT ON item BEGIN DELETE FROM replog_change; END",
	"CREATE TEMP TRIGGER x AFTER INSERT ON main.replog_change BEGIN SELECT RAISE(ROLLBACK, 'x'); END",
	"CREATE TRIGGER replog_1_insert2 AFTER INSERT ON item BEGIN SELECT 1; END", "CREATE TEMP TABLE replog_control(recording)", "CREATE VIEW replog_x AS SELECT 1",
	"CREATE INDEX i ON replog_change(op)", "CREATE INDEX replog_i ON item(price)", "CREATE TABLE replog_more AS SELECT 1",
	"PRAGMA writable_schema = 1", "PRAGMA main.writable_schema(on)", "PRAGMA WRITABLE_SCHEMA = 2",
	"ATTACH '{path}' AS again", "ATTACH 'file:{path}?mode=rw' AS again", "ATTACH 'file://{path}' AS again", "ATTACH '{path}.link' AS again", "ATTACH '{path}' || '' AS again", "ATTACH (SELECT '{path}') AS again",
}

func TestWhatWouldEndCaptureIsRefused(t *testing.T) {
	db, path := device(t)
	db.SetMaxOpenConns(1)
	if err := os.Symlink(path, path+".link"); err != nil {
		t.Fatal(err)
	}
	before := shows(t, path, "SELECT group_concat(sql) FROM sqlite_schema")
	ways := map[string]func(string) error{
		"Exec": func(q string) error { _, err := db.Exec(q); return err },
		"Query": func(q string) error {
			rows, err := db.Query(q)
			if err == nil {
				rows.Close()
			}
			return err
		},
		"Prepare": func(q string) error {
			s, err := db.Prepare(q)
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.Exec()
			return err
		},
		"in a transaction": func(q string) error {
			tx, err := db.Begin()
			if err != nil {
				return err
			}
			defer tx.Rollback()
			_, err = tx.Exec(q)
			return err
		},
	}
	for _, query := range refused {
		query = strings.ReplaceAll(query, "{path}", path)
		for way, run := range ways {
			var e *driver.RefusedError
			if err := run(query); !errors.As(err, &e) {
				t.Errorf("%s, %s: %v", way, query, err)
			} else if e.Next() == "" || !strings.Contains(e.Error(), "refused") {
				t.Error(e)
			}
		}
	}
	if after := shows(t, path, "SELECT group_concat(sql) FROM sqlite_schema"); after != before {
		t.Error("the schema has changed")
	}
	if n := changes(t, path); n != "0" {
		t.Errorf("%s changes", n)
	}
	must(t, db, "UPDATE item SET price = 1 WHERE id = 1")
	if got := recorded(t, path); len(got) != 1 {
		t.Error(got)
	}
}

func TestOfSeveralStatementsNoneRunsWhereOneIsRefused(t *testing.T) {
	db, path := device(t)
	_, err := db.Exec("CREATE TABLE more(a); INSERT INTO more VALUES(1); DELETE FROM item; DELETE FROM replog_change")
	var e *driver.RefusedError
	var code sqlite3.Error
	if !errors.As(err, &e) || !errors.As(err, &code) || code.Code != sqlite3.ErrAuth {
		t.Fatal(err)
	}
	if got := shows(t, path, "SELECT count(*) FROM item"); got != "3" {
		t.Error(got)
	}
}

func TestWhatTheApplicationMayDoToADevice(t *testing.T) {
	db, path := device(t)
	db.SetMaxOpenConns(1)
	for _, query := range []string{
		"SELECT count(*) FROM replog_change", "INSERT INTO seen(what) SELECT count(*) FROM replog_change", "PRAGMA writable_schema", "PRAGMA writable_schema = OFF",
		"ALTER TABLE item ADD COLUMN more", "CREATE INDEX i ON item(price)", "DROP INDEX i", "CREATE TABLE other(a)", "ALTER TABLE other RENAME TO others",
		"CREATE TRIGGER x AFTER INSERT ON item BEGIN SELECT 1; END", "DROP TRIGGER x",
		"DROP VIEW cheap", "CREATE TABLE item_new AS SELECT * FROM item; DROP TABLE item; ALTER TABLE item_new RENAME TO item",
		"VACUUM", "VACUUM INTO '" + filepath.Join(t.TempDir(), "copy.db") + "'", "ATTACH '" + filepath.Join(t.TempDir(), "o.db") + "' AS o", "DETACH o",
	} {
		must(t, db, query)
	}
	if got := shows(t, path, "SELECT count(*) FROM seen"); got != "4" {
		t.Error(got)
	}
}

func TestAFileThatIsNoDeviceTakesEverything(t *testing.T) {
	db := openDB(t, driver.Name, newFile(t, false)+"?_writable_schema=1")
	db.SetMaxOpenConns(1)
	must(t, db, "CREATE TABLE replog_mine(a); INSERT INTO replog_mine VALUES(1); DROP TABLE replog_mine; PRAGMA writable_schema = 1")
	must(t, db, "UPDATE sqlite_schema SET sql = sql WHERE name = 'item'")
}

func TestAWritableSchemaInTheDSNIsRefused(t *testing.T) {
	db := openDB(t, driver.Name, newFile(t, true)+"?_writable_schema=1")
	var e *driver.RefusedError
	if err := db.Ping(); !errors.As(err, &e) {
		t.Error(err)
	}
}

func TestAnApplicationRegistersADriverOfItsOwn(t *testing.T) {
	name := fmt.Sprintf("shop-%s", t.Name())
	sql.Register(name, &driver.Driver{
		ConnectHook: func(c *sqlite3.SQLiteConn) error {
			return c.RegisterFunc("twice", func(n int64) int64 { return 2 * n }, true)
		},
		Authorizer: func(op int, arg1, arg2, schema string) int {
			if op == sqlite3.SQLITE_DELETE && arg1 == "item" {
				return sqlite3.SQLITE_DENY
			}
			return sqlite3.SQLITE_OK
		},
	})
	path := newFile(t, true)
	db := openDB(t, name, path)
	must(t, db, "INSERT INTO seen(what) VALUES(twice(4))")
	if got := shows(t, path, "SELECT max(what) FROM seen WHERE typeof(what) = 'integer'"); got != "8" {
		t.Error(got)
	}
	_, err := db.Exec("DELETE FROM item")
	var e *driver.RefusedError
	var code sqlite3.Error
	if !errors.As(err, &code) || code.Code != sqlite3.ErrAuth || errors.As(err, &e) {
		t.Error(err)
	}
	if _, err := db.Exec("DELETE FROM replog_change"); !errors.As(err, &e) {
		t.Error(err)
	}
	if got := recorded(t, path); len(got) != 1 || got[0] != `"": insert seen [4]` {
		t.Error(got)
	}
}

package driver_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
	"replog/client/driver"
	"replog/client/gathered"
	"replog/replog"
)

const schema = `
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL, data BLOB, made DATETIME, sold BOOLEAN, CHECK (price IS NOT -1));
CREATE TABLE part(id INTEGER PRIMARY KEY AUTOINCREMENT, item INTEGER REFERENCES item(id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, n INTEGER NOT NULL DEFAULT 0);
CREATE TABLE pair(a TEXT, b TEXT, v, PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE TABLE seen(id INTEGER PRIMARY KEY, what);
CREATE TRIGGER item_seen AFTER INSERT ON item BEGIN INSERT INTO seen(what) VALUES(NEW.name); END;
CREATE VIEW cheap AS SELECT id, name FROM item WHERE price < 5;
INSERT INTO item(id, name, price) VALUES(1, 'cup', 3), (2, 'pot', 8.5), (3, 'pan', NULL);`

// newFile makes a database, in WAL mode, with capture or without.
func newFile(t *testing.T, capture bool) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shop.db")
	c, err := applier.Open(path, applier.OpenOptions{Create: true, Pragmas: []string{"journal_mode=WAL"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script(schema); err != nil {
		t.Fatal(err)
	}
	if capture {
		install(t, c)
	}
	return path
}

func install(t *testing.T, c *applier.Conn) {
	t.Helper()
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	const device = "CREATE TABLE replog_device(last_time INTEGER); INSERT INTO replog_device VALUES(0); INSERT INTO replog_schema VALUES('', '', '', '', '')"
	found, err := gathered.Found(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Install(), c.Script(gathered.TableSQL), c.Script(gathered.SchemaSQL), c.Script(device),
		c.Exec("UPDATE replog_schema SET found = ?", replog.Text(found)), c.Commit()); err != nil {
		t.Fatal(err)
	}
}

const options = "?_foreign_keys=1&_busy_timeout=5000"

func openDB(t *testing.T, name, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// device opens a file with capture by our driver.
func device(t *testing.T) (*sql.DB, string) {
	t.Helper()
	path := newFile(t, true)
	return openDB(t, driver.Name, path+options), path
}

// deviceConn is one connection of a new device, and its file.
func deviceConn(t *testing.T) (*sql.Conn, string) {
	t.Helper()
	db, path := device(t)
	c, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, path
}

func wantLines(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func must(t *testing.T, db interface {
	Exec(string, ...any) (sql.Result, error)
}, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// recorded renders what capture has gathered: "label: OP TABLE KEY, …", or "-: …" of
// what is not marked.
func recorded(t *testing.T, path string) (list []string) {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	name, steps := "", applier.NewComposition(r.Schema)
	for _, g := range gathered {
		if name == "" {
			name = "-"
			if g.Marked {
				name = fmt.Sprintf("%q", g.Label)
			}
		}
		if err := steps.Add(g.NetChanges()); err != nil {
			t.Fatal(err)
		}
		if g.Follows {
			continue // by another step of the transaction
		}
		net, err := replog.InMemory(steps.List())
		if err != nil {
			t.Fatal(err)
		}
		var changes []string
		for _, n := range net {
			key, _ := json.Marshal(n.Key)
			changes = append(changes, fmt.Sprintf("%s %s %s", n.Op, n.Table, key))
		}
		list = append(list, name+": "+strings.Join(changes, ", "))
		name, steps = "", applier.NewComposition(r.Schema)
	}
	return list
}

// changes is how many rows capture has in its table, marks included.
func changes(t *testing.T, path string) string {
	return shows(t, path, "SELECT count(*) FROM replog_change")
}

// shows gives the first row of a query, by another connection.
func shows(t *testing.T, path, query string) string {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	row, err := c.QueryRow(query)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(row)
	return strings.Trim(text, "[]")
}

func reader(t testing.TB, path string) *applier.Conn {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// describe renders an error, and SQLite's codes in it.
func describe(err error) string {
	if err == nil {
		return "ok"
	}
	var e sqlite3.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("%v (%d, %d)", err, e.Code, e.ExtendedCode)
	}
	return err.Error()
}

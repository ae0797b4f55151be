package driver_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/applier"
	"replog/client/driver"
	"replog/client/gathered"
	"replog/replog"
)

// steps renders all that waits to be closed, step by step: what was put aside, then
// what capture has; "|" ends a transaction.
func allSteps(t *testing.T, path string) (list []string) {
	t.Helper()
	c := reader(t, path)
	defer c.Close()
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	show := func(n *gathered.Step) error {
		if n.Intent {
			for _, line := range strings.Split(strings.TrimSpace(string(n.Lines)), "\n") {
				var form struct{ Intent replog.Intent }
				if err := json.Unmarshal([]byte(line), &form); err != nil {
					return err
				}
				list = append(list, form.Intent.SQL)
			}
		} else {
			net, err := n.NetChanges()
			if err != nil {
				return err
			}
			err = replog.EachChange(net, func(_ int, c *replog.Change) error {
				list = append(list, fmt.Sprintf("%s %s %s %v", c.Op, c.Table, replog.KeyString(c.Key), c.Columns))
				return nil
			})
			if err != nil {
				return err
			}
		}
		if !n.Follows {
			list = append(list, "|")
		}
		return nil
	}
	aside := gathered.OpenAside(c)
	defer aside.Close()
	if err := aside.Each(show); err != nil {
		t.Fatal(err)
	}
	all, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	var now gathered.Steps
	var made []*gathered.Step
	for _, g := range slices.Backward(all) {
		n, err := now.Next(g)
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, n)
	}
	for _, n := range slices.Backward(made) {
		if err := show(n); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

var schemaRecordings = []struct {
	name string
	run  func(*testing.T, *sql.Conn)
	want []string
}{
	{"statements of each kind", script("CREATE TABLE more(id INTEGER PRIMARY KEY, a)", "INSERT INTO more VALUES(1, 2)", "CREATE INDEX i ON more(a)", "CREATE VIEW v AS SELECT a FROM more", "DROP VIEW v", "DROP INDEX i"),
		[]string{"CREATE TABLE more(id INTEGER PRIMARY KEY, a)", "|", "insert more [1] [id a]", "|", "CREATE INDEX i ON more(a)", "|", "CREATE VIEW v AS SELECT a FROM more", "|", "DROP VIEW v", "|", "DROP INDEX i", "|"}},
	{"one transaction, whose other statements are rows", script("BEGIN", "UPDATE item SET price = 9 WHERE id = 1", "ALTER TABLE item ADD COLUMN more DEFAULT 7", "UPDATE item SET more = 8 WHERE id = 1", "COMMIT"),
		[]string{"update item [1] [price]", "ALTER TABLE item ADD COLUMN more DEFAULT 7", "update item [1] [more]", "|"}},
	{"what waits of earlier transactions", script("UPDATE item SET price = 9 WHERE id = 1", "DELETE FROM pair", "INSERT INTO pair VALUES('a', 'b', 1)", "ALTER TABLE item ADD COLUMN more", "UPDATE item SET more = 1 WHERE id = 2"),
		[]string{"UPDATE item SET price = 9 WHERE id = 1", "|", `insert pair ["a","b"] [a b v]`, "|", "ALTER TABLE item ADD COLUMN more", "|", "UPDATE item SET more = 1 WHERE id = 2", "|"}},
	{"a table made anew", script("BEGIN", "CREATE TABLE n(a TEXT, b TEXT, v, w DEFAULT 1, PRIMARY KEY(a, b)) WITHOUT ROWID", "INSERT INTO pair VALUES('x', 'y', 1)", "INSERT INTO n(a, b, v) SELECT * FROM pair", "DROP TABLE pair", "ALTER TABLE n RENAME TO pair", "INSERT INTO pair VALUES('p', 'q', 2, 3)", "COMMIT"),
		[]string{"CREATE TABLE n(a TEXT, b TEXT, v, w DEFAULT 1, PRIMARY KEY(a, b)) WITHOUT ROWID", `insert pair ["x","y"] [a b v]`, `insert n ["x","y"] [a b v w]`, "DROP TABLE pair", "ALTER TABLE n RENAME TO pair", `insert pair ["p","q"] [a b v w]`, "|"}},
	{"a rollback", script("UPDATE item SET price = 9 WHERE id = 1", "BEGIN", "ALTER TABLE item ADD COLUMN more", "UPDATE item SET more = 1", "ROLLBACK", "UPDATE item SET price = 8 WHERE id = 2"),
		[]string{"UPDATE item SET price = 9 WHERE id = 1", "|", "UPDATE item SET price = 8 WHERE id = 2", "|"}},
	{"a savepoint", script("BEGIN", "UPDATE item SET price = 9 WHERE id = 1", "SAVEPOINT a", "ALTER TABLE item ADD COLUMN more", "UPDATE item SET more = 1", "ROLLBACK TO a", "ALTER TABLE item ADD COLUMN other", "UPDATE item SET other = 1 WHERE id = 3", "COMMIT"),
		[]string{"update item [1] [price]", "ALTER TABLE item ADD COLUMN other", "update item [3] [other]", "|"}},
	{"what is there already", script("CREATE TABLE IF NOT EXISTS item(id)", "CREATE VIEW IF NOT EXISTS cheap AS SELECT 1", "DROP TABLE IF EXISTS nowhere"), nil},
	{"what each file has for itself", script("CREATE TEMP TABLE tmp(a)", "ATTACH ':memory:' AS m", "CREATE TABLE m.x(a)", "ALTER TABLE m.x ADD COLUMN b", "DROP TABLE m.x", "CREATE TABLE later AS SELECT * FROM item", "CREATE INDEX later_id ON later(id)"), nil},
	{"actions of a table that goes", script("INSERT INTO part(id, item) VALUES(1, 2)", "DROP TABLE item"),
		[]string{"INSERT INTO part(id, item) VALUES(1, 2)", "|", "DROP TABLE item", "delete part [1] [id item n]", "|"}},
	{"names and comments", script("CREATE TABLE IF NOT EXISTS main.\"two words\"(id INTEGER PRIMARY KEY) -- so", "ALTER TABLE main.[two words] RENAME TO one"),
		[]string{`CREATE TABLE "two words"(id INTEGER PRIMARY KEY)`, "|", `ALTER TABLE [two words] RENAME TO one`, "|"}},
}

func TestSchemaStatementsAreRecorded(t *testing.T) {
	for _, tc := range schemaRecordings {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, path := deviceConn(t)
			tc.run(t, c)
			wantLines(t, allSteps(t, path), tc.want)
		})
	}
}

// Each case runs on mattn's driver too, and has to give the same.
var schemaConformance = []struct {
	name string
	run  func(p *probe)
}{
	{"results", func(p *probe) {
		p.exec("INSERT INTO item(id, price) VALUES(40, 1)")
		p.exec("CREATE TABLE more(id INTEGER PRIMARY KEY, x)")
		p.exec("INSERT INTO more VALUES(5, 1), (6, 2)")
		p.exec("ALTER TABLE more ADD COLUMN y DEFAULT 5")
		p.query("SELECT changes(), last_insert_rowid(), * FROM more")
		p.query("ALTER TABLE more RENAME COLUMN x TO z")
		p.exec("CREATE UNIQUE INDEX more_z ON more(z)")
		p.exec("INSERT INTO more VALUES(7, 2, 3)")
		p.exec("ALTER TABLE more DROP COLUMN y")
		p.exec("ALTER TABLE more RENAME TO less")
		p.query("SELECT * FROM less")
		p.exec("CREATE TRIGGER t AFTER INSERT ON less BEGIN INSERT INTO seen(what) VALUES(NEW.z); END; INSERT INTO less VALUES(8, 9)")
		p.exec("DROP TRIGGER t; DROP INDEX more_z; DROP TABLE less")
		p.query("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'replog%' ORDER BY name")
		p.content()
	}},
	{"errors", func(p *probe) {
		for _, sql := range []string{
			"CREATE TABLE item(id)", "CREATE TABLE x(", "ALTER TABLE nowhere ADD COLUMN a", "ALTER TABLE item ADD COLUMN name", "ALTER TABLE item ADD COLUMN a NOT NULL",
			"ALTER TABLE item ADD COLUMN a UNIQUE", "ALTER TABLE item DROP COLUMN id", "ALTER TABLE item DROP COLUMN name", "ALTER TABLE item DROP COLUMN nothing", "DROP TABLE nowhere",
			"DROP INDEX nowhere", "DROP VIEW item", "CREATE INDEX i ON nowhere(a)", "CREATE INDEX i ON item(nothing)", "CREATE TRIGGER item_seen AFTER INSERT ON item BEGIN SELECT 1; END",
			"CREATE VIEW item AS SELECT 1", "ALTER TABLE item RENAME TO pair", "CREATE TABLE y(a, a)", "CREATE TABLE z(a CHECK (nofunc(a)))", "CREATE UNIQUE INDEX u ON item(price > 0)",
		} {
			p.exec(sql)
			p.query(sql)
		}
		p.exec("INSERT INTO item(id, price) VALUES(50, 3), (51, 3)")
		p.exec("CREATE UNIQUE INDEX u ON item(price)")
		p.content()
	}},
	{"transactions", func(p *probe) {
		p.exec("BEGIN; CREATE TABLE more(id INTEGER PRIMARY KEY); INSERT INTO more VALUES(1)")
		p.exec("SAVEPOINT a; ALTER TABLE more ADD COLUMN b; ROLLBACK TO a; RELEASE a")
		p.query("SELECT * FROM more")
		p.exec("ROLLBACK")
		p.query("SELECT * FROM more")
		p.exec("BEGIN; CREATE TABLE n(a TEXT, b TEXT, v INT, PRIMARY KEY(b, a)) WITHOUT ROWID; INSERT INTO n SELECT * FROM pair; DROP TABLE pair; ALTER TABLE n RENAME TO pair; COMMIT")
		p.exec("INSERT INTO pair VALUES('a', 'b', '3')")
		p.content()
	}},
	{"prepared before", func(p *probe) {
		s, err := p.conn.PrepareContext(p.ctx, "INSERT INTO pair(a, b) VALUES(?, ?)")
		if err != nil {
			p.t.Fatal(err)
		}
		defer s.Close()
		p.result(s.Exec("1", "2"))
		p.exec("ALTER TABLE pair ADD COLUMN c DEFAULT 'c'")
		p.result(s.Exec("3", "4"))
		p.exec("ALTER TABLE pair RENAME TO couple")
		p.query("SELECT * FROM couple")
		made, err := p.conn.PrepareContext(p.ctx, "CREATE TABLE more(id INTEGER PRIMARY KEY)")
		if err != nil {
			p.t.Fatal(err)
		}
		defer made.Close()
		p.result(made.Exec())
		p.result(made.Exec())
	}},
	{"beside rows that are being read", func(p *probe) {
		rows, err := p.conn.QueryContext(p.ctx, "SELECT id FROM item")
		if err != nil {
			p.t.Fatal(err)
		}
		rows.Next()
		p.exec("CREATE TABLE more(id INTEGER PRIMARY KEY)")
		p.exec("CREATE VIEW w AS SELECT 1")
		rows.Close()
		p.exec("INSERT INTO more VALUES(1)")
		p.content()
	}},
	{"a table made anew as SQLite advises", func(p *probe) {
		p.exec("INSERT INTO part(item) VALUES(1), (2)")
		p.exec("PRAGMA foreign_keys = OFF")
		p.exec("BEGIN; CREATE TABLE new_item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, price REAL NOT NULL DEFAULT 0); INSERT INTO new_item SELECT id, name, coalesce(price, 0) FROM item; DROP TABLE item; ALTER TABLE new_item RENAME TO item")
		p.exec("CREATE TRIGGER item_seen AFTER INSERT ON item BEGIN INSERT INTO seen(what) VALUES(NEW.name); END")
		p.query("PRAGMA foreign_key_check")
		p.exec("COMMIT; PRAGMA foreign_keys = ON")
		p.exec("INSERT INTO item(name) VALUES('new')")
		p.exec("INSERT INTO part(item) VALUES(77)")
		p.exec("DELETE FROM item WHERE id = 1")
		p.content()
	}},
}

func TestSchemaStatementsDoAsWithoutUs(t *testing.T) {
	for _, tc := range schemaConformance {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var logs [2][]string
			for i, name := range []string{"sqlite3", driver.Name} {
				db := openDB(t, name, newFile(t, i == 1)+options)
				p := &probe{t: t, ctx: t.Context(), db: db}
				var err error
				if p.conn, err = db.Conn(p.ctx); err != nil {
					t.Fatal(err)
				}
				defer p.conn.Close()
				tc.run(p)
				logs[i] = p.log
			}
			for i := range max(len(logs[0]), len(logs[1])) {
				if at(logs[0], i) != at(logs[1], i) {
					t.Fatalf("line %d: %s, want %s", i, at(logs[1], i), at(logs[0], i))
				}
			}
		})
	}
}

func TestASchemaStatementThatCannotBeReplicatedIsRefused(t *testing.T) {
	db, path := device(t)
	db.SetMaxOpenConns(1)
	for query, want := range map[string]applier.UnsafeClass{
		"CREATE UNIQUE INDEX u ON item(name COLLATE nocase, date('now'))": applier.UnsafeFunction,
		"ALTER TABLE item ADD COLUMN c TEXT COLLATE german":               applier.UnsafeCollation,
	} {
		_, err := db.Exec(query)
		var refused *applier.SchemaError
		if err == nil || errors.As(err, &refused) && refused.Class != want {
			t.Errorf("%s: %v", query, err)
		}
	}
	if got := allSteps(t, path); got != nil {
		t.Errorf("%q", got)
	}
	// Views and triggers are each file's own.
	must(t, db, "CREATE TRIGGER own AFTER DELETE ON item BEGIN UPDATE seen SET what = sqlite_version(); END; CREATE VIEW mine AS SELECT sqlite_source_id()")
}

// An older SQLite and a connection with statements of its own go on beside the driver.
func TestOthersGoOnBesideSchemaStatements(t *testing.T) {
	db, path := device(t)
	other := openDB(t, "sqlite3", path+options)
	s, err := other.Prepare("INSERT INTO item(price) VALUES(?)")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	insert := func(price int) {
		t.Helper()
		if _, err := s.Exec(price); err != nil {
			t.Fatal(err)
		}
	}
	insert(1)
	must(t, db, "ALTER TABLE item ADD COLUMN more DEFAULT 3")
	insert(2)
	must(t, db, "BEGIN; CREATE TABLE n AS SELECT 1; COMMIT; ALTER TABLE item RENAME COLUMN more TO less")
	insert(3)
	want := []string{"insert item [4] [id name price data made sold]", "insert seen [4] [id what]", "|", "ALTER TABLE item ADD COLUMN more DEFAULT 3", "|",
		"insert item [5] [id name price data made sold more]", "insert seen [5] [id what]", "|", "ALTER TABLE item RENAME COLUMN more TO less", "|",
		"insert item [6] [id name price data made sold less]", "insert seen [6] [id what]", "|"}
	got := allSteps(t, path)
	if !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

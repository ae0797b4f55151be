package story

import (
	"database/sql"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"replog/client"
	"replog/client/driver"
	"replog/replog"
	"replog/server"
)

// python runs a program on the file by Python's own SQLite.
func (d *device) python(statements ...string) {
	d.w.t.Helper()
	const program = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as db:\n    for s in sys.argv[2:]:\n        db.execute(s)\n"
	args := append([]string{"-c", program, d.path}, statements...)
	if out, err := exec.Command("python3", args...).CombinedOutput(); err != nil {
		d.w.t.Fatalf("%q: %v: %s", statements, err, out)
	}
}

// silent syncs and checks that nothing is to be told of.
func (d *device) silent() *client.SyncResult {
	d.w.t.Helper()
	r := d.sync(client.Both)
	if r.Waiting+r.Rejected+r.Conflicts+r.Held+r.Missed+len(r.Local) > 0 {
		d.w.t.Fatalf("%s: %+v", d.path, r)
	}
	return r
}

// settled syncs devices until all know all, and checks that they hold the same as the
// server.
func (w *world) settled(devices ...*device) {
	w.t.Helper()
	for range 3 {
		for _, d := range devices {
			d.silent()
		}
	}
	w.equal(devices...)
	w.samePaths(devices[0].path, w.data()+"/databases/shop/replica.db")
}

// An application's upgrade: a column that it fills, a table, an index and a trigger.
var upgrade = []string{
	"ALTER TABLE customer ADD COLUMN phone TEXT DEFAULT 'none'",
	"UPDATE customer SET phone = 'of ' || name WHERE id < 3",
	"CREATE TABLE visit(id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer(id), note)",
	"CREATE INDEX visit_customer ON visit(customer)",
	"CREATE VIEW visited AS SELECT name, note FROM customer JOIN visit ON visit.customer = customer.id",
	"INSERT INTO visit VALUES(1, 1, 'first')",
}

// The upgrade as another developer wrote it down.
var upgradeOtherwise = []string{
	`create table "visit" (note, id integer primary key, customer integer not null references customer ( id ) )`,
	"INSERT INTO visit(id, customer, note) VALUES(1, 1, 'first')",
	"ALTER TABLE customer ADD phone TEXT DEFAULT 'none'",
	"UPDATE customer SET phone = 'of ' || name WHERE id < 3",
	"CREATE VIEW visited AS SELECT name, note FROM customer JOIN visit ON visit.customer = customer.id",
	"CREATE INDEX visit_customer ON [visit](customer)",
}

func TestTwoApplicationsThatUpgradeTheirFilesSyncWithoutAWord(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.cloneWith("b.db", server.SchemaRight)
	c := w.clone("c.db")
	a.shell(strings.Join(upgrade, ";"))
	b.python(upgradeOtherwise...)
	b.shell("UPDATE customer SET email = 'b@b' WHERE id = 2; INSERT INTO visit VALUES('by b', 7, 3)")
	a.silent()
	a.shows("SELECT phone FROM customer", `["of Ada"] ["of Bob"] ["none"]`)
	b.silent()
	c.write("UPDATE customer SET name = 'Bobby' WHERE id = 2; INSERT INTO customer VALUES(9, 'by c', NULL)")
	if r := c.silent(); len(r.Lacks) == 0 {
		t.Fatalf("%+v", r)
	}
	// What the others do reaches the file that is older as far as it can take it.
	a.shell("UPDATE customer SET name = 'Ada A.', phone = '1' WHERE id = 1; DELETE FROM invoice WHERE customer = 2; INSERT INTO customer(id, name, phone) VALUES(10, 'new', '10')")
	a.silent()
	c.python("UPDATE customer SET email = 'c@c' WHERE id = 10 OR id = 3", "INSERT INTO customer VALUES(11, 'eleven', NULL)")
	c.silent()
	c.silent()
	c.shows("SELECT * FROM customer", `[1,"Ada A.","ada@example.org"] [2,"Bobby","b@b"] [3,"Cleo","c@c"] [9,"by c",null] [10,"new",null] [11,"eleven",null]`)
	w.alike(a, b)
	// It upgrades, and holds the same as they do.
	c.python(append(upgrade[:len(upgrade):len(upgrade)], "INSERT INTO visit VALUES(50, 11, 'by c')", "UPDATE customer SET phone = 'of c' WHERE id = 11")...)
	c.silent()
	w.settled(a, b, c)
	c.shows("SELECT id, phone FROM customer", `[1,"1"] [2,"of Bob"] [3,"none"] [9,"none"] [10,"10"] [11,"of c"]`)
	c.shows("SELECT id, customer, note FROM visit", `[1,1,"first"] [7,3,"by b"] [50,11,"by c"]`)
	c.write("UPDATE visit SET note = 'later' WHERE id = 7")
	w.settled(c, a, b)
}

// alike syncs devices until each knows all, and checks that they hold the same.
func (w *world) alike(devices ...*device) {
	w.t.Helper()
	for range 2 {
		for _, d := range devices {
			d.silent()
		}
	}
	w.equal(devices...)
}

func TestTheSameNameWithAnotherTypeIsShownFromBothSides(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.cloneWith("b.db", server.SchemaRight)
	a.shell("ALTER TABLE customer ADD COLUMN phone TEXT; UPDATE customer SET phone = 'x'")
	a.silent()
	b.shell("ALTER TABLE customer ADD COLUMN phone INTEGER DEFAULT 7; UPDATE customer SET name = 'flows' WHERE id = 1")
	_, err := b.trySync(client.Both, client.Options{})
	detail := mismatch(t, err, replog.CodeSchema)
	for _, want := range []string{"- table customer column: phone TEXT", "+ table customer column: phone INTEGER DEFAULT 7"} {
		if !strings.Contains(detail, want) {
			t.Errorf("%q lacks %q", detail, want)
		}
	}
	a.silent()
	a.shows("SELECT name FROM customer WHERE id = 1", `["flows"]`)
	// Once the two are the same, it goes on.
	b.shell("ALTER TABLE customer DROP COLUMN phone; ALTER TABLE customer ADD COLUMN phone TEXT")
	b.silent()
	w.settled(a, b)
	b.shows("SELECT phone FROM customer", `["x"] ["x"] ["x"]`)
}

func TestADeviceWithoutTheRightKeepsWhatItAddedAndDataFlows(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	b.shell("ALTER TABLE customer ADD COLUMN phone; CREATE TABLE own(id INTEGER PRIMARY KEY); INSERT INTO own VALUES(1); UPDATE customer SET name = 'flows', phone = '1' WHERE id = 1")
	for range 2 {
		r := b.sync(client.Both)
		if r.Waiting != 0 || fmt.Sprint(r.Local) != "[table own column customer.phone]" {
			t.Fatalf("%+v", r)
		}
		a.silent()
	}
	a.shows("SELECT * FROM customer WHERE id = 1", `[1,"flows","ada@example.org"]`)
	// What it ran itself waits for a person, and stays as well.
	db := b.app()
	order(t, db, "mine", "ALTER TABLE customer ADD COLUMN mine DEFAULT 5", "UPDATE customer SET mine = 6 WHERE id = 1")
	if r := b.sync(client.Both); r.Waiting != 1 {
		t.Fatalf("%+v", r)
	}
	b.shell("UPDATE customer SET name = 'still flows', mine = 8 WHERE id = 1")
	b.sync(client.Both)
	a.silent()
	a.shows("SELECT name FROM customer WHERE id = 1", `["still flows"]`)
	b.shows("SELECT name, phone, mine FROM customer WHERE id = 1", `["still flows","1",8]`)
}

func TestSchemaStatementsByTheDriverReachAllWhileForeignProgramsWrite(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b, c := w.clone("b.db"), w.clone("c.db")
	b.shell("UPDATE customer SET name = 'b' WHERE id = 2; INSERT INTO customer VALUES(20, 'b', 'b20')")
	order(t, a.app(), "upgrade", "ALTER TABLE customer ADD COLUMN phone DEFAULT 'none'", "UPDATE customer SET phone = name",
		"CREATE TABLE visit(id INTEGER PRIMARY KEY, customer REFERENCES customer(id))", "INSERT INTO visit VALUES(1, 1)", "CREATE INDEX by_phone ON customer(phone)")
	a.shell("UPDATE customer SET phone = 'shell' WHERE id = 3")
	a.silent()
	c.python("INSERT INTO customer VALUES(30, 'c', 'c30')")
	w.settled(b, c, a)
	c.shows("SELECT id, name, phone FROM customer", `[1,"Ada","Ada"] [2,"b","Bob"] [3,"Cleo","shell"] [20,"b","none"] [30,"c","none"]`)
	b.python("UPDATE customer SET phone = 'python' WHERE id = 20")
	w.settled(b, c, a)
	order(t, a.app(), "rename", "ALTER TABLE customer RENAME COLUMN phone TO telephone", "ALTER TABLE visit RENAME TO visits", "DROP INDEX by_phone")
	a.silent()
	b.shell("UPDATE customer SET phone = 'before' WHERE id = 1; INSERT INTO visit VALUES(2, 2)")
	r := b.sync(client.Both)
	if r.Rejected+r.Conflicts == 0 { // it names what is no more
		t.Fatalf("%+v", r)
	}
	b.write("UPDATE customer SET telephone = 'after' WHERE id = 1; INSERT INTO visits VALUES(3, 3)")
	for _, d := range []*device{b, a, c, b} {
		d.sync(client.Both)
	}
	w.equal(a, b, c)
}

var rebuild = []string{
	"CREATE TABLE n(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE, rank INTEGER NOT NULL DEFAULT 0)",
	"INSERT INTO n(id, name, email) SELECT id, name, email FROM customer", "DROP TABLE customer", "ALTER TABLE n RENAME TO customer",
}

// Whatever waits on the device, and whatever becomes of it, all end up alike.
func TestPendingSchemaStatementsAndWhatOthersWrote(t *testing.T) {
	pendings := map[string][]string{
		"a column":       {"ALTER TABLE customer ADD COLUMN phone DEFAULT 3", "UPDATE customer SET phone = 4 WHERE id = 3"},
		"a table":        {"CREATE TABLE visit(id INTEGER PRIMARY KEY, note)", "INSERT INTO visit VALUES(1, 'x')"},
		"a unique index": {"CREATE UNIQUE INDEX by_name ON customer(name)"},
		"a table less":   {"DROP TABLE invoice"},
		"a table anew":   rebuild,
	}
	others := map[string]string{
		"other rows": "INSERT INTO customer VALUES(40, 'forty', 'f@f')",
		"same rows":  "UPDATE customer SET name = 'theirs' WHERE id = 3; UPDATE invoice SET total = 77 WHERE id = 'i1'",
		"no row":     "SELECT 1",
	}
	for name, statements := range pendings {
		for other, sql := range others {
			for _, right := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s, %s, right %t", name, other, right), func(t *testing.T) {
					t.Parallel()
					w := newWorld(t)
					a := w.publish("a.db", plain)
					b := w.clone("b.db")
					if right {
						b = w.cloneWith("b2.db", server.SchemaRight)
					}
					db := b.app()
					if _, err := db.Exec("UPDATE customer SET email = 'before' WHERE id = 3"); err != nil {
						t.Fatal(err)
					}
					if _, err := db.Exec("INSERT INTO customer(id, name) VALUES(60, 'early'); DELETE FROM customer WHERE id = 2"); err != nil {
						t.Fatal(err)
					}
					off := b.appOff()
					order(t, off, "pending", statements...)
					if _, err := db.Exec("INSERT INTO customer(id, name, email) VALUES(50, 'after', 'a@a')"); err != nil {
						t.Fatal(err)
					}
					a.write(sql)
					a.sync(client.Both)
					first := b.sync(client.Both)
					for _, d := range []*device{a, b, a, b} {
						d.sync(client.Both)
					}
					if b.status().Pending+a.status().Pending != 0 {
						t.Fatal("something waits")
					}
					if right && first.Waiting == 0 {
						w.equal(a, b)
					}
					a.sameRows(b, "SELECT id, name, email FROM customer")
					w.samePaths(a.path, w.data()+"/databases/shop/replica.db")
				})
			}
		}
	}
}

// appOff opens the file by the driver with foreign keys off, as a migration does.
func (d *device) appOff() *sql.DB {
	d.w.t.Helper()
	db, err := sql.Open(driver.Name, d.path+"?_foreign_keys=0&_busy_timeout=5000")
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.w.t.Cleanup(func() { db.Close() })
	return db
}

// sameRows checks that a query gives the same on both devices.
func (d *device) sameRows(other *device, query string) {
	d.w.t.Helper()
	other.shows(query, d.read(query))
}

// A migration of the shell's takes capture's triggers along, here on a file that lacks
// columns, and on one whose own statements wait.
func TestATableMadeAnewBesideSchemaStatements(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b, c := w.cloneWith("b.db", server.SchemaRight), w.clone("c.db")
	a.shell(strings.Join(upgrade, ";"))
	a.silent()
	c.silent()
	c.write(remake)
	c.write("UPDATE customer SET name = 'missed' WHERE id = 1")
	if r := c.sync(client.Both); r.Missed == 0 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	order(t, b.app(), "mine", "UPDATE customer SET email = 'aside' WHERE id = 3", "CREATE TABLE mine(id INTEGER PRIMARY KEY)", "INSERT INTO mine VALUES(1)", "ALTER TABLE mine ADD COLUMN n",
		"CREATE INDEX short ON customer(name)")
	b.write(remake)
	b.write("UPDATE customer SET name = 'missed too' WHERE id = 2")
	if r := b.sync(client.Both); r.Missed == 0 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	b.python(upgradeOtherwise...)
	c.python(upgrade...)
	w.alike(b, c, a)
	w.alike(b, c, a)
	c.shows("SELECT name, phone FROM customer", `["missed","of Ada"] ["missed too","of Bob"] ["Cleo","none"]`)
}

// Every device runs the same migrations, at its own time, by an application on the
// driver. Where they only add something nobody is told; otherwise the later ones may
// be conflicts, and all hold the same nevertheless.
func TestTheSameMigrationsByTheDriverOnEachDevice(t *testing.T) {
	adds := []string{
		"CREATE TABLE IF NOT EXISTS mine(id INTEGER PRIMARY KEY)", "ALTER TABLE mine ADD COLUMN n DEFAULT 5",
		"CREATE INDEX by_n ON mine(n)", "ALTER TABLE customer ADD COLUMN phone",
	}
	renames := append(adds[:len(adds):len(adds)], "ALTER TABLE mine RENAME COLUMN n TO number")
	for name, steps := range map[string][]string{"adds": adds, "renames": renames} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, whole %t", name, whole), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				a := w.publish("a.db", plain)
				b, c := w.cloneWith("b.db", server.SchemaRight), w.cloneWith("c.db", server.SchemaRight)
				migrate := func(d *device) {
					db := d.app()
					if whole {
						order(t, db, "migrate", steps...)
						return
					}
					for _, s := range steps {
						if _, err := db.Exec(s); err != nil {
							t.Fatal(err)
						}
					}
				}
				migrate(a)
				migrate(b)
				b.write("INSERT INTO customer(id, name) VALUES(90, 'b')")
				a.silent()
				if name == "adds" {
					b.silent()
				} else {
					b.sync(client.Both)
				}
				c.silent()
				a.write("INSERT INTO mine(id) VALUES(2)")
				w.alike(a, c)
				for _, d := range []*device{b, a, c, b} {
					d.sync(client.Both)
				}
				w.equal(a, b, c)
			})
		}
	}
}

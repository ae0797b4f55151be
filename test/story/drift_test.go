package story

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

// What rows can do without stays in the file, and everything else goes on.
func TestTablesAndColumnsThatTheServerLacksStayInTheFile(t *testing.T) {
	w := newWorld(t)
	b := w.publish("b.db", plain)
	a := w.clone("a.db") // which may not change the schema
	a.write(`ALTER TABLE customer ADD COLUMN phone TEXT; ALTER TABLE customer ADD COLUMN rank INTEGER NOT NULL DEFAULT 5;
		CREATE TABLE draft(id INTEGER PRIMARY KEY, customer REFERENCES customer(id)); INSERT INTO draft VALUES(1, 1);
		CREATE INDEX by_phone ON customer(phone); CREATE VIEW phones AS SELECT phone FROM customer;
		UPDATE customer SET phone = '1', name = 'a' WHERE id = 1; UPDATE customer SET phone = '2' WHERE id = 2`)
	a.write("INSERT INTO customer VALUES(4, 'new', 'n@n', '4', 44); UPDATE customer SET rank = 9 WHERE id = 3")
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 2; UPDATE customer SET name = 'b' WHERE id = 3")
	b.sync(client.Both)
	r := a.sync(client.Both)
	if r.Applied != 1 || r.Rejected != 1 || r.Waiting != 0 || r.Downloaded != 1 || !slices.Equal(r.Local, []string{"table draft", "column customer.phone", "column customer.rank"}) {
		t.Fatalf("%+v", r)
	}
	a.shows("SELECT * FROM customer", `[1,"a","ada@example.org","1",5] [2,"Bob","b@b","2",5] [3,"b",null,null,9] [4,"new","n@n","4",44]`)
	a.shows("SELECT * FROM draft", "[1,1]")
	b.sync(client.Both)
	b.shows("SELECT * FROM customer", `[1,"a","ada@example.org"] [2,"Bob","b@b"] [3,"b",null] [4,"new","n@n"]`)
	if a.status().Pending != 0 {
		t.Fatal("something waits")
	}
}

// A sync takes rows away and writes them anew: those of the outbox, those whose
// unique values change, and on repair all of them.
func TestColumnsThatTheServerLacksKeepTheirValues(t *testing.T) {
	w := newWorld(t)
	b := w.publish("b.db", plain)
	a := w.clone("a.db")
	a.write("ALTER TABLE customer ADD COLUMN phone DEFAULT 'none'")
	a.write("INSERT INTO customer VALUES(4, 'waits', NULL, x'04'); UPDATE customer SET phone = 1.0 WHERE id = 1; UPDATE customer SET phone = NULL, id = 7 WHERE id = 3")
	b.write("UPDATE customer SET email = 'swap' WHERE id = 1; UPDATE customer SET email = 'ada@example.org' WHERE id = 2; UPDATE customer SET email = 'bob@example.org' WHERE id = 1")
	b.sync(client.Both)
	a.sync(client.PullOnly)
	const want = `[1,"Ada","bob@example.org",1.0] [2,"Bob","ada@example.org","none"] [4,"waits",null,{"blob":"BA=="}] [7,"Cleo",null,null]`
	a.shows("SELECT * FROM customer", want)
	a.repair()
	a.shows("SELECT * FROM customer", want)
	if r := a.sync(client.Both); r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	a.shows("SELECT * FROM customer", want)
	b.sync(client.Both)
	w.samePaths(b.path, w.dir+"/server/databases/shop/replica.db")
}

func TestATableMadeAnewWithMoreColumnsInAnotherOrderGoesOn(t *testing.T) {
	w := newWorld(t)
	b := w.publish("b.db", plain)
	a := w.clone("a.db")
	a.write(`BEGIN; CREATE TABLE n(phone TEXT, email TEXT UNIQUE, id INTEGER PRIMARY KEY, name TEXT NOT NULL);
		INSERT INTO n(id, name, email) SELECT * FROM customer; DROP TABLE customer; ALTER TABLE n RENAME TO customer; COMMIT;
		UPDATE customer SET phone = '1', name = 'missed' WHERE id = 1; INSERT INTO customer VALUES('4', 'n@n', 4, 'new')`)
	if r := a.sync(client.Both); r.Missed != 2 || r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	a.write("UPDATE customer SET name = 'seen' WHERE id = 4; DELETE FROM customer WHERE id = 3; INSERT INTO customer VALUES('5', NULL, 5, 'five')")
	b.sync(client.Both)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 4; INSERT INTO customer VALUES(6, 'six', NULL)")
	b.sync(client.Both)
	a.sync(client.Both)
	b.sync(client.Both)
	a.shows("SELECT * FROM customer", `["1","ada@example.org",1,"missed"] [null,"bob@example.org",2,"Bob"] ["4","b@b",4,"seen"] ["5",null,5,"five"] [null,null,6,"six"]`)
	b.shows("SELECT * FROM customer", `[1,"missed","ada@example.org"] [2,"Bob","bob@example.org"] [4,"seen","b@b"] [5,"five",null] [6,"six",null]`)
}

func TestTablesThatChangedOtherwiseAreShownFromBothSides(t *testing.T) {
	for sql, want := range map[string]string{
		"ALTER TABLE customer RENAME COLUMN name TO fullname": "- table customer column name TEXT|+ table customer column fullname TEXT",
		"ALTER TABLE customer RENAME TO client":               "- table customer key id|+ table client key id",
		"DROP TABLE invoice":                                  "- table invoice key id",
		"CREATE TABLE n(id TEXT PRIMARY KEY, what TEXT); DROP TABLE audit; ALTER TABLE n RENAME TO audit":                   "- table audit column id INTEGER|+ table audit column id TEXT",
		"CREATE TABLE n(id INTEGER PRIMARY KEY, what TEXT, must NOT NULL); DROP TABLE audit; ALTER TABLE n RENAME TO audit": "+ table audit column must  not_null=true",
	} {
		w := newWorld(t)
		a := w.publish("a.db", plain)
		a.write("UPDATE customer SET email = 'kept' WHERE id = 1")
		a.write(sql)
		_, err := a.trySync(client.Both, client.Options{})
		detail := mismatch(t, err, replog.CodeSchema)
		for line := range strings.SplitSeq(want, "|") {
			if !strings.Contains(detail, line) {
				t.Errorf("%s: %s", sql, detail)
			}
		}
		if a.read("SELECT count(*) FROM replog_change") != "[1]" {
			t.Errorf("%s: what was recorded is gone", sql)
		}
	}
}

func TestTablesThatChangeWhileTheDeviceIsOpenAreNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.open()
	if _, err := x.Sync(t.Context(), client.Both); err != nil {
		t.Fatal(err)
	}
	a.write("ALTER TABLE customer RENAME COLUMN email TO mail")
	_, err := x.Sync(t.Context(), client.Both)
	mismatch(t, err, replog.CodeSchema)
}

// Rows whose unique values change are written anew: with the columns as they were
// before the sync, what the application added meanwhile would be lost.
func TestColumnsThatAreAddedDuringASyncKeepTheirValues(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET email = 'new@a' WHERE id = 1")
	a.sync(client.Both)
	l := &line{cut: -1, answered: func(n int) {
		if n == 1 {
			b.write("ALTER TABLE customer ADD COLUMN phone TEXT; UPDATE customer SET phone = '1' WHERE id = 1")
		}
	}}
	if _, err := b.trySync(client.Both, l.options()); err != nil {
		t.Fatal(err)
	}
	b.shows("SELECT email, phone FROM customer WHERE id = 1", `["new@a","1"]`)
}

func TestTablesThatChangeDuringASyncStopIt(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET email = 'new@a' WHERE id = 1")
	a.sync(client.Both)
	l := &line{cut: -1, answered: func(int) { b.write("ALTER TABLE customer RENAME COLUMN email TO mail") }}
	_, err := b.trySync(client.Both, l.options())
	mismatch(t, err, replog.CodeSchema)
	b.shows("SELECT mail FROM customer WHERE id = 1", `["ada@example.org"]`)
}

func TestAFileThatIsNoLongerEnrolledSaysSo(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.open()
	if err := client.Remove(t.Context(), a.path, client.Options{}); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"status":  func() error { _, err := x.Status(t.Context()); return err },
		"pending": func() error { _, err := x.Pending(t.Context()); return err },
		"sync":    func() error { _, err := x.Sync(t.Context(), client.Both); return err },
		"repair":  func() error { _, err := x.Repair(t.Context()); return err },
	}
	for name, call := range calls {
		var e *client.NotEnrolledError
		if err := call(); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

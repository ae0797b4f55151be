package story

import (
	"errors"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

// lose has devices do something that the log then gives up: the server's log is put
// back to what it is now.
func (w *world) lose(f func()) {
	w.t.Helper()
	log := w.keepLog()
	f()
	w.putBack(log)
}

func TestConflictsThatWereGivenUpAreJudgedAnew(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	w.lose(func() {
		a.write("INSERT INTO customer VALUES(9, 'a''s', NULL)")
		a.sync(client.Both)
		b.write("INSERT INTO customer VALUES(9, 'b''s', NULL)")
		if r := b.sync(client.Both); r.Conflicts != 1 || r.Waiting != 1 {
			t.Fatalf("%+v", r)
		}
		// b goes on from the verdict, on what a made.
		b.write("UPDATE customer SET email = 'of a''s' WHERE id = 9")
		b.sync(client.Both)
		b.write("UPDATE customer SET name = 'by b' WHERE id = 1")
		b.sync(client.Both)
	})
	// Now b is first: its INSERT is applied, and what it wrote to the row that it took
	// for a's is held, as it did not know of its own.
	r := b.rejoin()
	if r.Rejoined.TakenBack != 3 || r.Applied != 2 || r.Held != 1 || r.Waiting != 1 {
		t.Fatalf("%+v", r)
	}
	if got := b.own(); got != "1:applied 2:held 3:applied" {
		t.Fatal(got)
	}
	if r := a.rejoin(); r.Conflicts != 1 || r.Waiting != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	a.shows("SELECT id, name, email FROM customer WHERE id IN (1, 9)", `[1,"by b","ada@example.org"] [9,"b's",null]`)
	for _, d := range []*device{a, b} {
		if list := d.conflicts(); len(list) != 1 || list[0].State != client.StateWaiting {
			t.Fatalf("%s: %+v", d.path, list)
		}
	}
}

func TestAConflictThatIsOneAgainIsNotThereTwice(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	a.write("INSERT INTO customer VALUES(9, 'a''s', NULL)")
	a.sync(client.Both)
	w.lose(func() {
		b.write("INSERT INTO customer VALUES(9, 'b''s', NULL)")
		b.sync(client.Both)
		b.write("UPDATE customer SET email = 'of a''s' WHERE id = 9")
		b.sync(client.Both)
	})
	if r := b.rejoin(); r.Conflicts != 1 || r.Applied != 1 || r.Waiting != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	a.shows("SELECT name, email FROM customer WHERE id = 9", `["a's","of a's"]`)
}

func TestIntentsThatWereGivenUpRunAgain(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", shop), w.clone("b.db")
	app := a.app()
	order(t, app, "kept", "UPDATE invoice SET total = total - 1 WHERE id = 'i1'")
	a.sync(client.Both)
	w.lose(func() {
		order(t, app, "lost", "UPDATE invoice SET total = total - 2 WHERE id = 'i1'")
		a.sync(client.Both)
	})
	order(t, app, "pending", "UPDATE invoice SET total = total - 3 WHERE id = 'i1'")
	b.write("UPDATE invoice SET total = 100 WHERE id = 'i1'")
	b.sync(client.Both)
	b.sync(client.Both)
	a.stops()
	if r := a.rejoin(); r.Applied != 2 || r.Rejoined.TakenBack != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	b.shows("SELECT total FROM invoice WHERE id = 'i1'", "[95.0]")
}

func TestSchemaStatementsThatWereGivenUpComeBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", shop), w.clone("b.db")
	app := a.app()
	w.lose(func() {
		order(t, app, "visits", "CREATE TABLE visit(id INTEGER PRIMARY KEY, customer REFERENCES customer(id))", "INSERT INTO visit VALUES(1, 1)",
			"ALTER TABLE customer RENAME COLUMN email TO mail")
		a.sync(client.Both)
		a.write("INSERT INTO visit VALUES(2, 2)")
		a.sync(client.Both)
		b.sync(client.Both)
		b.write("INSERT INTO visit VALUES(3, 3); UPDATE customer SET mail = 'b@b' WHERE id = 2")
		b.sync(client.Both)
		a.sync(client.Both)
	})
	b.write("UPDATE customer SET name = 'Bobby' WHERE id = 2")
	a.stops()
	if r := a.rejoin(); r.Applied != 2 || r.Rejoined.TakenBack != 2 || len(r.Local) > 0 {
		t.Fatalf("%+v", r)
	}
	if r := b.rejoin(); r.Applied != 2 || r.Rejoined.TakenBack != 1 || len(r.Local) > 0 {
		t.Fatalf("%+v %+v", r, b.conflicts())
	}
	w.converge(a, b)
	b.shows("SELECT * FROM visit", "[1,1] [2,2] [3,3]")
	b.shows("SELECT name, mail FROM customer WHERE id = 2", `["Bobby","b@b"]`)
	if got := a.own(); got != "1:applied 2:applied" {
		t.Fatal(got)
	}
}

// The other order: what b wrote into a table that the log does not have yet waits for a
// person, or comes back, but is not lost; and the table stays in the file.
func TestATableOfAnotherDeviceStaysUntilThatComesBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", shop), w.clone("b.db")
	app := a.app()
	w.lose(func() {
		order(t, app, "visits", "CREATE TABLE visit(id INTEGER PRIMARY KEY, customer REFERENCES customer(id))", "INSERT INTO visit VALUES(1, 1)")
		a.sync(client.Both)
		b.sync(client.Both)
		b.write("UPDATE customer SET name = 'Bobby' WHERE id = 2; INSERT INTO visit VALUES(3, 3)")
		b.sync(client.Both)
	})
	b.rejoin()
	b.shows("SELECT * FROM visit", "[1,1] [3,3]")
	a.rejoin()
	for range 2 {
		a.sync(client.Both)
		b.sync(client.Both)
	}
	w.equal(a, b)
	a.shows("SELECT * FROM visit", "[1,1] [3,3]")
	a.shows("SELECT name FROM customer WHERE id = 2", `["Bobby"]`)
}

func TestALongTransactionThatWasGivenUpComesBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	w.lose(func() {
		a.write("WITH n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 2100) INSERT INTO customer SELECT i, printf('%.1000c', 'x'), NULL FROM n")
		a.sync(client.Both)
	})
	before := a.read("SELECT count(*), sum(length(name)) FROM customer")
	if r := a.rejoin(); r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	b.shows("SELECT count(*), sum(length(name)) FROM customer", before)
}

func TestWhatIsTooOldMakesAnotherDevice(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	w.lose(func() {
		a.write("UPDATE customer SET name = 'old' WHERE id = 1")
		a.sync(client.Both)
		a.write("UPDATE replog_kept SET processed = 1")
		a.write("UPDATE customer SET name = 'young' WHERE id = 2")
		a.sync(client.Both)
	})
	a.write("UPDATE customer SET name = 'new' WHERE id = 3")
	a.stops()
	before := a.read("SELECT seq FROM replog_outbox UNION ALL SELECT seq FROM replog_kept")
	_, err := a.tryRejoin(client.Options{})
	detail := mismatch(t, err, replog.CodeGap)
	var e *client.MismatchError
	if errors.As(err, &e); !strings.Contains(e.Next(), "replog init --fork") || !strings.Contains(detail, "from 1 on, and those up to 1") {
		t.Fatal(err, e.Next())
	}
	a.shows("SELECT seq FROM replog_outbox UNION ALL SELECT seq FROM replog_kept", before)
	r, err := a.tryFork(w.token(), client.Options{})
	if err != nil || r.Pending != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer", `["Ada"] ["young"] ["new"]`)
}

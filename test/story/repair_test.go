package story

import (
	"errors"
	"testing"

	"replog/client"
	"replog/replog"
)

// drift changes a device's rows past capture.
func (d *device) drift(sql string) {
	d.w.t.Helper()
	d.write("UPDATE replog_control SET recording = 0; " + sql + "; UPDATE replog_control SET recording = 1")
}

func TestADivergedFileIsRepairedAndKeepsItsOutbox(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	b.drift("DELETE FROM invoice WHERE id = 'i2'; UPDATE customer SET name = 'drifted' WHERE id = 2")
	b.write("UPDATE customer SET name = 'B' WHERE id = 3")
	a.write("UPDATE invoice SET total = 5 WHERE id = 'i2'")
	a.sync(client.Both)
	before := b.read("SELECT * FROM customer LEFT JOIN invoice ON invoice.customer = customer.id")
	var diverged *client.DivergedError
	if _, err := b.trySync(client.Both, client.Options{}); !errors.As(err, &diverged) {
		t.Fatal(err)
	}
	b.shows("SELECT * FROM customer LEFT JOIN invoice ON invoice.customer = customer.id", before)
	r := b.repair()
	if r.SyncPoint != 2 || r.Pending != 0 {
		t.Fatalf("%+v", r)
	}
	saved := &device{w: w, path: r.Backup}
	saved.shows("SELECT * FROM customer LEFT JOIN invoice ON invoice.customer = customer.id", before)
	w.converge(a, b)
	a.shows("SELECT id, name FROM customer WHERE id > 1", `[2,"Bob"] [3,"B"]`)
}

func TestRepairOfASoundFileChangesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	b.write("UPDATE customer SET name = 'pending' WHERE id = 2")
	order := b.read(triggerOrder)
	if r := b.repair(); r.Pending != 1 || r.Without != 0 || r.SyncPoint != 0 {
		t.Fatalf("%+v", r)
	}
	b.shows("SELECT name FROM customer WHERE id = 2", `["pending"]`)
	b.shows(triggerOrder, order)
	b.write("UPDATE customer SET name = name || '!' WHERE id = 2")
	w.converge(b, a)
	a.shows("SELECT name FROM customer WHERE id = 2", `["pending!"]`)
}

func TestRepairLearnsVerdictsThatWereNeverSeen(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("INSERT INTO customer VALUES(9, 'a', NULL)")
	a.sync(client.Both)
	b.write("UPDATE customer SET name = 'applied' WHERE id = 1")
	b.sync(client.PushOnly)
	b.write("INSERT INTO customer VALUES(9, 'b', NULL)")
	if _, err := b.trySync(client.Both, (&line{cut: -1, lost: true}).options()); !isUnreachable(err) {
		t.Fatal(err)
	}
	b.write("INSERT INTO invoice VALUES('on 9', 9, 1, NULL)")
	b.drift("DELETE FROM invoice WHERE id = 'i1'")
	r := b.repair()
	if r.SyncPoint != 3 || r.Pending != 1 || r.Without != 1 {
		t.Fatalf("%+v", r)
	}
	list := b.conflicts()
	if len(list) != 1 || list[0].Seq != 2 || list[0].Reason.Code != replog.ReasonExists || list[0].State != client.StateWaiting {
		t.Fatalf("%+v", list)
	}
	if p := b.pending(); len(p) != 1 || p[0].Effect || p[0].Why == "" {
		t.Fatalf("%+v", p)
	}
	// Held: it was recorded on the row that conflicts.
	if r := b.sync(client.Both); r.Held != 1 || r.Waiting != 2 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
}

func TestRepairKeepsConflictsAndWhatWasDecided(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("INSERT INTO customer VALUES(8, 'a', NULL), (9, 'a', NULL)")
	a.sync(client.Both)
	for _, id := range []string{"8", "9"} {
		b.write("INSERT INTO replog_transaction VALUES('t" + id + "'); INSERT INTO customer VALUES(" + id + ", 'b', NULL)")
	}
	b.sync(client.Both)
	if err := b.open().Discard(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	b.repair()
	list := b.conflicts()
	if len(list) != 2 || list[0].State != client.StateDiscarded || list[1].State != client.StateWaiting || list[1].Label != "t9" {
		t.Fatalf("%+v", list)
	}
	w.converge(a, b)
}

func TestRepairBringsSeveralPendingTransactionsBack(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("DELETE FROM invoice WHERE id = 'i2'; DELETE FROM customer WHERE id = 2")
	a.sync(client.Both)
	b.write("INSERT INTO replog_transaction VALUES('gone'); UPDATE customer SET name = 'x' WHERE id = 2")
	b.write("INSERT INTO replog_transaction VALUES('on it'); INSERT INTO invoice VALUES('i5', 2, 1, NULL)")
	b.write("INSERT INTO replog_transaction VALUES('fine'); INSERT INTO invoice VALUES('i6', 1, 1, NULL)")
	r := b.repair()
	if r.Pending != 3 || r.Without != 2 {
		t.Fatalf("%+v", r)
	}
	b.shows("SELECT id FROM invoice", `["i1"] ["i6"]`)
	// The update is newer than the deletion: the server brings the row back.
	if s := b.sync(client.Both); s.Applied != 3 {
		t.Fatalf("%+v", s)
	}
	w.converge(a, b)
	b.shows("SELECT id FROM invoice", `["i1"] ["i5"] ["i6"]`)
}

func TestRepairWhoseDownloadIsLostChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", shop)
	b := w.clone("b.db")
	b.drift("DELETE FROM invoice WHERE id = 'i1'")
	before := b.bytes()
	x := b.openWith((&line{cut: 0}).options())
	if _, err := x.Repair(t.Context()); !isUnreachable(err) {
		t.Fatal(err)
	}
	if b.bytes() != before {
		t.Fatal("the file has changed")
	}
	w.leaves(b.path, "", "-lock", "-token")
}

func TestRepairWhileTheApplicationWrites(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	b.drift("DELETE FROM invoice WHERE id = 'i1'")
	l := &line{cut: -1, answered: func(n int) {
		b.write("UPDATE customer SET name = name || '.' WHERE id = 3")
	}}
	x := b.openWith(l.options())
	if r, err := x.Repair(t.Context()); err != nil || r.Pending == 0 {
		t.Fatalf("%+v %v", r, err)
	}
	b.shows("SELECT name FROM customer WHERE id = 3", `["Cleo.."]`)
	w.converge(b, a)
	a.shows("SELECT name FROM customer WHERE id = 3", `["Cleo.."]`)
}

func TestConfirmedIsTheLogAtTheSyncPoint(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'one' WHERE id = 1")
	a.sync(client.Both)
	at1 := a.duplicate("at1.db")
	a.write("INSERT INTO replog_transaction VALUES('two'); UPDATE customer SET name = 'two', email = 'two' WHERE id = 1")
	a.write("INSERT INTO replog_transaction VALUES('three'); DELETE FROM invoice; UPDATE customer SET id = 77 WHERE id = 3")
	a.sync(client.PushOnly)
	a.write("INSERT INTO invoice VALUES('i1', 1, 0, 'gathered only')")
	before := a.bytes()
	revision, err := a.open().Confirmed(t.Context(), w.dir+"/confirmed.db")
	if err != nil || revision != 1 {
		t.Fatal(revision, err)
	}
	if a.bytes() != before {
		t.Fatal("the device's file has changed")
	}
	w.samePaths(w.dir+"/confirmed.db", at1.path)
	confirmed := &device{w: w, path: w.dir + "/confirmed.db"}
	confirmed.shows("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'replog%'", "[0]")
	var exists *client.ExistsError
	if _, err := a.open().Confirmed(t.Context(), b.path); !errors.As(err, &exists) {
		t.Fatal(err)
	}
}

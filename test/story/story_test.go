// Package story tells the main job from end to end, in one process but over real
// HTTP and real files: what each device sees, what the log says, what conflicts
// keep.
package story

import (
	"errors"
	"testing"

	"replog/client"
	"replog/replog"
)

const shop = `
CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
CREATE TABLE invoice(id TEXT PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customer(id) ON DELETE CASCADE, total REAL, note TEXT);
CREATE TABLE audit(id INTEGER PRIMARY KEY, what TEXT);
CREATE TRIGGER customer_renamed AFTER UPDATE OF name ON customer BEGIN INSERT INTO audit(what) VALUES(OLD.name || ' > ' || NEW.name); END;
INSERT INTO customer VALUES(1, 'Ada', 'ada@example.org'), (2, 'Bob', 'bob@example.org'), (3, 'Cleo', NULL);
INSERT INTO invoice VALUES('i1', 1, 10.5, NULL), ('i2', 2, 20, 'x');`

func TestTwoPeopleEditOfflineAndEndIdentical(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	w.equal(a, b)

	a.write("UPDATE customer SET name = 'Ada L.' WHERE id = 1; INSERT INTO invoice VALUES('i3', 3, 30.25, 'from a')")
	b.write("UPDATE customer SET email = 'ada@b.example' WHERE id = 1; UPDATE invoice SET total = 21 WHERE id = 'i2'")
	if r := a.sync(client.Both); r.Uploaded != 1 || r.Applied != 1 || r.SyncPoint != 1 {
		t.Fatalf("a: %+v", r)
	}
	if r := b.sync(client.Both); r.Applied != 1 || r.Downloaded != 1 || r.SyncPoint != 2 {
		t.Fatalf("b: %+v", r)
	}
	a.sync(client.Both)
	w.equal(a, b)
	if got := a.read("SELECT name, email FROM customer WHERE id = 1"); got != `["Ada L.","ada@b.example"]` {
		t.Fatal(got)
	}
	if got := b.read("SELECT what FROM audit"); got != `["Ada > Ada L."]` {
		t.Fatal(got)
	}
}

func TestAConflictIsKeptAndWhatBuildsOnItIsHeld(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("INSERT INTO customer VALUES(9, 'from a', NULL)")
	a.sync(client.Both)
	b.write("INSERT INTO customer VALUES(9, 'from b', NULL)")
	b.sync(client.PushOnly)
	b.write("INSERT INTO invoice VALUES('i9', 9, 1, NULL)")
	r := b.sync(client.Both)
	if r.Conflicts != 1 || r.Held != 1 || r.Waiting != 2 {
		t.Fatalf("%+v", r)
	}
	a.sync(client.Both)
	w.equal(a, b)
	list, err := b.open().Conflicts(t.Context())
	if err != nil || len(list) != 2 || list[0].Outcome != replog.Conflict || list[1].Outcome != replog.Held {
		t.Fatalf("%+v %v", list, err)
	}
	b.write("INSERT INTO invoice VALUES('i10', 9, 1, NULL)")
	if r := b.sync(client.Both); r.Applied != 1 || r.Waiting != 2 {
		t.Fatalf("after the verdicts were seen: %+v", r)
	}
}

func TestRepairBringsADivergedFileBack(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	b.write("UPDATE replog_control SET recording = 0; DELETE FROM invoice WHERE id = 'i2'; UPDATE replog_control SET recording = 1")
	b.write("UPDATE customer SET name = 'B' WHERE id = 3")
	a.write("UPDATE invoice SET total = 5 WHERE id = 'i2'")
	a.sync(client.Both)
	_, err := b.open().Sync(t.Context(), client.Both)
	if diverged := (*client.DivergedError)(nil); !errors.As(err, &diverged) {
		t.Fatal(err)
	}
	if _, err := b.open().Repair(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sync(client.Both)
	a.sync(client.Both)
	w.equal(a, b)
	if got := a.read("SELECT name FROM customer WHERE id = 3"); got != `["B"]` {
		t.Fatal(got)
	}
}

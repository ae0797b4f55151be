package story

import (
	"testing"

	"replog/client"
)

// Of a row that went while capture was blind, nobody can tell what it was in
// between: what was marked before must not bring half of it.
func TestARowThatWentUnseenIsNotRecordedInPart(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("BEGIN; INSERT INTO replog_transaction VALUES('one'); INSERT INTO customer VALUES(9, 'nine', 'n@n'); INSERT INTO invoice VALUES('kept', 1, 1, NULL); COMMIT")
	a.write("BEGIN; INSERT INTO replog_transaction VALUES('two'); UPDATE customer SET email = 'x@x' WHERE id = 9; INSERT INTO invoice VALUES('too', 1, 1, NULL); COMMIT")
	a.write(remake)
	a.write("DELETE FROM customer WHERE id = 9")
	if r := a.sync(client.Both); r.Applied != 2 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.converge(b, a)
	b.shows("SELECT id FROM invoice WHERE customer = 1 ORDER BY id", `["i1"] ["kept"] ["too"]`)
}

// A row that was marked is as it is now only since another one made room, unseen.
func TestRowsThatWereSeenMayNeedWhatWasMissed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("BEGIN; INSERT INTO replog_transaction VALUES('one'); INSERT INTO customer VALUES(8, 'eight', 'e@e'), (9, 'nine', 'n@n'); COMMIT; INSERT INTO replog_transaction VALUES(NULL)")
	a.write(remake)
	a.write("UPDATE customer SET email = 'free' WHERE id = 1; UPDATE customer SET email = 'ada@example.org' WHERE id = 9")
	if r := a.sync(client.Both); r.Missed != 2 || r.Applied != 2 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.converge(b, a)
}

func TestATableMadeAnewDuringARepairIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	l := &line{cut: -1, answered: func(n int) {
		if n == 1 {
			a.write(remake)
			a.write("UPDATE customer SET name = 'missed' WHERE id = 2")
		}
	}}
	if r, err := a.openWith(l.options()).Repair(t.Context()); err != nil || r.Pending != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id = 2", `["missed"]`)
}

func TestATableMadeAnewDuringAForkIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	first := true
	o := client.Options{Fault: func(point string) error {
		if first && point == client.FaultAnswered {
			first = false
			c.write(remake)
			c.write("UPDATE customer SET name = 'missed' WHERE id = 2")
		}
		return nil
	}}
	if r, err := c.tryFork(w.token(), o); err != nil || r.Pending != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(c, a)
	a.shows("SELECT name FROM customer WHERE id < 3", `["a"] ["missed"]`)
}

// A tool may drop single triggers of ours: then capture sees a row as it never
// should have been.
func TestWhatCaptureSawInPartIsComparedAsAWhole(t *testing.T) {
	for sql, want := range map[string]string{
		"UPDATE customer SET name = 'unseen' WHERE id = 3; DELETE FROM customer WHERE id = 3":                                               "",
		"UPDATE customer SET name = 'unseen' WHERE id = 3; DELETE FROM customer WHERE id = 3; INSERT INTO customer VALUES(3, 'back', NULL)": `["back",null]`,
		"UPDATE customer SET name = 'unseen' WHERE id = 3; INSERT OR REPLACE INTO customer VALUES(3, 'Cleo', 'c@c')":                        `["Cleo","c@c"]`,
		"INSERT OR IGNORE INTO customer VALUES(3, 'no', NULL); UPDATE customer SET name = 'unseen' WHERE id = 3":                            `["unseen",null]`,
	} {
		w := newWorld(t)
		a := w.publish("a.db", plain)
		b := w.clone("b.db")
		a.write("DROP TRIGGER replog_2_before_update; DELETE FROM invoice WHERE customer = 3; BEGIN; INSERT INTO replog_transaction VALUES('m'); " + sql + "; COMMIT")
		if r := a.sync(client.Both); r.Waiting != 0 {
			t.Errorf("%s: %+v", sql, r)
		}
		w.converge(b, a)
		b.shows("SELECT name, email FROM customer WHERE id = 3", want)
	}
}

package story

import (
	"errors"
	"fmt"
	"testing"

	"replog/client"
	"replog/replog"
)

// killedRejoin kills a rejoin at the n-th fault point that it meets, and tells whether it
// met so many. A crash is a panic, so nothing is tidied up.
func (d *device) killedRejoin(n int) (point string) {
	d.w.t.Helper()
	defer func() { _ = recover() }()
	_, err := d.tryRejoin(client.Options{Fault: func(at string) error {
		if n--; n == 0 {
			point = at
			panic("killed")
		}
		return nil
	}})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return ""
}

func TestARejoinThatWasKilledCanBeRunAgain(t *testing.T) {
	for n, point := 1, "?"; point != ""; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorld(t)
			a, b := w.publish("a.db", plain), w.clone("b.db")
			w.lose(func() {
				for _, name := range []string{"one", "two"} {
					a.write("UPDATE customer SET name = '" + name + "' WHERE id = 1")
					a.sync(client.Both)
				}
			})
			a.write("UPDATE customer SET name = 'pending' WHERE id = 2")
			a.stops()
			if point = a.killedRejoin(n); point == "" {
				if n < 10 {
					t.Fatalf("there are %d fault points", n-1)
				}
				return
			}
			a.shows("SELECT name FROM customer WHERE id < 3", `["two"] ["pending"]`)
			a.shows("SELECT count(DISTINCT seq) FROM (SELECT seq FROM replog_outbox UNION ALL SELECT seq FROM replog_kept)", "[3]")
			a.rejoin()
			w.converge(a, b)
			b.shows("SELECT name FROM customer WHERE id < 3", `["two"] ["pending"]`)
			if got := a.own(); got != "1:applied 2:applied 3:applied" {
				t.Fatal(got)
			}
		})
	}
}

func TestAServerThatGivesUpRevisionsTwice(t *testing.T) {
	killed := errors.New("killed")
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 1")
	b.sync(client.Both)
	a.sync(client.Both)
	older := w.keepLog()
	a.write("INSERT INTO customer VALUES(8, 'first', NULL)")
	a.sync(client.Both)
	w.lose(func() {
		a.write("UPDATE customer SET name = 'second' WHERE id = 8")
		a.sync(client.Both)
	})
	_, err := a.tryRejoin(client.Options{Fault: func(at string) error {
		if at == client.FaultCommitted {
			return killed
		}
		return nil
	}})
	if !errors.Is(err, killed) {
		t.Fatal(err)
	}
	if list := a.pending(); len(list) != 1 || list[0].Seq != 2 {
		t.Fatalf("%+v", list)
	}
	w.putBack(older)
	a.write("UPDATE customer SET name = 'third' WHERE id = 8")
	a.stops()
	if r := a.rejoin(); r.Applied != 3 || r.Rejoined.TakenBack != 1 || r.Rejoined.Common != 1 {
		t.Fatalf("%+v %+v", r, r.Rejoined)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id = 8", `["third"]`)
	a.shows("SELECT rejoined FROM replog_device", `[""]`)
}

// older makes the file one of the format before: it knows no chain, and keeps nothing.
func (d *device) older() {
	d.w.t.Helper()
	d.write(`DROP TABLE replog_kept; DROP TABLE replog_point; UPDATE replog_device SET format = 4;
		ALTER TABLE replog_device DROP COLUMN chain; ALTER TABLE replog_device DROP COLUMN rejoined; ALTER TABLE replog_device DROP COLUMN kept`)
}

func TestAFileOfTheFormatBefore(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	a.sync(client.Both)
	a.older()
	a.write("UPDATE customer SET name = 'second' WHERE id = 1")
	w.converge(a, b)
	a.shows("SELECT length(chain), format FROM replog_device", "[32,5]")

	// In another epoch nobody can tell whether what it has is the log's; the content
	// that it loads is, and what it had acknowledged is there.
	a.older()
	w.lose(func() {
		b.write("UPDATE customer SET name = 'by b' WHERE id = 2")
		b.sync(client.Both)
	})
	a.stops()
	if r := a.rejoin(); r.Rejoined.TakenBack != 0 || r.SyncPoint != 2 {
		t.Fatalf("%+v %+v", r, r.Rejoined)
	}
	b.rejoin()
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id < 3", `["second"] ["by b"]`)
}

func TestATableThatCaptureWasBlindTo(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	w.lose(func() {
		a.write("UPDATE customer SET name = 'seen' WHERE id = 1")
		a.sync(client.Both)
	})
	a.write(`CREATE TABLE other(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE); INSERT INTO other SELECT * FROM customer;
		DROP TABLE customer; ALTER TABLE other RENAME TO customer; UPDATE customer SET name = 'unseen' WHERE id = 2`)
	a.stops()
	r := a.rejoin()
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id < 3", `["seen"] ["Bob"]`)
	kept := &device{w: w, path: r.Rejoined.Backup}
	kept.shows("SELECT name FROM customer WHERE id = 2", `["unseen"]`)
}

func TestOnlySoMuchIsKept(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	for _, name := range []string{"one", "two"} {
		a.write("UPDATE customer SET name = '" + name + "' WHERE id = 1")
		a.sync(client.Both)
	}
	a.shows("SELECT count(*), sum(size) = (SELECT kept FROM replog_device) FROM replog_kept", "[2,1]")
	a.write("UPDATE replog_device SET kept = 64 << 20; UPDATE replog_kept SET size = 32 << 20")
	a.write("UPDATE customer SET name = 'three' WHERE id = 1")
	a.sync(client.Both)
	a.shows("SELECT seq FROM replog_kept", "[2] [3]")
	a.write("UPDATE replog_kept SET processed = processed - 8 * 86400000 WHERE seq = 2")
	a.write("UPDATE customer SET name = 'four' WHERE id = 1")
	a.sync(client.Both)
	a.shows("SELECT seq FROM replog_kept", "[3] [4]")
	if list := a.pending(); len(list) != 0 || a.status().Pending != 0 {
		t.Fatalf("%+v", list)
	}
	a.repair()
	a.shows("SELECT seq FROM replog_kept", "[3] [4]")
}

func TestACloneWhoseSnapshotIsOfAnotherEpoch(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	a.sync(client.Both)
	b := w.clone("b.db")
	w.lose(func() {
		a.write("UPDATE customer SET name = 'second' WHERE id = 1")
		a.sync(client.Both)
	})
	// An epoch changes, and nothing that b has is lost.
	if r := b.sync(client.PullOnly); r.SyncPoint != 1 {
		t.Fatalf("%+v", r)
	}
	epoch := b.read("SELECT epoch FROM replog_device")
	if epoch == a.read("SELECT epoch FROM replog_device") {
		t.Fatal("it is the old epoch")
	}
	b.repair()
	c := b.duplicate("c.db")
	b.write("UPDATE customer SET name = 'b' WHERE id = 2")
	c.write("UPDATE customer SET name = 'c' WHERE id = 3")
	b.sync(client.Both)
	_, err := c.trySync(client.Both, client.Options{})
	mismatch(t, err, replog.CodeFork)
	if _, err := c.tryFork(w.token(), client.Options{}); err != nil {
		t.Fatal(err)
	}
	a.rejoin()
	w.converge(a, b, c)
	a.shows("SELECT name FROM customer", `["second"] ["b"] ["c"]`)
}

// Of two copies of a file that the server acknowledged, and gave up, the first that comes
// back goes on as the device. The other finds out, wherever they differ.
func TestACopyThatComesBackLater(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	var c *device
	w.lose(func() {
		a.write("INSERT INTO customer VALUES(8, 'both', NULL)")
		a.sync(client.Both)
		c = a.duplicate("c.db")
		a.write("UPDATE customer SET name = 'by a' WHERE id = 1")
		a.sync(client.Both)
	})
	b.write("INSERT INTO customer VALUES(8, 'by b', NULL)")
	b.sync(client.Both)
	c.write("UPDATE customer SET name = 'by c' WHERE id = 2")
	if r := c.rejoin(); r.Conflicts != 1 || r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
	before := a.read("SELECT seq FROM replog_outbox UNION ALL SELECT seq FROM replog_kept")
	_, err := a.tryRejoin(client.Options{})
	mismatch(t, err, replog.CodeFork)
	a.shows("SELECT seq FROM replog_outbox UNION ALL SELECT seq FROM replog_kept", before)
	r, err := a.tryFork(w.token(), client.Options{})
	if err != nil || r.Pending != 1 || r.Waiting != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	w.converge(a, b, c)
	b.shows("SELECT name FROM customer WHERE id IN (1, 2, 8)", `["by a"] ["by c"] ["by b"]`)
}

// A copy with nothing of its own learns of the verdicts that the other has brought about.
func TestACopyThatIsTheSameComesBackLater(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", plain), w.clone("b.db")
	var c *device
	w.lose(func() {
		a.write("INSERT INTO customer VALUES(8, 'both', NULL)")
		a.sync(client.Both)
		c = a.duplicate("c.db")
	})
	b.write("INSERT INTO customer VALUES(8, 'by b', NULL)")
	b.sync(client.Both)
	a.rejoin()
	c.rejoin()
	for _, d := range []*device{a, c} {
		if list := d.conflicts(); len(list) != 1 || list[0].Seq != 1 || list[0].Revision != 2 {
			t.Fatalf("%s: %+v", d.path, list)
		}
	}
	w.equal(a, b, c)
}

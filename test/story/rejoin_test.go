package story

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

// keepLog copies the log as it is; putBack puts the copy in its place, as a restore
// from a backup does, and a fail-over to a standby that was behind.
func (w *world) keepLog() string {
	w.t.Helper()
	to, err := os.MkdirTemp(w.dir, "log-")
	if err != nil {
		w.t.Fatal(err)
	}
	w.stopped(func() { w.copyFile(w.logFile(), filepath.Join(to, "log.db")) })
	return filepath.Join(to, "log.db")
}

func (w *world) putBack(log string) {
	w.t.Helper()
	w.stopped(func() {
		for _, beside := range []string{"-wal", "-shm"} {
			_ = os.Remove(w.logFile() + beside)
		}
		w.copyFile(log, w.logFile())
	})
}

func (w *world) logFile() string { return filepath.Join(w.data(), "databases", "shop", "log.db") }

func (d *device) tryRejoin(o client.Options) (*client.SyncResult, error) {
	d.w.t.Helper()
	x, err := client.Open(d.path, o)
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer x.Close()
	return x.Rejoin(d.w.t.Context())
}

func (d *device) rejoin() *client.SyncResult {
	d.w.t.Helper()
	r, err := d.tryRejoin(client.Options{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return r
}

// stops checks that a sync is refused as the server gave up revisions, twice the same
// way, and that the file, with what was gathered recorded, stays as it is.
func (d *device) stops() {
	d.w.t.Helper()
	before, first := "", ""
	for range 2 {
		if first != "" {
			before = d.bytes()
		}
		_, err := d.trySync(client.Both, client.Options{})
		detail := mismatch(d.w.t, err, replog.CodeEpoch)
		if first != "" && detail != first {
			d.w.t.Fatalf("%s, and then %s", first, detail)
		}
		first = detail
		var e *client.MismatchError
		if errors.As(err, &e); !strings.Contains(e.Next(), "replog sync --rejoin "+d.path) {
			d.w.t.Fatal(e.Next())
		}
	}
	if d.bytes() != before {
		d.w.t.Fatal("the file has changed")
	}
}

// own are the device's transactions in the log, as seq:outcome, in order of revision.
func (d *device) own() string {
	d.w.t.Helper()
	log, err := d.open().Log()
	if err != nil {
		d.w.t.Fatal(err)
	}
	var list []string
	err = log.Lines(d.w.t.Context(), replog.Filter{Devices: []replog.DeviceID{d.status().Device}}, func(l replog.LogLine) error {
		list = append(list, fmt.Sprintf("%d:%s", l.Seq, l.Outcome))
		return nil
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return strings.Join(list, " ")
}

func TestADeviceBehindALossGoesOnSilently(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", shop), w.clone("b.db")
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	a.sync(client.Both)
	b.sync(client.Both)
	log := w.keepLog()
	a.write("UPDATE customer SET name = 'second' WHERE id = 1")
	a.sync(client.Both)
	w.putBack(log)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 1")
	if r := b.sync(client.Both); r.Applied != 1 || r.SyncPoint != 2 || r.Rejoined != nil {
		t.Fatalf("%+v", r)
	}
	if r := b.rejoin(); r.Rejoined != nil {
		t.Fatalf("%+v", r)
	}
	a.stops()
	if r := a.rejoin(); r.Applied != 1 || r.Rejoined.TakenBack != 1 || r.Rejoined.Common != 1 {
		t.Fatalf("%+v %+v", r, r.Rejoined)
	}
	w.converge(a, b)
	b.shows("SELECT name, email FROM customer WHERE id = 1", `["second","b@b"]`)
	if got := a.own(); got != "1:applied 2:applied" {
		t.Fatal(got)
	}
}

func TestAHistoryThatWasReplacedUpToTheSameNumberIsFound(t *testing.T) {
	w := newWorld(t)
	a, b := w.publish("a.db", shop), w.clone("b.db")
	log := w.keepLog()
	for _, name := range []string{"one", "two", "three"} {
		a.write("UPDATE customer SET name = '" + name + "' WHERE id = 1")
		a.sync(client.Both)
	}
	w.stopped(func() { // so that the server itself knows of nothing
		w.copyFile(log, w.logFile())
		if err := os.Remove(filepath.Join(w.data(), "databases", "shop", "replica.db")); err != nil {
			t.Fatal(err)
		}
	})
	for _, email := range []string{"1", "2", "3"} {
		b.write("UPDATE customer SET email = '" + email + "' WHERE id = 2")
		b.sync(client.Both)
	}
	a.stops()
	a.init(client.InitRequest{}) // the server may have another address by then
	if r := a.rejoin(); r.Applied != 3 || r.SyncPoint != 6 || r.Rejoined.TakenBack != 3 {
		t.Fatalf("%+v %+v", r, r.Rejoined)
	}
	w.converge(a, b)
	b.shows("SELECT id, name, email FROM customer WHERE id < 3", `[1,"three","ada@example.org"] [2,"Bob","3"]`)
}

func TestDevicesRejoinInAnyOrder(t *testing.T) {
	for _, order := range []string{"abc", "acb", "bac", "bca", "cab", "cba"} {
		t.Run(order, func(t *testing.T) {
			w := newWorld(t)
			a, b, c := w.publish("a.db", shop), w.clone("b.db"), w.clone("c.db")
			a.write("INSERT INTO customer VALUES(10, 'kept', 'kept')")
			a.sync(client.Both)
			b.sync(client.Both)
			c.sync(client.Both)
			log := w.keepLog()
			a.write("INSERT INTO customer VALUES(11, 'by a', 'a'); UPDATE customer SET name = 'a was here' WHERE id = 1")
			a.sync(client.Both)
			b.sync(client.Both)
			b.write("INSERT INTO invoice VALUES('b1', 11, 5, 'of a customer by a'); DELETE FROM customer WHERE id = 3")
			b.sync(client.Both)
			a.sync(client.Both)
			w.putBack(log)
			a.write("UPDATE customer SET email = 'new' WHERE id = 11")
			c.write("INSERT INTO customer VALUES(12, 'by c', 'c'); UPDATE customer SET email = 'c was here' WHERE id = 2")
			devices := map[rune]*device{'a': a, 'b': b, 'c': c}
			for _, name := range order {
				devices[name].rejoin()
			}
			w.converge(a, b, c)
			// What b made of what a made is refused where a has not brought that back yet.
			for _, d := range []*device{a, b, c} {
				for _, conflict := range d.conflicts() {
					if d != b || strings.Index(order, "b") > strings.Index(order, "a") || conflict.Reason.Code != replog.ReasonForeignKey {
						t.Fatalf("%s: %+v", d.path, conflict)
					}
					b.write("INSERT INTO invoice VALUES('b1', 11, 5, 'of a customer by a'); DELETE FROM customer WHERE id = 3")
				}
			}
			w.converge(a, b, c)
			a.shows("SELECT id, (SELECT total FROM invoice WHERE customer = customer.id AND id = 'b1') FROM customer WHERE id IN (3, 11)", "[11,5.0]")
			a.shows("SELECT id, name, email FROM customer WHERE id IN (1, 2, 11, 12)",
				`[1,"a was here","ada@example.org"] [2,"Bob","c was here"] [11,"by a","new"] [12,"by c","c"]`)
			if got := a.own(); got != "1:applied 2:applied 3:applied" {
				t.Error(got)
			}
		})
	}
}

func TestAWatchGoesOnWhereNothingOfItIsLost(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.publish("a.db", shop), w.clone("b.db"), w.clone("c.db")
	x := b.watch()
	a.watch()
	w.lose(func() { // a watches, and is told of what c makes; b's watch has ended
		x.cancel()
		if err := x.ends(); err != nil {
			t.Fatal(err)
		}
		c.write(rename("lost"))
		c.sync(client.Both)
		a.arrives(nameOf1, "lost")
	})
	b.watch()
	b.patiently("UPDATE customer SET name = 'by b' WHERE id = 2")
	c.rejoin()
	b.arrives(nameOf1, "lost")
	b.patiently(rename("by b"))
	eventually(t, "c has it", func() bool {
		c.sync(client.Both)
		return c.read(nameOf1) == `["by b"]`
	})
}

func TestAWatchEndsWhereSomethingOfItIsLost(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.watch()
	w.lose(func() {
		a.patiently(rename("lost"))
		a.arrives("SELECT CAST(max(seq) AS TEXT) FROM replog_kept", "1")
	})
	mismatch(t, x.ends(), replog.CodeEpoch)
	for _, mode := range []client.Mode{client.PushOnly, client.PullOnly} {
		_, err := a.trySync(mode, client.Options{})
		mismatch(t, err, replog.CodeEpoch)
	}
}

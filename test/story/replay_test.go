package story

import (
	"errors"
	"slices"
	"testing"

	"replog/client"
	"replog/replog"
)

const (
	email    = "SELECT name, email FROM customer WHERE id = 9"
	setEmail = "UPDATE customer SET email = 'later' WHERE id = 9"
)

// clash gives a device b whose first pending transaction, a new customer 9, and
// second, an invoice of that customer, are without effect, as a took the key.
func clash(t *testing.T) (w *world, a, b *device) {
	w = newWorld(t)
	a = w.publish("a.db", shop)
	b = w.clone("b.db")
	b.write("INSERT INTO replog_transaction VALUES('customer'); INSERT INTO customer VALUES(9, 'of b', NULL);" +
		"INSERT INTO replog_transaction VALUES('invoice'); INSERT INTO invoice VALUES('i9', 9, 1, NULL)")
	a.write("INSERT INTO customer VALUES(9, 'of a', NULL)")
	a.sync(client.Both)
	b.sync(client.PullOnly)
	return w, a, b
}

// rounds syncs, a transaction a request, and breaks off after n of them.
func (d *device) rounds(n int) {
	d.w.t.Helper()
	broken := errors.New("broken off")
	_, err := d.trySync(client.Both, client.Options{MaxUpload: 1, Fault: func(point string) error {
		if point == client.FaultCommitted {
			if n--; n == 0 {
				return broken
			}
		}
		return nil
	}})
	if !errors.Is(err, broken) {
		d.w.t.Fatal(err)
	}
}

// outcomes syncs and gives what became of the device's transactions, in order.
func (d *device) outcomes() (list []replog.Outcome) {
	d.w.t.Helper()
	d.sync(client.Both)
	log, err := d.open().Log()
	if err != nil {
		d.w.t.Fatal(err)
	}
	err = log.Lines(d.w.t.Context(), replog.Filter{Descending: true}, func(l replog.LogLine) error {
		if l.Device == d.status().Device {
			list = append(list, l.Outcome)
		}
		return nil
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	slices.Reverse(list) // the log begins with the newest
	return list
}

func (d *device) ends(want ...replog.Outcome) {
	d.w.t.Helper()
	if got := d.outcomes(); !slices.Equal(got, want) {
		d.w.t.Fatalf("%q, want %q", got, want)
	}
}

func TestWhatBuildsOnATransactionWithoutEffectHasNone(t *testing.T) {
	w, a, b := clash(t)
	b.shows(email, `["of a",null]`)
	b.shows("SELECT id FROM invoice WHERE id = 'i9'", "")
	b.ends(replog.Conflict, replog.Held)
	w.converge(a, b)
}

func TestWhatIsRecordedWithoutATransactionStandsByItself(t *testing.T) {
	w, a, b := clash(t)
	b.write(setEmail)
	b.rounds(1) // the first has its verdict now
	b.shows(email, `["of a","later"]`)
	b.ends(replog.Conflict, replog.Held, replog.Applied)
	w.converge(a, b)
}

func TestWhatIsRecordedWithoutATransactionFallsWhenThatTakesEffect(t *testing.T) {
	w, a, b := clash(t)
	b.write("INSERT INTO replog_transaction VALUES('other'); UPDATE customer SET email = 'other' WHERE id = 1;" +
		"INSERT INTO replog_transaction VALUES('email');" + setEmail)
	a.write("DELETE FROM customer WHERE id = 9")
	a.sync(client.Both)
	b.sync(client.PullOnly) // now both have effect
	b.shows(email, `["of b",null]`)
	b.shows("SELECT id FROM invoice WHERE id = 'i9'", `["i9"]`)
	for range 3 {
		b.rounds(1)
		b.shows(email, `["of b",null]`)
	}
	b.ends(replog.Applied, replog.Applied, replog.Applied, replog.Held)
	w.converge(a, b)
}

func TestWhatIsWrittenAfterAVerdictIsNotBoundByIt(t *testing.T) {
	w, a, b := clash(t)
	b.sync(client.Both)
	b.write(setEmail)
	a.write("UPDATE customer SET name = 'A.' WHERE id = 9")
	a.sync(client.Both)
	b.sync(client.PullOnly)
	b.shows(email, `["A.","later"]`)
	b.ends(replog.Conflict, replog.Held, replog.Applied)
	w.converge(a, b)
}

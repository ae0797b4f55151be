package story

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

// labels are the pending transactions: their labels, "-" for an unmarked one.
func (d *device) labels() string {
	d.w.t.Helper()
	var out []string
	for _, p := range d.pending() {
		name := "-"
		if p.Marked {
			name = p.Label
		}
		out = append(out, fmt.Sprintf("%s:%d", name, len(p.Statements)))
	}
	return strings.Join(out, " ")
}

func TestMarksDivideWhatWasWritten(t *testing.T) {
	const change = "UPDATE customer SET name = name || '.' WHERE id = 1;"
	mark := func(label string) string { return "INSERT INTO replog_transaction(label) VALUES(" + label + ");" }
	for _, tc := range []struct{ name, sql, want string }{
		{"none", change + change, "-:4"},
		{"one", mark("'a'") + change, "a:2"},
		{"what came before is closed", change + mark("'a'") + change, "-:2 a:2"},
		{"NULL ends it", mark("'a'") + change + mark("NULL") + change, "a:2 -:2"},
		{"one after the other", mark("'a'") + change + mark("'b'") + change, "a:2 b:2"},
		{"NULL where none is open", mark("NULL") + change + mark("NULL") + change, "-:2 -:2"},
		{"an empty one", mark("'a'") + mark("'b'") + change, "b:2"},
		{"one without net change", mark("'a'") + "UPDATE customer SET email = 'x' WHERE id = 3; UPDATE customer SET email = NULL WHERE id = 3;" + mark("'b'") + change, "b:2"},
		{"an empty label", mark("''") + change, ":2"},
		{"a number for a label", mark("17") + change, "17:2"},
		{"rolled back with its changes", "BEGIN;" + mark("'a'") + change + "ROLLBACK;" + change, "-:2"},
		{"no change at all", mark("'a'") + mark("NULL"), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", shop)
			a.write(tc.sql)
			if got := a.labels(); got != tc.want {
				t.Fatalf("gathered as %q, want %q", got, tc.want)
			}
			n := len(a.pending())
			if r := a.sync(client.PushOnly); r.Uploaded != n {
				t.Fatalf("%+v", r)
			}
			if got := a.labels(); got != tc.want {
				t.Fatalf("closed as %q, want %q", got, tc.want)
			}
			w.converge(a, w.clone("b.db"))
		})
	}
}

func TestAMarkEndsWithTheSyncThatClosesIt(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("INSERT INTO replog_transaction VALUES('open'); UPDATE customer SET name = '1' WHERE id = 1")
	a.shows("SELECT label FROM replog_transaction", `["open"]`)
	a.sync(client.PushOnly)
	a.shows("SELECT label FROM replog_transaction", "")
	a.write("UPDATE customer SET name = '2' WHERE id = 1")
	if got := a.labels(); got != "open:2 -:2" {
		t.Fatal(got)
	}
}

// What is not divided fails as a whole; what may be loses only the rows concerned.
func TestWholeForbidsDivision(t *testing.T) {
	for _, whole := range []bool{false, true} {
		w := newWorld(t)
		a := w.publish("a.db", shop)
		b := w.file("b.db", shop)
		b.init(client.InitRequest{Whole: whole})
		a.write("INSERT INTO customer VALUES(9, 'a', NULL)")
		a.sync(client.Both)
		b.write("INSERT INTO customer VALUES(9, 'b', NULL); INSERT INTO customer VALUES(10, 'b', NULL)")
		r := b.sync(client.Both)
		want := `[1,"Ada"] [2,"Bob"] [3,"Cleo"] [9,"a"] [10,"b"]`
		if whole {
			want = `[1,"Ada"] [2,"Bob"] [3,"Cleo"] [9,"a"]`
		}
		if r.Applied == 1 == whole || r.Waiting != 1 {
			t.Fatalf("whole %t: %+v", whole, r)
		}
		w.converge(a, b)
		a.shows("SELECT id, name FROM customer", want)
	}
}

// Staleness is no division: a whole, unmarked transaction goes on without it.
func TestWholeStillGoesOnWithoutWhatIsStale(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.file("b.db", shop)
	b.init(client.InitRequest{Whole: true})
	b.write("UPDATE customer SET email = 'b' WHERE id < 3 AND id = 1; UPDATE invoice SET note = 'b' WHERE id = 'i1'")
	b.sync(client.PullOnly)
	a.write("UPDATE customer SET email = 'a' WHERE id = 1; UPDATE replog_change SET time = time + 100000")
	a.sync(client.Both)
	if r := b.sync(client.Both); r.Applied != 1 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	list := b.conflicts()
	if len(list) != 1 || list[0].State != client.StateNoted || list[0].Outcome != replog.Ignored {
		t.Fatalf("%+v", list)
	}
	w.converge(a, b)
	a.shows("SELECT email, note FROM customer, invoice WHERE customer.id = 1 AND invoice.id = 'i1'", `["a","b"]`)
}

func TestAChangePastCaptureOfATouchedRowIsRecorded(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET email = 'captured' WHERE id = 1; INSERT INTO invoice VALUES('i8', 1, 1, 'n'); DELETE FROM invoice WHERE id = 'i2'")
	a.drift("UPDATE customer SET email = 'past' WHERE id = 1; UPDATE invoice SET note = 'past' WHERE id = 'i8'; INSERT INTO invoice VALUES('i2', 1, 2, 'past')")
	w.converge(a, b)
	b.shows("SELECT email FROM customer WHERE id = 1", `["past"]`)
	b.shows("SELECT id, note FROM invoice ORDER BY id", `["i1",null] ["i2","past"] ["i8","past"]`)
}

// Of a row that was changed, then deleted past capture, nobody knows the columns
// that did not change.
func TestARowDeletedPastCaptureIsRepaired(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE invoice SET total = 3 WHERE id = 'i1'")
	a.drift("DELETE FROM invoice WHERE id = 'i1'")
	var diverged *client.DivergedError
	if _, err := a.trySync(client.Both, client.Options{}); !errors.As(err, &diverged) {
		t.Fatal(err)
	}
	a.repair()
	w.converge(a, b)
	b.shows("SELECT id FROM invoice", `["i2"]`)
}

func TestTheApplicationsTriggersKeepTheirOrder(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write(`CREATE TRIGGER late_one AFTER UPDATE OF total ON invoice BEGIN UPDATE invoice SET note = coalesce(note, '') || '1' WHERE id = NEW.id; END;
		CREATE TRIGGER late_two AFTER UPDATE OF total ON invoice BEGIN UPDATE invoice SET note = coalesce(note, '') || '2' WHERE id = NEW.id; END;`)
	const order = "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'invoice' AND name NOT LIKE 'replog%' ORDER BY rowid"
	a.write("UPDATE invoice SET total = 1 WHERE id = 'i1'")
	note := a.read("SELECT note FROM invoice WHERE id = 'i1'")
	for i := range 2 {
		b.write(fmt.Sprintf("UPDATE customer SET name = 'n%d' WHERE id = 1", i))
		b.sync(client.Both)
		a.sync(client.Both)
		a.shows(order, `["late_one"] ["late_two"]`)
	}
	a.write("UPDATE invoice SET note = NULL WHERE id = 'i1'; UPDATE invoice SET total = 2 WHERE id = 'i1'")
	a.shows("SELECT note FROM invoice WHERE id = 'i1'", note)
	w.converge(a, b)
	b.shows("SELECT note FROM invoice WHERE id = 'i1'", note)
}

func TestTimesNeverGoBack(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET email = 'first' WHERE id = 1")
	a.sync(client.Both)
	a.write("UPDATE customer SET email = 'second' WHERE id = 1; UPDATE replog_change SET time = time - 86400000")
	b.write("UPDATE customer SET email = 'between' WHERE id = 1; UPDATE replog_change SET time = time - 3600000")
	a.sync(client.Both)
	if r := b.sync(client.Both); r.Ignored != 1 {
		t.Fatalf("%+v", r)
	}
	var times []replog.Millis
	log, err := a.open().Log()
	if err != nil {
		t.Fatal(err)
	}
	err = log.Lines(t.Context(), replog.Filter{Descending: true}, func(l replog.LogLine) error {
		if l.Device == a.status().Device {
			times = append(times, l.Statements[0].RecordedAt)
		}
		return nil
	})
	if err != nil || len(times) != 2 || times[0] < times[1] {
		t.Fatal(times, err)
	}
	w.converge(a, b)
	b.shows("SELECT email FROM customer WHERE id = 1", `["second"]`)
}

func TestRowsWithANullKeyStayWhereTheyAre(t *testing.T) {
	w := newWorld(t)
	a := w.file("a.db", "CREATE TABLE t(k TEXT PRIMARY KEY, v); INSERT INTO t VALUES('a', 1), (NULL, 'here')")
	r, err := a.tryInit(client.InitRequest{Publish: true}, client.Options{})
	if err != nil || len(r.Warnings) != 1 {
		t.Fatal(r, err)
	}
	b := w.clone("b.db")
	a.write("INSERT INTO t VALUES(NULL, 'local'); UPDATE t SET v = v || '!' WHERE k IS NULL; UPDATE t SET v = 2 WHERE k = 'a'")
	b.write("UPDATE t SET k = 'b' WHERE k IS NULL; INSERT INTO t VALUES('c', 3); UPDATE t SET k = NULL WHERE k = 'c'")
	for range 2 {
		a.sync(client.Both)
		b.sync(client.Both)
	}
	a.shows("SELECT * FROM t ORDER BY k, v", `[null,"here!"] [null,"local!"] ["a",2] ["b","here"]`)
	b.shows("SELECT * FROM t ORDER BY k, v", `[null,3] ["a",2] ["b","here"]`)
}

package story

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"replog/client"
	"replog/replog"
)

// remake makes a table anew, as migrations do: create, copy, drop, rename. Its
// triggers go with the old one.
const remake = `
BEGIN;
CREATE TABLE new_customer(id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE);
INSERT INTO new_customer SELECT * FROM customer;
DROP TABLE customer;
ALTER TABLE new_customer RENAME TO customer;
COMMIT;`

func TestWhatWasWrittenToATableMadeAnewIsRecorded(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("INSERT INTO invoice VALUES('before', 1, 1, NULL); UPDATE customer SET email = 'seen' WHERE id = 1")
	a.write(remake)
	a.write("UPDATE customer SET name = 'missed' WHERE id IN (1, 2); DELETE FROM customer WHERE id = 3; INSERT INTO customer VALUES(4, 'new', 'n@n')")
	a.write("INSERT INTO invoice VALUES('after', 4, 1, NULL)")
	r := a.sync(client.Both)
	// Customer 1 was changed by a captured statement, too, but in another column.
	if r.Missed != 4 || r.Uploaded != 1 || r.Applied != 1 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.converge(b, a)
	b.shows("SELECT * FROM customer", `[1,"missed","seen"] [2,"missed","bob@example.org"] [4,"new","n@n"]`)

	a.write("UPDATE customer SET name = 'seen again' WHERE id = 1")
	if r := a.sync(client.Both); r.Missed != 0 || r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
}

func TestATableMadeAnewAndNotWrittenIsCapturedAgain(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write(remake)
	if r := a.sync(client.Both); r.Missed != 0 || r.Uploaded != 0 {
		t.Fatalf("%+v", r)
	}
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	if r := a.sync(client.Both); r.Missed != 0 || r.Applied != 1 {
		t.Fatalf("%+v", r)
	}
}

// The server is ahead of the device, in part by the device's own transactions, and
// the outbox is not empty.
func TestWhatWasMissedIsToldApartFromWhatOthersDid(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'pushed' WHERE id = 1; INSERT INTO customer VALUES(7, 'pushed', NULL)")
	a.sync(client.PushOnly)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 1; UPDATE customer SET name = 'b' WHERE id = 2; DELETE FROM customer WHERE id = 3; INSERT INTO customer VALUES(8, 'b', NULL)")
	b.sync(client.Both)
	b.write("UPDATE customer SET name = 'b again' WHERE id = 2")
	b.sync(client.Both)
	a.write("UPDATE customer SET email = 'waits' WHERE id = 7")
	a.write(remake)
	a.write("UPDATE customer SET name = 'missed' WHERE id = 7")
	if r := a.sync(client.Both); r.Missed != 1 || r.Applied != 2 || r.Downloaded != 2 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	b.shows("SELECT * FROM customer", `[1,"pushed","b@b"] [2,"b again","bob@example.org"] [7,"missed","waits"] [8,"b",null]`)
}

// What was missed competes by the time at which it was found.
func TestWhatWasMissedMayMeetOthersChanges(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write(remake)
	a.write("INSERT INTO customer VALUES(9, 'a', NULL); UPDATE customer SET name = 'a' WHERE id = 1")
	b.write("INSERT INTO customer VALUES(9, 'b', NULL); UPDATE customer SET name = 'b' WHERE id = 1")
	b.sync(client.Both)
	if r := a.sync(client.Both); r.Missed != 2 || r.Applied != 1 || r.Waiting != 1 {
		t.Fatalf("%+v", r)
	}
	if list := a.conflicts(); len(list) != 1 || list[0].Outcome != replog.Conflict || list[0].Reason.Code != replog.ReasonExists {
		t.Fatalf("%+v", list)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id IN (1, 9)", `["a"] ["b"]`)
}

func TestATableMadeAnewDuringASyncIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	b.write("UPDATE customer SET name = 'b' WHERE id = 1")
	b.sync(client.Both)
	l := &line{cut: -1, answered: func(n int) {
		if n == 1 {
			a.write(remake)
			a.write("UPDATE customer SET name = 'missed' WHERE id = 2")
		}
	}}
	if r, err := a.trySync(client.Both, l.options()); err != nil || r.Missed != 1 || r.Downloaded != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id < 3", `["b"] ["missed"]`)
}

func TestACopyWithATableMadeAnewIsForked(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("UPDATE customer SET name = 'both' WHERE id = 1")
	a.sync(client.PushOnly)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 2")
	a.sync(client.Both)
	c.write("UPDATE customer SET email = 'seen' WHERE id = 3")
	c.write(remake)
	c.write("UPDATE customer SET name = 'missed' WHERE id IN (1, 3)")
	if r := c.fork(); r.Known != 1 || r.Pending != 1 || r.Waiting != 0 {
		t.Fatalf("%+v", r)
	}
	w.converge(c, a)
	a.shows("SELECT name, email FROM customer", `["missed","ada@example.org"] ["a","bob@example.org"] ["missed","seen"]`)
}

// Where the file has also diverged, nobody can tell what was missed: repair keeps
// it in its backup.
func TestATableMadeAnewInAFileThatDivergedIsRepaired(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'waits' WHERE id = 1")
	a.write("UPDATE replog_outbox SET made = '{}'")
	killed := client.Options{Fault: func(string) error { return errLost }}
	if _, err := a.trySync(client.Both, killed); err == nil {
		t.Fatal("it was not closed")
	}
	a.write(remake)
	a.write("UPDATE customer SET name = 'missed' WHERE id = 2")
	a.repair()
	a.write("UPDATE customer SET name = 'seen' WHERE id = 3")
	w.converge(a, b)
}

// One device writes whatever it likes, with tables made anew in between: what it
// shows is what the others get.
func TestWhateverIsMadeAnewNothingIsMissed(t *testing.T) {
	tables := map[string]string{
		"p": "(id INTEGER PRIMARY KEY, v, u UNIQUE)",
		"q": "(k TEXT COLLATE NOCASE, l INTEGER, v REAL, PRIMARY KEY(k, l)) WITHOUT ROWID",
	}
	for seed := range uint64(16) {
		random := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		a := w.publish("a.db", "CREATE TABLE p"+tables["p"]+"; CREATE TABLE q"+tables["q"]+
			"; INSERT INTO p VALUES(1, 1, 1), (2, 2, 2), (3, 3, 3); INSERT INTO q VALUES('a', 1, 1), ('b', 2, 2)")
		b := w.clone("b.db")
		script := ""
		for range 25 {
			n, m := random.IntN(6), random.IntN(6)
			sql := []string{
				fmt.Sprintf("INSERT OR IGNORE INTO p VALUES(%d, %d, %d)", n, m, m),
				fmt.Sprintf("INSERT OR REPLACE INTO p VALUES(%d, 'r', %d)", n, m),
				fmt.Sprintf("UPDATE p SET v = v || %d WHERE id < %d", n, m),
				fmt.Sprintf("UPDATE OR IGNORE p SET id = %d WHERE id = %d", n+4, m),
				fmt.Sprintf("DELETE FROM p WHERE id = %d", n),
				fmt.Sprintf("INSERT OR IGNORE INTO q VALUES('%c', %d, 0.5)", 'a'+rune(n), m%3),
				fmt.Sprintf("UPDATE OR IGNORE q SET k = upper(k), v = %d WHERE l = %d", n, m%3),
				fmt.Sprintf("DELETE FROM q WHERE l = %d AND v < %d", n%3, m),
				"INSERT INTO replog_transaction VALUES('marked')",
				"INSERT INTO replog_transaction VALUES(NULL)",
				"", "",
			}[random.IntN(12)]
			if sql == "" {
				name := []string{"p", "q"}[random.IntN(2)]
				sql = fmt.Sprintf("CREATE TABLE n%s; INSERT INTO n SELECT * FROM %s; DROP TABLE %[2]s; ALTER TABLE n RENAME TO %[2]s", tables[name], name)
			}
			script += sql + ";\n"
			a.write(sql)
			if random.IntN(10) == 0 {
				mode := []client.Mode{client.Both, client.PushOnly}[random.IntN(2)]
				script += "-- sync\n"
				if _, err := a.trySync(mode, client.Options{}); err != nil {
					t.Fatalf("seed %d: %v\n%s", seed, err, script)
				}
			}
		}
		shown := a.read("SELECT * FROM p") + a.read("SELECT k, l, v FROM q")
		if r, err := a.trySync(client.Both, client.Options{}); err != nil || r.Waiting > 0 {
			t.Fatalf("seed %d: %+v %v\n%s", seed, r, err, script)
		}
		b.sync(client.Both)
		w.equal(a, b)
		if got := b.read("SELECT * FROM p") + b.read("SELECT k, l, v FROM q"); got != shown {
			t.Fatalf("seed %d: %s, want %s\n%s", seed, got, shown, script)
		}
	}
}

package story

import (
	"errors"
	"os"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
	"replog/server"
)

// plain is the shop without its trigger, whose rows take the next free key.
const plain = shop + "DROP TRIGGER customer_renamed;"

// token is good for one enrolment.
func (w *world) token() string {
	w.t.Helper()
	access, err := server.OpenAccess(w.t.Context(), w.stores(), nil, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer access.Close()
	_, secret, err := access.CreateEnrolment(w.t.Context(), "shop", "", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

func (d *device) tryFork(token string, o client.Options) (*client.ForkResult, error) {
	d.w.t.Helper()
	return client.Fork(d.w.t.Context(), client.ForkRequest{Path: d.path, Token: token}, o)
}

func (d *device) fork() *client.ForkResult {
	d.w.t.Helper()
	r, err := d.tryFork(d.w.token(), client.Options{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return r
}

// isFork checks that the device's sync is refused as a copy's.
func (d *device) isFork() {
	d.w.t.Helper()
	_, err := d.trySync(client.Both, client.Options{})
	mismatch(d.w.t, err, replog.CodeFork)
}

// A file is copied with an outbox that the server has but the file knows no
// verdict on. Both go on.
func TestACopiedFileBecomesADeviceOfItsOwn(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'both' WHERE id = 1")
	a.sync(client.PushOnly)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 2")
	a.sync(client.Both)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 3")
	b.sync(client.Both)
	c.write("UPDATE customer SET name = name || '!' WHERE id IN (1, 3); INSERT INTO replog_transaction(label) VALUES('order')")
	c.write("INSERT INTO invoice VALUES('c1', 3, 5, NULL)")
	c.isFork()
	before := c.read("SELECT * FROM customer")

	r := c.fork()
	if r.Known != 1 || r.Pending != 2 || r.Without != 0 || r.Waiting != 0 || r.SyncPoint != 3 || r.Alike || r.Device == r.Former {
		t.Fatalf("%+v", r)
	}
	after := strings.NewReplacer(`"Bob"`, `"a"`, `[3,"Cleo!",null]`, `[3,"Cleo!","b@b"]`).Replace(before)
	c.shows("SELECT * FROM customer", after)
	list := c.pending()
	if len(list) != 2 || list[0].Seq != 1 || list[0].State != client.PendingClosed || !list[0].Effect || list[1].Label != "order" || !list[1].Marked {
		t.Fatalf("%+v", list)
	}
	if got := c.status(); got.Device != r.Device || got.Pending != 2 {
		t.Fatalf("%+v", got)
	}
	if s := c.sync(client.Both); s.Applied != 2 || s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
	w.converge(a, b, c)
	c.shows("SELECT name FROM customer", `["both!"] ["a"] ["Cleo!"]`)
}

// The backup's device goes on as a new one: nobody has the newest file any more.
func TestARestoredBackupBecomesADeviceOfItsOwn(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	old := a.duplicate("old.db")
	for range 3 {
		a.write("UPDATE customer SET name = name || '+' WHERE id = 1")
		a.sync(client.Both)
	}
	old.write("UPDATE customer SET email = 'old' WHERE id = 1")
	old.isFork()
	r := old.fork()
	// The first was never closed in the backup: only the newest file's is known.
	if r.Known != 0 || r.Pending != 1 {
		t.Fatalf("%+v", r)
	}
	old.sync(client.Both)
	w.converge(old, b)
	b.shows("SELECT email FROM customer WHERE id = 1", `["old"]`)
}

func TestACopyWithNothingOfItsOwnBecomesADevice(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	if r := c.fork(); r.Known != 0 || r.Pending != 0 || r.SyncPoint != 1 {
		t.Fatalf("%+v", r)
	}
	w.equal(a, c)
	c.write("UPDATE customer SET name = 'c' WHERE id = 1")
	w.converge(c, a)
	a.shows("SELECT name FROM customer WHERE id = 1", `["c"]`)
}

// Nothing tells yet that the file was copied; its owner knows.
func TestACopyMayBecomeADeviceBeforeItIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	c := a.duplicate("c.db")
	c.write("UPDATE customer SET name = 'c' WHERE id = 2")
	if r := c.fork(); !r.Alike || r.Pending != 1 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, c)
	a.shows("SELECT name FROM customer WHERE id < 3", `["a"] ["c"]`)
}

// A row was deleted and inserted again by transactions that both copies have: to
// the new device these are no concurrent changes.
func TestWhatACopyBuiltOnWhatItSharesIsApplied(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("DELETE FROM invoice WHERE customer = 2; DELETE FROM customer WHERE id = 2")
	a.sync(client.PushOnly)
	a.write("UPDATE customer SET id = 7 WHERE id = 3; INSERT INTO customer VALUES(2, 'new', NULL)")
	a.sync(client.PushOnly)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	c.write("UPDATE customer SET name = 'c' WHERE id IN (2, 7)")
	c.isFork()
	c.fork()
	if s := c.sync(client.Both); s.Applied != 1 || s.Waiting != 0 {
		t.Fatalf("%+v", s)
	}
	w.converge(a, c)
	a.shows("SELECT id, name FROM customer WHERE id > 1", `[2,"c"] [7,"c"]`)
}

// The base reaches back before the sync point: what the file has seen the verdict
// of since then is no concurrent change either.
func TestWhatACopySawTheVerdictOfIsSharedToo(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("UPDATE customer SET id = 7 WHERE id = 3")
	a.sync(client.PushOnly)
	a.write("UPDATE customer SET name = 'c' WHERE id = 7")
	killed := errors.New("killed") // so that it is closed, at base 0
	if _, err := a.trySync(client.PushOnly, client.Options{Fault: func(string) error { return killed }}); !errors.Is(err, killed) {
		t.Fatal(err)
	}
	a.sync(client.PullOnly)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	if list := c.pending(); len(list) != 1 || list[0].Base != 0 {
		t.Fatalf("%+v", list)
	}
	c.fork()
	if list := c.pending(); len(list) != 1 || list[0].Base != 1 {
		t.Fatalf("%+v", list)
	}
	if s := c.sync(client.Both); s.Applied != 1 {
		t.Fatalf("%+v", s)
	}
}

// What the other copy sent is refused, and this one built on it without knowing.
func TestWhatACopyBuiltOnWhatWasRefusedWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	b.write("INSERT INTO customer VALUES(9, 'b''s', NULL)")
	b.sync(client.Both)
	a.write("INSERT INTO customer VALUES(9, 'a''s', NULL)")
	a.sync(client.PushOnly)
	c := a.duplicate("c.db")
	if s := a.sync(client.Both); s.Waiting != 1 {
		t.Fatalf("%+v", s)
	}
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	c.write("UPDATE customer SET email = 'mine' WHERE id = 9; INSERT INTO invoice VALUES('c9', 9, 5, NULL); UPDATE customer SET email = 'c@c' WHERE id = 3")
	c.isFork()
	r := c.fork()
	if r.Known != 1 || r.Pending != 1 || r.Waiting != 2 {
		t.Fatalf("%+v", r)
	}
	list := c.conflicts()
	if len(list) != 2 || list[0].ID != "former-1" || list[0].Outcome != replog.Conflict || list[0].Device != r.Former ||
		list[1].ID != "former-2" || list[1].Outcome != replog.Held || list[1].State != client.StateWaiting || len(list[1].Changes) != 2 {
		t.Fatalf("%+v", list)
	}
	if s := c.sync(client.Both); s.Applied != 1 || s.Waiting != 2 {
		t.Fatalf("%+v", s)
	}
	w.converge(a, b, c)
	b.shows("SELECT name, email FROM customer WHERE id IN (3, 9)", `["Cleo","c@c"] ["b's",null]`)

	// Conflicts of the new identity stand beside those of the former.
	b.write("INSERT INTO invoice VALUES('x', 1, 1, NULL)")
	b.sync(client.Both)
	c.write("INSERT INTO invoice VALUES('x', 1, 2, NULL)")
	c.sync(client.Both)
	if list := c.conflicts(); len(list) != 3 || list[2].ID != "2" || list[2].Device != "" {
		t.Fatalf("%+v", list)
	}
	if err := c.open().Discard(t.Context(), "former-2"); err != nil {
		t.Fatal(err)
	}
	if list := c.conflicts(); list[1].State != client.StateDiscarded || list[2].State != client.StateWaiting {
		t.Fatalf("%+v", list)
	}
}

func TestAFileMayBeForkedTwice(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	a.write("INSERT INTO customer VALUES(9, 'a', NULL)")
	c := a.duplicate("c.db")
	a.sync(client.Both)
	c.write("UPDATE customer SET name = 'c' WHERE id = 9")
	for n := range 2 {
		if r := c.fork(); r.Waiting != n {
			t.Fatalf("%+v", r)
		}
		if s := c.sync(client.Both); s.Conflicts != 1-n {
			t.Fatalf("%+v", s)
		}
	}
	if list := c.conflicts(); len(list) != 1 || list[0].ID != "former-1" {
		t.Fatalf("%+v", list)
	}
	w.converge(a, c)
}

func TestAFileAheadOfARestoredServerTakesWithItWhatThatGaveUp(t *testing.T) {
	for _, known := range []bool{true, false} {
		w := newWorld(t)
		a, b := w.publish("a.db", plain), w.clone("b.db")
		old := w.backup()
		a.write("UPDATE customer SET name = 'first' WHERE id = 1")
		a.sync(client.Both)
		a.write("UPDATE customer SET name = 'second' WHERE id = 1; UPDATE customer SET name = 'by a' WHERE id = 2")
		w.restore(old)
		b.write("UPDATE customer SET email = 'b@b' WHERE id = 1")
		b.sync(client.Both)
		if !known { // by the server
			if err := os.Remove(client.TokenPath(a.path)); err != nil {
				t.Fatal(err)
			}
		}
		r, err := a.tryFork(w.token(), client.Options{})
		if err != nil || r.Alike || r.Pending != 2 || r.Waiting != 0 || r.SyncPoint != 1 {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := a.sync(client.Both); got.Applied != 2 {
			t.Fatalf("%+v", got)
		}
		w.converge(a, b)
		b.shows("SELECT name, email FROM customer WHERE id < 3", `["second","b@b"] ["by a","bob@example.org"]`)
	}
}

func TestACopyWhoseTokenIsGoneOrRevokedBecomesADevice(t *testing.T) {
	for _, token := range []string{"", "replog_device_wrong"} {
		w := newWorld(t)
		a := w.publish("a.db", plain)
		c := a.duplicate("c.db")
		if err := os.WriteFile(client.TokenPath(c.path), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if token == "" {
			if err := os.Remove(client.TokenPath(c.path)); err != nil {
				t.Fatal(err)
			}
		}
		c.write("UPDATE customer SET name = 'c' WHERE id = 1")
		if r := c.fork(); r.Pending != 1 {
			t.Fatalf("%+v", r)
		}
		w.converge(c, a)
	}
}

func TestADevicesTokenDoesNotMakeAnother(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	own, err := os.ReadFile(client.TokenPath(a.path))
	if err != nil {
		t.Fatal(err)
	}
	var refused *client.NotAllowedError
	if _, err := a.tryFork(strings.TrimSpace(string(own)), client.Options{}); !errors.As(err, &refused) {
		t.Fatal(err)
	}
	a.sync(client.Both)
}

// One enrolment token is enough, wherever the first run is killed: a crash is a
// panic, so nothing is tidied up.
func TestAForkThatWasKilledCanBeRunAgain(t *testing.T) {
	for _, point := range []string{
		client.FaultClosed, client.FaultTokenWritten, client.FaultAnswered, client.FaultUndone, client.FaultRebased, client.FaultCommitted,
	} {
		t.Run(point, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", plain)
			a.write("UPDATE customer SET name = 'both' WHERE id = 1")
			a.sync(client.PushOnly)
			c := a.duplicate("c.db")
			a.write("UPDATE customer SET name = 'a' WHERE id = 2")
			a.sync(client.Both)
			c.write("UPDATE customer SET name = 'c' WHERE id = 3")
			token := w.token()
			c.killedFork(token, point)
			if point == client.FaultCommitted {
				if s := c.sync(client.Both); s.Applied != 1 {
					t.Fatalf("%+v", s)
				}
			} else {
				c.isFork()
				if point != client.FaultClosed {
					if token = ""; !client.IsForking(c.path, client.Options{}) {
						t.Fatal("it needs another token")
					}
				}
				if _, err := c.tryFork(token, client.Options{}); err != nil {
					t.Fatal(err)
				}
			}
			w.converge(a, c)
			a.shows("SELECT name FROM customer", `["both"] ["a"] ["c"]`)
			if client.IsForking(c.path, client.Options{}) {
				t.Fatal("a token is left")
			}
		})
	}
}

func (d *device) killedFork(token, point string) {
	d.w.t.Helper()
	defer func() {
		if recover() == nil {
			d.w.t.Fatalf("fork passed %q", point)
		}
	}()
	_, err := d.tryFork(token, client.Options{Fault: func(at string) error {
		if at == point {
			panic("killed")
		}
		return nil
	}})
	d.w.t.Fatal(err)
}

func TestAFileThatIsNotEnrolledIsNotForked(t *testing.T) {
	w := newWorld(t)
	w.publish("a.db", plain)
	b := w.file("b.db", plain)
	if _, err := b.tryFork(w.token(), client.Options{}); !isNotEnrolled(err) {
		t.Fatal(err)
	}
}

// The application writes while the fork downloads: that is the new device's.
func TestWhatIsWrittenDuringAForkIsKept(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	l := &line{cut: -1}
	l.answered = func(n int) {
		if n == 3 {
			c.write("UPDATE customer SET name = 'meanwhile' WHERE id = 3")
		}
	}
	if r, err := c.tryFork(w.token(), l.options()); err != nil || r.Pending != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(c, a)
	a.shows("SELECT name FROM customer WHERE id = 3", `["meanwhile"]`)
}

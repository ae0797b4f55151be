package story

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"replog/client"
	"replog/replog"
)

// mismatch checks that an error is a *client.MismatchError of that code, and gives
// its detail.
func mismatch(t *testing.T, err error, code string) string {
	t.Helper()
	var e *client.MismatchError
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("%v, want a mismatch: %s", err, code)
	}
	return e.Detail
}

// backup copies the server's folder; restore puts the copy in its place.
func (w *world) backup() string {
	to := filepath.Join(w.dir, "server-backup")
	w.stopped(func() { w.copyFile(w.data(), to) })
	return to
}

func (w *world) restore(from string) {
	w.stopped(func() {
		if err := os.RemoveAll(w.data()); err != nil {
			w.t.Fatal(err)
		}
		w.copyFile(from, w.data())
	})
}

func TestWhatARestoredServerLostIsSentAgain(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	a.sync(client.Both)
	old := w.backup()
	for _, name := range []string{"second", "third"} {
		a.write("UPDATE customer SET name = '" + name + "' WHERE id = 1")
		a.sync(client.PushOnly)
	}
	w.restore(old)
	a.write("UPDATE customer SET name = 'fourth' WHERE id = 1")
	if r := a.sync(client.Both); r.Applied != 3 || r.SyncPoint != 4 {
		t.Fatalf("%+v", r)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id = 1", `["fourth"]`)
}

func TestWhatARestoredServerLostIsSentAgainThoughNothingIsNew(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	old := w.backup()
	a.write("UPDATE customer SET name = 'lost' WHERE id = 1")
	a.sync(client.PushOnly)
	w.restore(old)
	b.write("UPDATE customer SET email = 'b@b' WHERE id = 1")
	b.sync(client.Both)
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id = 1", `["lost"]`)
}

func TestAPushSendsAgainWhatARestoredServerLost(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	old := w.backup()
	a.write("UPDATE customer SET name = 'lost' WHERE id = 1")
	a.sync(client.PushOnly)
	w.restore(old)
	a.sync(client.PushOnly)
	if list := a.pending(); len(list) != 1 || list[0].State != client.PendingUploaded {
		t.Fatalf("%+v", list)
	}
	b.sync(client.Both)
	b.shows("SELECT name FROM customer WHERE id = 1", `["lost"]`)
}

func TestADeviceAheadOfARestoredServerStops(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	old := w.backup()
	a.write("UPDATE customer SET name = 'first' WHERE id = 1")
	a.sync(client.Both)
	w.restore(old)
	before := a.bytes()
	_, err := a.trySync(client.Both, client.Options{})
	mismatch(t, err, replog.CodeEpoch)
	if a.bytes() != before {
		t.Fatal("the file has changed")
	}
}

func TestOnlyOneOfTwoCopiesOfAFileSyncs(t *testing.T) {
	for name, mode := range map[string]client.Mode{"both ways": client.Both, "push": client.PushOnly, "pull": client.PullOnly} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", shop)
			b := a.duplicate("b.db")
			a.write("UPDATE customer SET name = 'by a' WHERE id = 1")
			b.write("UPDATE customer SET name = 'by b' WHERE id = 2")
			a.sync(client.Both)
			_, err := b.trySync(mode, client.Options{})
			mismatch(t, err, replog.CodeFork)
			b.shows("SELECT id, name FROM customer WHERE id < 3", `[1,"Ada"] [2,"by b"]`)
			if list := b.pending(); len(list) != 1 {
				t.Fatalf("%+v", list)
			}
		})
	}
}

func TestRepairOfACopiedFileStopsToo(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := a.duplicate("b.db")
	a.write("UPDATE customer SET name = 'by a' WHERE id = 1")
	b.write("UPDATE customer SET name = 'by b' WHERE id = 2")
	a.sync(client.Both)
	_, err := b.open().Repair(t.Context())
	mismatch(t, err, replog.CodeFork)
	b.shows("SELECT id, name FROM customer WHERE id < 3", `[1,"Ada"] [2,"by b"]`)
}

func TestAFileFromABackupStops(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	old := a.duplicate("old.db")
	a.write("UPDATE customer SET name = 'by a' WHERE id = 1")
	a.sync(client.Both)
	for _, mode := range []client.Mode{client.Both, client.PushOnly, client.PullOnly} {
		_, err := old.trySync(mode, client.Options{})
		mismatch(t, err, replog.CodeFork)
	}
}

// Package story tells the main job from end to end, in one process but over real
// HTTP and real files: what each device sees, what the log says, what conflicts
// keep.
package story

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"replog/applier"
	"replog/client"
	"replog/replog"
	"replog/server"
	"replog/sql/sqlite"
)

// stores keeps logs in SQLite files, as the command does.
type stores struct{}

func (stores) Create(folder string, head replog.Head) (server.Store, error) {
	return sqlite.Create(filepath.Join(folder, "log.db"), head, sqlite.Options{})
}

func (stores) Open(folder string) (server.Store, error) {
	return sqlite.Open(filepath.Join(folder, "log.db"), sqlite.Options{})
}

// world is a server and the devices of one database on it.
type world struct {
	t      *testing.T
	dir    string
	url    string
	access *server.Access
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "server")
	s, err := server.Open(server.Config{Data: data, Stores: stores{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s.Handler())
	access, err := server.OpenAccess(t.Context(), data, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		web.Close()
		access.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t: t, dir: dir, url: web.URL + "/shop", access: access}
}

// publish makes a file from SQL and the database's first content of it.
func (w *world) publish(name, sql string) *device {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	c, err := applier.Open(path, applier.OpenOptions{Create: true})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.Script(sql); err != nil {
		w.t.Fatal(err)
	}
	c.Close()
	token, err := os.ReadFile(filepath.Join(w.dir, "server", "admin.token"))
	if err != nil {
		w.t.Fatal(err)
	}
	_, err = client.Init(context.Background(), client.InitRequest{
		Path: path, URL: w.url, Token: strings.TrimSpace(string(token)), Publish: true,
	}, client.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return &device{w: w, path: path}
}

// clone makes another device, with a token for one use.
func (w *world) clone(name string) *device {
	w.t.Helper()
	_, secret, err := w.access.CreateEnrolment(w.t.Context(), "shop", name, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	path := filepath.Join(w.dir, name)
	if _, err := client.Clone(w.t.Context(), w.url, path, secret, name, client.Options{}); err != nil {
		w.t.Fatal(err)
	}
	return &device{w: w, path: path}
}

// device is one file.
type device struct {
	w    *world
	path string
}

func (d *device) write(sql string) {
	d.w.t.Helper()
	c, err := applier.Open(d.path, applier.OpenOptions{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script(sql); err != nil {
		d.w.t.Fatalf("%s: %v", sql, err)
	}
}

func (d *device) read(query string) string {
	d.w.t.Helper()
	c, err := applier.Open(d.path, applier.OpenOptions{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer c.Close()
	var lines []string
	err = c.Query(query, func(row []replog.Value) error {
		lines = append(lines, replog.KeyString(row))
		return nil
	})
	if err != nil {
		d.w.t.Fatal(err)
	}
	return strings.Join(lines, " ")
}

func (d *device) open() *client.Device {
	d.w.t.Helper()
	x, err := client.Open(d.path, client.Options{})
	if err != nil {
		d.w.t.Fatal(err)
	}
	d.w.t.Cleanup(func() { x.Close() })
	return x
}

func (d *device) sync(mode client.Mode) *client.SyncResult {
	d.w.t.Helper()
	r, err := d.open().Sync(d.w.t.Context(), mode)
	if err != nil {
		d.w.t.Fatal(err)
	}
	return r
}

func (w *world) equal(devices ...*device) {
	w.t.Helper()
	a, err := applier.Open(devices[0].path, applier.OpenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	for _, d := range devices[1:] {
		b, err := applier.Open(d.path, applier.OpenOptions{})
		if err != nil {
			w.t.Fatal(err)
		}
		c, err := applier.Compare(a, b, applier.CompareOptions{})
		b.Close()
		if err != nil {
			w.t.Fatal(err)
		}
		if !c.Equal {
			w.t.Fatalf("%s and %s differ: %+v", devices[0].path, d.path, c)
		}
	}
}

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
	if _, ok := err.(*client.DivergedError); !ok {
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

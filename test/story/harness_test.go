package story

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"replog/applier"
	"replog/client"
	"replog/server"
	"replog/sql/sqlite"
)

// world is a server and the devices of one database on it.
type world struct {
	t   *testing.T
	dir string
	url string
	// running is the server that answers at url; nil while it is stopped.
	running atomic.Pointer[server.Server]
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	web := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		s := w.running.Load()
		if s == nil {
			panic(http.ErrAbortHandler)
		}
		s.Handler().ServeHTTP(out, r)
	}))
	w.url = web.URL + "/shop"
	w.start()
	t.Cleanup(func() {
		web.Close()
		w.stop()
	})
	return w
}

func (w *world) data() string { return filepath.Join(w.dir, "server") }

func (w *world) stores() server.Stores { return sqlite.NewFolder(w.data(), sqlite.Options{}) }

func (w *world) start() {
	w.t.Helper()
	s, err := server.Open(server.Config{Data: w.data(), Stores: w.stores(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.running.Store(s)
}

func (w *world) stop() {
	w.t.Helper()
	if s := w.running.Swap(nil); s != nil {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	}
}

// stopped runs f on the server's folder while the server is down.
func (w *world) stopped(f func()) {
	w.t.Helper()
	w.stop()
	f()
	w.start()
}

func (w *world) admin() string {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(w.data(), "admin.token"))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// file makes a file from SQL, which is no device yet.
func (w *world) file(name, sql string) *device {
	w.t.Helper()
	d := &device{w: w, path: filepath.Join(w.dir, name)}
	c, err := applier.Open(d.path, applier.OpenOptions{Create: true})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script(sql); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// publish makes a file from SQL and the database's first content of it.
func (w *world) publish(name, sql string) *device {
	w.t.Helper()
	d := w.file(name, sql)
	d.init(client.InitRequest{Publish: true})
	return d
}

// clone makes another device, with a token for one use.
func (w *world) clone(name string) *device {
	w.t.Helper()
	return w.cloneWith(name)
}

// cloneWith makes a device with rights.
func (w *world) cloneWith(name string, rights ...server.Right) *device {
	w.t.Helper()
	access, err := server.OpenAccess(w.t.Context(), w.stores(), nil, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer access.Close()
	_, secret, err := access.CreateEnrolment(w.t.Context(), "shop", name, 0, rights...)
	if err != nil {
		w.t.Fatal(err)
	}
	d := &device{w: w, path: filepath.Join(w.dir, name)}
	if _, err := client.Clone(w.t.Context(), w.url, d.path, secret, name, client.Options{}); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// equal checks that files hold the same.
func (w *world) equal(devices ...*device) {
	w.t.Helper()
	for _, d := range devices[1:] {
		w.samePaths(devices[0].path, d.path)
	}
}

func (w *world) samePaths(first, second string) {
	w.t.Helper()
	a, err := applier.Open(first, applier.OpenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	b, err := applier.Open(second, applier.OpenOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer b.Close()
	c, err := applier.Compare(a, b, applier.CompareOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	if !c.Equal {
		w.t.Fatalf("%s and %s differ: %+v", first, second, c)
	}
}

// converge syncs all devices until each has seen the head, and checks that they
// hold the same.
func (w *world) converge(devices ...*device) {
	w.t.Helper()
	for range 2 {
		for _, d := range devices {
			d.sync(client.Both)
		}
	}
	w.equal(devices...)
	for _, d := range devices {
		if got := d.status().Pending; got != 0 {
			w.t.Fatalf("%s: %d pending", d.path, got)
		}
	}
}

// copyFile copies a file, or a folder with what is in it.
func (w *world) copyFile(from, to string) {
	w.t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var b []byte
		if b, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, b, 0o600)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

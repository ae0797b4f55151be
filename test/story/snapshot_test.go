package story

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"replog/client"
	"replog/replog"
)

// bulk is a database whose snapshot has some hundred kilobytes, compressed too.
const bulk = `CREATE TABLE note (id INTEGER PRIMARY KEY, body BLOB);
	WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 300)
	INSERT INTO note SELECT i, randomblob(700) FROM n`

// cloneThrough makes a device over a proxy.
func (w *world) cloneThrough(p *proxy, name string, o client.Options) (*device, *client.InitResult, error) {
	w.t.Helper()
	d := &device{w: w, path: filepath.Join(w.dir, name)}
	r, err := client.Clone(w.t.Context(), p.url, d.path, w.admin(), name, o)
	return d, r, err
}

func (w *world) mustCloneThrough(p *proxy, name string, o client.Options) *device {
	w.t.Helper()
	d, _, err := w.cloneThrough(p, name, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

// leaves checks which files there are whose names begin with a path.
func (w *world) leaves(path string, want ...string) {
	w.t.Helper()
	var got []string
	err := filepath.WalkDir(w.dir, func(p string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasPrefix(p, path) {
			got = append(got, strings.TrimPrefix(p, path))
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Fatalf("%s leaves %q, want %q", path, got, want)
	}
}

func (w *world) snapshotSize() int {
	w.t.Helper()
	p := w.proxy()
	w.mustCloneThrough(p, "size.db", client.Options{})
	return p.passed()[0].bytes
}

func TestASnapshotThatIsCutAnywhereGoesOnThere(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	size := w.snapshotSize()
	for i := range 24 {
		at := i * size / 23
		if i < 3 {
			at = i
		}
		p := w.proxy()
		p.cut = only(0, at)
		b := w.mustCloneThrough(p, fmt.Sprintf("b%d.db", i), tireless())
		w.equal(a, b)
		w.leaves(b.path, "", "-lock", "-token")
		log := p.passed()
		switch {
		case at >= size: // all had come
			if len(log) != 1 {
				t.Fatalf("%+v", log)
			}
		case len(log) != 2 || at > 0 && (log[1].asked != fmt.Sprintf("bytes=%d-", at) || log[1].bytes != size-at):
			t.Fatalf("cut after %d of %d: %+v", at, size, log)
		}
	}
}

func TestASnapshotComesOverALineThatBreaksAllTheTime(t *testing.T) {
	for _, plain := range []bool{false, true} {
		w := newWorld(t)
		a := w.publish("a.db", bulk)
		p := w.proxy()
		p.cut = func(n int) int { return n % 4 * 5000 }
		if plain {
			p.request = func(h http.Header) { h.Del("Accept-Encoding") }
		}
		b := w.mustCloneThrough(p, "b.db", tireless())
		w.equal(a, b)
		if n := len(p.passed()); n < 20 {
			t.Fatalf("%d requests", n)
		}
	}
}

func TestASnapshotComesOverALineThatStalls(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	p := w.proxy()
	p.cut, p.stall = only(0, 4000), true
	o := tireless()
	o.Stall = 50 * time.Millisecond
	w.equal(a, w.mustCloneThrough(p, "b.db", o))
	if log := p.passed(); len(log) != 2 || log[1].status != http.StatusPartialContent {
		t.Fatalf("%+v", log)
	}
}

func TestASnapshotComesThroughProxiesThatKnowNoRanges(t *testing.T) {
	for name, c := range map[string]struct {
		request, answer func(http.Header)
		requests        int
	}{
		"the range is not passed on": {request: func(h http.Header) { h.Del("Range") }, requests: 2},
		"no ETag":                    {answer: func(h http.Header) { h.Del("ETag") }, requests: 3},
		"a weak ETag": {answer: func(h http.Header) {
			if tag := h.Get("ETag"); tag != "" {
				h.Set("ETag", "W/"+tag)
			}
		}, requests: 3},
		"no length": {answer: func(h http.Header) { h.Del("Content-Length") }, requests: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", bulk)
			p := w.proxy()
			p.request, p.answer = c.request, c.answer
			p.cut = only(0, 9000)
			b := w.mustCloneThrough(p, "b.db", tireless())
			w.equal(a, b)
			if log := p.passed(); len(log) > c.requests {
				t.Fatalf("%+v", log)
			}
			w.leaves(b.path, "", "-lock", "-token")
		})
	}
}

// newestSnapshot makes the server make one of its head.
func (w *world) newestSnapshot() {
	req, err := http.NewRequest("GET", strings.TrimSuffix(w.url, "/shop")+"/v1/shop/snapshot", nil)
	if err != nil {
		w.t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+w.admin())
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept-Encoding", "zstd")
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		_, err = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	if err != nil {
		w.t.Error(err)
	}
}

// replaceSnapshot makes the server forget the snapshots that it has.
func (w *world) replaceSnapshot(a *device) {
	for range 2 {
		a.write("INSERT INTO note (body) VALUES (randomblob(5000))")
		a.sync(client.Both)
		w.newestSnapshot()
	}
}

func TestASnapshotThatChangesBetweenTwoPartsStartsAnew(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	p := w.proxy()
	p.cut = only(0, 20000)
	p.broken = func(int) { w.replaceSnapshot(a) }
	b := w.mustCloneThrough(p, "b.db", tireless())
	log := p.passed()
	if len(log) < 2 || log[1].asked != "bytes=20000-" || log[1].status != http.StatusOK || log[1].tag == log[0].tag {
		t.Fatalf("%+v", log)
	}
	w.equal(a, b)
	w.leaves(b.path, "", "-lock", "-token")
}

func TestADamagedSnapshotReplacesNothing(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	size := w.snapshotSize()
	for _, plain := range []bool{false, true} {
		for _, at := range []int{0, 50, 3000, size / 2, size - 1} {
			p := w.proxy()
			if plain {
				p.request = func(h http.Header) { h.Del("Accept-Encoding") }
			}
			p.damage = func(_ int, b []byte) { b[at] ^= 0x10 }
			d, _, err := w.cloneThrough(p, "d.db", tireless())
			var damaged *client.DamagedError
			if !errors.As(err, &damaged) || damaged.Next() == "" {
				t.Fatalf("byte %d: %v", at, err)
			}
			w.leaves(d.path)
			if n := len(p.passed()); n != 2 {
				t.Fatalf("byte %d: %d downloads", at, n)
			}
		}
	}
	p := w.proxy()
	p.damage = func(n int, b []byte) {
		if n == 0 {
			b[size/2] ^= 1
		}
	}
	w.equal(a, w.mustCloneThrough(p, "once.db", tireless()))
}

func TestACloneGoesOnWhereAnotherCommandWasCut(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	size := w.snapshotSize()
	for _, at := range []int{1, 7000, size - 1} {
		p := w.proxy()
		p.cut = only(0, at)
		d, _, err := w.cloneThrough(p, fmt.Sprintf("b%d.db", at), client.Options{})
		var cut *client.UnreachableError
		if !errors.As(err, &cut) || cut.Kept != filepath.Join(client.PartialPath(d.path), "received") {
			t.Fatalf("%v", err)
		}
		w.leaves(d.path, "-partial/received")
		p.forget()
		p.cut = func(int) int { return -1 }
		d = w.mustCloneThrough(p, filepath.Base(d.path), client.Options{})
		if log := p.passed(); len(log) != 1 || log[0].asked != fmt.Sprintf("bytes=%d-", at) || log[0].bytes != size-at {
			t.Fatalf("%+v", log)
		}
		w.equal(a, d)
		w.leaves(d.path, "", "-lock", "-token")
	}
}

// What is left of an earlier download is never trusted.
func TestAClonePassesOverADamagedPartial(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"another byte":    func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"zeros":           func(b []byte) []byte { clear(b[len(b)-1000:]); return b },
		"too long":        func(b []byte) []byte { return append(b, make([]byte, 1<<20)...) },
		"all but a piece": func(b []byte) []byte { return b[:len(b)-3000] },
		"half a line":     func(b []byte) []byte { return b[:20] },
		"no line":         func(b []byte) []byte { return make([]byte, 100) },
		"empty":           func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", bulk)
			p := w.proxy()
			p.cut = only(0, 30000)
			d, _, err := w.cloneThrough(p, "b.db", client.Options{})
			if !isUnreachable(err) {
				t.Fatal(err)
			}
			received := filepath.Join(client.PartialPath(d.path), "received")
			b, err := os.ReadFile(received)
			if err == nil {
				err = os.WriteFile(received, damage(b), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			w.equal(a, w.mustCloneThrough(p, "b.db", client.Options{}))
			w.leaves(d.path, "", "-lock", "-token")
		})
	}
}

func TestACloneThatStartsAnewAfterTheSnapshotWasReplaced(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	p := w.proxy()
	p.cut = only(0, 30000)
	if _, _, err := w.cloneThrough(p, "b.db", client.Options{}); !isUnreachable(err) {
		t.Fatal(err)
	}
	w.replaceSnapshot(a)
	b := w.mustCloneThrough(p, "b.db", client.Options{})
	w.equal(a, b)
	if got := b.status().SyncPoint; got != 2 {
		t.Fatalf("sync point %d", got)
	}
}

func TestACloneOfAnOlderSnapshotPullsTheRest(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	w.clone("b.db") // a snapshot is there from now on
	for range 3 {
		a.write("UPDATE customer SET name = name || '!' WHERE id = 1")
		a.sync(client.Both)
	}
	p := w.proxy()
	c, r, err := w.cloneThrough(p, "c.db", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Head != 3 || len(r.Warnings) > 0 || c.status().SyncPoint != 3 {
		t.Fatalf("%+v, sync point %d", r, c.status().SyncPoint)
	}
	w.equal(a, c)
}

func TestACloneThatCannotPullTheRestIsADevice(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	w.clone("b.db")
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	a.sync(client.Both)
	o := client.Options{HTTP: &http.Client{Transport: refuser("/sync")}}
	d := &device{w: w, path: filepath.Join(w.dir, "c.db")}
	r, err := client.Clone(t.Context(), w.url, d.path, w.admin(), "", o)
	if err != nil || r.Head != 0 || len(r.Warnings) != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(a, d)
}

// refuser is a transport that loses calls whose path ends so.
type refuser string

func (r refuser) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, string(r)) {
		return nil, errLost
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestAFileThatEqualsTheHeadJoinsThoughOlderSnapshotsAreThere(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	w.clone("b.db")
	a.write("UPDATE customer SET name = 'x' WHERE id = 1")
	a.sync(client.Both)
	c := w.file("c.db", shop+"; UPDATE customer SET name = 'x' WHERE id = 1")
	c.init(client.InitRequest{})
	w.converge(a, c)
}

func TestRepairGoesOnWhereItWasCut(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	b := w.clone("b.db")
	b.write("UPDATE note SET body = 'mine' WHERE id = 5")
	b.drift("DELETE FROM note WHERE id = 3")
	p := w.proxy()
	p.cut = only(0, 40000)
	if _, err := b.tryRepair(p, client.Options{}); !isUnreachable(err) {
		t.Fatal(err)
	}
	w.leaves(b.path, "", "-lock", "-partial/received", "-token")
	p.forget()
	p.cut = func(int) int { return -1 }
	if _, err := b.tryRepair(p, client.Options{}); err != nil {
		t.Fatal(err)
	}
	if log := p.passed(); len(log) != 1 || log[0].asked != "bytes=40000-" {
		t.Fatalf("%+v", log)
	}
	w.converge(b, a)
	b.shows("SELECT count(*) FROM note WHERE id IN (3, 5)", "[2]")
}

// A download of an earlier repair may be older than the file is by now.
func TestRepairDoesNotGoOnWithASnapshotOlderThanTheFile(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", bulk)
	b := w.clone("b.db")
	p := w.proxy()
	p.cut = only(0, 40000)
	if _, err := b.tryRepair(p, client.Options{}); !isUnreachable(err) {
		t.Fatal(err)
	}
	a.write("UPDATE note SET body = 'new' WHERE id = 5")
	a.sync(client.Both)
	if r := b.sync(client.Both); r.SyncPoint != 1 {
		t.Fatalf("%+v", r)
	}
	b.drift("DELETE FROM note WHERE id = 5")
	r, err := b.tryRepair(p, client.Options{})
	if err != nil || r.SyncPoint != replog.Revision(1) {
		t.Fatalf("%+v %v", r, err)
	}
	w.equal(a, b)
}

// tryRepair repairs over a proxy.
func (d *device) tryRepair(p *proxy, o client.Options) (*client.RepairResult, error) {
	d.w.t.Helper()
	if _, err := client.Init(d.w.t.Context(), client.InitRequest{Path: d.path, URL: p.url}, o); err != nil {
		d.w.t.Fatal(err)
	}
	x, err := client.Open(d.path, o)
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer x.Close()
	return x.Repair(d.w.t.Context())
}

package story

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"replog/applier"
	"replog/client"
	"replog/replog"
	"replog/server"
)

const nameOf1 = "SELECT name FROM customer WHERE id = 1"

// rename changes the name of customer 1.
func rename(name string) string {
	return fmt.Sprintf("UPDATE customer SET name = '%s' WHERE id = 1", name)
}

func inHurry(o *client.WatchOptions) { o.Clock = hurried{} }

func TestWatchedDevicesKeepInStep(t *testing.T) {
	for _, journal := range []string{"WAL", "DELETE"} {
		t.Run(journal, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", "PRAGMA journal_mode="+journal+";"+shop)
			b := w.clone("b.db")
			b.write("PRAGMA journal_mode=" + journal)
			x, y := a.watch(), b.watch()
			a.patiently(rename("one"))
			b.arrives(nameOf1, "one")
			b.patiently(rename("two"))
			a.arrives(nameOf1, "two")
			x.cancel()
			y.cancel()
			if err := errors.Join(x.ends(), y.ends()); err != nil {
				t.Fatal(err)
			}
			w.converge(a, b)
			// Each at its start, and for each change: nobody wakes of what it wrote.
			if x.synced() > 4 || y.synced() > 4 {
				t.Errorf("%d and %d syncs for two changes", x.synced(), y.synced())
			}
		})
	}
}

func TestWatchTakesWhatWasWrittenWhileItSynced(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.watch()
	b.watch()
	for n := range 50 {
		a.patiently(rename(fmt.Sprint("name ", n)))
	}
	b.arrives(nameOf1, "name 49")
}

func TestWatchOneWay(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.watch(func(o *client.WatchOptions) { o.Mode = client.PushOnly })
	x := b.watch(func(o *client.WatchOptions) { o.Mode = client.PullOnly })
	a.patiently(rename("one"))
	b.arrives(nameOf1, "one")
	before := x.synced()
	b.patiently("UPDATE customer SET name = 'two' WHERE id = 2")
	a.patiently(rename("three")) // b has pulled after it was written to
	b.arrives(nameOf1, "three")
	eventually(t, "the watch has synced", func() bool { return x.synced() != before })
	if pending := b.status().Pending; pending != 1 {
		t.Fatalf("%d pending", pending)
	}
}

func TestWatchWithoutWordOfWrites(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.watch(func(o *client.WatchOptions) {
		o.Notify = func() (*fsnotify.Watcher, error) { return nil, errors.New("no watch is left") }
	})
	b.watch()
	a.patiently(rename("one"))
	b.arrives(nameOf1, "one")
}

func TestWatchPollsWhereEventsDoNotGetThrough(t *testing.T) {
	problem := string(replog.MarshalProblem(&replog.Problem{Status: 404, Code: replog.CodeNotFound, Title: "no such call"}))
	for _, c := range []struct {
		name string
		road road
	}{
		{"a server that has none", road{events: func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 404, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(problem))}, nil
		}}},
		{"a proxy that keeps the answer back", road{events: func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}}},
		{"a proxy that keeps the body back", road{events: func(r *http.Request) (*http.Response, error) {
			in, out := io.Pipe()
			go func() { <-r.Context().Done(); out.CloseWithError(r.Context().Err()) }()
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: in}, nil
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", shop)
			b := w.clone("b.db")
			x := b.watch(inHurry, c.road.use, func(o *client.WatchOptions) { o.Poll = 2 * time.Second })
			eventually(t, "the watch says that it polls", func() bool { return x.polls() != nil })
			a.patiently(rename("one"))
			a.sync(client.Both)
			b.arrives(nameOf1, "one")
		})
	}
}

// quiet lets a body through up to its first line, and then nothing more.
type quiet struct {
	io.ReadCloser
	r    *http.Request
	said bool
}

func (q *quiet) Read(b []byte) (int, error) {
	if q.said {
		<-q.r.Context().Done()
		return 0, q.r.Context().Err()
	}
	q.said = true
	return q.ReadCloser.Read(b)
}

func TestWatchNoticesAStreamThatFellSilent(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	var streams atomic.Int32
	way := road{events: func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && streams.Add(1) == 1 {
			res.Body = &quiet{ReadCloser: res.Body, r: r}
		}
		return res, err
	}}
	b.watch(inHurry, way.use, func(o *client.WatchOptions) { o.Poll = 1000 * time.Hour })
	eventually(t, "a stream is open", func() bool { return streams.Load() == 1 })
	a.patiently(rename("one"))
	a.sync(client.Both)
	b.arrives(nameOf1, "one")
	if streams.Load() < 2 {
		t.Error("the change did not come by a second stream")
	}
}

func TestWatchOutlivesTheServer(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	x, y := a.watch(inHurry), b.watch(inHurry)
	w.stopped(func() {
		a.patiently(rename("one"))
		eventually(t, "a sync fails", func() bool { return isUnreachable(x.failure()) })
	})
	b.arrives(nameOf1, "one")
	b.patiently(rename("two"))
	a.arrives(nameOf1, "two")
	x.cancel()
	y.cancel()
	if err := errors.Join(x.ends(), y.ends()); err != nil {
		t.Fatal(err)
	}
}

func TestWatchThatBeginsWithoutAServer(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	var x *watched
	w.stopped(func() {
		x = a.watch(inHurry)
		eventually(t, "a sync fails", func() bool { return isUnreachable(x.failure()) })
	})
	eventually(t, "a sync succeeds", func() bool { return x.synced() > 0 })
}

func TestWatchOutlivesALockedFile(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	x := a.watch(inHurry, func(o *client.WatchOptions) { o.Device.BusyTimeout = 10 * time.Millisecond })
	eventually(t, "it has begun", func() bool { return x.synced() > 0 })
	c, err := applier.Open(a.path, applier.OpenOptions{BusyTimeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a.patiently(rename("one"))
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	b.patiently("INSERT INTO customer(id, name) VALUES(77, 'Gert')")
	b.sync(client.Both)
	var busy *client.BusyError
	eventually(t, "a sync fails", func() bool { return errors.As(x.failure(), &busy) })
	if err := c.Rollback(); err != nil {
		t.Fatal(err)
	}
	a.arrives("SELECT name FROM customer WHERE id = 77", "Gert")
}

func TestWatchStopsWhereAPersonIsNeeded(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.watch()
	eventually(t, "it has begun", func() bool { return x.synced() > 0 })
	access, err := server.OpenAccess(t.Context(), w.stores(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer access.Close()
	tokens, err := access.List(t.Context())
	for _, k := range tokens {
		if k.Kind == server.DeviceToken {
			err = errors.Join(err, access.Revoke(t.Context(), k.ID))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	// The server ends the stream of itself; the watch asks why.
	var refused *client.NotAllowedError
	if err := x.ends(); !errors.As(err, &refused) {
		t.Fatalf("%v", err)
	}
	var absent *client.NotFoundError
	if err := client.Watch(t.Context(), client.WatchOptions{Path: a.path + "-none"}); !errors.As(err, &absent) {
		t.Fatalf("a file that is not there: %v", err)
	}
}

func TestWatchFollowsAFileThatIsReplaced(t *testing.T) {
	w := newWorld(t)
	// Without a write-ahead log, which would have to be replaced with the file.
	a := w.publish("a.db", "PRAGMA journal_mode=DELETE;"+shop)
	b := w.clone("b.db")
	x := a.watch(inHurry)
	b.watch()
	eventually(t, "it has begun", func() bool { return x.synced() > 0 })
	backup, err := applier.Open(a.path, applier.OpenOptions{BusyTimeout: patience})
	if err == nil {
		err = errors.Join(backup.Backup(a.path+".copy"), backup.Close())
	}
	if err == nil {
		err = os.Rename(a.path+".copy", a.path)
	}
	if err != nil {
		t.Fatal(err)
	}
	a.patiently(rename("one"))
	b.arrives(nameOf1, "one")
}

func TestWatchFollowsANewAddress(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.patiently("UPDATE replog_device SET server = 'http://127.0.0.1:1'")
	x := a.watch() // whose next try is a second away, and then longer
	eventually(t, "a sync fails", func() bool { return isUnreachable(x.failure()) })
	a.init(client.InitRequest{})
	a.patiently(rename("one"))
	b.watch()
	b.arrives(nameOf1, "one")
}

// What fails on a file that is no longer there says nothing of the one that took
// its place.
func TestWatchFollowsAFileThatIsReplacedDuringASync(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", "PRAGMA journal_mode=DELETE;"+shop)
	b := w.clone("b.db")
	b.watch()
	backup, err := applier.Open(a.path, applier.OpenOptions{BusyTimeout: patience})
	if err == nil {
		err = errors.Join(backup.Backup(a.path+".copy"), backup.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	var replaced atomic.Bool
	a.watch(inHurry, func(o *client.WatchOptions) {
		o.Device.Fault = func(string) (err error) {
			once.Do(func() {
				err = errors.Join(errors.New("disk I/O error"), os.Rename(a.path+".copy", a.path))
				replaced.Store(true)
			})
			return err
		}
	})
	eventually(t, "the file is replaced", replaced.Load)
	a.patiently(rename("one"))
	b.arrives(nameOf1, "one")
}

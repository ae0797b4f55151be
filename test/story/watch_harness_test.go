package story

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"replog/applier"
	"replog/client"
)

// hurried is a clock on which waits are a hundred times as short.
type hurried struct{ client.SystemClock }

func (hurried) After(d time.Duration) <-chan time.Time { return time.After(d / 100) }

// watched is a device with a Watch on it.
type watched struct {
	*device
	cancel context.CancelFunc
	done   chan error

	mu      sync.Mutex
	results []*client.SyncResult
	failed  []error
	polling []error
}

func (w *watched) Synced(r *client.SyncResult) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results = append(w.results, r)
}

func (w *watched) Failed(err error, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = append(w.failed, err)
}

func (w *watched) Polling(why error, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polling = append(w.polling, why)
}

// watch watches the device until the test ends. The server is not polled within
// the time of a test, unless change says so.
func (d *device) watch(change ...func(*client.WatchOptions)) *watched {
	d.w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watched{device: d, cancel: cancel, done: make(chan error, 1)}
	o := client.WatchOptions{Path: d.path, Poll: time.Hour, Observer: w}
	for _, f := range change {
		f(&o)
	}
	go func() { w.done <- client.Watch(ctx, o) }()
	d.w.t.Cleanup(func() {
		cancel()
		if err := <-w.done; err != nil {
			d.w.t.Logf("%s: the watch ended: %v", d.path, err)
		}
	})
	return w
}

// ends waits for the watch to end of itself and returns why.
func (w *watched) ends() error {
	w.w.t.Helper()
	select {
	case err := <-w.done:
		w.done <- err // for the cleanup
		return err
	case <-time.After(patience):
		w.w.t.Fatal("the watch goes on")
		return nil
	}
}

func (w *watched) synced() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.results)
}

// failure is the last reason why a sync failed; nil for none.
func (w *watched) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.failed) == 0 {
		return nil
	}
	return w.failed[len(w.failed)-1]
}

func (w *watched) polls() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.polling) == 0 {
		return nil
	}
	return w.polling[len(w.polling)-1]
}

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// arrives waits until a query gives what it should.
func (d *device) arrives(query, want string) {
	d.w.t.Helper()
	eventually(d.w.t, d.path+": "+query+" gives "+want, func() bool { return d.patiently(query) == want })
}

// patiently reads, or where query is no SELECT writes, as a program that waits
// for others' locks.
func (d *device) patiently(query string) string {
	d.w.t.Helper()
	c, err := applier.Open(d.path, applier.OpenOptions{BusyTimeout: patience})
	if err != nil {
		d.w.t.Fatal(err)
	}
	defer c.Close()
	if !strings.HasPrefix(query, "SELECT") {
		if err := c.Script(query); err != nil {
			d.w.t.Fatalf("%s: %v", query, err)
		}
		return ""
	}
	row, err := c.QueryRow(query)
	if err != nil {
		d.w.t.Fatalf("%s: %v", query, err)
	}
	if row == nil {
		return ""
	}
	return row[0].Bytes()
}

// road is a transport on which events fare otherwise than the rest.
type road struct {
	events func(*http.Request) (*http.Response, error)
}

func (r *road) RoundTrip(q *http.Request) (*http.Response, error) {
	if strings.HasSuffix(q.URL.Path, "/events") {
		return r.events(q)
	}
	return http.DefaultTransport.RoundTrip(q)
}

func (r *road) use(o *client.WatchOptions) { o.Device.HTTP = &http.Client{Transport: r} }

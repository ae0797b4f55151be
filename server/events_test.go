package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"replog/replog"
)

// stream is one open stream of events, read as it comes.
type stream struct {
	t     testing.TB
	lines chan string // closed at its end
	close func()
}

func (h *harness) listen(path, token string, headers ...string) *stream {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", h.web.URL+path, nil)
	h.must(err)
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := h.web.Client().Do(r)
	h.must(err)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("status %d, %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	s := &stream{t: h.t, lines: make(chan string, 1000), close: cancel}
	go func() {
		defer close(s.lines)
		defer resp.Body.Close()
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	h.t.Cleanup(cancel)
	return s
}

// next reads to the next line that begins so; false at the stream's end.
func (s *stream) next(prefix string) (string, bool) {
	s.t.Helper()
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return "", false
			}
			if rest, found := strings.CutPrefix(line, prefix); found {
				return rest, true
			}
		case <-time.After(20 * time.Second):
			s.t.Fatalf("no line %q within 20 seconds", prefix)
		}
	}
}

// head reads the next event, and checks that it has its form.
func (s *stream) head() replog.HeadEvent {
	s.t.Helper()
	id, _ := s.next("id: ")
	name, _ := s.next("event: ")
	data, _ := s.next("data: ")
	var e replog.HeadEvent
	if err := json.Unmarshal([]byte(data), &e); err != nil || name != "head" || id != fmt.Sprint(e.Revision) {
		s.t.Fatalf("id %q, event %q, data %q: %v", id, name, data, err)
	}
	return e
}

func TestEventsTellEachNewHead(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	s := h.listen("/v1/shop/events", a.token)
	if e := s.head(); e.Revision != 0 || e.Epoch != a.header.Epoch {
		t.Fatalf("at first %+v", e)
	}
	for n := range int64(3) {
		a.insert(10+n, "cup")
		a.sync()
		if e := s.head(); e.Revision != replog.Revision(n+1) || e.Epoch != a.header.Epoch {
			t.Fatalf("after upload %d: %+v", n+1, e)
		}
	}
}

func TestEventComesAfterItsCommitIsDurable(t *testing.T) {
	var fire atomic.Bool
	h := newHarness(t, func(c *Config) {
		c.Fault = func(point string) error {
			if point == FaultBeforeLogCommit && fire.Load() {
				return errKilled
			}
			return nil
		}
	})
	h.shop()
	a := h.enrol("shop")
	s := h.listen("/v1/shop/events?after=0", a.token)
	a.insert(10, "cup")
	a.sync()
	log := h.srv.opened("shop").log
	if head, err := log.Head(t.Context()); err != nil || s.head().Revision != head.Revision {
		t.Fatalf("the log is at %+v: %v", head, err)
	}
	fire.Store(true)
	a.insert(11, "saucer")
	if _, err := a.send(a.upload()); err == nil {
		t.Fatal("the server was to die")
	}
	if head, _ := h.srv.opened("shop").heads.newest(); head.Revision != 1 {
		t.Fatalf("what was not committed was told: %+v", head)
	}
}

func TestEventsResume(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	for n := range int64(3) {
		a.insert(10+n, "cup")
		a.sync()
	}
	for _, c := range []struct {
		name, query string
		headers     []string
		atOnce      bool
	}{
		{"nothing known", "", nil, true},
		{"behind the head", "?after=1", nil, true},
		{"at the head", "?after=3", nil, false},
		{"ahead of the head, which a sync has to explain", "?after=9", nil, true},
		{"the header counts more", "?after=1", []string{"Last-Event-ID", "3"}, false},
		{"the header alone", "", []string{"Last-Event-ID", "2"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := h.listen("/v1/shop/events"+c.query, a.token, c.headers...)
			defer s.close()
			if c.atOnce {
				if e := s.head(); e.Revision != 3 {
					t.Fatalf("%+v", e)
				}
				return
			}
			s.next(": listening")
			select {
			case line := <-s.lines:
				if line != "" {
					t.Fatalf("it said %q", line)
				}
			default:
			}
		})
	}
	s := h.listen("/v1/shop/events?after=3", a.token)
	a.insert(20, "plate")
	a.sync()
	if e := s.head(); e.Revision != 4 {
		t.Fatalf("after the next upload %+v", e)
	}
	h.expect(h.do("GET", "/v1/shop/events?after=-1", a.token, nil), http.StatusBadRequest, replog.CodeMalformed)
	h.expect(h.do("GET", "/v1/shop/events", a.token, nil, "Last-Event-ID", "x"), http.StatusBadRequest, replog.CodeMalformed)
}

func TestSilentStreamHasHeartbeats(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.Heartbeat = time.Millisecond })
	h.shop()
	s := h.listen("/v1/shop/events", h.admin())
	for range 3 {
		if _, ok := s.next(": heartbeat"); !ok {
			t.Fatal("the stream ended")
		}
	}
}

func TestEventsEndWhenTheTokenIsRevoked(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.Revocation = 5 * time.Millisecond })
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	one, other := h.listen("/v1/shop/events", a.token), h.listen("/v1/shop/events?after=0", b.token)
	access, err := OpenAccess(t.Context(), h.cfg.Stores, nil, nil) // as another process would
	h.must(err)
	defer access.Close()
	tokens, err := access.List(t.Context())
	h.must(err)
	for _, k := range tokens {
		if k.Device == a.header.Device {
			h.must(access.Revoke(t.Context(), k.ID))
		}
	}
	if _, more := one.next("never: "); more {
		t.Fatal("it goes on")
	}
	b.insert(10, "cup")
	b.sync()
	if e := other.head(); e.Revision != 1 {
		t.Fatalf("the other device's stream: %+v", e)
	}
	h.ok(h.do("DELETE", "/v1/shop/devices/"+string(b.header.Device), h.admin(), nil), http.StatusNoContent)
	if _, more := other.next("never: "); more {
		t.Fatal("the removed device's goes on")
	}
}

func TestEventsEndWhenTheServerStops(t *testing.T) {
	h := newHarness(t)
	h.shop()
	h.web.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	served := make(chan error, 1)
	go func() { served <- h.srv.Serve(ctx, listener) }()
	h.web.URL = "http://" + listener.Addr().String()
	s := h.listen("/v1/shop/events", h.admin())
	s.head()
	stop()
	if _, more := s.next("never: "); more {
		t.Fatal("it goes on")
	}
	if err := <-served; err != nil {
		t.Fatalf("the stream held the server up: %v", err)
	}
	r := h.srv.listeners.join("x")
	if r != nil {
		t.Fatal("a stream was opened after the end")
	}
}

func TestSlowListenerGetsTheNewestHeadOnly(t *testing.T) {
	var d heads
	_, moved := d.newest()
	for n := range replog.Revision(1000) {
		d.move(replog.Head{Revision: n + 1})
	}
	<-moved
	if head, _ := d.newest(); head.Revision != 1000 {
		t.Fatalf("%+v", head)
	}
}

// idleListeners is a crowd; what one of it costs has a bound.
const (
	idleListeners       = 1000
	goroutinesAListener = 2 // net/http's own: one serves, one watches the connection
	bytesAListener      = 64 << 10
)

func TestThousandIdleListenersAreCheap(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	request := "GET /v1/shop/events?after=0 HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer " + a.token + "\r\n\r\n"
	before, memory := runtime.NumGoroutine(), inUse()
	crowd := make([]*bufio.Reader, idleListeners)
	var connections []net.Conn
	for i := range crowd {
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.web.URL, "http://"))
		h.must(err)
		defer conn.Close()
		connections = append(connections, conn)
		crowd[i] = bufio.NewReaderSize(conn, 256) // little, as it counts too
	}
	for _, conn := range connections { // all at once, as after a restart
		_, err := io.WriteString(conn, request)
		h.must(err)
	}
	for _, c := range crowd {
		await(t, c, ": listening\n")
	}
	// What the requests needed to begin is given back when they are quiet.
	eventually(t, func() bool { return runtime.NumGoroutine()-before <= goroutinesAListener*idleListeners+50 })
	if used := inUse() - memory; used > bytesAListener*idleListeners {
		t.Errorf("%d listeners take %d bytes each", idleListeners, used/idleListeners)
	} else {
		t.Logf("%d goroutines, %d bytes each", (runtime.NumGoroutine()-before)/idleListeners, used/idleListeners)
	}
	a.insert(10, "cup")
	a.sync()
	for _, c := range crowd {
		await(t, c, "id: 1\n")
	}
}

func await(t *testing.T, in *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("no %q: %v", want, err)
		}
		if line == want {
			return
		}
	}
}

// inUse is what the heap and the stacks hold.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

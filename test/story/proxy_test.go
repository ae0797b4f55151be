package story

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"replog/client"
)

// proxy stands between devices and the server, over real HTTP, and does to the
// downloads of snapshots what networks do.
type proxy struct {
	t      *testing.T
	target string
	url    string
	// request may change what is asked for, and answer what comes back.
	request func(h http.Header)
	answer  func(h http.Header)
	// cut gives how many bytes of the n-th answer, from 0, pass before the
	// connection breaks; below 0 all.
	cut func(n int) int
	// broken runs after the connection broke.
	broken func(n int)
	// damage, where not nil, changes the bytes of the n-th answer that pass.
	damage func(n int, b []byte)
	// stall leaves a connection open that should break.
	stall bool

	mu  sync.Mutex
	log []passed
}

// passed is one download that went through.
type passed struct {
	asked  string // the Range
	status int
	tag    string
	bytes  int
}

func (w *world) proxy() *proxy {
	w.t.Helper()
	p := &proxy{t: w.t, target: strings.TrimSuffix(w.url, "/shop"), cut: func(int) int { return -1 }}
	web := httptest.NewServer(http.HandlerFunc(p.serve))
	w.t.Cleanup(web.Close)
	p.url = web.URL + "/shop"
	return p
}

func (p *proxy) serve(out http.ResponseWriter, r *http.Request) {
	snapshot := strings.HasSuffix(r.URL.Path, "/snapshot")
	asked := r.Header.Get("Range")
	if snapshot && p.request != nil {
		p.request(r.Header)
	}
	ask, err := http.NewRequestWithContext(r.Context(), r.Method, p.target+r.URL.Path, r.Body)
	if err != nil {
		panic(err)
	}
	ask.Header = r.Header.Clone()
	res, err := http.DefaultTransport.RoundTrip(ask)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if !snapshot {
		p.send(out, res, b)
		return
	}
	if p.answer != nil {
		p.answer(res.Header)
	}
	n := len(p.passed())
	if p.damage != nil {
		b = bytes.Clone(b)
		p.damage(n, b)
	}
	pass := p.cut(n)
	whole := pass < 0 || pass >= len(b)
	if !whole {
		b = b[:pass]
	}
	p.mu.Lock()
	p.log = append(p.log, passed{asked, res.StatusCode, res.Header.Get("ETag"), len(b)})
	p.mu.Unlock()
	p.send(out, res, b)
	if whole {
		return
	}
	if err := http.NewResponseController(out).Flush(); err != nil {
		p.t.Error(err)
	}
	if p.broken != nil {
		p.broken(n)
	}
	if p.stall {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (p *proxy) send(out http.ResponseWriter, res *http.Response, b []byte) {
	for name, values := range res.Header {
		out.Header()[name] = values
	}
	out.WriteHeader(res.StatusCode)
	_, _ = out.Write(b)
}

// passed are the downloads so far.
func (p *proxy) passed() []passed {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log
}

// forget makes the next download the first.
func (p *proxy) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = nil
}

// only cuts one answer.
func only(which, at int) func(int) int {
	return func(n int) int {
		if n == which {
			return at
		}
		return -1
	}
}

// tireless are options that ask again for as long as it takes, without waiting.
func tireless() client.Options { return patient(client.Options{}, func() {}) }

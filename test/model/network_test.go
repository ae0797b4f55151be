package model

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// errNetwork is what the network fails with.
var errNetwork = errors.New("the network failed, as the test asked")

// trouble is what happens to one request.
type trouble int

const (
	noTrouble trouble = iota
	neverSent
	cutRequest // after some bytes
	lostAnswer
	cutAnswer // after some bytes
	sentTwice
)

func (t trouble) String() string {
	return [...]string{"none", "never sent", "request cut", "answer lost", "answer cut", "sent twice"}[t]
}

// wire is one device's network. Whole answers are read before the device sees
// any of one, so that nothing is under way on the server while the test looks.
type wire struct {
	calm *calm
	// trouble is what happens to the next request to sync, after bytes of it.
	trouble trouble
	bytes   int
	// before runs when a request to sync is about to be sent, after when the
	// answer is there; nil for nothing.
	before, after func()
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "/sync") {
		return w.calm.roundTrip(req)
	}
	if w.before != nil {
		w.before()
	}
	res, err := w.send(req)
	if err == nil && w.after != nil {
		w.after()
	}
	return res, err
}

func (w *wire) send(req *http.Request) (*http.Response, error) {
	t := w.trouble
	w.trouble = noTrouble
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	with := func(r io.Reader) *http.Request {
		again := req.Clone(req.Context())
		again.Body = io.NopCloser(r)
		return again
	}
	switch t {
	case neverSent:
		return nil, errNetwork
	case cutRequest:
		return w.calm.roundTrip(with(io.MultiReader(bytes.NewReader(body[:min(w.bytes, len(body))]), failing{})))
	case sentTwice:
		if _, err := w.calm.roundTrip(with(bytes.NewReader(body))); err != nil {
			return nil, err
		}
	}
	res, err := w.calm.roundTrip(with(bytes.NewReader(body)))
	switch {
	case err != nil:
		return nil, err
	case t == lostAnswer:
		return nil, errNetwork
	case t == cutAnswer:
		all, _ := io.ReadAll(res.Body)
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(all[:min(w.bytes, len(all))]), failing{}))
	}
	return res, nil
}

// failing is a connection that breaks.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errNetwork }

// calm is a transport that uses a connection for each request and returns only
// when the server is done with it.
type calm struct {
	transport *http.Transport
	mu        sync.Mutex
	changed   *sync.Cond
	dialled   int
	closed    int
}

func newCalm() *calm {
	c := &calm{}
	c.changed = sync.NewCond(&c.mu)
	c.transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: c.dial}
	return c
}

func (c *calm) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.mu.Lock()
		c.dialled++
		c.mu.Unlock()
	}
	return conn, err
}

// connState is the server's hook.
func (c *calm) connState(_ net.Conn, s http.ConnState) {
	if s == http.StateClosed {
		c.mu.Lock()
		c.closed++
		c.changed.Broadcast()
		c.mu.Unlock()
	}
}

func (c *calm) roundTrip(req *http.Request) (*http.Response, error) {
	res, err := c.transport.RoundTrip(req)
	var body []byte
	var cut error
	if err == nil {
		body, cut = io.ReadAll(res.Body)
		res.Body.Close()
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), ending{cut}))
	}
	if waited := c.wait(); waited != nil {
		return nil, waited
	}
	return res, err
}

// ending ends a body as it ended on the network.
type ending struct{ err error }

func (e ending) Read([]byte) (int, error) {
	if e.err == nil {
		return 0, io.EOF
	}
	return 0, e.err
}

// wait returns when the server has closed every connection.
func (c *calm) wait() error {
	timer := time.AfterFunc(20*time.Second, c.changed.Broadcast)
	defer timer.Stop()
	deadline := time.Now().Add(20 * time.Second)
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.closed < c.dialled {
		if time.Now().After(deadline) {
			return fmt.Errorf("the server still has %d connections after 20 seconds", c.dialled-c.closed)
		}
		c.changed.Wait()
	}
	return nil
}

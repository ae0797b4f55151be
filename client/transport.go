package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"replog/replog"
)

// server is how one database on a server is reached.
type server struct {
	http    *http.Client
	retries retries
	url     string // without the database's name
	name    string
	token   string
}

// ParseServer splits http(s)://HOST:PORT[/PREFIX]/NAME.
func ParseServer(raw string) (base, name string, err error) {
	hint := "give http(s)://HOST:PORT/NAME"
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", "", fmt.Errorf("%q is not a server's address: %s", raw, hint)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fmt.Errorf("%q: an address has no user, query or fragment: %s", raw, hint)
	}
	at := strings.LastIndex(u.Path, "/")
	if at < 0 {
		return "", "", fmt.Errorf("%q names no database: %s", raw, hint)
	}
	if name, err = replog.ParseDatabase(u.Path[at+1:]); err != nil {
		return "", "", fmt.Errorf("%w (in %q)", err, raw)
	}
	u.Path = u.Path[:at]
	return u.String(), name, nil
}

func (s *server) address() string { return s.url + "/" + s.name }

// call is one request.
type call struct {
	method, path string           // path below /v1/NAME
	body         func() io.Reader // makes it, for each attempt; nil for none
	encoding     string           // of the body
	contentType  string
	header       http.Header // more headers
	raw          bool        // give the answer's body as it is on the wire
	// sending and receiving report the bodies' progress, where they are given.
	sending, receiving gauge
}

// bodyOf gives bytes as the body of a call.
func bodyOf(b []byte) func() io.Reader { return func() io.Reader { return bytes.NewReader(b) } }

// traffic counts the bytes of bodies on the wire. A request may still be read
// from when its answer is there.
type traffic struct{ sent, received atomic.Int64 }

// do sends a request, again where that may help, and returns a success's answer,
// with its body uncompressed unless the call is raw; that may also get 416, for
// a range that does not exist. Errors are *UnreachableError, *NotAllowedError,
// or a *replog.Problem.
func (s *server) do(ctx context.Context, c call, t *traffic) (res *http.Response, err error) {
	err = s.again(ctx, c.method == http.MethodGet, func() error {
		res, err = s.once(ctx, c, t)
		return err
	})
	return res, err
}

// once is an attempt of do.
func (s *server) once(ctx context.Context, c call, t *traffic) (*http.Response, error) {
	var sent io.Reader
	if c.body != nil {
		up := c.sending.over(c.body())
		defer up.end()
		sent = &counter{r: up, n: &t.sent}
	}
	req, err := http.NewRequestWithContext(ctx, c.method, s.url+"/v1/"+s.name+c.path, sent)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.token)
	req.Header.Set("Accept-Encoding", codingColumns)
	if c.encoding != "" {
		req.Header.Set("Content-Encoding", c.encoding)
	}
	if c.contentType != "" {
		req.Header.Set("Content-Type", c.contentType)
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	res, err := s.http.Do(req)
	if err != nil {
		var repeats *url.Error // the method and the address
		if errors.As(err, &repeats) {
			err = repeats.Err
		}
		return nil, s.failed(err)
	}
	down := c.receiving.over(res.Body)
	answered := res.Body
	raw := &body{Reader: down, close: func() error { down.end(); return answered.Close() }}
	wire := &counter{r: raw, n: &t.received}
	res.Body = &body{Reader: wire, close: raw.Close}
	if !(c.raw && res.StatusCode/100 == 2) {
		decoded, err := decode(wire, res.Header)
		if err != nil {
			raw.Close()
			return nil, &UnreachableError{URL: s.address(), Err: err}
		}
		res.Body = &body{Reader: decoded, close: func() error { decoded.close(); return raw.Close() }}
	}
	if c.raw && res.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return res, nil
	}
	if res.StatusCode/100 != 2 {
		defer res.Body.Close()
		return nil, s.problem(res)
	}
	return res, nil
}

// problem reads an error answer.
func (s *server) problem(res *http.Response) error {
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	p := &replog.Problem{}
	if err != nil || json.Unmarshal(b, p) != nil || p.Code == "" {
		return s.turnedAway(res, fmt.Errorf("answered %s", res.Status))
	}
	switch {
	case p.Code == replog.CodeUnauthorized || p.Code == replog.CodeForbidden:
		return &NotAllowedError{URL: s.address(), Problem: p}
	case p.Code == replog.CodeBusy || res.StatusCode == http.StatusTooManyRequests:
		return s.turnedAway(res, p)
	}
	return p
}

// mismatch makes a *MismatchError of the problems that mean one, and a *BusyError
// of tables that were made anew while something else was done.
func mismatch(path string, err error) error {
	var blind *blindError
	if errors.As(err, &blind) {
		return &BusyError{Path: path, What: blind.Error()}
	}
	var p *replog.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch p.Code {
	case replog.CodeSchema, replog.CodeFork, replog.CodeEpoch, replog.CodeDatabase, replog.CodeAhead, replog.CodeHorizon, replog.CodeGap:
		return &MismatchError{Path: path, Code: p.Code, Detail: p.Error()}
	}
	return err
}

// counter counts what is read, and keeps the error that ended it.
type counter struct {
	r   io.Reader
	n   *atomic.Int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	c.err = err
	return n, err
}

type body struct {
	io.Reader
	close func() error
}

func (b *body) Close() error { return b.close() }

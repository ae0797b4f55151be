package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// lineKey is the key of a script's *scriptLine.
type lineKey struct{}

// scriptLine is a bad line to the server. It does to snapshots what it says, and
// appends each Range that is asked for to the file line.log.
type scriptLine struct {
	hold atomic.Int64 // bytes that pass before nothing does; below 0 all
	slow atomic.Bool  // takes two seconds for all
}

// cmdLine puts a line in front of the server, at $LINE_URL, or changes it:
// line hold BYTES, line slow, line good.
func cmdLine(ts *testscript.TestScript, neg bool, args []string) {
	l, ok := ts.Value(lineKey{}).(*scriptLine)
	if neg || !ok || len(args) == 0 {
		ts.Fatalf("usage: line hold BYTES|slow|good")
	}
	if ts.Getenv("LINE_URL") == "" {
		l.start(ts)
	}
	l.hold.Store(-1)
	l.slow.Store(false)
	switch {
	case args[0] == "hold" && len(args) == 2:
		var n int64
		_, err := fmt.Sscan(args[1], &n)
		ts.Check(err)
		l.hold.Store(n)
	case args[0] == "slow" && len(args) == 1:
		l.slow.Store(true)
	case args[0] == "good" && len(args) == 1:
	default:
		ts.Fatalf("usage: line hold BYTES|slow|good")
	}
}

func (l *scriptLine) start(ts *testscript.TestScript) {
	target, err := url.Parse(ts.Getenv("URL"))
	ts.Check(err)
	log := ts.MkAbs("line.log")
	through := httputil.NewSingleHostReverseProxy(target)
	through.ModifyResponse = func(r *http.Response) error {
		if !strings.HasSuffix(r.Request.URL.Path, "/snapshot") {
			return nil
		}
		f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := fmt.Fprintf(f, "%q %d\n", r.Request.Header.Get("Range"), r.StatusCode); err != nil {
			return err
		}
		r.Body = &badBody{line: l, ReadCloser: r.Body, length: r.ContentLength, gone: r.Request.Context().Done()}
		return nil
	}
	through.FlushInterval = -1
	through.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	web := httptest.NewServer(through)
	ts.Defer(web.Close)
	ts.Setenv("LINE_URL", web.URL)
}

// badBody is an answer as a bad line passes it on.
type badBody struct {
	line *scriptLine
	io.ReadCloser
	length, passed int64
	gone           <-chan struct{}
}

func (b *badBody) Read(p []byte) (int, error) {
	if hold := b.line.hold.Load(); hold >= 0 {
		if b.passed >= hold {
			<-b.gone
			return 0, io.ErrUnexpectedEOF
		}
		p = p[:min(int64(len(p)), hold-b.passed)]
	}
	if b.line.slow.Load() {
		const steps = 40
		select {
		case <-time.After(2 * time.Second / steps):
		case <-b.gone:
		}
		p = p[:min(int64(len(p)), b.length/steps+1)]
	}
	n, err := b.ReadCloser.Read(p)
	b.passed += int64(n)
	return n, err
}

package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"replog/replog"
)

// download reads one representation of a snapshot to its end, over as many
// requests as it takes, and keeps in a partial what comes. It is an io.Reader of
// the bytes that the partial did not have when it began.
type download struct {
	ctx     context.Context
	server  *server
	options *Options
	part    *partial
	newest  bool // ask for a snapshot of the log's head
	keep    bool // what came can be used another time

	of     representation // as the last answer says
	body   io.ReadCloser  // nil between two answers
	last   time.Time      // when something came
	failed int            // how often nothing has come since
	err    lastError      // what ended it, but for the end
}

// errChanged says that the server has another snapshot now: what came of the
// one before is of no use.
var errChanged = errors.New("the server's snapshot changed during the download")

// start makes the first request. From then on `of` holds, and the partial has
// what can be used of an earlier download.
func (d *download) start() error {
	err := d.server.again(d.ctx, true, d.connect)
	if errors.Is(err, errChanged) {
		err = d.server.again(d.ctx, true, d.connect)
	}
	d.last = d.options.Clock()
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) {
		unreachable.Kept = d.kept()
	}
	return err
}

// Read gives the next bytes. Its errors are those of the server's calls, of the
// disk, or errChanged.
func (d *download) Read(b []byte) (int, error) {
	n, err := d.read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		d.err.set(err)
	}
	return n, err
}

func (d *download) read(b []byte) (int, error) {
	for {
		if left := d.of.Total - d.part.have; d.of.Total >= 0 {
			b = b[:min(int64(len(b)), left)]
		}
		if len(b) == 0 {
			return 0, io.EOF
		}
		if d.body == nil {
			if err := d.again(); err != nil {
				return 0, err
			}
			continue // the total may be told now
		}
		n, err := d.body.Read(b)
		if n > 0 {
			d.failed, d.last = 0, d.options.Clock()
			err := d.part.add(b[:n])
			if d.part.have != d.of.Total {
				d.options.Progress(StageSnapshot, d.part.have, d.of.Total)
			}
			return n, err
		}
		if errors.Is(err, io.EOF) {
			if d.of.Total < 0 {
				return 0, io.EOF
			}
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			d.hangUp()
			if err := d.fail(&UnreachableError{Err: err}); err != nil {
				return 0, err
			}
		}
	}
}

// again asks for the rest until an answer comes, or it is time to give up.
func (d *download) again() error {
	for {
		err := d.connect()
		var unreachable *UnreachableError
		if !errors.As(err, &unreachable) {
			return err
		}
		if err := d.fail(unreachable); err != nil {
			return err
		}
	}
}

// fail waits before the server is asked again, or gives the error to end with:
// what came last starts the time of Options.RetryFor anew.
func (d *download) fail(cause *UnreachableError) error {
	r := &d.server.retries
	wait, err := r.wait(d.failed, cause.after)
	if err != nil {
		return err
	}
	d.failed++
	if cause.final || d.ctx.Err() != nil || wait > r.left(d.ctx, d.last) {
		return d.cut(cause.Err)
	}
	if err := r.sleep(d.ctx, wait); err != nil {
		return d.cut(err)
	}
	return nil
}

// cut is the error of a download that can go on another time.
func (d *download) cut(cause error) error {
	return &UnreachableError{URL: d.server.address(), Err: fmt.Errorf("the snapshot was cut: %w", cause), Kept: d.kept()}
}

// kept is the file that another try can go on with; "" where there is none.
func (d *download) kept() string {
	if !d.keep || !d.part.useful() {
		return ""
	}
	return d.part.file.Name()
}

// connect asks for what the partial does not have yet. errChanged where that can
// no longer be had: the partial is empty then.
func (d *download) connect() error {
	ctx, cancel := context.WithCancelCause(d.ctx)
	res, err := d.server.once(ctx, call{method: "GET", path: "/snapshot", header: d.ask(), raw: true}, &traffic{})
	if err != nil {
		cancel(nil)
		return err
	}
	d.body = newImpatient(ctx, cancel, res.Body, d.options.Stall)
	if err := d.accept(res); err != nil {
		d.hangUp()
		return err
	}
	return nil
}

func (d *download) hangUp() {
	if d.body != nil {
		d.body.Close()
		d.body = nil
	}
}

// ask gives the headers of a request. Where all bytes are there, the last is
// asked for once more, so that the server says whether they still count.
func (d *download) ask() http.Header {
	h := http.Header{"Accept-Encoding": {"zstd"}}
	if d.newest {
		h.Set("Cache-Control", "no-cache")
	}
	if !d.part.useful() {
		return h
	}
	from := d.part.have
	if d.part.of.Total > 0 {
		from = min(from, d.part.of.Total-1)
	}
	h.Set("Range", fmt.Sprintf("bytes=%d-", from))
	h.Set("If-Range", d.part.of.Tag)
	if d.part.of.Encoding == "" {
		h.Set("Accept-Encoding", "identity")
	}
	return h
}

// accept takes an answer: the rest, or all of it.
func (d *download) accept(res *http.Response) error {
	if res.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return errors.Join(errChanged, d.part.clear())
	}
	of, from, err := readRepresentation(res)
	if err != nil {
		return &UnreachableError{URL: d.server.address(), Err: err}
	}
	d.of = of
	if d.part.have == 0 && from == 0 {
		return d.part.begin(of)
	}
	if !of.sameBytes(&d.part.of) || from > d.part.have {
		return errors.Join(errChanged, d.part.clear())
	}
	// Whoever takes no notice of ranges sends again what is there already.
	if _, err := io.CopyN(io.Discard, d.body, d.part.have-from); err != nil {
		return &UnreachableError{URL: d.server.address(), Err: err}
	}
	return nil
}

// readRepresentation reads an answer's headers, and where its bytes begin.
func readRepresentation(res *http.Response) (of representation, from int64, err error) {
	head := res.Header
	number := func(name string) int64 {
		n, failed := strconv.ParseInt(head.Get(name), 10, 64)
		if failed != nil || n < 0 {
			err = errors.Join(err, fmt.Errorf("the snapshot comes with %s: %q", name, head.Get(name)))
		}
		return n
	}
	of = representation{
		Tag: head.Get("ETag"), Encoding: head.Get("Content-Encoding"), Total: res.ContentLength,
		Size: number(replog.HeaderSize), Digest: head.Get(replog.HeaderDigest),
		Revision: replog.Revision(number(replog.HeaderRevision)),
		Epoch:    replog.Epoch(head.Get(replog.HeaderEpoch)), Database: head.Get(replog.HeaderDatabase),
		Chain: replog.Chain(head.Get(replog.HeaderChain)),
	}
	if strings.HasPrefix(of.Tag, "W/") {
		of.Tag = ""
	}
	if of.Encoding != "" && of.Encoding != "zstd" {
		err = errors.Join(err, fmt.Errorf("the snapshot is encoded as %q", of.Encoding))
	}
	if res.StatusCode == http.StatusPartialContent {
		var to int64
		if _, failed := fmt.Sscanf(head.Get("Content-Range"), "bytes %d-%d/%d", &from, &to, &of.Total); failed != nil {
			err = errors.Join(err, fmt.Errorf("a part of the snapshot comes with Content-Range: %q", head.Get("Content-Range")))
		}
	}
	return of, from, err
}

// lastError keeps an error for another goroutine.
type lastError struct {
	mu  sync.Mutex
	err error
}

func (l *lastError) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *lastError) get() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"replog/replog"
)

// Log reads the log of a database on its server, which does the searching: only
// what a filter selects is sent. Errors are *UnreachableError,
// *NotAllowedError, or a *replog.Problem.
type Log struct{ server server }

// Log gives the log of the device's database.
func (d *Device) Log() (*Log, error) {
	token, err := readToken(d.path)
	if err != nil {
		return nil, err
	}
	l := &Log{server: d.server}
	l.server.token = token
	return l, nil
}

// OpenLog gives the log of a database on a server to whom a token allows it.
func OpenLog(address, token string, o Options) (*Log, error) {
	o = o.withDefaults()
	base, name, err := ParseServer(address)
	if err != nil {
		return nil, err
	}
	return &Log{server: server{http: o.HTTP, retries: o.retries(), url: base, name: name, token: token}}, nil
}

// Lines calls yield for each entry that f selects.
func (l *Log) Lines(ctx context.Context, f replog.Filter, yield func(replog.LogLine) error) error {
	return readLines(ctx, l, f, "statements", func(line *replog.LogLine) replog.Revision { return line.Revision }, yield)
}

// Stats calls yield with the counts of each entry that f selects.
func (l *Log) Stats(ctx context.Context, f replog.Filter, yield func(replog.LogStat) error) error {
	return readLines(ctx, l, f, "stat", func(line *replog.LogStat) replog.Revision { return line.Revision }, yield)
}

// Script writes what the entries that f selects changed as SQL (see
// applier.WriteScript). Where it fails, a part may have been written.
func (l *Log) Script(ctx context.Context, f replog.Filter, w io.Writer) error {
	body, err := l.ask(ctx, f, "sql")
	if err != nil {
		return err
	}
	defer body.Close()
	in := &counter{r: body, n: new(atomic.Int64)}
	if _, err := io.Copy(w, in); err != nil {
		if in.err != nil && !errors.Is(in.err, io.EOF) {
			return l.cut(ctx, err)
		}
		return err
	}
	return nil
}

// Entry returns one whole entry. A *NotFoundError where there is none.
func (l *Log) Entry(ctx context.Context, r replog.Revision) (replog.EntryDetail, error) {
	var e replog.EntryDetail
	res, err := l.server.do(ctx, call{method: "GET", path: fmt.Sprintf("/log/%d?form=whole", r)}, &traffic{})
	var p *replog.Problem
	if errors.As(err, &p) && p.Code == replog.CodeNotFound {
		return e, NoRevision(fmt.Sprintf("%s: revision %d: %v", l.server.address(), r, p))
	}
	if err != nil {
		return e, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return e, l.cut(ctx, err)
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return e, l.malformed(err)
	}
	return e, nil
}

// NoRevision is the error for a revision that a log does not hold.
func NoRevision(what string) error {
	return &NotFoundError{What: what, Hint: "`replog log` lists the revisions there are"}
}

func (l *Log) ask(ctx context.Context, f replog.Filter, form string) (io.ReadCloser, error) {
	q := f.Query()
	q.Set("form", form)
	res, err := l.server.do(ctx, call{method: "GET", path: "/log?" + q.Encode()}, &traffic{})
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// readLines reads an answer of one T a line. Whoever reads may take so long over
// a line, as people before a pager do, that the server gives up: the rest is
// then asked for anew, from the last revision on.
func readLines[T any](ctx context.Context, l *Log, f replog.Filter, form string, revision func(*T) replog.Revision, yield func(T) error) error {
	for {
		read := 0
		err := readOnce(ctx, l, f, form, func(line T) error {
			if err := yield(line); err != nil {
				return &yieldError{err}
			}
			read++
			if at := revision(&line); f.Descending {
				f.UpTo = at - 1
			} else {
				f.After = at
			}
			return nil
		})
		var cut *UnreachableError
		var stop *yieldError
		switch {
		case errors.As(err, &stop):
			return stop.err
		case !errors.As(err, &cut) || read == 0:
			return err
		case f.Descending && f.UpTo == 0 || f.Limit > 0 && read == f.Limit:
			return nil
		}
		if f.Limit > 0 {
			f.Limit -= read
		}
	}
}

// yieldError is an error of the one who reads.
type yieldError struct{ err error }

func (e *yieldError) Error() string { return e.err.Error() }

func readOnce[T any](ctx context.Context, l *Log, f replog.Filter, form string, yield func(T) error) error {
	body, err := l.ask(ctx, f, form)
	if err != nil {
		return err
	}
	defer body.Close()
	for in := bufio.NewReader(body); ; {
		raw, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(raw) == 0 {
			return nil
		}
		if err != nil {
			return l.cut(ctx, err)
		}
		var line T
		if err := json.Unmarshal(raw, &line); err != nil {
			return l.malformed(err)
		}
		if err := yield(line); err != nil {
			return err
		}
	}
}

func (l *Log) cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &UnreachableError{URL: l.server.address(), Err: fmt.Errorf("the answer was cut: %w", err)}
}

func (l *Log) malformed(err error) error {
	return fmt.Errorf("%s: the server's answer: %w", l.server.address(), err)
}

package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"

	"replog/replog"
)

const (
	beforeStatement = `{"statement":`
	beforeNet       = `{"net":`
	afterBody       = "}\n"
	noNetLine       = `{"no_net":true}` + "\n"
)

func endLine(hash replog.Hash) string { return `{"end":{"hash":"` + string(hash) + `"}}` + "\n" }

// formOf is an entry's recorded form.
func formOf(e *replog.Entry) *replog.Form {
	if e.Form != nil {
		return e.Form
	}
	return replog.NewForm(&e.Transaction)
}

// firstLine is the line with which a form begins.
func firstLine(form *replog.Form) (first string, err error) {
	err = form.EachLine(func(line []byte) error {
		first = string(line)
		return errFirst
	})
	if errors.Is(err, errFirst) {
		err = nil
	}
	return first, err
}

var errFirst = errors.New("the first line was read")

// eachBody gives the bodies of a form's statements and net changes, byte for
// byte.
func eachBody(form *replog.Form, statement, net func(body string) error) error {
	n := 0
	return form.EachLine(func(line []byte) error {
		n++
		if body, ok := unwrap(line, beforeStatement); ok {
			return statement(body)
		}
		if body, ok := unwrap(line, beforeNet); ok {
			return net(body)
		}
		if n > 1 && string(line) != noNetLine && string(line) != endLine(form.Hash) {
			return fmt.Errorf("%w: a line that the store does not know: %.80s", replog.ErrForm, line)
		}
		return nil
	})
}

// unwrap returns the body of a line that begins with before.
func unwrap(line []byte, before string) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(before))
	if !ok {
		return "", false
	}
	body, ok := bytes.CutSuffix(rest, []byte(afterBody))
	return string(body), ok
}

// formReader reads recorded forms out of the store, one after the other.
type formReader struct {
	s       *session
	pending []byte // of line, what has not been read
	line    []byte
	bodies  *sql.Rows
	before  string // what comes before a body
	next    []func() error
}

// begin makes the form of an entry what is read next. net is valid where net
// changes are recorded.
func (f *formReader) begin(revision replog.Revision, first string, hash replog.Hash, net sql.NullInt64) {
	line := func(text string) func() error {
		return func() error {
			f.pending = append(f.pending, text...)
			return nil
		}
	}
	rows := func(query, before string) func() error {
		return func() (err error) {
			f.before = before
			f.bodies, err = f.s.open(query, int64(revision))
			return err
		}
	}
	f.next = []func() error{line(first), rows(selectStatements, beforeStatement), line(endLine(hash))}
	switch {
	case net.Valid && net.Int64 == 0:
		f.next = slices.Insert(f.next, 2, line(noNetLine))
	case net.Valid:
		f.next = slices.Insert(f.next, 2, rows(selectNet, beforeNet))
	}
}

// Read implements io.Reader.
func (f *formReader) Read(b []byte) (int, error) {
	for len(f.pending) == 0 {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, f.pending)
	f.pending = f.pending[n:]
	return n, nil
}

func (f *formReader) fill() error {
	switch {
	case f.bodies == nil && len(f.next) == 0:
		return io.EOF
	case f.bodies == nil:
		step := f.next[0]
		f.next = f.next[1:]
		return step()
	case !f.bodies.Next():
		err := errors.Join(f.bodies.Err(), f.bodies.Close())
		f.bodies = nil
		return err
	}
	var body sql.RawBytes
	if err := f.bodies.Scan(&body); err != nil {
		return err
	}
	f.line = append(append(append(f.line[:0], f.before...), body...), afterBody...)
	f.pending = f.line
	return nil
}

// end forgets what is left of a form.
func (f *formReader) end() {
	if f.bodies != nil {
		f.bodies.Close()
	}
	f.bodies, f.next, f.pending = nil, nil, nil
}

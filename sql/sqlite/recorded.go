package sqlite

import (
	"bytes"
	"errors"
	"fmt"

	"replog/replog"
)

// recorded is a transaction's recorded form as the store keeps it, taken apart so
// that its statements and net changes are rows.
type recorded struct {
	first      string
	statements []string
	net        []string // nil where none are recorded, empty where they cancel out
	hash       replog.Hash
}

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

// assemble makes the recorded form again, in buf, and reads it. It fails with
// replog.ErrForm where the rows are not those that were stored.
func (r *recorded) assemble(buf *bytes.Buffer) (replog.Transaction, error) {
	buf.Reset()
	buf.WriteString(r.first)
	for _, body := range r.statements {
		wrap(buf, beforeStatement, body)
	}
	for _, body := range r.net {
		wrap(buf, beforeNet, body)
	}
	if r.net != nil && len(r.net) == 0 {
		buf.WriteString(noNetLine)
	}
	buf.WriteString(endLine(r.hash))
	t, _, err := replog.DecodeTransaction(buf.Bytes())
	return t, err
}

func wrap(buf *bytes.Buffer, before, body string) {
	buf.WriteString(before)
	buf.WriteString(body)
	buf.WriteString(afterBody)
}

package form

import (
	"bytes"
	"errors"
	"fmt"

	"replog/replog"
)

const (
	beforeStatement = `{"statement":`
	beforeNet       = `{"net":`
	beforeIntent    = `{"intent":`
	afterBody       = "}\n"
	noNetLine       = `{"no_net":true}` + "\n"
)

func endLine(hash replog.Hash) string { return `{"end":{"hash":"` + string(hash) + `"}}` + "\n" }

// Of is an entry's recorded form.
func Of(e *replog.Entry) *replog.Form {
	if e.Form != nil {
		return e.Form
	}
	return replog.NewForm(&e.Transaction)
}

// FirstLine is the line with which a form begins.
func FirstLine(form *replog.Form) (first string, err error) {
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

// Kind is what a body in a form is of.
type Kind int

// The kinds.
const (
	Statement Kind = iota
	Net
	NoNet // there is none
	Intent
)

// EachBody gives the bodies of a form's statements, net changes and intents, byte
// for byte, valid until each returns.
func EachBody(form *replog.Form, each func(Kind, []byte) error) error {
	n := 0
	return form.EachLine(func(line []byte) error {
		n++
		if body, ok := unwrap(line, beforeStatement); ok {
			return each(Statement, body)
		}
		if body, ok := unwrap(line, beforeNet); ok {
			return each(Net, body)
		}
		if body, ok := unwrap(line, beforeIntent); ok {
			return each(Intent, body)
		}
		if string(line) == noNetLine {
			return each(NoNet, nil)
		}
		if n > 1 && string(line) != endLine(form.Hash) {
			return fmt.Errorf("%w: a line that the store does not know: %.80s", replog.ErrForm, line)
		}
		return nil
	})
}

// unwrap returns the body of a line that begins with before.
func unwrap(line []byte, before string) ([]byte, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(before))
	if !ok {
		return nil, false
	}
	return bytes.CutSuffix(rest, []byte(afterBody))
}

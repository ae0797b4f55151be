package sqlite

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

// bodyKind is what a body in a form is of.
type bodyKind int

const (
	bodyStatement bodyKind = iota
	bodyNet
	bodyNoNet // there is none
	bodyIntent
)

// eachBody gives the bodies of a form's statements, net changes and intents, byte
// for byte.
func eachBody(form *replog.Form, each func(bodyKind, string) error) error {
	n := 0
	return form.EachLine(func(line []byte) error {
		n++
		if body, ok := unwrap(line, beforeStatement); ok {
			return each(bodyStatement, body)
		}
		if body, ok := unwrap(line, beforeNet); ok {
			return each(bodyNet, body)
		}
		if body, ok := unwrap(line, beforeIntent); ok {
			return each(bodyIntent, body)
		}
		if string(line) == noNetLine {
			return each(bodyNoNet, "")
		}
		if n > 1 && string(line) != endLine(form.Hash) {
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

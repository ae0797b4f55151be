package sqlite

import (
	"bytes"
	"fmt"

	"replog/replog"
)

// recorded is a transaction's recorded form, taken apart so that its statements
// and net changes are rows, and put together again.
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

// takeApart takes an entry's recorded form, line by line, byte for byte.
func takeApart(e *replog.Entry) (recorded, error) {
	form, hash := e.Recorded, e.Hash
	if form == nil {
		form, hash = e.Transaction.Encode()
	}
	r := recorded{hash: hash, statements: make([]string, 0, len(e.Transaction.Statements))}
	for line := range bytes.Lines(form) {
		if r.first == "" {
			r.first = string(line)
		} else if body, ok := unwrap(line, beforeStatement); ok {
			r.statements = append(r.statements, body)
		} else if body, ok := unwrap(line, beforeNet); ok {
			r.net = append(r.net, body)
		} else if string(line) == noNetLine {
			r.net = []string{}
		} else if string(line) != endLine(hash) {
			return recorded{}, fmt.Errorf("%w: a line that the store does not know: %.80s", replog.ErrForm, line)
		}
	}
	return r, nil
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

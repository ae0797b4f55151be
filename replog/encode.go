package replog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Hash is the SHA-256 of a transaction's recorded form, in hex.
type Hash string

// ErrForm says that bytes are not in the recorded or the wire form.
var ErrForm = errors.New("malformed input")

// The recorded form of a transaction is NDJSON:
//
//	{"begin":{…}}       the fields of Transaction that have JSON names
//	{"statement":{…}}   one a statement: a Change
//	{"net":{…}}         one a net change, only where they differ from the statements
//	{"no_net":true}     in their place where the statements cancel out
//	{"end":{"hash":"…"}}
//
// The hash covers all lines but the last, with their line feeds. A transaction
// has one recorded form: fields come in the order of the types, without white
// space, and readers refuse every other spelling.
const (
	statementStart = `{"statement":`
	netStart       = `{"net":`
	noNetLine      = `{"no_net":true}` + "\n"
)

type beginLine struct {
	Begin *Transaction `json:"begin"`
}

type endLine struct {
	End struct {
		Hash Hash `json:"hash"`
	} `json:"end"`
}

// Encode returns the recorded form and its hash.
func (t *Transaction) Encode() ([]byte, Hash) { return t.Frame(t.EncodeChanges()) }

// EncodeChanges returns the lines for the statements and the net changes, which
// say nothing of which transaction they belong to.
func (t *Transaction) EncodeChanges() []byte {
	var b []byte
	for i := range t.Statements {
		b = appendChangeLine(b, statementStart, &t.Statements[i].Change)
	}
	for i := range t.Net {
		b = appendChangeLine(b, netStart, &t.Net[i])
	}
	if t.Net != nil && len(t.Net) == 0 {
		b = append(b, noNetLine...)
	}
	return b
}

// Frame returns the recorded form and its hash, given what EncodeChanges
// returned.
func (t *Transaction) Frame(changes []byte) ([]byte, Hash) {
	b := append(appendLine(nil, beginLine{Begin: t}), changes...)
	var end endLine
	end.End.Hash = hashOf(b)
	return appendLine(b, end), end.End.Hash
}

func hashOf(lines []byte) Hash {
	sum := sha256.Sum256(lines)
	return Hash(hex.EncodeToString(sum[:]))
}

func appendChangeLine(b []byte, start string, c *Change) []byte {
	b = append(b, start...)
	b = c.AppendJSON(b)
	return append(b, '}', '\n')
}

// DecodeTransaction reads one recorded form that fills b. Errors wrap ErrForm,
// or io.ErrUnexpectedEOF where b is cut.
func DecodeTransaction(b []byte) (Transaction, Hash, error) {
	r := newLineReader(bytes.NewReader(b), min(len(b), lineBuffer))
	t, hash, err := r.Transaction()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Transaction{}, "", err
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		return Transaction{}, "", fmt.Errorf("%w: data after the end line", ErrForm)
	}
	return t, hash, nil
}

// Transaction reads one recorded form. io.EOF where the input ends before its
// first line, io.ErrUnexpectedEOF where it ends within, ErrForm where the lines
// are wrong or the hash does not match them.
func (l *LineReader) Transaction() (Transaction, Hash, error) {
	return l.transaction(func(line []byte, t *Transaction, c *Change) error {
		t.add(line, c)
		return nil
	})
}

// add adds what a line of the recorded form holds.
func (t *Transaction) add(line []byte, c *Change) {
	switch {
	case c != nil && bytes.HasPrefix(line, []byte(statementStart)):
		t.Statements = append(t.Statements, Statement{Change: *c})
	case c != nil:
		t.Net = append(t.Net, *c)
	case string(line) == noNetLine:
		t.Net = []Change{}
	}
}

// transaction calls each for every line, with the change that it holds, nil for
// the first and last line and where there is no net.
func (l *LineReader) transaction(each func(line []byte, t *Transaction, c *Change) error) (Transaction, Hash, error) {
	first, err := l.next()
	if err != nil {
		return Transaction{}, "", err
	}
	var begin beginLine
	if err := l.decode(first, &begin); err != nil {
		return Transaction{}, "", err
	}
	if begin.Begin == nil {
		return Transaction{}, "", l.at(fmt.Errorf("%w: no transaction begins", ErrForm))
	}
	t := begin.Begin
	digest := sha256.New()
	digest.Write(first)
	if err := each(first, t, nil); err != nil {
		return Transaction{}, "", err
	}
	for part := partBegin; ; {
		raw, err := l.within()
		if err != nil {
			return Transaction{}, "", err
		}
		var c *Change
		if part, c, err = l.recorded(raw, part); err != nil {
			return Transaction{}, "", err
		}
		if part != partEnd {
			digest.Write(raw)
			if err := each(raw, t, c); err != nil {
				return Transaction{}, "", err
			}
			continue
		}
		var end endLine
		if err := l.decode(raw, &end); err != nil {
			return Transaction{}, "", err
		}
		if end.End.Hash != Hash(hex.EncodeToString(digest.Sum(nil))) {
			return Transaction{}, "", l.at(fmt.Errorf("%w: transaction %d: the hash does not match its lines", ErrForm, t.Seq))
		}
		return *t, end.End.Hash, each(raw, t, nil)
	}
}

// formPart is a part of a recorded form: its lines come in this order.
type formPart int

const (
	partBegin formPart = iota
	partStatements
	partNet
	partNoNet
	partEnd // or a line that is none of the others'
)

// recorded tells which part a line that follows one of another part is of, and
// the change in it.
func (l *LineReader) recorded(raw []byte, after formPart) (formPart, *Change, error) {
	if after <= partStatements {
		if c, ok, err := l.change(raw, statementStart); ok {
			return partStatements, &c, err
		}
		if string(raw) == noNetLine {
			return partNoNet, nil, nil
		}
	}
	if after <= partNet {
		if c, ok, err := l.change(raw, netStart); ok {
			return partNet, &c, err
		}
	}
	return partEnd, nil, nil
}

func wrapForm(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrForm, err)
}

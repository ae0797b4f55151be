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
	t, hash, err := l.transaction(func([]byte) {})
	return t, hash, err
}

// Recorded is Transaction that returns the recorded form as well.
func (l *LineReader) Recorded() (t Transaction, form []byte, hash Hash, err error) {
	t, hash, err = l.transaction(func(line []byte) { form = append(form, line...) })
	return t, form, hash, err
}

// transaction calls each for every line.
func (l *LineReader) transaction(each func(line []byte)) (Transaction, Hash, error) {
	first, err := l.next()
	if err != nil {
		return Transaction{}, "", err
	}
	each(first)
	var begin beginLine
	if err := l.decode(first, &begin); err != nil {
		return Transaction{}, "", err
	}
	if begin.Begin == nil {
		return Transaction{}, "", l.at(fmt.Errorf("%w: no transaction begins", ErrForm))
	}
	t := *begin.Begin
	digest := sha256.New()
	digest.Write(first)
	for {
		raw, err := l.within()
		if err != nil {
			return Transaction{}, "", err
		}
		each(raw)
		more, err := l.recorded(raw, &t)
		if err != nil {
			return Transaction{}, "", err
		}
		if more {
			digest.Write(raw)
			continue
		}
		var end endLine
		if err := l.decode(raw, &end); err != nil {
			return Transaction{}, "", err
		}
		if end.End.Hash != Hash(hex.EncodeToString(digest.Sum(nil))) {
			return Transaction{}, "", l.at(fmt.Errorf("%w: transaction %d: the hash does not match its lines", ErrForm, t.Seq))
		}
		return t, end.End.Hash, nil
	}
}

// recorded adds a line to the transaction. False if it is none of its lines.
func (l *LineReader) recorded(raw []byte, t *Transaction) (bool, error) {
	if t.Net == nil {
		if c, ok, err := l.change(raw, statementStart); ok {
			t.Statements = append(t.Statements, Statement{Change: c})
			return true, err
		}
		if string(raw) == noNetLine {
			t.Net = []Change{}
			return true, nil
		}
	}
	c, ok, err := l.change(raw, netStart)
	if !ok || len(t.Net) == 0 && t.Net != nil {
		return false, err
	}
	t.Net = append(t.Net, c)
	return true, err
}

func wrapForm(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrForm, err)
}

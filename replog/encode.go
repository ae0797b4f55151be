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
//	{"intent":{…}}      one an intent
//	{"end":{"hash":"…"}}
//
// Statements and, after them, their net changes may follow each intent again: they
// are those between it and the next.
//
// The hash covers all lines but the last, with their line feeds. A transaction
// has one recorded form: fields come in the order of the types, without white
// space, and readers refuse every other spelling.
const (
	statementStart = `{"statement":`
	netStart       = `{"net":`
	intentStart    = `{"intent":`
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

// EncodeChanges returns the lines for the statements and the net changes, and for
// the intents, which say nothing of which transaction they belong to. The
// transaction is not long.
func (t *Transaction) EncodeChanges() []byte {
	var b []byte
	steps := t.AllSteps()
	for i := range steps.Len() {
		s, _ := steps.At(i) // in memory
		b = s.appendLines(b)
	}
	return b
}

func (s *Step) appendLines(b []byte) []byte {
	if s.Intent != nil {
		return s.Intent.AppendLine(b)
	}
	for i := range s.Statements.Len() {
		c, _ := s.Statements.At(i) // in memory
		b = appendChangeLine(b, statementStart, c)
	}
	if s.Net != nil {
		b = appendNet(b, s.Net)
	}
	return b
}

func appendNet(b []byte, net Changes) []byte {
	for i := range net.Len() {
		c, _ := net.At(i) // in memory
		b = appendChangeLine(b, netStart, c)
	}
	if net.Len() == 0 {
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
	return l.transaction(func(_ []byte, t *Transaction, item formItem) error {
		t.add(item)
		return nil
	})
}

// formItem is what a line of the recorded form holds.
type formItem struct {
	part   formPart
	change *Change // of partStatements and partNet
	intent *Intent // of partIntent
}

// add adds what a line of the recorded form holds.
func (t *Transaction) add(item formItem) {
	if t.Steps == nil && item.part == partIntent && t.Statements != nil {
		t.Steps = append(t.Steps, t.rowStep())
	}
	if t.Steps == nil && item.part != partIntent {
		switch item.part {
		case partStatements:
			t.Statements = append(t.Statements, Statement{Change: *item.change})
		case partNet:
			t.Net = append(t.Net, *item.change)
		case partNoNet:
			t.Net = []Change{}
		}
		return
	}
	t.addStep(item)
}

// rowStep takes the statements and net changes before the first intent.
func (t *Transaction) rowStep() Step {
	changes := make(ChangeList, len(t.Statements))
	for i := range changes {
		changes[i] = t.Statements[i].Change
	}
	s := Step{Statements: changes}
	if t.Net != nil {
		s.Net = ChangeList(t.Net)
	}
	t.Statements, t.Net = nil, nil
	return s
}

func (t *Transaction) addStep(item formItem) {
	if item.part == partIntent {
		t.Steps = append(t.Steps, Step{Intent: item.intent})
		return
	}
	if item.part == partEnd {
		return
	}
	if t.Steps[len(t.Steps)-1].Intent != nil {
		t.Steps = append(t.Steps, Step{Statements: ChangeList(nil)})
	}
	last := &t.Steps[len(t.Steps)-1]
	switch item.part {
	case partStatements:
		last.Statements = append(last.Statements.(ChangeList), *item.change)
	case partNet:
		net, _ := last.Net.(ChangeList)
		last.Net = append(net, *item.change)
	case partNoNet:
		last.Net = ChangeList{}
	}
}

// transaction calls each for every line, with what it holds: nothing for the first
// and the last.
func (l *LineReader) transaction(each func(line []byte, t *Transaction, item formItem) error) (Transaction, Hash, error) {
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
	if err := each(first, t, formItem{part: partEnd}); err != nil {
		return Transaction{}, "", err
	}
	for item := (formItem{}); ; {
		raw, err := l.within()
		if err != nil {
			return Transaction{}, "", err
		}
		if item, err = l.recorded(raw, item.part); err != nil {
			return Transaction{}, "", err
		}
		if item.part != partEnd {
			digest.Write(raw)
			if err := each(raw, t, item); err != nil {
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
		return *t, end.End.Hash, each(raw, t, item)
	}
}

// formPart is a part of a recorded form: its lines come in this order, from the
// beginning again after each intent.
type formPart int

const (
	partBegin formPart = iota
	partIntent
	partStatements
	partNet
	partNoNet
	partEnd // or a line that is none of the others'
)

// recorded tells what a line holds that follows one of another part.
func (l *LineReader) recorded(raw []byte, after formPart) (formItem, error) {
	part := partOf(raw)
	switch {
	case part == partIntent:
		i, err := parseIntentLine(raw)
		return formItem{part: part, intent: &i}, l.at(err)
	case part == partStatements && after <= part:
		c, _, err := l.change(raw, statementStart)
		return formItem{part: part, change: &c}, err
	case part == partNet && (after == partStatements || after == part):
		c, _, err := l.change(raw, netStart)
		return formItem{part: part, change: &c}, err
	case part == partNoNet && after == partStatements:
		return formItem{part: part}, nil
	}
	return formItem{part: partEnd}, nil
}

func wrapForm(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrForm, err)
}

package replog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
// The hash covers all lines but the last, with their line feeds.
type recordedLine struct {
	Begin     *Transaction `json:"begin,omitempty"`
	Statement *Statement   `json:"statement,omitempty"`
	Net       *Change      `json:"net,omitempty"`
	NoNet     bool         `json:"no_net,omitempty"`
	End       *endLine     `json:"end,omitempty"`
}

type endLine struct {
	Hash Hash `json:"hash"`
}

// Encode returns the recorded form and its hash.
func (t *Transaction) Encode() ([]byte, Hash) {
	var b bytes.Buffer
	enc := newEncoder(&b)
	enc(recordedLine{Begin: t})
	for i := range t.Statements {
		enc(recordedLine{Statement: &t.Statements[i]})
	}
	for i := range t.Net {
		enc(recordedLine{Net: &t.Net[i]})
	}
	if t.Net != nil && len(t.Net) == 0 {
		enc(recordedLine{NoNet: true})
	}
	sum := sha256.Sum256(b.Bytes())
	hash := Hash(hex.EncodeToString(sum[:]))
	enc(recordedLine{End: &endLine{Hash: hash}})
	return b.Bytes(), hash
}

// newEncoder writes values as lines. Encoding the types of this package to
// memory cannot fail.
func newEncoder(w *bytes.Buffer) func(any) {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(v any) {
		if err := enc.Encode(v); err != nil {
			panic(err)
		}
	}
}

// DecodeTransaction reads one recorded form that fills b. Errors wrap ErrForm.
func DecodeTransaction(b []byte) (Transaction, Hash, error) {
	r := NewLineReader(bytes.NewReader(b))
	t, hash, err := r.Transaction()
	if err != nil {
		return Transaction{}, "", err
	}
	if _, err := r.next(); err != io.EOF {
		return Transaction{}, "", fmt.Errorf("%w: data after the end line", ErrForm)
	}
	return t, hash, nil
}

// Transaction reads one recorded form. io.EOF where the input ends before its
// first line, io.ErrUnexpectedEOF where it ends within, ErrForm where the lines
// are wrong or the hash does not match them.
func (r *LineReader) Transaction() (Transaction, Hash, error) {
	first, err := r.next()
	if err != nil {
		return Transaction{}, "", err
	}
	digest := sha256.New()
	var begin recordedLine
	if err := unmarshalStrict(first, &begin); err != nil {
		return Transaction{}, "", err
	}
	if begin.Begin == nil {
		return Transaction{}, "", fmt.Errorf("%w: line %d does not begin a transaction", ErrForm, r.line)
	}
	t := *begin.Begin
	digest.Write(first)
	for {
		raw, err := r.next()
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return Transaction{}, "", err
		}
		var line recordedLine
		if err := unmarshalStrict(raw, &line); err != nil {
			return Transaction{}, "", fmt.Errorf("line %d: %w", r.line, err)
		}
		if line.End != nil {
			hash := Hash(hex.EncodeToString(digest.Sum(nil)))
			if hash != line.End.Hash {
				return Transaction{}, "", fmt.Errorf("%w: transaction %d: the hash does not match its lines", ErrForm, t.Seq)
			}
			return t, hash, nil
		}
		digest.Write(raw)
		if err := t.accept(&line); err != nil {
			return Transaction{}, "", fmt.Errorf("line %d: %w", r.line, err)
		}
	}
}

func (t *Transaction) accept(line *recordedLine) error {
	switch {
	case line.Statement != nil && t.Net == nil:
		t.Statements = append(t.Statements, *line.Statement)
		return wrapForm(line.Statement.Validate())
	case line.Net != nil:
		t.Net = append(t.Net, *line.Net)
		return wrapForm(line.Net.Validate())
	case line.NoNet && t.Net == nil:
		t.Net = []Change{}
		return nil
	}
	return fmt.Errorf("%w: unexpected line in a transaction", ErrForm)
}

func wrapForm(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrForm, err)
}

func unmarshalStrict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil
}

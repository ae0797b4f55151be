package replog

import (
	"bytes"
	"errors"
	"fmt"
)

// Form is a transaction as it was recorded, with the bytes of its recorded form.
// Where these are long they are in a temporary file, and the transaction is long
// (see Transaction.IsLong).
type Form struct {
	Transaction
	Hash  Hash
	short []byte
	lines *Spill[[]byte] // nil where short has them
	// statements counts its statement lines, and noNet tells of its last line but
	// one.
	statements int
	noNet      bool
}

// NewForm makes the recorded form of a transaction in memory.
func NewForm(t *Transaction) *Form {
	f := &Form{Transaction: *t}
	f.short, f.Hash = t.Encode()
	return f
}

// Form reads one recorded form. Errors are those of Transaction, or that it
// cannot be kept. The caller closes what it gets.
func (l *LineReader) Form() (*Form, error) {
	f := &Form{}
	var err error
	f.Transaction, f.Hash, err = l.transaction(f.add)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.divide()
	return f, nil
}

func (f *Form) add(line []byte, t *Transaction, c *Change) error {
	switch {
	case c != nil && bytes.HasPrefix(line, []byte(statementStart)):
		f.statements++
	case string(line) == noNetLine:
		f.noNet = true
	}
	if f.lines != nil {
		return f.lines.Add(bytes.Clone(line))
	}
	t.add(line, c)
	f.short = append(f.short, line...)
	if len(f.short) < formMemory {
		return nil
	}
	f.lines = newLineSpill()
	for line := range bytes.Lines(f.short) {
		if err := f.lines.Add(line); err != nil {
			return err
		}
	}
	f.short, t.Statements, t.Net = nil, nil, nil
	return nil
}

func newLineSpill() *Spill[[]byte] {
	return NewSpill(Codec[[]byte]{
		Size:   func(line *[]byte) int { return 24 + len(*line) },
		Append: func(b []byte, line *[]byte) []byte { return append(b, *line...) },
		Parse:  func(b []byte) ([]byte, error) { return b, nil },
	})
}

// divide makes the transaction's lists of the lines of a long form.
func (f *Form) divide() {
	if f.lines == nil {
		return
	}
	list := func(from, n int, start string) Changes {
		return &lineChanges{lines: f.lines, from: from, n: n, start: start}
	}
	// The first line begins it and the last one ends it.
	var net Changes
	switch rest := f.lines.Len() - 2 - f.statements; {
	case f.noNet:
		net = ChangeList{}
	case rest > 0:
		net = list(1+f.statements, rest, netStart)
	}
	f.SetLong(list(1, f.statements, statementStart), net)
}

// EachLine gives the recorded form, line by line with its line feed, valid
// until the call returns.
func (f *Form) EachLine(each func(line []byte) error) error {
	if f.lines == nil {
		for line := range bytes.Lines(f.short) {
			if err := each(line); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range f.lines.Len() {
		line, err := f.lines.At(i)
		if err == nil {
			err = each(*line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close lets go of the lines of a long form.
func (f *Form) Close() error { return f.lines.Close() }

// lineChanges are changes that some lines of a form hold.
type lineChanges struct {
	lines   *Spill[[]byte]
	from, n int
	start   string
	parser  ChangeParser
	change  Change
}

func (l *lineChanges) Len() int { return l.n }

func (l *lineChanges) At(i int) (*Change, error) {
	line, err := l.lines.At(l.from + i)
	if err != nil {
		return nil, err
	}
	body, begins := bytes.CutPrefix(*line, []byte(l.start))
	body, ends := bytes.CutSuffix(body, []byte("}\n"))
	if !begins || !ends {
		return nil, fmt.Errorf("%w: %.40q", ErrForm, *line)
	}
	l.change, err = l.parser.Parse(body)
	return &l.change, err
}

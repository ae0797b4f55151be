package replog

import (
	"bytes"
	"errors"
)

// Form is a transaction as it was recorded, with the bytes of its recorded form.
// Where these are long they are in a temporary file, and the transaction is long
// (see Transaction.IsLong).
type Form struct {
	Transaction
	Hash  Hash
	short []byte
	lines *Spill[[]byte] // nil where short has them
	steps LineSteps
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

func (f *Form) add(line []byte, t *Transaction, item formItem) error {
	if f.lines != nil {
		return f.addLong(bytes.Clone(line))
	}
	t.add(item)
	f.short = append(f.short, line...)
	if len(f.short) < formMemory {
		return nil
	}
	f.lines = newLineSpill()
	for line := range bytes.Lines(f.short) {
		if err := f.addLong(line); err != nil {
			return err
		}
	}
	f.short, t.Statements, t.Net, t.Steps = nil, nil, nil, nil
	return nil
}

func (f *Form) addLong(line []byte) error {
	if part := partOf(line); part != partEnd {
		f.steps.note(f.lines.Len(), part)
	}
	return f.lines.Add(line)
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
	f.steps.lines, f.steps.start = f.lines, statementStart
	if f.steps.hasIntents() {
		f.SetLongSteps(&f.steps)
		return
	}
	s := f.steps.rowStep(f.steps.at[0])
	f.SetLong(s.Statements, s.Net)
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

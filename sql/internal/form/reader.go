package form

import (
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// Reader reads whole entries. Long ones are on disk.
type Reader struct {
	s     Source
	forms *formReader
	lines *replog.LineReader // reads forms
}

// NewReader reads from s.
func NewReader(s Source) *Reader {
	f := &formReader{s: s}
	return &Reader{s: s, forms: f, lines: replog.NewLineReader(f)}
}

// Entry puts an entry together. What a short entry with intents changed is read from
// the source when somebody asks for it (see Outlast).
func (r *Reader) Entry(row *Row) (e replog.Entry, err error) {
	e = replog.Entry{
		Revision: row.Revision, Received: row.Received, Outcome: row.Outcome, Reason: row.Reason,
		Hash: row.Hash, AsRun: row.AsRun,
	}
	if e.BySteps = row.Lines.Valid && len(row.Ends) == 0; len(row.Ends) > 0 {
		if err := r.schema(&e, row); err != nil {
			return e, err
		}
	}
	if err = row.decode(&e.Parts, &e.Tables, &e.Digest); err == nil {
		err = r.recorded(&e, row)
	}
	switch {
	case err != nil:
	case row.AsRecorded && e.Form != nil:
		e.LongChanges = e.Transaction.NetChanges()
	case row.AsRecorded:
		e.Changes, err = replog.InMemory(e.Transaction.NetChanges())
	case row.Changes.Valid && e.Transaction.HasIntents():
		e.LongChanges = &madeChanges{r: r, revision: e.Revision, n: int(row.Changes.Int64)}
	case row.Changes.Valid:
		err = r.made(&e, int(row.Changes.Int64))
	}
	if err != nil {
		return replog.Entry{}, fmt.Errorf("revision %d: %w", e.Revision, errors.Join(err, e.Close()))
	}
	return e, nil
}

// Outlast reads what Entry left to be read.
func Outlast(e *replog.Entry) error {
	if made, ok := e.LongChanges.(*madeChanges); ok {
		return made.read()
	}
	return nil
}

func (r *Reader) schema(e *replog.Entry, row *Row) (err error) {
	if e.StepEnds, err = row.ends(); err != nil {
		return err
	}
	v, err := r.s.Schema(e.Revision)
	e.Schema = &v
	if err != nil {
		err = fmt.Errorf("revision %d: its schema: %w", e.Revision, err)
	}
	return err
}

// recorded reads the transaction, with its form where it is long. It fails with
// replog.ErrForm where the rows are not those that were stored.
func (r *Reader) recorded(e *replog.Entry, row *Row) error {
	list, err := row.blocks()
	if err != nil {
		return err
	}
	r.forms.begin(e.Revision, row.First, e.Hash, list)
	defer r.forms.close()
	form, err := r.lines.Form()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it ends too early", replog.ErrForm)
	}
	if err != nil {
		return err
	}
	e.Transaction = form.Transaction
	if form.IsLong() {
		e.Form = form
	}
	return nil
}

// made reads the changes of an entry that are not stored as recorded.
func (r *Reader) made(e *replog.Entry, n int) error {
	add := func(c replog.Change) error {
		e.Changes = append(e.Changes, c)
		return nil
	}
	if e.Form != nil {
		list := replog.NewChangeSpill()
		e.LongChanges, add = list, list.Add
	} else {
		e.Changes = make([]replog.Change, 0, n)
	}
	return r.eachMade(e.Revision, add)
}

func (r *Reader) eachMade(revision replog.Revision, add func(replog.Change) error) error {
	return Each(r.s, Made, revision, func(body []byte) error {
		c, err := replog.ParseChange(body)
		if err != nil {
			return err
		}
		return add(c)
	})
}

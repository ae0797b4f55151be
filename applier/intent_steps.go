package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"replog/replog"
)

// StepWork says how the steps of a transaction are done.
type StepWork struct {
	// Rows makes net changes of row statements, and returns those that it made,
	// which last as long as the composition. Triggers and actions are off.
	Rows func(net replog.Changes) (replog.Changes, error)
	// Judged: the transaction is judged, not made again as it was once. Then its
	// intents have to change as many rows as they ask for, foreign keys are checked,
	// and what is optional and fails is left out.
	Judged bool
	// Ran is told of each intent that ran, and Left of each that was left out, with
	// the number of its statement. Both may be nil.
	Ran  func(statement int, in *replog.Intent, r *IntentResult) error
	Left func(statement int, in *replog.Intent, cause error)
}

// AffectedError says that an intent changed another number of rows than it has to.
type AffectedError struct {
	SQL string
	// On the device it changed Then rows, now Now.
	Then, Now int64
	Expect    *int64
}

func (e *AffectedError) Error() string {
	what := fmt.Sprintf("it changed %s on the device", rowCount(e.Then))
	if e.Expect != nil {
		what = "it has to change " + rowCount(*e.Expect)
	}
	return fmt.Sprintf("%s, here %d: %s", what, e.Now, abbreviate(e.SQL))
}

func rowCount(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// Do does the steps of a transaction, in order, in the caller's savepoint, and
// collects what all of them changed. Errors are those of Run, of w, and an
// *AffectedError; IntentRefused tells them apart. The caller closes what it gets,
// and undoes the switches by Off.
func (x *Intents) Do(ctx context.Context, steps replog.Steps, w StepWork) (*Composition, error) {
	made := NewComposition(x.r.Schema)
	statement := 0
	err := replog.EachStep(steps, func(s *replog.Step) error {
		if s.Intent != nil {
			statement++
			return x.doIntent(ctx, statement-1, s.Intent, w, made)
		}
		statement += s.Statements.Len()
		net := s.NetChanges()
		if err := x.Pause(net); err != nil {
			return err
		}
		changes, err := w.Rows(net)
		if err != nil {
			return err
		}
		return made.Add(changes)
	})
	if err == nil && w.Judged {
		err = x.r.CheckMade(made.List())
	}
	if err != nil {
		_ = made.Close() // a temporary file; nothing is lost
		return nil, err
	}
	return made, nil
}

func (x *Intents) doIntent(ctx context.Context, statement int, in *replog.Intent, w StepWork, made *Composition) error {
	result, err := x.runChecked(ctx, &Intent{SQL: in.SQL, Args: in.Args}, func(r *IntentResult) error {
		switch {
		case w.Judged && !in.Accepts(r.Affected):
			return &AffectedError{SQL: in.SQL, Then: in.Affected, Now: r.Affected, Expect: in.Expect}
		case w.Judged && in.Optional:
			return x.r.CheckMade(r.Net)
		}
		return nil
	})
	var lost *LostError
	if w.Judged && in.Optional && IntentRefused(err) && !errors.As(err, &lost) {
		w.left(statement, in, err)
		return nil
	}
	if err != nil {
		return err
	}
	result.Net = &atTime{of: result.Net, time: in.Time}
	if w.Ran != nil {
		if err := w.Ran(statement, in, result); err != nil {
			return err
		}
	}
	return made.Add(result.Net)
}

func (w *StepWork) left(statement int, in *replog.Intent, cause error) {
	if w.Left != nil {
		w.Left(statement, in, cause)
	}
}

// atTime are changes that were made at a time.
type atTime struct {
	of   replog.Changes
	time replog.Millis
	c    replog.Change
}

// Len implements replog.Changes.
func (l *atTime) Len() int { return l.of.Len() }

// At implements replog.Changes.
func (l *atTime) At(i int) (*replog.Change, error) {
	c, err := l.of.At(i)
	if err != nil {
		return nil, err
	}
	l.c = *c
	l.c.Time, l.c.Times = l.time, nil
	return &l.c, nil
}

// CheckMade looks, as CheckForeignKeys does, for violations that changes created
// which are in the tables. Tables that have got another key since are left out.
func (r *Replica) CheckMade(changes replog.Changes) error {
	if !slices.ContainsFunc(r.Schema.Tables, func(t *Table) bool { return len(t.ForeignKeys) > 0 }) {
		return nil
	}
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		t := r.Schema.Table(c.Table)
		if t == nil || !slices.Equal(c.KeyColumns, t.KeyColumns()) || !t.concernsKeys(c) {
			return nil
		}
		m := RowImage{Table: t, Key: c.Key}
		if c.Op == replog.Delete {
			m.Before = t.before(c, make([]replog.Value, len(t.Columns)))
			return r.checkForeignKeys(&m)
		}
		var err error
		if m.After, err = r.Row(t, c.Key); err != nil || m.After == nil {
			return err
		}
		if c.Op == replog.Update {
			m.Before = t.before(c, slices.Clone(m.After))
		}
		return r.checkForeignKeys(&m)
	})
}

// before puts the old values of a change into an image.
func (t *Table) before(c *replog.Change, image []replog.Value) []replog.Value {
	for i, name := range c.Columns {
		if n := t.Column(name); n >= 0 { // it may have gone in a later step
			image[n] = c.Old[i]
		}
	}
	return image
}

// concernsKeys tells whether a change may create or violate a reference.
func (t *Table) concernsKeys(c *replog.Change) bool {
	if c.Op != replog.Update {
		return len(t.ForeignKeys)+len(t.Inbound) > 0
	}
	names := func(columns []int) bool {
		return slices.ContainsFunc(columns, func(n int) bool { return slices.Contains(c.Columns, t.Columns[n].Name) })
	}
	return slices.ContainsFunc(t.ForeignKeys, func(f *ForeignKey) bool { return names(f.Columns) }) ||
		slices.ContainsFunc(t.Inbound, func(f *ForeignKey) bool { return names(f.Referenced) })
}

package applier

import (
	"errors"
	"slices"

	"replog/replog"
)

// ErrCannotReplay says that a net change cannot be made on the rows as they are:
// an UPDATE or a key change of a row that is gone, or an INSERT where another
// row is.
var ErrCannotReplay = errors.New("cannot be made again on the rows as they are")

// Replay makes net changes again on a new state, whatever the values that they
// replace, and returns the rows as they were and are: what undoes it. The caller
// wraps it in a savepoint and rolls back where it fails: ErrCannotReplay,
// *ConstraintError, *ForeignKeyError and ErrSchema mean that the changes cannot
// be made; other errors are the database's.
func (r *Replica) Replay(changes []replog.Change) ([]RowImage, error) {
	var images []RowImage
	for i := range changes {
		c := &changes[i]
		t, columns, before, err := r.find(c)
		if err != nil {
			return nil, err
		}
		image := RowImage{Table: t, Key: c.Key, Before: before}
		switch {
		case c.Op == replog.Insert:
			image.After = expand(t, columns, c.New)
			if before != nil && !slices.Equal(before, image.After) {
				return nil, ErrCannotReplay
			}
		case before == nil && (c.Op == replog.Update || c.Moves()):
			return nil, ErrCannotReplay
		case c.Op == replog.Update:
			image.After = overlay(before, columns, c.New)
		}
		if before != nil || image.After != nil {
			images = append(images, image)
		}
	}
	if err := r.Write(images); err != nil {
		return nil, err
	}
	return images, r.CheckForeignKeys(images)
}

// Refused tells whether an error of Replay, Write or CheckForeignKeys means that
// the changes do not fit the data, rather than that something broke.
func Refused(err error) bool {
	var constraint *ConstraintError
	var foreign *ForeignKeyError
	return errors.Is(err, ErrCannotReplay) || errors.Is(err, ErrSchema) || errors.As(err, &constraint) || errors.As(err, &foreign)
}

// Undo turns rows back from their images after to their images before. The rows
// must be as after says; anything else is a *DivergenceError.
func (r *Replica) Undo(images []RowImage) error {
	back := make([]RowImage, len(images))
	for i, m := range images {
		now, err := r.Row(m.Table, m.Key)
		if err != nil {
			return err
		}
		if (now == nil) != (m.After == nil) || !slices.Equal(now, m.After) {
			return &DivergenceError{Table: m.Table.Name, Key: m.Key, Why: "it is not as replog left it"}
		}
		back[i] = RowImage{Table: m.Table, Key: m.Key, Before: m.After, After: m.Before}
	}
	return divergence(r.Write(back))
}

// Coalesce joins the images of transactions that followed each other into one
// list, a row once: before the first, after the last. Rows that come back to
// where they were are left out.
func Coalesce(lists ...[]RowImage) []RowImage {
	var joined []RowImage
	at := map[replog.RowID]int{}
	for _, list := range lists {
		for _, m := range list {
			if i, ok := at[m.ID()]; ok {
				joined[i].After = m.After
				continue
			}
			at[m.ID()] = len(joined)
			joined = append(joined, m)
		}
	}
	return slices.DeleteFunc(joined, func(m RowImage) bool {
		return (m.Before == nil) == (m.After == nil) && slices.Equal(m.Before, m.After)
	})
}

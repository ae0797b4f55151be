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
// replace. It returns the changes that it made, for Revert, without those that
// had no effect; the same slice where all were made as they are. The caller
// wraps it in a savepoint and rolls back where it fails: ErrCannotReplay,
// *ConstraintError, *ForeignKeyError and ErrSchema mean that the changes cannot
// be made; other errors are the database's.
func (r *Replica) Replay(changes replog.Changes) (made replog.Changes, err error) {
	return r.replay(changes, true)
}

// ReplayStep is Replay for row statements between intents: foreign keys are left to
// [Intents.Do].
func (r *Replica) ReplayStep(changes replog.Changes) (made replog.Changes, err error) {
	return r.replay(changes, false)
}

func (r *Replica) replay(changes replog.Changes, check bool) (made replog.Changes, err error) {
	images := NewImages(r.Schema)
	defer images.Close()
	asTheyAre, err := r.remake(changes, images)
	if err != nil {
		return nil, err
	}
	if err := r.Write(images); err != nil {
		return nil, err
	}
	if check {
		if err := r.CheckForeignKeys(images); err != nil {
			return nil, err
		}
	}
	if asTheyAre {
		return changes, nil
	}
	list := replog.NewChangeSpill()
	return list, images.each(func(m *RowImage) error { return list.Add(m.change()) })
}

// remake adds to images what net changes make of the rows as they are now, without
// those on which they have no effect, and tells whether the rows are as the changes
// say. ErrCannotReplay and ErrSchema mean that they cannot be made.
func (r *Replica) remake(changes replog.Changes, images *Images) (asTheyAre bool, err error) {
	asTheyAre = true
	err = replog.EachChange(changes, func(_ int, c *replog.Change) error {
		t, columns, before, err := r.find(c)
		if err != nil {
			return err
		}
		image := RowImage{Table: t, Key: c.Key, Before: before}
		switch {
		case c.Op == replog.Insert:
			image.After = expand(t, columns, c.New)
			if before != nil && !slices.Equal(before, image.After) {
				return ErrCannotReplay
			}
		case before == nil && (c.Op == replog.Update || c.Moves()):
			return ErrCannotReplay
		case c.Op == replog.Update:
			image.After = overlay(before, columns, c.New)
		}
		asTheyAre = asTheyAre && image.makes(c, columns)
		if sameImage(image.Before, image.After) {
			return nil
		}
		return images.Add(image)
	})
	return asTheyAre, err
}

// makes tells whether the image is what a net change says that it replaces, and
// carries along.
func (i *RowImage) makes(c *replog.Change, columns []int) bool {
	if c.Op == replog.Insert {
		return i.Before == nil
	}
	return i.Before != nil && slices.Equal(pick(i.Before, columns), c.Old) && i.Table.holds(i.Before, c.Context)
}

// change renders an image as a change without times.
func (i *RowImage) change() replog.Change {
	c := replog.Change{Table: i.Table.Name, Key: i.Key, KeyColumns: i.Table.KeyColumns()}
	switch {
	case i.Before == nil:
		c.Op, c.Columns, c.New = replog.Insert, i.Table.ColumnNames(), i.After
	case i.After == nil:
		c.Op, c.Columns, c.Old = replog.Delete, i.Table.ColumnNames(), i.Before
	default:
		c.Op = replog.Update
		for _, n := range i.changed() {
			c.Columns = append(c.Columns, i.Table.Columns[n].Name)
			c.Old = append(c.Old, i.Before[n])
			c.New = append(c.New, i.After[n])
		}
	}
	return c
}

// Refused tells whether an error of Replay, Write or CheckForeignKeys means that
// the changes do not fit the data, rather than that something broke.
func Refused(err error) bool {
	var constraint *ConstraintError
	var foreign *ForeignKeyError
	return errors.Is(err, ErrCannotReplay) || errors.Is(err, ErrSchema) || errors.As(err, &constraint) || errors.As(err, &foreign)
}

// Revert takes changes back that were made by Apply or Replay, or that Gather
// found. The rows must hold what the changes wrote; anything else is a
// *DivergenceError.
func (r *Replica) Revert(changes replog.Changes) error { return r.Apply(&reverse{of: changes}) }

// reverse are changes that take others back.
type reverse struct {
	of replog.Changes
	c  replog.Change
}

// Len implements replog.Changes.
func (l *reverse) Len() int { return l.of.Len() }

// At implements replog.Changes.
func (l *reverse) At(i int) (*replog.Change, error) {
	c, err := l.of.At(i)
	if err != nil {
		return nil, err
	}
	l.c = *c
	l.c.Old, l.c.New = c.New, c.Old
	switch c.Op {
	case replog.Insert:
		l.c.Op = replog.Delete
	case replog.Delete:
		l.c.Op = replog.Insert
	}
	return &l.c, nil
}

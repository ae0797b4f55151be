package server

import "replog/replog"

// effects are the changes that a transaction makes, or a group of it. Those of a
// long transaction are kept on disk, unless they are just what is planned.
type effects struct {
	planned replog.Changes
	long    bool
	list    []replog.Change // of a short transaction
	// spill has those of a long one. It is nil as long as they are the first of
	// planned, as many as asPlanned says.
	spill     *replog.Spill[replog.Change]
	asPlanned int
}

// add adds what is made of the n-th planned change.
func (e *effects) add(n int, planned *replog.Change, made replog.Change) error {
	if !e.long {
		e.list = append(e.list, made)
		return nil
	}
	if e.spill == nil {
		if n == e.asPlanned && made.Equal(planned) {
			e.asPlanned++
			return nil
		}
		if err := e.keep(); err != nil {
			return err
		}
	}
	return e.spill.Add(made)
}

// keep moves what has been made as planned to disk.
func (e *effects) keep() error {
	e.spill = replog.NewChangeSpill()
	for i := range e.asPlanned {
		c, err := e.planned.At(i)
		if err == nil {
			err = e.spill.Add(*c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// made returns the changes: where they are all that is planned, that list itself.
// They last until close.
func (e *effects) made() (replog.Changes, error) {
	switch {
	case !e.long:
		return replog.ChangeList(e.list), nil
	case e.spill != nil:
		return e.spill, nil
	case e.asPlanned == e.planned.Len():
		return e.planned, nil
	}
	err := e.keep()
	return e.spill, err
}

// addAll adds those of a group, whose rows have these numbers.
func (e *effects) addAll(rows []int, group *effects) error {
	if !e.long {
		e.list = append(e.list, group.list...)
		return nil
	}
	made, err := group.made()
	if err != nil {
		return err
	}
	return replog.EachChange(made, func(i int, c *replog.Change) error {
		n := -1
		if group.asPlanned == len(rows) {
			n = rows[i]
		}
		return e.add(n, c, *c)
	})
}

// close lets go of what is on disk.
func (e *effects) close() {
	if e != nil {
		_ = e.spill.Close() // a temporary file; nothing is lost
	}
}

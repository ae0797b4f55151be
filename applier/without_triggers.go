package applier

import (
	"fmt"
	"slices"
)

// WithoutTriggers runs f, within the caller's transaction, while nothing is
// recorded and the application's triggers are out of the way: what they did was
// captured, or will come, as changes of its own. Only those that write nothing
// but virtual tables stay. Afterwards the others are created again, in their
// order, and full-text indexes that no trigger keeps are made anew where the
// tables that they show were written.
func (r *Replica) WithoutTriggers(f func() error) error {
	if err := r.setAside(); err != nil {
		return err
	}
	defer func() { r.derived, r.aside, r.putBack = nil, nil, nil }()
	if err := f(); err != nil {
		kept, _ := partition(r.aside, r.derived.triggers)
		return damagedIndex(kept, err)
	}
	return r.endAside()
}

// setAside is how WithoutTriggers begins.
func (r *Replica) setAside() error {
	theirs, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	theirs = slices.DeleteFunc(theirs, func(t trigger) bool { return t.own() })
	derived, err := r.readDerived(theirs)
	if err != nil {
		return err
	}
	_, dropped := partition(theirs, derived.triggers)
	if err := r.dropTriggers(dropped); err != nil {
		return err
	}
	if err := r.Recording(false); err != nil {
		return err
	}
	putBack, err := r.keepLocal()
	if err != nil {
		return err
	}
	clear(r.written)
	r.derived, r.aside, r.putBack = derived, theirs, putBack
	return nil
}

// endAside is how WithoutTriggers ends.
func (r *Replica) endAside() error {
	if err := r.putBack(); err != nil {
		return err
	}
	if err := r.rebuild(r.derived, r.isStale); err != nil {
		return err
	}
	if kept, dropped := partition(r.aside, r.derived.triggers); dropped != nil {
		if err := r.dropTriggers(kept); err != nil { // for the order
			return err
		}
		if err := r.createAgain(r.aside); err != nil {
			return err
		}
	}
	return r.Recording(true)
}

// isStale tells whether an index does not show what was written.
func (r *Replica) isStale(x *contentIndex) bool {
	return !x.kept && slices.ContainsFunc(x.tables, func(t *Table) bool { return r.written[t] })
}

// DamagedIndexError says that SQLite found something damaged while triggers that
// keep full-text indexes ran: most likely such an index.
type DamagedIndexError struct {
	Triggers []string
	Err      error
}

func (e *DamagedIndexError) Error() string {
	return fmt.Sprintf("a full-text index is damaged, which one of the triggers %q keeps: %v", e.Triggers, e.Err)
}
func (e *DamagedIndexError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *DamagedIndexError) Next() string {
	return "nothing was changed; make the index anew by INSERT INTO name(name) VALUES('rebuild') in the sqlite3 shell"
}

func damagedIndex(kept []trigger, err error) error {
	if kept == nil || resultCode(err) != sqliteCorrupt {
		return err
	}
	e := &DamagedIndexError{Err: err}
	for _, t := range kept {
		e.Triggers = append(e.Triggers, t.name)
	}
	return e
}

func partition(triggers []trigger, named map[string]bool) (in, out []trigger) {
	for _, t := range triggers {
		if named[foldName(t.name)] {
			in = append(in, t)
		} else {
			out = append(out, t)
		}
	}
	return in, out
}

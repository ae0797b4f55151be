package client

import (
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// applySchema makes an entry with schema statements.
func (m *move) applySchema(e *replog.Download) error {
	if e.Steps == nil {
		return fmt.Errorf("%w: entry %d has no schema statements", replog.ErrForm, e.Revision)
	}
	done := m.isDone(e)
	return replog.EachStep(e.Steps, func(s *replog.Step) error {
		if s.Intent != nil && done {
			return nil
		}
		if s.Intent != nil {
			return m.runSchema(s.Intent)
		}
		if err := m.intentsOff(); err != nil {
			return err
		}
		return m.applyRows(s.NetChanges())
	})
}

// isDone tells whether an entry's schema statements were run here, when they were
// recorded, and were not taken back.
func (m *move) isDone(e *replog.Download) bool {
	if m.takenBack || e.Device != m.id.Device && e.Device != m.former || m.verdict[e.Seq] == nil {
		return false
	}
	return m.find(e.Seq).effect
}

// runSchema runs a schema statement of the log. A derived one is the business of the
// file's own application: what it makes is lacking until then.
func (m *move) runSchema(in *replog.Intent) error {
	if err := m.intentsOff(); err != nil {
		return err
	}
	m.schemas = true
	o := applier.SchemaOptions{Legacy: in.Legacy}
	s, err := m.replica.InspectSchema(in.SQL, o)
	if err != nil || s.Already {
		return err
	}
	if in.Schema == replog.SchemaDerived {
		m.lacking = true
		return nil
	}
	if s.Refused != nil {
		return m.clash(s.Refused)
	}
	return m.changeSchema(func() error {
		_, err := m.replica.RunSchema(s, o)
		var refused *applier.SchemaError
		if errors.As(err, &refused) {
			return m.clash(refused)
		}
		return err
	})
}

// clash says that the log's schema statement cannot be run here.
func (m *move) clash(e *applier.SchemaError) error {
	lines := "- " + e.SQL
	if e.There != nil {
		lines += "\n+ " + e.There.SQL
	}
	return &MismatchError{Path: m.path, Code: replog.CodeSchema, Detail: fmt.Sprintf("its schema is in the way of the log's, %s:\n%s", e.Detail, lines)}
}

// rowsOf are the changes of an entry's rows.
func rowsOf(e *replog.Download) replog.Changes {
	if e.Steps == nil {
		return e.List
	}
	t := &replog.Transaction{}
	t.SetLongSteps(e.Steps)
	return t.NetChanges()
}

// applyRows applies changes, but for what the file lacks of the tables.
func (m *move) applyRows(changes replog.Changes) error {
	kept, err := m.kept(m.replica.Widen(changes))
	if err != nil {
		return err
	}
	return errors.Join(m.replica.Apply(kept), closeKept(kept))
}

// closeKept closes what kept made.
func closeKept(kept replog.Changes) error {
	if list, own := kept.(*replog.Spill[replog.Change]); own {
		return list.Close()
	}
	return nil
}

// kept are changes without the tables and columns that the file lacks: the log keeps
// these, and the file takes them from there once its application makes them.
func (m *move) kept(changes replog.Changes) (replog.Changes, error) {
	if !m.lacking && m.id.Schema.lacks == "" && len(m.replica.Schema.Local()) == 0 {
		return changes, nil
	}
	list := replog.NewChangeSpill()
	return list, replog.EachChange(changes, func(_ int, c *replog.Change) error {
		left, whole := m.narrow(c)
		m.dropped = m.dropped || !whole
		if left == nil {
			return nil
		}
		return list.Add(*left)
	})
}

// narrow leaves of a change what the file has, nil for nothing, and tells whether that
// is all of it.
func (m *move) narrow(c *replog.Change) (left *replog.Change, whole bool) {
	t := m.replica.Schema.Table(c.Table)
	if t == nil {
		return nil, false
	}
	missing := func(name string) bool { return t.Column(name) < 0 }
	if !slices.ContainsFunc(c.Columns, missing) {
		return c, true
	}
	few := c.Only(slices.DeleteFunc(slices.Clone(c.Columns), missing))
	if few.Op == replog.Update && len(few.Columns) == 0 {
		return nil, false
	}
	return &few, false
}

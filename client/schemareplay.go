package client

import (
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// Schema statements that wait are never undone. Those that only add something need
// not be: what others wrote before them fits the tables as they are after them, with
// the defaults of what was added, and the rows of the outbox are undone and made
// again around them. Beneath others, and in the place of those that were not applied,
// nothing can be written: the tables are made again as the log has them, and filled
// from the server's snapshot; then the outbox is replayed, schema statements included.

// reloadError says that the tables have to be made again as the log has them.
type reloadError struct{ seq replog.Seq }

func (e *reloadError) Error() string {
	return fmt.Sprintf("transaction %d changed the schema, so that its tables have to be loaded again", e.seq)
}

// undoSchema takes the row statements of a transaction with schema statements out of
// the tables.
func (o outbox) undoSchema(p *pending) error {
	if p.schema == schemaChanges {
		return &reloadError{p.seq}
	}
	t, err := o.load(p)
	if err != nil {
		return err
	}
	steps := t.AllSteps()
	for i := steps.Len() - 1; i >= 0; i-- {
		s, err := steps.At(i)
		if err == nil && s.Intent == nil {
			err = o.Revert(o.Widen(s.NetChanges()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// replaySchema is replayOne for a transaction with schema statements: those that were
// taken back run again, its rows are written again.
func (m *move) replaySchema(p *pending, t *replog.Transaction, taint *applier.Taint) error {
	held, err := m.heldSchema(p, t, taint)
	if err != nil {
		return err
	}
	if held != "" {
		return m.outbox().replayed(p, t, nil, buildsOn(held))
	}
	if err := m.intentsOff(); err != nil {
		return err
	}
	made := replog.NewChangeSpill()
	defer made.Close()
	before, done := m.replica.Schema, p.effect && !m.takenBack
	err = m.replica.Savepoint(func() error {
		return replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
			if s.Intent != nil && (done || s.Intent.Schema == replog.SchemaDerived) {
				return nil
			}
			if s.Intent != nil {
				return m.replayStatement(s.Intent)
			}
			list, err := m.replica.ReplayStep(m.replica.Widen(s.NetChanges()))
			if err != nil {
				return err
			}
			return replog.EachChange(list, func(_ int, c *replog.Change) error { return made.Add(*c) })
		})
	})
	var refused *applier.SchemaError
	if applier.Refused(err) || errors.As(err, &refused) {
		m.replica.Schema = before
		return m.outbox().replayed(p, t, nil, err.Error())
	}
	if err != nil {
		return err
	}
	return m.outbox().replayed(p, t, made, "")
}

func (m *move) replayStatement(in *replog.Intent) error {
	o := applier.SchemaOptions{Legacy: in.Legacy}
	s, err := m.replica.InspectSchema(in.SQL, o)
	if err != nil || s.Already {
		return err
	}
	return m.changeSchema(func() error {
		_, err := m.replica.RunSchema(s, o) // or why it is refused
		return err
	})
}

// heldSchema names what a transaction with schema statements builds on that is in a
// taint: a row, or a table that they are about; "" for nothing. It notes the tables.
func (d *Device) heldSchema(p *pending, t *replog.Transaction, taint *applier.Taint) (string, error) {
	objects, err := d.replica.Objects()
	if err != nil {
		return "", err
	}
	p.tables = nil
	err = replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
		if s.Intent != nil {
			p.tables = append(p.tables, applier.SchemaTables(s.Intent.SQL, objects)...)
		}
		return nil
	})
	slices.Sort(p.tables)
	p.tables = slices.Compact(p.tables)
	if err != nil {
		return "", err
	}
	if table, held := taint.TouchedTables(p.tables); held {
		return "table " + table, nil
	}
	row, held, err := taint.Touched(t.NetChanges())
	if err != nil || !held {
		return "", err
	}
	return rowName(row), nil
}

// asHoped tells that all own transactions were applied as they are recorded. What the
// server made of one with schema statements always comes.
func (m *move) asHoped() (bool, error) {
	for i := range m.answer.verdicts {
		v := &m.answer.verdicts[i]
		p := m.find(v.Seq)
		if v.Outcome != replog.Applied || len(v.Parts) > 0 || !v.AsRecorded && p.schema == noSchema {
			return false, nil
		}
	}
	if !m.answer.schema {
		return true, nil
	}
	same := true
	err := m.answer.entries(func(e *replog.Download) error {
		p := m.find(e.Seq)
		if e.Device != m.id.Device || !e.Schema || p == nil {
			return nil
		}
		t, err := m.outbox().load(p)
		if err != nil {
			return err
		}
		as, err := replog.SameChanges(rowsOf(e), t.NetChanges())
		same = same && as
		return err
	})
	return same, err
}

// judgedSchema is what follows from verdicts on transactions with schema statements.
// What was added and not applied stays in the file, for itself.
func (m *move) judgedSchema() error {
	var refused []*replog.Intent
	for i := range m.answer.verdicts {
		v := &m.answer.verdicts[i]
		p := m.find(v.Seq)
		m.schemas = m.schemas || p.schema != noSchema && v.Outcome == replog.Applied
		if p.schema != schemaAdds || v.Outcome == replog.Applied {
			continue
		}
		t, err := m.outbox().load(p)
		if err != nil {
			return err
		}
		if refused, err = addStatements(refused, t); err != nil {
			return err
		}
	}
	if refused == nil {
		return nil
	}
	return m.changeSchema(func() error { return m.replica.DisownSchema(refused) })
}

// addStatements adds the schema statements of a transaction that an application ran.
func addStatements(list []*replog.Intent, t *replog.Transaction) ([]*replog.Intent, error) {
	err := replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
		if s.Intent != nil && s.Intent.Schema == replog.SchemaRun {
			in := *s.Intent
			list = append(list, &in)
		}
		return nil
	})
	return list, err
}

package client

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// rebase brings the file from its sync point to where the answer reaches, in one
// SQLite transaction: close what was written meanwhile, undo the outbox, apply
// the entries, take out what has a verdict, replay what is left. Where a short
// cut leads to the same state (see shortcut.go), it is taken.
func (d *Device) rebase(a *answer, result *SyncResult) error {
	err := d.write(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		if len(a.verdicts) == 0 && a.done.Revision == id.SyncPoint {
			return d.finish(id, a)
		}
		if err := d.close(id); err != nil {
			return err
		}
		m, err := d.newMove(id, a)
		if err != nil {
			return err
		}
		done, err := m.shortcut()
		if err == nil && !done {
			err = m.wholly(m.undone)
		}
		if err == nil {
			err = m.noteSchema()
		}
		if err != nil {
			return err
		}
		m.addTo(result)
		if err := d.options.Fault(FaultRebased); err != nil {
			return err
		}
		return d.finish(id, a)
	})
	return d.diverged(err)
}

func (d *Device) finish(id *identity, a *answer) error {
	id.LastSync = replog.MillisOf(d.options.Clock())
	moved := id.SyncPoint != a.done.Revision || id.Chain != a.done.Chain
	id.Epoch, id.SyncPoint, id.Chain = a.first.Epoch, a.done.Revision, a.done.Chain
	if id.Rejoined != nil && id.Seen >= id.Rejoined.UpTo {
		id.Rejoined = nil
	}
	if err := d.save(id); err != nil || !moved {
		return err
	}
	return d.addPoint(id.SyncPoint, id.Chain, id.LastSync)
}

// move is one change of the confirmed state under the outbox.
type move struct {
	*Device
	id     *identity
	answer *answer
	// pending is the whole outbox, in order of seq, and verdict what the answer
	// says of some of it.
	pending []*pending
	verdict map[replog.Seq]*replog.Verdict
	short   bool // a short cut was taken
	// schemas: the log's schema has changed. lacking: it has what the file does not
	// have yet, and dropped: some of it was left out.
	schemas, lacking, dropped bool
	// takenBack: the schema statements of the outbox were. former is the identity under
	// which they were recorded, where that is another.
	takenBack bool
	former    replog.DeviceID
}

// newMove makes sure that the verdicts are about this file's transactions:
// otherwise it is a *MismatchError.
func (d *Device) newMove(id *identity, a *answer) (*move, error) {
	pending, err := d.outbox().list()
	if err != nil {
		return nil, err
	}
	m := &move{Device: d, id: id, answer: a, pending: pending, verdict: map[replog.Seq]*replog.Verdict{}}
	for i := range a.verdicts {
		v := &a.verdicts[i]
		if err := m.checkVerdict(v); err != nil {
			return nil, err
		}
		m.verdict[v.Seq] = v
	}
	return m, nil
}

func (m *move) checkVerdict(v *replog.Verdict) error {
	fork := func(format string) error {
		return &MismatchError{Path: m.path, Code: replog.CodeFork, Detail: fmt.Sprintf(format, v.Seq)}
	}
	p := m.find(v.Seq)
	if p == nil {
		return fork("the server has a verdict on transaction %d, which this file does not have: it is a copy, or was restored")
	}
	hash, _, err := m.outbox().hash(p)
	if err == nil && hash != v.Hash {
		err = fork("the server's transaction %d is another than this file's: it is a copy, or was restored")
	}
	return err
}

// find returns a transaction of the outbox, or nil.
func (m *move) find(seq replog.Seq) *pending {
	i, ok := slices.BinarySearchFunc(m.pending, seq, func(p *pending, seq replog.Seq) int { return cmp.Compare(p.seq, seq) })
	if !ok {
		return nil
	}
	return m.pending[i]
}

// rest is what stays in the outbox.
func (m *move) rest() []*pending {
	return slices.DeleteFunc(slices.Clone(m.pending), func(p *pending) bool { return m.verdict[p.seq] != nil })
}

// addTo counts what was done.
func (m *move) addTo(r *SyncResult) {
	for i := range m.answer.verdicts {
		switch m.answer.verdicts[i].Outcome {
		case replog.Applied:
			r.Applied++
		case replog.Ignored:
			r.Ignored++
		case replog.Conflict:
			r.Conflicts++
		case replog.Rejected:
			r.Rejected++
		case replog.Held:
			r.Held++
		}
	}
	r.Downloaded += m.answer.foreign
	if m.short {
		r.Shortcuts++
	}
}

// wholly moves the full way: it brings the tables to a confirmed state, by
// undoing the outbox or by confirm, which loads the state of the revision it
// returns; it applies what comes after that, and replays what is left.
func (m *move) wholly(confirm func() (replog.Revision, error)) error {
	return m.replica.WithoutTriggers(func() error {
		if err := m.advance(confirm); err != nil {
			return err
		}
		if err := m.replay(); err != nil {
			return err
		}
		return m.intentsOff()
	})
}

// advance is wholly without the replay.
func (m *move) advance(confirm func() (replog.Revision, error)) error {
	from, err := confirm()
	if err != nil {
		return err
	}
	if err := m.options.Fault(FaultUndone); err != nil {
		return err
	}
	err = m.answer.entries(func(e *replog.Download) error {
		if e.Revision <= from {
			return nil
		}
		if err := m.apply(e); err != nil {
			return fmt.Errorf("revision %d: %w", e.Revision, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return m.judged()
}

// undone is the confirmed state at the sync point.
func (m *move) undone() (replog.Revision, error) {
	for _, p := range m.pending {
		if p.schema == schemaChanges {
			return 0, &reloadError{p.seq}
		}
	}
	return m.id.SyncPoint, m.outbox().undo()
}

// apply makes the changes of one entry; those of an own transaction that were
// made as recorded are in the outbox, which verdicts leave in it until the
// entries were applied.
func (m *move) apply(e *replog.Download) error {
	if e.Digest != nil {
		return m.rerun(e)
	}
	if e.Schema {
		return m.applySchema(e)
	}
	changes, err := m.changes(e)
	if err == nil {
		err = m.intentsOff()
	}
	if err != nil {
		return err
	}
	return m.applyRows(changes)
}

func (m *move) changes(e *replog.Download) (replog.Changes, error) {
	if e.Device != m.id.Device || e.Schema {
		return rowsOf(e), nil
	}
	v, p := m.verdict[e.Seq], m.find(e.Seq)
	if v == nil {
		return nil, fmt.Errorf("%w: an own entry without its verdict", replog.ErrForm)
	}
	if !v.AsRecorded || p.intents {
		return e.List, nil
	}
	t, err := m.outbox().load(p)
	if err != nil {
		return nil, err
	}
	return t.NetChanges(), nil
}

// judged processes the verdicts: their transactions leave the outbox, and what
// was not applied becomes conflicts.
func (m *move) judged() error {
	if err := m.judgedSchema(); err != nil {
		return err
	}
	for i := range m.answer.verdicts {
		v := &m.answer.verdicts[i]
		p := m.find(v.Seq)
		if err := m.addConflicts(p, v); err != nil {
			return err
		}
		if m.answer.changed(v) {
			if err := m.addLate(p, v.Tables, m.pending); err != nil {
				return err
			}
		}
		if err := m.keep(p, v); err != nil {
			return err
		}
		m.id.Seen = max(m.id.Seen, v.Seq)
	}
	return m.forgetOld(m.id)
}

// replay makes what stays in the outbox again, in order. A transaction that
// cannot be made, or that builds on one that was not, stays without effect.
func (m *move) replay() error {
	unsure, err := m.loadUnsure()
	if err != nil {
		return err
	}
	rest := m.rest()
	for i, p := range rest {
		t, err := m.outbox().load(p)
		if err != nil {
			return err
		}
		taint, err := unsure.taint(m.replica.Schema, t, rest[:i], m.outbox().load)
		if err != nil {
			return err
		}
		if err := m.replayOne(p, t, taint); err != nil {
			return fmt.Errorf("replay transaction %d: %w", p.seq, err)
		}
	}
	return m.pruneLate(rest)
}

// replayOne makes a transaction again, and notes what it made, or why it is without
// effect.
func (m *move) replayOne(p *pending, t *replog.Transaction, taint *applier.Taint) error {
	switch {
	case p.schema != noSchema:
		return m.replaySchema(p, t, taint)
	case t.HasIntents():
		return m.replaySteps(p, t, taint)
	}
	net := m.replica.Widen(t.NetChanges())
	row, touched, err := taint.Touched(net)
	if err != nil {
		return err
	}
	if touched {
		return m.outbox().replayed(p, t, nil, buildsOn(rowName(row)))
	}
	if err := m.intentsOff(); err != nil {
		return err
	}
	var made replog.Changes
	err = m.replica.Savepoint(func() (err error) {
		made, err = m.replica.Replay(net)
		return err
	})
	if applier.Refused(err) {
		return m.outbox().replayed(p, t, nil, err.Error())
	}
	if err != nil {
		return err
	}
	return m.outbox().replayed(p, t, made, "")
}

// rowName names what a taint found: a row or, without a key, a table.
func rowName(row replog.RowID) string {
	if row.Key == "" {
		return "table " + row.Table
	}
	return row.String()
}

func buildsOn(what string) string {
	return fmt.Sprintf("it builds on %s, which an earlier transaction changed that was not applied as this one expects", what)
}

// diverged makes a *DivergedError of the applier's.
func (d *Device) diverged(err error) error {
	var e *applier.DivergenceError
	if errors.As(err, &e) || errors.Is(err, applier.ErrSchema) {
		return &DivergedError{Path: d.path, Err: err}
	}
	return err
}

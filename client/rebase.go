package client

import (
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// rebase brings the file from its sync point to where the answer reaches, in one
// SQLite transaction: close what was written meanwhile, undo the outbox, apply
// the entries, take out what has a verdict, replay what is left.
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
		outbox, err := d.outbox()
		if err != nil {
			return err
		}
		counts, err := d.move(id, outbox, a, nil)
		if err != nil {
			return err
		}
		counts.addTo(result)
		if err := d.options.Fault(FaultRebased); err != nil {
			return err
		}
		return d.finish(id, a)
	})
	return d.diverged(err)
}

func (d *Device) finish(id *identity, a *answer) error {
	id.SyncPoint = a.done.Revision
	id.LastSync = replog.MillisOf(d.options.Clock())
	return d.save(id)
}

// tally counts what a move did.
type tally struct {
	outcomes   map[replog.Outcome]int
	downloaded int
}

func (t *tally) addTo(r *SyncResult) {
	r.Applied += t.outcomes[replog.Applied]
	r.Ignored += t.outcomes[replog.Ignored]
	r.Conflicts += t.outcomes[replog.Conflict]
	r.Rejected += t.outcomes[replog.Rejected]
	r.Held += t.outcomes[replog.Held]
	r.Downloaded += t.downloaded
}

// move replaces the confirmed state under the outbox. Where load is not nil, it
// loads the confirmed state of a snapshot instead of undoing the outbox, and
// entries up to the revision it returns are already in that.
func (d *Device) move(id *identity, outbox []*pending, a *answer, load func() (replog.Revision, error)) (*tally, error) {
	counts := &tally{outcomes: map[replog.Outcome]int{}}
	rest, err := d.judged(id, outbox, a, counts)
	if err != nil {
		return nil, err
	}
	err = d.replica.WithoutTriggers(func() error {
		from := id.SyncPoint
		if load == nil {
			err = undoOutbox(d.replica, outbox)
		} else {
			from, err = load()
		}
		if err != nil {
			return err
		}
		if err := d.options.Fault(FaultUndone); err != nil {
			return err
		}
		for i := range a.entries {
			e := &a.entries[i]
			if e.Device != id.Device {
				counts.downloaded++
			}
			if e.Revision <= from {
				continue
			}
			if err := d.apply(e, id, outbox, a.verdicts); err != nil {
				return fmt.Errorf("revision %d: %w", e.Revision, err)
			}
		}
		return d.replay(rest)
	})
	return counts, err
}

// undoOutbox takes the outbox out of the tables: what is left is the confirmed
// state.
func undoOutbox(r *applier.Replica, outbox []*pending) error {
	var lists [][]applier.RowImage
	for _, p := range outbox {
		if !p.effect {
			continue
		}
		images, err := p.images(r.Schema)
		if err != nil {
			return err
		}
		lists = append(lists, images)
	}
	return r.Undo(applier.Coalesce(lists...))
}

// apply makes the changes of one entry; those of an own transaction that were
// made as recorded are in the outbox.
func (d *Device) apply(e *replog.Download, id *identity, outbox []*pending, verdicts []replog.Verdict) error {
	changes := e.List
	if e.Device == id.Device {
		i := slices.IndexFunc(verdicts, func(v replog.Verdict) bool { return v.Seq == e.Seq })
		if i < 0 {
			return fmt.Errorf("%w: an own entry without its verdict", replog.ErrForm)
		}
		if verdicts[i].AsRecorded {
			p := find(outbox, e.Seq)
			if p == nil {
				return fmt.Errorf("%w: transaction %d is not in the outbox", replog.ErrForm, e.Seq)
			}
			changes = p.transaction.NetChanges()
		}
	}
	return d.replica.Apply(changes)
}

func find(outbox []*pending, seq replog.Seq) *pending {
	i := slices.IndexFunc(outbox, func(p *pending) bool { return p.seq == seq })
	if i < 0 {
		return nil
	}
	return outbox[i]
}

// changed tells whether an own transaction was applied with changes.
func (a *answer) changed(v *replog.Verdict) bool {
	return v.AsRecorded || slices.ContainsFunc(a.entries, func(e replog.Download) bool {
		return e.Revision == v.Revision && len(e.List) > 0
	})
}

// judged processes the verdicts: their transactions leave the outbox, and what
// was not applied becomes conflicts. It returns what is left.
func (d *Device) judged(id *identity, outbox []*pending, a *answer, counts *tally) ([]*pending, error) {
	rest := slices.Clone(outbox)
	for i := range a.verdicts {
		v := &a.verdicts[i]
		at := slices.IndexFunc(rest, func(p *pending) bool { return p.seq == v.Seq })
		if at < 0 {
			return nil, &MismatchError{Path: d.path, Code: replog.CodeFork, Detail: fmt.Sprintf(
				"the server has a verdict on transaction %d, which this file does not have: it is a copy, or was restored", v.Seq)}
		}
		p := rest[at]
		if p.hash != v.Hash {
			return nil, &MismatchError{Path: d.path, Code: replog.CodeFork, Detail: fmt.Sprintf(
				"the server's transaction %d is another than this file's: it is a copy, or was restored", v.Seq)}
		}
		counts.outcomes[v.Outcome]++
		if err := d.addConflicts(p, v); err != nil {
			return nil, err
		}
		if a.changed(v) {
			if err := d.addLate(p, outbox); err != nil {
				return nil, err
			}
		}
		if err := d.drop(p); err != nil {
			return nil, err
		}
		id.Seen = max(id.Seen, v.Seq)
		rest = slices.Delete(rest, at, at+1)
	}
	return rest, nil
}

// replay makes the transactions of the outbox again, in order. One that cannot
// be made, or that builds on one that was not, stays without effect.
func (d *Device) replay(rest []*pending) error {
	unsure, err := d.loadUnsure()
	if err != nil {
		return err
	}
	for i, p := range rest {
		taint := unsure.taint(d.replica.Schema, &p.transaction, rest[:i])
		if err := d.replayOne(p, taint); err != nil {
			return fmt.Errorf("replay transaction %d: %w", p.seq, err)
		}
		if err := d.update(p); err != nil {
			return err
		}
	}
	return d.pruneLate(rest)
}

func (d *Device) replayOne(p *pending, taint *applier.Taint) error {
	net := p.transaction.NetChanges()
	p.effect, p.why, p.undo = false, "", encodeImages(nil)
	if row, ok := taint.Touched(net); ok {
		p.why = fmt.Sprintf("it builds on %s, which an earlier transaction changed that was not applied as this one expects", row)
		return nil
	}
	var images []applier.RowImage
	err := d.replica.Savepoint(func() error {
		var err error
		images, err = d.replica.Replay(net)
		return err
	})
	switch {
	case err == nil:
		p.effect, p.undo = true, encodeImages(images)
		return nil
	case applier.Refused(err):
		p.why = err.Error()
		return nil
	}
	return err
}

package server

import (
	"errors"
	"slices"

	"replog/applier"
	"replog/replog"
)

// unsure holds U: what the next transaction of a device must not build on (see
// docs/rules.md). It is kept while the transactions of one upload are judged one
// after the other, as reading it anew for each would take time in proportion to
// the square of what was not applied. It belongs to one transaction on the log.
type unsure struct {
	seen    replog.Seq
	without []replog.Seq
	next    replog.Seq // the transaction that taint is for
	taint   *applier.Taint
}

// of returns U for a transaction of the device.
func (u *unsure) of(s *applier.Schema, log replog.LogTx, t *replog.Transaction) (*applier.Taint, error) {
	if u.taint != nil && u.next == t.Seq && u.seen == t.Seen && slices.Equal(u.without, t.Without) {
		return u.taint, nil
	}
	taint, err := readUnsure(s, log, t)
	if err != nil {
		return nil, err
	}
	*u = unsure{seen: t.Seen, without: t.Without, next: t.Seq, taint: taint}
	return taint, nil
}

// judged moves on to the transaction after t.
func (u *unsure) judged(t *replog.Transaction, v *verdict) {
	if u.taint == nil || u.next != t.Seq {
		return
	}
	u.taint.Add(replog.NotApplied(t, v.Parts)...)
	u.next++
}

// readUnsure collects U from the log. Of the device's transactions above seen
// that is what was not applied, and, where t was recorded without it, what was
// applied after all.
func readUnsure(s *applier.Schema, log replog.LogTx, t *replog.Transaction) (*applier.Taint, error) {
	taint := applier.NewTaint(s)
	if t.Seen+1 >= t.Seq {
		return taint, nil
	}
	entries, err := log.Unsettled(t.Device, t.Seen)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		if e.Transaction.Seq < t.Seq && !slices.Contains(t.Without, e.Transaction.Seq) {
			taint.Add(e.NotApplied()...)
		}
	}
	for _, seq := range t.Without {
		e, err := log.Find(t.Device, seq)
		if errors.Is(err, replog.ErrNotFound) {
			continue // not of this device's making: it lists only what it uploads
		}
		if err != nil {
			return nil, err
		}
		if len(e.Changes) > 0 {
			taint.Add(e.Transaction.NetChanges()...)
		}
	}
	return taint, nil
}

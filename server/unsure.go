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
	schema  *applier.Schema
	taint   *applier.Taint
}

// of returns U for a transaction of the device.
func (u *unsure) of(s *applier.Schema, log replog.LogTx, t *replog.Transaction) (*applier.Taint, error) {
	if u.taint != nil && u.schema == s && u.next == t.Seq && u.seen == t.Seen && slices.Equal(u.without, t.Without) {
		return u.taint, nil
	}
	taint, err := readUnsure(s, log, t)
	if err != nil {
		return nil, err
	}
	*u = unsure{seen: t.Seen, without: t.Without, next: t.Seq, schema: s, taint: taint}
	return taint, nil
}

// judged moves on to the transaction after t. What waits of a long one is left to
// be read from the log, as mostly nothing follows it.
func (u *unsure) judged(t *replog.Transaction, v *verdict) error {
	if u.taint == nil || u.next != t.Seq {
		return nil
	}
	if t.IsLong() && slices.ContainsFunc(v.Parts, func(p replog.Part) bool { return p.Outcome.Waits() }) {
		*u = unsure{}
		return nil
	}
	u.next++
	if v.Outcome.Waits() {
		u.taint.AddTables(v.Tables)
	}
	return replog.NotApplied(t, v.Parts, func(c *replog.Change) error {
		u.taint.Add(c)
		return nil
	})
}

// readUnsure collects U from the log. Of the device's transactions above seen
// that is what was not applied, and, where t was recorded without it, what was
// applied after all.
func readUnsure(s *applier.Schema, log replog.LogTx, t *replog.Transaction) (*applier.Taint, error) {
	taint := applier.NewTaint(s)
	if t.Seen+1 >= t.Seq {
		return taint, nil
	}
	unsettled, err := log.Unsettled(t.Device, t.Seen)
	if err != nil {
		return nil, err
	}
	for _, known := range unsettled {
		if known.Seq < t.Seq && !slices.Contains(t.Without, known.Seq) {
			if err := addWaiting(taint, log, &known); err != nil {
				return nil, err
			}
		}
	}
	for _, seq := range t.Without {
		known, err := log.Find(t.Device, seq)
		if errors.Is(err, replog.ErrNotFound) {
			continue // not of this device's making: it lists only what it uploads
		}
		if err == nil && known.Changes > 0 {
			taint.AddTables(known.Tables)
			err = log.Planned(known.Revision, func(_ int, c *replog.Change) error {
				taint.Add(c)
				return nil
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return taint, nil
}

// addWaiting adds the net changes of an entry that wait for a person's decision.
func addWaiting(taint *applier.Taint, log replog.LogTx, known *replog.Judged) error {
	if known.Outcome.Waits() {
		taint.AddTables(known.Tables)
	}
	var waiting []int
	for _, p := range known.Parts {
		if p.Outcome.Waits() {
			waiting = append(waiting, p.Rows...)
		}
	}
	slices.Sort(waiting)
	return log.Planned(known.Revision, func(n int, c *replog.Change) error {
		if _, waits := slices.BinarySearch(waiting, n); waits {
			taint.Add(c)
		}
		return nil
	})
}

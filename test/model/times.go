package model

import (
	"fmt"
	"maps"
	"slices"

	"replog/replog"
)

// Span is when a local transaction was written, as its device's clock tells.
type Span struct{ From, To replog.Millis }

// write is one local transaction, or the part of one up to a mark.
type write struct {
	after State
	// from and to bracket the times it may have recorded. As times never go
	// back on a device, to is at least that of every earlier write.
	from, to replog.Millis
}

// CheckTimes tells whether the times recorded in t can be true, and remembers
// them: each lies within the write that changed the column last, or after it,
// and none is before a time of an earlier transaction.
func (d *Device) CheckTimes(t *Txn) error {
	latest := d.recorded
	if t.Steps != nil {
		return d.checkSteps(t)
	}
	for _, n := range t.Net {
		for column, at := range n.Times {
			from, to := t.bracket(n.ID, column)
			if from = max(from, d.recorded); at < from || at > max(to, d.recorded) {
				return fmt.Errorf("%s: column %d has the time %d, which is not from %d to %d", n.ID, column, at, from, to)
			}
			latest = max(latest, at)
		}
	}
	d.recorded = latest
	return nil
}

// checkSteps is CheckTimes where there are intents.
func (d *Device) checkSteps(t *Txn) error {
	latest := d.recorded
	for i := range t.Steps {
		s := &t.Steps[i]
		var times []replog.Millis
		if s.Intent != nil {
			times = append(times, s.Intent.Time)
		}
		for _, n := range s.Net {
			times = slices.AppendSeq(times, maps.Values(n.Times))
		}
		for _, at := range times {
			if at < max(s.during.From, d.recorded) || at > max(s.during.To, d.recorded) {
				return fmt.Errorf("step %d has the time %d, which is not from %d to %d", i, at, s.during.From, s.during.To)
			}
			latest = max(latest, at)
		}
	}
	d.recorded = latest
	return nil
}

// bracket is when a column of a row was last changed. A later write may have
// changed it to and fro, so that only the last write bounds the time above. What
// capture may have missed has the time of a write, or that of the comparison.
func (t *Txn) bracket(id replog.RowID, column int) (from, to replog.Millis) {
	if t.unseen[id] {
		return t.compared.From, t.compared.To
	}
	state := t.before
	for _, w := range t.writes {
		if differ(state[id], w.after[id], column) {
			from = w.from
		}
		state, to = w.after, w.to
	}
	return from, to
}

func differ(a, b Row, column int) bool {
	return (a == nil) != (b == nil) || a != nil && a[column] != b[column]
}

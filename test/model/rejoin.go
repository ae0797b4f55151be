package model

import (
	"slices"

	"replog/replog"
)

// place is where a transaction is recorded in history.
type place struct {
	base    replog.Revision
	seen    replog.Seq
	without []replog.Seq
}

// placing says how transactions are placed that were recorded before the device came
// back to a log that had given up revisions: see docs/rules.md.
type placing struct {
	upTo replog.Seq
	place
}

// GiveUp takes the server back to a revision.
func (s *Server) GiveUp(to replog.Revision) {
	s.Log, s.States = s.Log[:to:to], s.States[:to+1:to+1]
}

// LastSeq is the highest seq of a device in the log.
func (s *Server) LastSeq(device replog.DeviceID) (last replog.Seq) {
	for _, e := range s.Log {
		if e.Txn.Device == device {
			last = e.Txn.Seq
		}
	}
	return last
}

// Rejoin comes back to the server's log, which has given up revisions that the device
// knew, at a revision; common is the last one that the two are known to share. What has
// gathered must have been closed.
func (d *Device) Rejoin(at, common replog.Revision) (back int) {
	last := min(d.server.LastSeq(d.ID), d.Seen)
	p := &placing{upTo: d.LastSeq, place: place{base: common, seen: last}}
	var list []*Txn
	for _, e := range d.Processed {
		if e.Txn.Seq <= last {
			continue
		}
		list = append(list, e.Txn)
		if e.Outcome.Waits() || slices.ContainsFunc(e.Verdicts, func(v Verdict) bool { return v.Outcome.Waits() }) {
			p.without = append(p.without, e.Txn.Seq)
		}
	}
	if was := d.placing; was != nil && d.Seen < was.upTo {
		p.base, p.seen = min(p.base, was.base), min(p.seen, was.seen)
		p.without = append(p.without, was.without...)
		slices.Sort(p.without)
		p.without = slices.Compact(p.without)
	}
	d.Processed = slices.DeleteFunc(slices.Clone(d.Processed), func(e *Entry) bool { return e.Txn.Seq > last })
	d.Outbox, d.Seen, d.placing = append(list, d.Outbox...), last, p
	for _, t := range d.Outbox {
		t.put(p)
	}
	for _, e := range d.server.Log[:at] {
		if e.Txn.Device == d.ID && e.Txn.Seq > d.Seen {
			d.Processed, d.Seen = append(d.Processed, e), e.Txn.Seq
		}
	}
	d.SyncPoint = at
	d.Outbox = slices.DeleteFunc(d.Outbox, func(t *Txn) bool { return t.Seq <= d.Seen })
	d.replay()
	return len(list)
}

// put places a transaction, which keeps its recorded form.
func (t *Txn) put(p *placing) {
	if t.recorded == nil {
		t.recorded = &place{t.Base, t.Seen, t.Without}
	}
	t.Base, t.Seen, t.Without = min(t.recorded.base, p.base), t.recorded.seen, t.recorded.without
	if t.Seen <= p.seen {
		return
	}
	var without []replog.Seq
	for _, seq := range p.without {
		if seq > p.seen && seq <= t.Seen {
			without = append(without, seq)
		}
	}
	t.Seen, t.Without = p.seen, append(without, t.Without...)
}

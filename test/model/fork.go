package model

import (
	"maps"
	"slices"

	"replog/replog"
)

// Copy is the model of a copied file.
func (d *Device) Copy() *Device {
	c := *d
	c.Outbox, c.Processed, c.Former = slices.Clone(d.Outbox), slices.Clone(d.Processed), slices.Clone(d.Former)
	c.NoEffect, c.sight, c.unseen = maps.Clone(d.NoEffect), maps.Clone(d.sight), maps.Clone(d.unseen)
	c.segments = nil
	for _, s := range d.segments {
		segment := *s
		segment.moves, segment.writes, segment.pieces = slices.Clone(s.moves), slices.Clone(s.writes), slices.Clone(s.pieces)
		c.segments = append(c.segments, &segment)
	}
	return &c
}

// knows tells whether an entry of the device's identity is one of its own, not
// another copy's.
func (d *Device) knows(e *Entry) bool {
	return slices.Contains(d.Processed, e) || slices.Contains(d.Outbox, e.Txn)
}

// Forked tells whether the log holds another copy's transactions.
func (d *Device) Forked() bool {
	return slices.ContainsFunc(d.server.Log, func(e *Entry) bool { return e.Txn.Device == d.ID && !d.knows(e) })
}

// Fork makes it another device, at a revision. What has gathered must have been
// closed.
func (d *Device) Fork(id replog.DeviceID, at replog.Revision) {
	for _, e := range d.server.Log[d.SyncPoint:at] {
		if e.Txn.Device == d.ID && d.knows(e) {
			d.Processed = append(d.Processed, e)
			d.Outbox = slices.DeleteFunc(d.Outbox, func(t *Txn) bool { return t == e.Txn })
		}
	}
	var renewed []*Txn
	var held []*Entry
	seqs := map[replog.Seq]replog.Seq{}
	for _, t := range d.Outbox {
		u := d.unsure(t, nil)
		for _, e := range held {
			if !slices.Contains(t.Without, e.Txn.Seq) {
				u.add(e.unapplied())
			}
		}
		h, left := d.hold(t, u)
		if h != nil {
			held = append(held, h)
		}
		if len(left) == 0 && (h != nil || t.Steps == nil) {
			continue
		}
		n := &Txn{
			Device: id, Seq: replog.Seq(len(renewed) + 1), Marked: t.Marked, Whole: t.Whole, Label: t.Label,
			Base: d.rebased(t, at), Net: left,
			before: t.before, writes: t.writes, unseen: t.unseen, compared: t.compared,
		}
		if t.Steps != nil {
			n.Steps = t.copySteps(left)
		}
		for _, seq := range t.Without {
			if now, ok := seqs[seq]; ok {
				n.Without = append(n.Without, now)
			}
		}
		seqs[t.Seq] = n.Seq
		renewed = append(renewed, n)
	}
	d.Former = append(append(d.Former, d.Processed...), held...)
	d.ID, d.Processed, d.Seen, d.placing = id, nil, 0, nil
	d.Outbox, d.LastSeq, d.SyncPoint = renewed, replog.Seq(len(renewed)), at
	d.replay()
}

// hold takes out of a transaction the groups that touch u: an entry without a
// revision that says so, and copies of the net changes that are left.
func (d *Device) hold(t *Txn, u *unsure) (*Entry, []*Net) {
	parts := groups(d.server.Schema, t.Net)
	if t.Marked || t.Whole {
		parts = [][]int{upTo(len(t.Net))}
	}
	e := &Entry{Txn: t, Outcome: replog.Held, Tables: t.touches(d.Reach)}
	var left []*Net
	for _, rows := range parts {
		var group []*Net
		for _, i := range rows {
			n := *t.Net[i]
			group = append(group, &n)
		}
		if u.touchedBy(d.server.Schema, group) || t.Steps != nil && u.holds(d.server.Schema, t, d.Reach) {
			e.Verdicts = append(e.Verdicts, Verdict{Rows: rows, Outcome: replog.Held, Reason: replog.ReasonBuildsOnUnsure})
		} else {
			left = append(left, group...)
		}
	}
	if len(e.Verdicts) == 0 {
		return nil, left
	}
	return e, left
}

// copySteps copies the steps, with copies of their net changes.
func (t *Txn) copySteps(nets []*Net) []Step {
	steps := slices.Clone(t.Steps)
	for i := range steps {
		if in := steps[i].Intent; in != nil {
			again := *in
			steps[i].Intent = &again
		}
		n := len(steps[i].Net)
		steps[i].Net, nets = nets[:n:n], nets[n:]
	}
	return steps
}

// rebased is a transaction's base under another identity.
func (d *Device) rebased(t *Txn, at replog.Revision) replog.Revision {
	base := t.Base
	for _, e := range d.server.Log[t.Base:at] {
		if d.touchedBy(t, e) && slices.Contains(d.Processed, e) {
			base = e.Revision
		}
	}
	for _, e := range d.server.Log[t.Base:base] {
		if d.touchedBy(t, e) && !slices.Contains(d.Processed, e) {
			return t.Base
		}
	}
	return base
}

// touchedBy tells whether an entry changed a row of t.
func (d *Device) touchedBy(t *Txn, e *Entry) bool {
	return slices.ContainsFunc(e.Effects, func(x *Effect) bool {
		return slices.ContainsFunc(t.Net, func(n *Net) bool { return n.ID == x.Net.ID })
	})
}

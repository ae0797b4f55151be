package client

import (
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// renew records what the verdicts left of the outbox anew, as the next device's.
// What the server would have held, as it builds on something of the former
// identity that was not applied, becomes a conflict here and now: the new
// identity's uploads say nothing of that. It also sets the conflicts apart from
// the next device's.
func (f *forking) renew(m *move) error {
	unsure, err := f.loadUnsure()
	if err != nil {
		return err
	}
	held := map[replog.Seq][]replog.Change{}
	seqs := map[replog.Seq]replog.Seq{} // the new one of each
	for _, p := range m.rest() {
		t, err := f.outbox().load(p)
		if err != nil {
			return err
		}
		taint := unsure.decided(f.replica.Schema, t)
		for seq, changes := range held {
			if !slices.Contains(t.Without, seq) {
				taint.Add(changes...)
			}
		}
		if parts := heldParts(f.replica.Schema, t, taint); len(parts) > 0 {
			v := replog.Verdict{Seq: p.seq, Outcome: replog.Held, Parts: parts}
			if err := f.addConflicts(p, &v); err != nil {
				return err
			}
			held[p.seq] = replog.NotApplied(t, parts)
		}
		// A new seq is never above the one that it follows, so it is free.
		if err := f.outbox().drop(p); err != nil {
			return err
		}
		next, ok := remainder(t, held[p.seq])
		if !ok {
			continue
		}
		seqs[p.seq] = replog.Seq(len(seqs) + 1)
		next.Device, next.Seq, next.Base, next.Seen, next.Without = f.next, seqs[p.seq], f.base(t), 0, nil
		for _, seq := range t.Without {
			if now, ok := seqs[seq]; ok {
				next.Without = append(next.Without, now)
			}
		}
		if next.Nonce, err = f.nonce(); err != nil {
			return err
		}
		if err := f.outbox().add(&next, next.EncodeChanges()); err != nil {
			return err
		}
	}
	if err := f.setApart(); err != nil {
		return err
	}
	m.id.Seen, m.id.LastSeq, m.verdict = 0, replog.Seq(len(seqs)), nil
	m.pending, err = f.outbox().list()
	return err
}

// heldParts are the parts of a transaction that build on what is in the taint.
func heldParts(s *applier.Schema, t *replog.Transaction, taint *applier.Taint) []replog.Part {
	net := t.NetChanges()
	if _, touched := taint.Touched(net); !touched {
		return nil
	}
	groups := [][]int{make([]int, len(net))}
	for i := range net {
		groups[0][i] = i
	}
	if t.Divisible() {
		groups = s.Groups(net)
	}
	var parts []replog.Part
	for _, rows := range groups {
		changes := make([]replog.Change, len(rows))
		for i, n := range rows {
			changes[i] = net[n]
		}
		if row, touched := taint.Touched(changes); touched {
			parts = append(parts, replog.Part{Outcome: replog.Held, Rows: rows, Reason: replog.Reason{
				Code:   replog.ReasonBuildsOnUnsure,
				Detail: fmt.Sprintf("it builds on %s, which an earlier transaction changed that was not applied as this one expects", row),
			}})
		}
	}
	return parts
}

// remainder is a transaction without some of its net changes; false where nothing
// is left.
func remainder(t *replog.Transaction, without []replog.Change) (replog.Transaction, bool) {
	left := *t
	if len(without) == 0 {
		return left, true
	}
	gone := map[replog.RowID]bool{}
	for _, c := range without {
		gone[c.Row()] = true
	}
	left.Statements, left.Net = nil, nil
	for _, s := range t.Statements {
		if !gone[s.Row()] && !gone[rowAfter(&s.Change)] {
			left.Statements = append(left.Statements, s)
		}
	}
	var net []replog.Change
	for _, c := range t.NetChanges() {
		if !gone[c.Row()] {
			net = append(net, c)
		}
	}
	left.SetNet(net)
	return left, len(net) > 0
}

// rowAfter is the row that a statement left, where it changed a key.
func rowAfter(c *replog.Change) replog.RowID {
	key := slices.Clone(c.Key)
	for i, name := range c.KeyColumns {
		if at := slices.Index(c.Columns, name); at >= 0 && c.Op == replog.Update {
			key[i] = c.New[at]
		}
	}
	return replog.RowID{Table: c.Table, Key: replog.KeyString(key)}
}

// setApart keeps the conflicts of the former identity under seqs below 0, as the
// next one's begin at 1 again, and forgets what only the former one's outbox was
// recorded without.
func (d *Device) setApart() error {
	if err := d.replica.Exec("DELETE FROM main.replog_late"); err != nil {
		return err
	}
	row, err := d.replica.QueryRow("SELECT min(0, coalesce(min(seq), 0)) FROM main.replog_conflict")
	if err != nil {
		return err
	}
	return d.replica.Exec("UPDATE main.replog_conflict SET seq = ? - seq WHERE seq > 0", row[0])
}

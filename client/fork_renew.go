package client

import (
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
	held, tables := map[replog.Seq]replog.ChangeList{}, map[replog.Seq][]string{}
	seqs := map[replog.Seq]replog.Seq{} // the new one of each
	for _, p := range m.rest() {
		t, err := f.outbox().load(p)
		if err != nil {
			return err
		}
		taint, err := unsure.decided(f.replica.Schema, t)
		if err != nil {
			return err
		}
		for seq, changes := range held {
			if !slices.Contains(t.Without, seq) {
				if err := taint.AddAll(changes); err != nil {
					return err
				}
				taint.AddTables(tables[seq])
			}
		}
		parts, err := f.heldParts(p, t, taint)
		if err != nil {
			return err
		}
		if len(parts) > 0 {
			v := replog.Verdict{Seq: p.seq, Outcome: replog.Held, Parts: parts, Tables: p.tables}
			if err := f.addConflicts(p, &v); err != nil {
				return err
			}
			held[p.seq], tables[p.seq] = replog.ChangeList{}, p.tables
			err := replog.NotApplied(t, parts, func(c *replog.Change) error {
				held[p.seq] = append(held[p.seq], *c)
				return nil
			})
			if err != nil {
				return err
			}
		}
		// A new seq is never above the one that it follows, so it is free.
		if err := f.outbox().take(p); err != nil {
			return err
		}
		next, some, err := remainder(t, held[p.seq], len(parts) > 0)
		if err != nil {
			return err
		}
		if !some {
			if err := forgetLong(f.replica.Conn, p.long); err != nil {
				return err
			}
			continue
		}
		seqs[p.seq] = replog.Seq(len(seqs) + 1)
		next.Device, next.Seq, next.Seen, next.Without = f.next, seqs[p.seq], 0, nil
		if next.Base, err = f.base(t); err != nil {
			return err
		}
		for _, seq := range t.Without {
			if now, ok := seqs[seq]; ok {
				next.Without = append(next.Without, now)
			}
		}
		if next.Nonce, err = f.nonce(); err != nil {
			return err
		}
		if err := f.addAgain(&next); err != nil {
			return err
		}
		if err := forgetLong(f.replica.Conn, p.long); err != nil {
			return err
		}
	}
	if err := f.setApart(m.id); err != nil {
		return err
	}
	m.id.Seen, m.id.LastSeq, m.verdict = 0, replog.Seq(len(seqs)), nil
	m.pending, err = f.outbox().list()
	return err
}

// heldParts are the parts of a transaction that build on what is in the taint.
func (f *forking) heldParts(p *pending, t *replog.Transaction, taint *applier.Taint) ([]replog.Part, error) {
	s, net := f.replica.Schema, t.NetChanges()
	held := func(rows []int, what string) replog.Part {
		return replog.Part{Outcome: replog.Held, Rows: rows, Reason: replog.Reason{Code: replog.ReasonBuildsOnUnsure, Detail: buildsOn(what)}}
	}
	if t.HasIntents() {
		look := f.heldSteps
		if p.schema != noSchema {
			look = f.heldSchema
		}
		what, err := look(p, t, taint)
		if err != nil || what == "" {
			return nil, err
		}
		rows := make([]int, net.Len())
		for i := range rows {
			rows[i] = i
		}
		return []replog.Part{held(rows, what)}, nil
	}
	if _, touched, err := taint.Touched(net); err != nil || !touched {
		return nil, err
	}
	groups := applier.OneGroup(net.Len())
	if t.Divisible() {
		var err error
		if groups, err = s.Groups(net); err != nil {
			return nil, err
		}
	}
	var parts []replog.Part
	for rows := range groups.All() {
		row, touched, err := taint.Touched(replog.Only(net, rows))
		if err != nil {
			return nil, err
		}
		if touched {
			parts = append(parts, held(rows, rowName(row)))
		}
	}
	return parts, nil
}

// addAgain puts a transaction into the outbox; a replay follows.
func (f *forking) addAgain(t *replog.Transaction) error {
	if !t.HasIntents() {
		return f.outbox().add(t)
	}
	return f.addSteps(t)
}

// addSteps puts a transaction with intents, or schema statements, into the outbox.
func (d *Device) addSteps(t *replog.Transaction) error {
	form := stepForm{conn: d.replica.Conn}
	if err := form.addSteps(t); err != nil {
		return err
	}
	row, err := form.end(t)
	if err != nil {
		return err
	}
	return d.outbox().insertMade(row, form.long, nil)
}

// remainder is a transaction without some of its net changes, if any of it is held;
// false where nothing is left.
func remainder(t *replog.Transaction, without replog.ChangeList, held bool) (left replog.Transaction, some bool, err error) {
	left = *t
	if !held || t.HasIntents() {
		return left, !held, nil
	}
	gone := map[replog.RowID]bool{}
	for _, c := range without {
		gone[c.Row()] = true
	}
	statements, err := filter(t.RecordedStatements(), func(c *replog.Change) bool { return !gone[c.Row()] && !gone[rowAfter(c)] })
	if err != nil {
		return left, false, err
	}
	net, err := filter(t.NetChanges(), func(c *replog.Change) bool { return !gone[c.Row()] })
	if err != nil {
		return left, false, err
	}
	same, err := replog.SameChanges(statements, net)
	if some = net.Len() > 0; same {
		net = nil
	}
	left.Statements, left.Net = nil, nil
	left.SetLong(statements, net)
	return left, some, err
}

func filter(list replog.Changes, keep func(*replog.Change) bool) (replog.Changes, error) {
	kept := replog.NewChangeSpill()
	return kept, replog.EachChange(list, func(_ int, c *replog.Change) error {
		if !keep(c) {
			return nil
		}
		return kept.Add(*c)
	})
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
// recorded without, how that was placed, and what it had uploaded: it could no longer
// go up as the former one's.
func (d *Device) setApart(id *identity) error {
	if err := d.replica.Exec("DELETE FROM main.replog_late"); err != nil {
		return err
	}
	if err := d.forgetKept(id); err != nil {
		return err
	}
	id.Rejoined = nil
	if err := d.save(id); err != nil {
		return err
	}
	row, err := d.replica.QueryRow("SELECT min(0, coalesce(min(seq), 0)) FROM main.replog_conflict")
	if err != nil {
		return err
	}
	return d.replica.Exec("UPDATE main.replog_conflict SET seq = ? - seq WHERE seq > 0", row[0])
}

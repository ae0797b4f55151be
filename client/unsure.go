package client

import (
	"slices"

	"replog/applier"
	"replog/replog"
)

// unsure is what transactions in the outbox must not build on: own parts that
// were not applied, whatever a person decided since, and own transactions that
// were applied though later ones were recorded without them.
type unsure struct {
	refused []*storedConflict
	late    map[replog.Seq]*late
	// last is what the transaction replayed last must not build on, which the
	// next one's mostly extends, and known how many were before that.
	last  *applier.Taint
	of    *replog.Transaction
	known int
}

// late is what a transaction was that was applied after all.
type late struct {
	rows   replog.Changes
	tables []string // that its intents may write
}

func (d *Device) loadUnsure() (*unsure, error) {
	u := &unsure{late: map[replog.Seq]*late{}}
	var err error
	if u.refused, err = d.conflicts(); err != nil {
		return nil, err
	}
	err = d.replica.Query("SELECT seq, recorded, long, tables FROM main.replog_late", func(row []replog.Value) error {
		t, err := decodeStored(d.replica.Conn, row[1], row[2])
		if err != nil {
			return err
		}
		tables, err := readNames(row[3])
		u.late[replog.Seq(row[0].Int64())] = &late{t.NetChanges(), tables}
		return err
	})
	return u, err
}

// taint is what t must not build on, where before are the transactions of the
// outbox before it, already replayed, which load reads. Transactions come in
// order.
func (u *unsure) taint(s *applier.Schema, t *replog.Transaction, before []*pending, load func(*pending) (*replog.Transaction, error)) (*applier.Taint, error) {
	if u.last == nil || u.of.Seen != t.Seen || !slices.Equal(u.of.Without, t.Without) {
		last, err := u.decided(s, t)
		if err != nil {
			return nil, err
		}
		u.last, u.known = last, 0
	}
	for _, p := range before[u.known:] {
		if without := slices.Contains(t.Without, p.seq); without == p.effect {
			earlier, err := load(p)
			if err != nil {
				return nil, err
			}
			if err := u.last.AddAll(earlier.NetChanges()); err != nil {
				return nil, err
			}
			u.last.AddTables(p.tables)
		}
	}
	u.of, u.known = t, len(before)
	return u.last, nil
}

// decided is the part of it that has verdicts.
func (u *unsure) decided(s *applier.Schema, t *replog.Transaction) (*applier.Taint, error) {
	taint := applier.NewTaint(s)
	for _, c := range u.refused {
		if c.seq > t.Seen && c.seq < t.Seq && !slices.Contains(t.Without, c.seq) {
			err := replog.NotApplied(c.transaction, []replog.Part{c.part}, func(c *replog.Change) error {
				taint.Add(c)
				return nil
			})
			if err != nil {
				return nil, err
			}
			if c.part.Outcome.Waits() {
				taint.AddTables(c.tables)
			}
		}
	}
	for _, seq := range t.Without {
		if late := u.late[seq]; late != nil {
			if err := taint.AddAll(late.rows); err != nil {
				return nil, err
			}
			taint.AddTables(late.tables)
		}
	}
	return taint, nil
}

// addLate keeps a transaction that was applied if others of the outbox were
// recorded without it.
func (d *Device) addLate(p *pending, tables []string, outbox []*pending) error {
	if !recordedWithout(outbox, p.seq) {
		return nil
	}
	return d.replica.Exec("INSERT INTO main.replog_late SELECT seq, recorded, long, ? FROM main.replog_outbox WHERE seq = ?", namesValue(tables), replog.Integer(int64(p.seq)))
}

func recordedWithout(outbox []*pending, seq replog.Seq) bool {
	return slices.ContainsFunc(outbox, func(p *pending) bool { return slices.Contains(p.without, seq) })
}

// pruneLate forgets those that nothing in the outbox was recorded without.
func (d *Device) pruneLate(rest []*pending) error {
	long := map[replog.Seq]int64{}
	err := d.replica.Query("SELECT seq, long FROM main.replog_late", func(row []replog.Value) error {
		long[replog.Seq(row[0].Int64())] = row[1].Int64()
		return nil
	})
	if err != nil {
		return err
	}
	for seq, id := range long {
		if recordedWithout(rest, seq) {
			continue
		}
		if err := d.replica.Exec("DELETE FROM main.replog_late WHERE seq = ?", replog.Integer(int64(seq))); err != nil {
			return err
		}
		if err := forgetLong(d.replica.Conn, id); err != nil {
			return err
		}
	}
	return nil
}

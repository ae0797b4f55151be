package client

import (
	"slices"

	"replog/replog"
)

// standing is the highest seq on which the verdict that was processed is still the log's,
// given the log's verdicts after the parting. Another one, or one on another transaction,
// is there where a copy of the file was faster to come back.
func (d *Device) standing(id *identity, p *parting, verdicts []replog.Verdict) (replog.Seq, error) {
	last := min(p.LastSeq, id.Seen)
	for i := range verdicts {
		v := &verdicts[i]
		if v.Seq > last {
			continue
		}
		row, err := d.replica.QueryRow("SELECT revision FROM main.replog_kept WHERE seq = ?", replog.Integer(int64(v.Seq)))
		if err != nil {
			return 0, err
		}
		if row != nil && row[0].Int64() != int64(v.Revision) {
			last = v.Seq - 1
		}
	}
	return last, nil
}

// takeBack puts the own transactions above a seq, on which the verdicts are void, back
// into the outbox, without effect until they are replayed, in the caller's write
// transaction. With the verdicts go the conflicts: there will be others. It returns how
// many came back.
func (d *Device) takeBack(id *identity, p *parting, last replog.Seq) (int, error) {
	above := replog.Integer(int64(last))
	refused, err := d.numbers("SELECT seq FROM main.replog_kept WHERE seq > ? AND refused ORDER BY seq", above)
	if err != nil {
		return 0, err
	}
	row, err := d.replica.QueryRow("SELECT count(*), coalesce(sum(size), 0) FROM main.replog_kept WHERE seq > ?", above)
	if err != nil {
		return 0, err
	}
	long, err := d.numbers(`SELECT long FROM main.replog_conflict WHERE seq > ?1 AND long IS NOT NULL
		UNION SELECT long FROM main.replog_late WHERE seq > ?1 AND long IS NOT NULL`, above)
	if err != nil {
		return 0, err
	}
	for _, statement := range []string{
		`INSERT INTO main.replog_outbox(seq, uploaded, effect, replayed, why, without, hash, recorded, size, long, intents, schema, ran)
			SELECT seq, 0, 0, 1, '', without, hash, recorded, size, long, intents, schema, ran FROM main.replog_kept WHERE seq > ?`,
		"DELETE FROM main.replog_kept WHERE seq > ?",
		"DELETE FROM main.replog_conflict WHERE seq > ?",
		"DELETE FROM main.replog_late WHERE seq > ?",
		"UPDATE main.replog_outbox SET uploaded = 0 WHERE seq > ?",
	} {
		if err := d.replica.Exec(statement, above); err != nil {
			return 0, err
		}
	}
	for _, l := range long {
		if err := forgetLong(d.replica.Conn, l); err != nil {
			return 0, err
		}
	}
	if err := d.replica.Exec("DELETE FROM main.replog_point WHERE revision > ?", replog.Integer(int64(p.common.Revision))); err != nil {
		return 0, err
	}
	id.Kept -= row[1].Int64()
	id.Rejoined, id.Seen = placing(id, p, last, refused), last
	if err := d.save(id); err != nil {
		return 0, err
	}
	return int(row[0].Int64()), d.noteWithout(id.Rejoined)
}

// placing says how the transactions of the outbox are placed from now on, refused being
// those that verdicts refused which no longer count. Those that were placed before keep
// to both: to stand too early in history makes a transaction build on less than it
// could, and never on what it did not see.
func placing(id *identity, p *parting, last replog.Seq, refused []int64) *replog.Rejoined {
	r := &replog.Rejoined{UpTo: id.LastSeq, Base: p.common.Revision, Seen: last}
	for _, seq := range refused {
		r.Without = append(r.Without, replog.Seq(seq))
	}
	if before := id.Rejoined; before != nil {
		r.Base, r.Seen = min(r.Base, before.Base), min(r.Seen, before.Seen)
		r.Without = append(r.Without, before.Without...)
		slices.Sort(r.Without)
		r.Without = slices.Compact(r.Without)
	}
	return r
}

// noteWithout notes what the transactions of the outbox were recorded without, as they
// are placed now.
func (d *Device) noteWithout(r *replog.Rejoined) error {
	if len(r.Without) == 0 {
		return nil
	}
	list, err := d.outbox().list()
	if err != nil {
		return err
	}
	for _, p := range list {
		t, err := d.outbox().load(p)
		if err != nil {
			return err
		}
		without, err := seqsValue(t.Without)
		if err != nil {
			return err
		}
		err = d.replica.Exec("UPDATE main.replog_outbox SET without = ? WHERE seq = ?", without, replog.Integer(int64(p.seq)))
		if err != nil {
			return err
		}
	}
	return nil
}

package client

import (
	"slices"
	"time"

	"replog/replog"
)

// Transactions are kept for a while after their verdicts were processed, as a server
// that fails over or is restored may give up what it had acknowledged. They are pointers
// to what is long, and copies of what is short. Nothing but rejoining looks at them.
const (
	keptFor  = 7 * 24 * time.Hour
	keptMost = 64 << 20 // bytes of recorded forms
)

// keep moves a transaction with a verdict out of the outbox.
func (m *move) keep(p *pending, v *replog.Verdict) error {
	refused := v.Outcome.Waits() || slices.ContainsFunc(v.Parts, func(p replog.Part) bool { return p.Outcome.Waits() })
	err := m.replica.Exec(`INSERT INTO main.replog_kept(seq, revision, processed, size, refused, long, intents, schema, without, hash, ran, recorded)
		SELECT seq, ?, ?, size, ?, long, intents, schema, without, hash, ran, recorded FROM main.replog_outbox WHERE seq = ?`,
		replog.Integer(int64(v.Revision)), replog.Integer(int64(replog.MillisOf(m.options.Clock()))), replog.Truth(refused), replog.Integer(int64(p.seq)))
	if err != nil {
		return err
	}
	m.id.Kept += int64(p.size)
	return m.outbox().take(p)
}

// forgetOld lets go of what has been kept for long enough, and, the oldest first, of
// what is too much.
func (d *Device) forgetOld(id *identity) error {
	since := int64(replog.MillisOf(d.options.Clock().Add(-keptFor)))
	for {
		row, err := d.replica.QueryRow("SELECT seq, processed, size, long FROM main.replog_kept ORDER BY seq LIMIT 1")
		if err != nil || row == nil || id.Kept <= keptMost && row[1].Int64() >= since {
			return err
		}
		if err := d.replica.Exec("DELETE FROM main.replog_kept WHERE seq = ?", row[0]); err != nil {
			return err
		}
		if err := forgetLong(d.replica.Conn, row[3].Int64()); err != nil {
			return err
		}
		id.Kept -= row[2].Int64()
	}
}

// forgetKept lets go of all of it.
func (d *Device) forgetKept(id *identity) error {
	long, err := d.numbers("SELECT long FROM main.replog_kept WHERE long IS NOT NULL")
	if err == nil {
		err = d.replica.Exec("DELETE FROM main.replog_kept")
	}
	for i := 0; err == nil && i < len(long); i++ {
		err = forgetLong(d.replica.Conn, long[i])
	}
	id.Kept = 0
	return err
}

// numbers reads a column of integers.
func (d *Device) numbers(query string, args ...replog.Value) (list []int64, err error) {
	err = d.replica.Query(query, func(row []replog.Value) error {
		list = append(list, row[0].Int64())
		return nil
	}, args...)
	return list, err
}

package postgres

import (
	"replog/replog"
	"replog/sql/internal/form"
)

// sendOf sends the appends where one of them is the device's.
func (t *Tx) sendOf(device replog.DeviceID) error {
	if !t.unsent[device] {
		return nil
	}
	return t.send()
}

// source reads bodies in the transaction.
func (t *Tx) source() *source { return &source{q: t.c, log: t.log} }

// Find implements replog.LogTx.
func (t *Tx) Find(device replog.DeviceID, seq replog.Seq) (replog.Judged, error) {
	list, err := t.judged(selectFound, device, seq)
	if err == nil && len(list) == 0 {
		err = replog.ErrNotFound
	}
	if err != nil {
		return replog.Judged{}, err
	}
	return list[0], nil
}

// judged reads what became of the device's transactions that a query gives.
func (t *Tx) judged(query string, device replog.DeviceID, seq replog.Seq) ([]replog.Judged, error) {
	if err := t.sendOf(device); err != nil {
		return nil, err
	}
	rows, err := entryRows(t.c, t.log.text(query), string(device), int64(seq))
	if err != nil {
		return nil, err
	}
	var list []replog.Judged
	for _, row := range rows {
		judged, err := form.Judged(t.source(), &row.Row)
		if err != nil {
			return nil, err
		}
		list = append(list, judged)
	}
	return list, nil
}

// Planned implements replog.LogTx.
func (t *Tx) Planned(r replog.Revision, yield func(n int, c *replog.Change) error) error {
	if err := t.send(); err != nil {
		return err
	}
	rows, err := entryRows(t.c, t.log.text(selectJudged+"WHERE revision = $1"), int64(r))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return replog.ErrNotFound
	}
	n := 0
	var parser replog.ChangeParser
	return form.Planned(t.source(), &rows[0].Row, rows[0].hasIntents, func(kind replog.LineKind, body string) error {
		if kind != replog.LineChange {
			return nil
		}
		c, err := parser.Parse([]byte(body))
		if err != nil {
			return err
		}
		n++
		return yield(n-1, &c)
	})
}

// LastSeq implements replog.LogTx.
func (t *Tx) LastSeq(device replog.DeviceID) (replog.Seq, error) {
	known := t.known.device(device)
	if known.last >= 0 {
		return known.last, nil
	}
	if err := t.sendOf(device); err != nil {
		return 0, err
	}
	if err := t.c.row(selectLastSeq, []any{t.log.n, string(device)}, &known.last); err != nil {
		return 0, err
	}
	t.known.learnt(device, known)
	return known.last, nil
}

// Foreign implements replog.LogTx.
func (t *Tx) Foreign(after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	return t.last.Foreign(after, device), nil
}

// Concurrent implements replog.LogTx.
func (t *Tx) Concurrent(row replog.RowID, after replog.Revision, device replog.DeviceID) ([]replog.PastChange, error) {
	if err := t.deepen(after); err != nil {
		return nil, err
	}
	hash := rowHash(row.Table, row.Key)
	var list []replog.PastChange
	add := func(p *past) error {
		if p.device == device {
			return nil
		}
		c, err := replog.ParseChange([]byte(p.body))
		if err == nil && c.Row() == row {
			list = append(list, replog.PastChange{Revision: p.revision, Device: p.device, Change: c})
		}
		return err
	}
	if floor := t.known.rows.floor(); after < floor {
		if err := t.concurrent(hash, after, floor, device, add); err != nil {
			return nil, err
		}
		after = floor
	}
	return list, t.known.rows.each(hash, after, add)
}

// concurrent gives what other devices did to a row in a span of the log.
func (t *Tx) concurrent(row hashed, after, upTo replog.Revision, device replog.DeviceID, each func(*past) error) error {
	if upTo > t.known.added.from {
		if err := t.send(); err != nil {
			return err
		}
	}
	rows, err := t.c.query(t.log.text(selectConcurrent), string(row), int64(after), int64(upTo), string(device))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p past
		if err := rows.Scan(&p.revision, &p.device, &p.body); err != nil {
			return err
		}
		if err := each(&p); err != nil {
			return err
		}
	}
	return t.c.note(rows.Err())
}

// Unsettled implements replog.LogTx.
func (t *Tx) Unsettled(device replog.DeviceID, after replog.Seq) ([]replog.Judged, error) {
	known := t.known.device(device)
	if known.settled >= 0 && after >= known.settled {
		return nil, nil
	}
	list, err := t.judged(selectUnsettled, device, after)
	if err != nil {
		return nil, err
	}
	known.settled = after
	if n := len(list); n > 0 {
		known.settled = list[n-1].Seq
	}
	t.known.learnt(device, known)
	return list, nil
}

// Wrote implements replog.LogTx.
func (t *Tx) Wrote(table string, after replog.Revision, device replog.DeviceID) (newest replog.Revision, err error) {
	if err := t.send(); err != nil {
		return 0, err
	}
	err = t.c.row(t.log.text(selectWrote), []any{string(tableHash(table)), int64(after), string(device)}, &newest)
	return newest, err
}

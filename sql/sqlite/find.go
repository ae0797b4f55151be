package sqlite

import (
	"replog/replog"
	"replog/sql/internal/form"
)

// Find implements replog.LogTx.
func (t *tx) Find(device replog.DeviceID, seq replog.Seq) (replog.Judged, error) {
	list, err := t.judged("WHERE device = ? AND seq = ?", device, seq)
	if err == nil && len(list) == 0 {
		err = replog.ErrNotFound
	}
	if err != nil {
		return replog.Judged{}, err
	}
	return list[0], nil
}

// judged reads what became of the device's transactions that meet a condition.
func (t *tx) judged(condition string, device replog.DeviceID, seq replog.Seq) ([]replog.Judged, error) {
	var list []replog.Judged
	err := t.s.rows(selectJudged+condition, []any{string(device), int64(seq)}, func(scan func(...any) error) error {
		row, err := scanJudged(scan)
		if err != nil {
			return err
		}
		judged, err := form.Judged(source{t.s}, row)
		list = append(list, judged)
		return err
	})
	return list, err
}

// Planned implements replog.LogTx.
func (t *tx) Planned(r replog.Revision, yield func(n int, c *replog.Change) error) error {
	n := 0
	return t.eachPlanned(r, func(kind replog.LineKind, body string) error {
		if kind != replog.LineChange {
			return nil
		}
		c, err := replog.ParseChange([]byte(body))
		if err != nil {
			return err
		}
		n++
		return yield(n-1, &c)
	})
}

// eachPlanned gives net changes as they are stored, and may give intents.
func (t *tx) eachPlanned(r replog.Revision, yield func(replog.LineKind, string) error) error {
	row := form.Row{Revision: r}
	var intents bool
	if err := t.s.row(selectNetCount, []any{int64(r)}, &row.Net, &intents, (*[]byte)(&row.Blocks)); err != nil {
		return err
	}
	return form.Planned(source{t.s}, &row, intents, yield)
}

// LastSeq implements replog.LogTx.
func (t *tx) LastSeq(device replog.DeviceID) (seq replog.Seq, err error) {
	err = t.s.row(selectLastSeq, []any{string(device)}, &seq)
	return seq, err
}

// Foreign implements replog.LogTx.
func (t *tx) Foreign(after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	return t.last.Foreign(after, device), nil
}

// Concurrent implements replog.LogTx.
func (t *tx) Concurrent(row replog.RowID, after replog.Revision, device replog.DeviceID) ([]replog.PastChange, error) {
	var past []replog.PastChange
	args := []any{string(device), row.Table, row.Key, int64(after)}
	err := t.s.rows(selectConcurrent, args, func(scan func(...any) error) error {
		var p replog.PastChange
		var body string
		if err := scan(&p.Revision, &p.Device, &body); err != nil {
			return err
		}
		var err error
		p.Change, err = replog.ParseChange([]byte(body))
		past = append(past, p)
		return err
	})
	return past, err
}

// Unsettled implements replog.LogTx.
func (t *tx) Unsettled(device replog.DeviceID, after replog.Seq) ([]replog.Judged, error) {
	return t.judged("WHERE device = ? AND seq > ? AND unsettled = 1 ORDER BY seq", device, after)
}

package sqlite

import (
	"replog/replog"
)

// Find implements replog.LogTx.
func (t *tx) Find(device replog.DeviceID, seq replog.Seq) (replog.Entry, error) {
	return (&reader{s: t.s}).one(selectEntry+"WHERE device = ? AND seq = ?", string(device), int64(seq))
}

// LastSeq implements replog.LogTx.
func (t *tx) LastSeq(device replog.DeviceID) (seq replog.Seq, err error) {
	err = t.s.row(selectLastSeq, []any{string(device)}, &seq)
	return seq, err
}

// Foreign implements replog.LogTx.
func (t *tx) Foreign(after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	newest := t.last.revision
	if t.last.device == device {
		newest = t.last.other
	}
	if newest <= after {
		return 0, nil
	}
	return newest, nil
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
func (t *tx) Unsettled(device replog.DeviceID, after replog.Seq) ([]replog.Entry, error) {
	var entries []replog.Entry
	err := (&reader{s: t.s}).all(selectEntry+"WHERE device = ? AND seq > ? AND unsettled = 1 ORDER BY seq",
		[]any{string(device), int64(after)}, func(e replog.Entry) error {
			entries = append(entries, e)
			return nil
		})
	return entries, err
}

package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"replog/replog"
)

// Deliveries implements replog.Log. The view holds the write-ahead log's length
// up for as long as it is open.
func (l *Log) Deliveries(ctx context.Context, w replog.Wanted, yield func(*replog.Delivery) error) error {
	return l.view(ctx, func(s *session) error {
		args := []any{int64(w.After), int64(w.UpTo), string(w.To)}
		return s.rows(selectDeliveries, args, func(scan func(...any) error) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			d, _, err := s.delivery(w.To, scan)
			if err != nil {
				return err
			}
			return yield(d)
		})
	})
}

// delivery reads one, and how many rows the entry changed.
func (s *session) delivery(to replog.DeviceID, scan func(...any) error) (*replog.Delivery, int, error) {
	var (
		d            replog.Delivery
		v            replog.Verdict
		reason       replog.Reason
		parts        sql.RawBytes
		statements   int
		net, changes sql.NullInt64
	)
	err := scan(&d.Revision, &d.Device, &d.Seq, &v.Hash, &v.Outcome, &reason.Code, &reason.Detail, &parts,
		&statements, &net, &changes, &v.AsRecorded)
	if err != nil {
		return nil, 0, err
	}
	d.Applied = v.Outcome == replog.Applied
	own := d.Device == to
	if own {
		v.Seq, v.Revision, d.Verdict = d.Seq, d.Revision, &v
		if reason != (replog.Reason{}) {
			v.Reason = &reason
		}
		if len(parts) > 0 {
			if err := json.Unmarshal(parts, &v.Parts); err != nil {
				return nil, 0, fmt.Errorf("revision %d: parts: %w", d.Revision, err)
			}
		}
	}
	if d.Applied && (!own || !v.AsRecorded) {
		d.Changes = int(changes.Int64)
	}
	query := selectMade
	switch {
	case v.AsRecorded && net.Valid:
		query = selectNet
	case v.AsRecorded:
		query = selectStatements
	}
	d.Each = func(yield func(replog.LineKind, string) error) error {
		if d.Changes == 0 {
			return nil
		}
		return s.rows(query, []any{int64(d.Revision)}, func(scan func(...any) error) error {
			var body string
			if err := scan(&body); err != nil {
				return err
			}
			return yield(replog.LineChange, body)
		})
	}
	return &d, int(changes.Int64), nil
}

// LastSeq implements replog.Log.
func (l *Log) LastSeq(ctx context.Context, device replog.DeviceID) (seq replog.Seq, err error) {
	err = l.readers.QueryRowContext(ctx, selectLastSeq, string(device)).Scan(&seq)
	return seq, l.explain(err)
}

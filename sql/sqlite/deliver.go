package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

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
			d, _, err := s.delivery(&w, scan)
			if err != nil {
				return err
			}
			return yield(d)
		})
	})
}

// delivery reads one, and how many rows the entry changed.
func (s *session) delivery(w *replog.Wanted, scan func(...any) error) (*replog.Delivery, int, error) {
	var (
		d                             replog.Delivery
		v                             replog.Verdict
		reason                        replog.Reason
		parts, blocks, tables, digest sql.RawBytes
		ends                          sql.RawBytes
		net, changes, lines           sql.NullInt64
		asRecorded, asRun             bool
		runs                          *replog.Digest
	)
	err := scan(&d.Revision, &d.Device, &d.Seq, &v.Hash, &v.Outcome, &reason.Code, &reason.Detail, &parts,
		&net, &changes, &asRecorded, &blocks, &tables, &asRun, &digest, &lines, &ends)
	if err != nil {
		return nil, 0, err
	}
	d.Applied = v.Outcome == replog.Applied
	own := d.Device == w.To
	if !own {
		parts, tables = nil, nil // of the verdict
	}
	if err = decode(parts, tables, digest, &v.Parts, &v.Tables, &runs); err != nil {
		return nil, 0, fmt.Errorf("revision %d: %w", d.Revision, err)
	}
	if own {
		v.Seq, v.Revision, v.AsRecorded, d.Verdict = d.Seq, d.Revision, asRecorded || asRun, &v
		if reason != (replog.Reason{}) {
			v.Reason = &reason
		}
	}
	query := selectMade
	switch {
	case asRecorded && net.Valid:
		query = selectNet
	case asRecorded:
		query = selectStatements
	}
	d.Each = func(yield func(replog.LineKind, string) error) error { return nil }
	byRunning := runs != nil && !w.AsChanges && !slices.Contains(w.Differed, d.Revision)
	switch {
	case len(ends) > 0:
		if d.Each, err = s.schemaSteps(int64(d.Revision), ends); err != nil {
			return nil, 0, err
		}
		d.Schema, d.Lines = true, int(lines.Int64)
	case byRunning && own:
		d.Digest = runs
	case byRunning && lines.Valid:
		list, err := netBlocks(0, net, blocks)
		if err != nil {
			return nil, 0, fmt.Errorf("revision %d: %w", d.Revision, err)
		}
		d.Digest, d.Lines = runs, int(lines.Int64)
		d.Each = func(yield func(replog.LineKind, string) error) error {
			return s.steps(int64(d.Revision), list, yield)
		}
	case d.Applied && changes.Int64 > 0 && !(own && asRecorded):
		d.Changes = int(changes.Int64)
		d.Each = func(yield func(replog.LineKind, string) error) error {
			return s.bodies(query, int64(d.Revision), yield)
		}
	}
	return &d, int(changes.Int64), nil
}

// bodies gives changes as they are stored.
func (s *session) bodies(query string, revision int64, yield func(replog.LineKind, string) error) error {
	return s.rows(query, []any{revision}, func(scan func(...any) error) error {
		var body string
		if err := scan(&body); err != nil {
			return err
		}
		return yield(replog.LineChange, body)
	})
}

// LastSeq implements replog.Log.
func (l *Log) LastSeq(ctx context.Context, device replog.DeviceID) (seq replog.Seq, err error) {
	err = l.readers.QueryRowContext(ctx, selectLastSeq, string(device)).Scan(&seq)
	return seq, l.explain(err)
}

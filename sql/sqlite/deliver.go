package sqlite

import (
	"context"

	"replog/replog"
	"replog/sql/internal/form"
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
			row, err := scanJudged(scan)
			if err != nil {
				return err
			}
			d, _, err := form.Delivery(source{s}, row, &w)
			if err != nil {
				return err
			}
			return yield(d)
		})
	})
}

// scanJudged reads what selectJudged gives.
func scanJudged(scan func(...any) error) (*form.Row, error) {
	var e form.Row
	err := scan(&e.Revision, &e.Device, &e.Seq, &e.Hash, &e.Outcome, &e.Reason.Code, &e.Reason.Detail, &e.Parts,
		&e.Net, &e.Changes, &e.AsRecorded, &e.Blocks, &e.Tables, &e.AsRun, &e.Digest, &e.Lines, &e.Ends)
	return &e, err
}

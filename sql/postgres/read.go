package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"replog/replog"
	"replog/sql/internal/form"
)

// Head implements replog.Log.
func (l *Log) Head(ctx context.Context) (replog.Head, error) {
	h := replog.Head{Database: l.id}
	err := l.one(ctx, selectHead, []any{l.n}, &h.Epoch, &h.Revision, &h.Chain, &h.Horizon)
	return h, err
}

// ChainAt implements replog.Log.
func (l *Log) ChainAt(ctx context.Context, r replog.Revision) (c replog.Chain, err error) {
	if r == 0 {
		return replog.FirstChain(l.id), nil
	}
	err = l.one(ctx, selectChain, []any{int64(r)}, &c)
	if errors.Is(err, sql.ErrNoRows) {
		err = replog.ErrNotFound
	}
	return c, err
}

// Place implements replog.Log.
func (l *Log) Place(ctx context.Context, device replog.DeviceID, at replog.Revision) (p replog.Place, err error) {
	p.Head.Database = l.id
	err = l.one(ctx, selectPlace, []any{l.n, string(device), int64(at)}, &p.Head.Epoch, &p.Head.Revision, &p.Head.Chain, &p.Head.Horizon, &p.Chain, &p.LastSeq)
	if at == 0 {
		p.Chain = replog.FirstChain(l.id)
	}
	return p, err
}

// Entry implements replog.Log.
func (l *Log) Entry(ctx context.Context, r replog.Revision) (e replog.Entry, err error) {
	err = l.view(ctx, l.store.readers, func(v *view) error {
		rows, err := entryRows(v, l.text(selectEntry+"WHERE revision = $1"), int64(r))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return replog.ErrNotFound
		}
		s := &source{q: v, log: l}
		s.gather(small(rows), nil)
		if e, err = form.NewReader(s).Entry(&rows[0].Row); err == nil {
			err = form.Outlast(&e) // the view
		}
		if err != nil {
			err = errors.Join(err, e.Close())
		}
		return err
	})
	if err != nil {
		return replog.Entry{}, err
	}
	return e, nil
}

// entryRows reads the rows of entries that a query gives.
func entryRows(q querier, query string, args ...any) ([]*entryRow, error) {
	rows, err := q.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []*entryRow
	for rows.Next() {
		e, err := scanEntry(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, q.note(rows.Err())
}

// Entries implements replog.Log.
func (l *Log) Entries(ctx context.Context, f replog.Filter, yield func(replog.Entry) error) error {
	return l.view(ctx, l.store.readers, func(v *view) error {
		if some, err := l.narrow(v, &f); err != nil || !some {
			return err
		}
		pages, err := l.pagesOf(v, &f)
		if err != nil {
			return err
		}
		s := &source{q: v, log: l}
		r := form.NewReader(s)
		text := replog.NewSearch(f.Text)
		found := 0
		return eachRow(ctx, s, pages, nil, func(row *entryRow) error {
			if f.Text != "" {
				if ok, err := form.Mentioned(s, &row.Row, row.label, text); err != nil || !ok {
					return err
				}
			}
			e, err := r.Entry(&row.Row)
			if err != nil {
				return err
			}
			defer e.Close()
			if err := yield(e); err != nil {
				return err
			}
			if found++; found == f.Limit {
				return errEnough
			}
			return nil
		})
	})
}

// Deliveries implements replog.Log.
func (l *Log) Deliveries(ctx context.Context, w replog.Wanted, yield func(*replog.Delivery) error) error {
	pool := l.store.readers
	if w.To == "" { // a server's replica, for which writers may wait
		pool = l.store.writers
	}
	return l.view(ctx, pool, func(v *view) error {
		s := &source{q: v, log: l}
		if err := l.reaches(v, w.After); err != nil {
			return err
		}
		last := w.After
		pages := func(limit int) ([]*entryRow, error) {
			rows, err := entryRows(v, l.text(selectDeliveries), int64(last), int64(w.UpTo), string(w.To), int64(limit))
			if n := len(rows); n > 0 {
				last = rows[n-1].Revision
			}
			return rows, err
		}
		wants := func(list form.List, e *entryRow) bool { return isSent(list, e, w.To) }
		return eachRow(ctx, s, pages, wants, func(row *entryRow) error {
			d, _, err := form.Delivery(s, &row.Row, &w)
			if err != nil {
				return err
			}
			return yield(d)
		})
	})
}

// reaches fails with replog.ErrHorizon where the log lacks what comes after a revision.
func (l *Log) reaches(v *view, after replog.Revision) error {
	rows, err := v.query(selectHorizon, l.n)
	if err != nil {
		return err
	}
	defer rows.Close()
	var horizon replog.Revision
	for rows.Next() {
		if err := rows.Scan(&horizon); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if after < horizon {
		return fmt.Errorf("after revision %d: %w", after, replog.ErrHorizon)
	}
	return nil
}

// isSent tells whether a list of an entry may be asked for when it is delivered. A list
// that is not read with others is read when it is asked for.
func isSent(list form.List, e *entryRow, to replog.DeviceID) bool {
	if e.Lines.Valid {
		return true
	}
	switch list {
	case form.Statements:
		return e.AsRecorded && !e.Net.Valid && e.Device != to
	case form.Nets:
		return e.AsRecorded && e.Net.Valid && e.Device != to
	}
	return !e.AsRecorded && e.Changes.Int64 > 0
}

// errEnough ends a reading.
var errEnough = errors.New("the limit is reached")

// Pages of entries begin small, for readers that want a few, and grow.
const (
	entriesFirst = 50
	entriesMost  = 1000
	// Entries whose bodies take no more than entryBytes are read in groups of about
	// groupBytes.
	entryBytes = 256 << 10
	groupBytes = 2 << 20
)

// pages gives the next rows of entries, no more than limit; fewer are the last.
type pages func(limit int) ([]*entryRow, error)

// eachRow calls each for all entries of the pages, with the bodies of small ones at
// hand.
func eachRow(ctx context.Context, s *source, next pages, wants func(form.List, *entryRow) bool, each func(*entryRow) error) error {
	limit := entriesFirst
	for {
		rows, err := next(limit)
		if err != nil {
			return err
		}
		whole := len(rows) < limit
		bytes := 0
		for _, e := range rows {
			bytes += e.bytes()
		}
		for len(rows) > 0 {
			group := small(rows)
			s.gather(group, wants)
			n := max(len(group), 1)
			for _, row := range rows[:n] {
				err := ctx.Err()
				if err == nil {
					err = each(row)
				}
				if errors.Is(err, errEnough) {
					return nil
				}
				if err != nil {
					return err
				}
			}
			rows = rows[n:]
		}
		if whole {
			return nil
		}
		if limit = min(4*limit, entriesMost); bytes > groupBytes {
			limit = max(1, limit/8)
		}
	}
}

// small are the entries at the beginning of a list whose bodies fit in memory together.
func small(rows []*entryRow) []*entryRow {
	bytes := int64(0)
	for n, e := range rows {
		if bytes += e.size; e.size > entryBytes || bytes > groupBytes {
			return rows[:n]
		}
	}
	return rows
}

// narrow turns the bounds in time of a filter into bounds in revisions as well. False
// where nothing lies within them.
func (l *Log) narrow(v *view, f *replog.Filter) (bool, error) {
	if f.Since == 0 && f.Until == 0 {
		return true, nil
	}
	var first, last replog.Revision
	err := v.conn.QueryRowContext(v.ctx, l.text(selectArrivals), int64(f.Since), until(f)).Scan(&first, &last)
	if err != nil || last == 0 {
		return false, because(v.ctx, err)
	}
	f.After = max(f.After, first-1)
	if f.UpTo == 0 || f.UpTo > last {
		f.UpTo = last
	}
	return true, nil
}

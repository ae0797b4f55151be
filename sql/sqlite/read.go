package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"replog/replog"
	"replog/sql/internal/form"
)

// Head implements replog.Log.
func (l *Log) Head(ctx context.Context) (replog.Head, error) {
	var h replog.Head
	var last form.LastChange
	err := l.readers.QueryRowContext(ctx, selectHead).Scan(&h.Database, &h.Epoch, &h.Revision, &h.Chain,
		&last.Revision, &last.Device, &last.Other)
	return h, l.explain(err)
}

// ChainAt implements replog.Log.
func (l *Log) ChainAt(ctx context.Context, r replog.Revision) (c replog.Chain, err error) {
	if r == 0 {
		head, err := l.Head(ctx)
		return replog.FirstChain(head.Database), err
	}
	err = l.readers.QueryRowContext(ctx, selectChain, int64(r)).Scan(&c)
	if errors.Is(err, sql.ErrNoRows) {
		return "", replog.ErrNotFound
	}
	return c, l.explain(err)
}

// Place implements replog.Log.
func (l *Log) Place(ctx context.Context, device replog.DeviceID, at replog.Revision) (p replog.Place, err error) {
	if p.Head, err = l.Head(ctx); err != nil {
		return p, err
	}
	if p.Chain = p.Head.Chain; at != p.Head.Revision {
		if p.Chain, err = l.ChainAt(ctx, at); err != nil && !errors.Is(err, replog.ErrNotFound) {
			return p, err
		}
	}
	err = l.readers.QueryRowContext(ctx, selectLastSeq, string(device)).Scan(&p.LastSeq)
	return p, l.explain(err)
}

// Entry implements replog.Log.
func (l *Log) Entry(ctx context.Context, r replog.Revision) (e replog.Entry, err error) {
	err = l.view(ctx, func(s *session) error {
		e, err = newReader(s).one(selectEntry+"WHERE revision = ?", int64(r))
		return err
	})
	return e, err
}

// Entries implements replog.Log. The view holds the write-ahead log's length
// up for as long as it is open.
func (l *Log) Entries(ctx context.Context, f replog.Filter, yield func(replog.Entry) error) error {
	return l.view(ctx, func(s *session) error {
		if some, err := s.narrow(&f); err != nil || !some {
			return err
		}
		if isSearch(f) {
			return l.search(ctx, s, f, yield)
		}
		query, args := span(f)
		return newReader(s).all(query, args, func(e replog.Entry) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			return yield(e)
		})
	})
}

// view runs f on a connection that sees one committed state of the store.
func (l *Log) view(ctx context.Context, f func(*session) error) error {
	s, err := newSession(ctx, l.readers)
	if err != nil {
		return l.explain(err)
	}
	defer s.close()
	if err := s.exec("BEGIN"); err != nil {
		return l.explain(err)
	}
	return l.explain(f(s))
}

// reader reads whole entries. Long ones are on disk.
type reader struct {
	s *session
	r *form.Reader
}

func newReader(s *session) *reader { return &reader{s: s, r: form.NewReader(source{s})} }

// all gives each entry, until each returns.
func (r *reader) all(query string, args []any, each func(replog.Entry) error) error {
	return r.s.rows(query, args, func(scan func(...any) error) error {
		e, err := r.entry(scan)
		if err != nil {
			return err
		}
		defer e.Close()
		return each(e)
	})
}

// one reads the entry that query gives, or replog.ErrNotFound. The caller closes
// it.
func (r *reader) one(query string, args ...any) (e replog.Entry, err error) {
	found := false
	err = r.s.rows(query, args, func(scan func(...any) error) (err error) {
		e, err = r.entry(scan)
		found = true
		return err
	})
	if err == nil && !found {
		err = replog.ErrNotFound
	}
	if err == nil {
		err = form.Outlast(&e) // the reader
	}
	if err != nil {
		return replog.Entry{}, errors.Join(err, e.Close())
	}
	return e, nil
}

func (r *reader) entry(scan func(...any) error) (replog.Entry, error) {
	var e form.Row
	err := scan(&e.Revision, &e.Received, &e.Outcome, &e.Reason.Code, &e.Reason.Detail, &e.Parts, &e.First, &e.Hash,
		&e.Statements, &e.Net, &e.Changes, &e.AsRecorded, &e.Blocks, &e.Tables, &e.AsRun, &e.Digest, &e.Lines, &e.Ends)
	if err != nil {
		return replog.Entry{}, err
	}
	return r.r.Entry(&e)
}

package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"replog/replog"
)

// Head implements replog.Log.
func (l *Log) Head(ctx context.Context) (replog.Head, error) {
	var h replog.Head
	var last lastChange
	err := l.readers.QueryRowContext(ctx, selectHead).Scan(&h.Database, &h.Epoch, &h.Revision,
		&last.revision, &last.device, &last.other)
	return h, l.explain(err)
}

// Entry implements replog.Log.
func (l *Log) Entry(ctx context.Context, r replog.Revision) (e replog.Entry, err error) {
	err = l.view(ctx, func(s *session) error {
		e, err = (&reader{s: s}).one(selectEntry+"WHERE revision = ?", int64(r))
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
		return (&reader{s: s}).all(query, args, func(e replog.Entry) error {
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

// reader reads whole entries.
type reader struct {
	s   *session
	buf bytes.Buffer
}

func (r *reader) all(query string, args []any, each func(replog.Entry) error) error {
	return r.s.rows(query, args, func(scan func(...any) error) error {
		e, err := r.entry(scan)
		if err != nil {
			return err
		}
		return each(e)
	})
}

// one reads the entry that query gives, or replog.ErrNotFound.
func (r *reader) one(query string, args ...any) (e replog.Entry, err error) {
	found := false
	err = r.all(query, args, func(only replog.Entry) error {
		e, found = only, true
		return nil
	})
	if err == nil && !found {
		err = replog.ErrNotFound
	}
	return e, err
}

func (r *reader) entry(scan func(...any) error) (replog.Entry, error) {
	var (
		e            replog.Entry
		form         recorded
		parts        sql.NullString
		statements   int
		net, changes sql.NullInt64
		asRecorded   bool
	)
	err := scan(&e.Revision, &e.Received, &e.Outcome, &e.Reason.Code, &e.Reason.Detail, &parts,
		&form.first, &form.hash, &statements, &net, &changes, &asRecorded)
	if err != nil {
		return e, err
	}
	e.Hash = form.hash
	if err := r.transaction(&e, &form, statements, net); err != nil {
		return e, fmt.Errorf("revision %d: %w", e.Revision, err)
	}
	if parts.Valid {
		if err := json.Unmarshal([]byte(parts.String), &e.Parts); err != nil {
			return e, fmt.Errorf("revision %d: parts: %w", e.Revision, err)
		}
	}
	switch {
	case asRecorded:
		e.Changes, err = replog.InMemory(e.Transaction.NetChanges())
	case changes.Valid:
		if err := r.effects(&e, int(changes.Int64)); err != nil {
			return e, fmt.Errorf("revision %d: %w", e.Revision, err)
		}
	}
	return e, err
}

func (r *reader) transaction(e *replog.Entry, form *recorded, statements int, net sql.NullInt64) (err error) {
	if form.statements, err = r.bodies(selectStatements, e.Revision, statements); err != nil {
		return err
	}
	if net.Valid {
		if form.net, err = r.bodies(selectNet, e.Revision, int(net.Int64)); err != nil {
			return err
		}
	}
	e.Transaction, err = form.assemble(&r.buf)
	return err
}

// bodies reads n rows of one text column, ordered.
func (r *reader) bodies(query string, revision replog.Revision, n int) ([]string, error) {
	bodies := make([]string, 0, n)
	err := r.s.rows(query, []any{int64(revision)}, func(scan func(...any) error) error {
		var body string
		err := scan(&body)
		bodies = append(bodies, body)
		return err
	})
	return bodies, err
}

func (r *reader) effects(e *replog.Entry, n int) error {
	planned, err := replog.InMemory(e.Transaction.NetChanges())
	if err != nil {
		return err
	}
	e.Changes = make([]replog.Change, 0, n)
	return r.s.rows(selectEffects, []any{int64(e.Revision)}, func(scan func(...any) error) error {
		var net sql.NullInt64
		var body sql.NullString
		if err := scan(&net, &body); err != nil {
			return err
		}
		if !net.Valid {
			c, err := replog.ParseChange([]byte(body.String))
			e.Changes = append(e.Changes, c)
			return err
		}
		if net.Int64 < 0 || net.Int64 >= int64(len(planned)) {
			return fmt.Errorf("%w: no net change %d", replog.ErrForm, net.Int64)
		}
		e.Changes = append(e.Changes, planned[net.Int64])
		return nil
	})
}

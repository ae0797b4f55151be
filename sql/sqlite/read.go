package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"replog/replog"
)

// Head implements replog.Log.
func (l *Log) Head(ctx context.Context) (replog.Head, error) {
	var h replog.Head
	var last lastChange
	err := l.readers.QueryRowContext(ctx, selectHead).Scan(&h.Database, &h.Epoch, &h.Revision, &h.Chain,
		&last.revision, &last.device, &last.other)
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
	s     *session
	forms *formReader
	lines *replog.LineReader // reads forms
}

func newReader(s *session) *reader {
	f := &formReader{s: s}
	return &reader{s: s, forms: f, lines: replog.NewLineReader(f)}
}

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
	if made, ok := e.LongChanges.(*madeChanges); ok && err == nil {
		err = made.read() // it outlasts the reader
	}
	if err != nil {
		return replog.Entry{}, errors.Join(err, e.Close())
	}
	return e, nil
}

func (r *reader) entry(scan func(...any) error) (e replog.Entry, err error) {
	var (
		first                         string
		parts, blocks, tables, digest sql.RawBytes
		ends                          sql.RawBytes
		statements                    int
		net, changes, lines           sql.NullInt64
		asRecorded                    bool
	)
	err = scan(&e.Revision, &e.Received, &e.Outcome, &e.Reason.Code, &e.Reason.Detail, &parts,
		&first, &e.Hash, &statements, &net, &changes, &asRecorded, &blocks, &tables, &e.AsRun, &digest, &lines, &ends)
	if err != nil {
		return e, err
	}
	if e.BySteps = lines.Valid && len(ends) == 0; len(ends) > 0 {
		if err := r.schema(&e, ends); err != nil {
			return e, err
		}
	}
	if err = decode(parts, tables, digest, &e.Parts, &e.Tables, &e.Digest); err == nil {
		err = r.recorded(&e, first, statements, net, blocks)
	}
	switch {
	case err != nil:
	case asRecorded && e.Form != nil:
		e.LongChanges = e.Transaction.NetChanges()
	case asRecorded:
		e.Changes, err = replog.InMemory(e.Transaction.NetChanges())
	case changes.Valid && e.Transaction.HasIntents():
		e.LongChanges = &madeChanges{r: r, revision: e.Revision, n: int(changes.Int64)}
	case changes.Valid:
		err = r.made(&e, int(changes.Int64))
	}
	if err != nil {
		return replog.Entry{}, fmt.Errorf("revision %d: %w", e.Revision, errors.Join(err, e.Close()))
	}
	return e, nil
}

// decode reads what an entry has as JSON, and its digest.
func decode(parts, tables, digest []byte, p *[]replog.Part, t *[]string, d **replog.Digest) error {
	if len(parts) > 0 {
		if err := json.Unmarshal(parts, p); err != nil {
			return fmt.Errorf("parts: %w", err)
		}
	}
	if len(tables) > 0 {
		if err := json.Unmarshal(tables, t); err != nil {
			return fmt.Errorf("tables: %w", err)
		}
	}
	if len(digest) == 0 {
		return nil
	}
	is, err := replog.ParseDigest(string(digest))
	*d = &is
	return err
}

// recorded reads the transaction, with its form where it is long. It fails with
// replog.ErrForm where the rows are not those that were stored.
func (r *reader) recorded(e *replog.Entry, first string, statements int, net sql.NullInt64, blocks []byte) error {
	list, err := netBlocks(statements, net, blocks)
	if err != nil {
		return err
	}
	r.forms.begin(e.Revision, first, e.Hash, list)
	defer r.forms.close()
	form, err := r.lines.Form()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it ends too early", replog.ErrForm)
	}
	if err != nil {
		return err
	}
	e.Transaction = form.Transaction
	if form.IsLong() {
		e.Form = form
	}
	return nil
}

// made reads the changes of an entry that are not stored as recorded.
func (r *reader) made(e *replog.Entry, n int) error {
	add := func(c replog.Change) error {
		e.Changes = append(e.Changes, c)
		return nil
	}
	if e.Form != nil {
		list := replog.NewChangeSpill()
		e.LongChanges, add = list, list.Add
	} else {
		e.Changes = make([]replog.Change, 0, n)
	}
	return r.eachMade(e.Revision, add)
}

func (r *reader) eachMade(revision replog.Revision, add func(replog.Change) error) error {
	return r.s.rows(selectMade, []any{int64(revision)}, func(scan func(...any) error) error {
		var body sql.NullString
		if err := scan(&body); err != nil {
			return err
		}
		c, err := replog.ParseChange([]byte(body.String))
		if err != nil {
			return err
		}
		return add(c)
	})
}

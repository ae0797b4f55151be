package sqlite

import (
	"context"
	"errors"
	"fmt"

	"replog/replog"
	"replog/sql/internal/form"
)

// tx is the writer's transaction. The head is written once, at the commit.
type tx struct {
	log  *Log
	s    *session
	head replog.Head
	last form.LastChange
	// broken is set where an append failed half-way: what is there must not be
	// committed.
	broken error
	ended  bool
}

// Begin implements replog.Log. *BusyError where another process holds the lock
// for longer than the busy timeout, ErrReadOnly on a store opened so.
func (l *Log) Begin(ctx context.Context) (replog.LogTx, error) {
	if l.writers == nil {
		return nil, ErrReadOnly
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.turn:
	}
	t, err := l.begin(ctx)
	if err != nil {
		l.dropWriter()
		l.yield()
		return nil, l.explain(err)
	}
	return t, nil
}

func (l *Log) begin(ctx context.Context) (*tx, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	if l.writer == nil {
		s, err := newSession(ctx, l.writers)
		if err != nil {
			return nil, err
		}
		l.writer = s
	}
	t := &tx{log: l, s: l.writer}
	if err := t.s.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	return t, t.s.row(selectHead, nil, &t.head.Database, &t.head.Epoch, &t.head.Revision, &t.head.Chain,
		&t.last.Revision, &t.last.Device, &t.last.Other)
}

// Head implements replog.LogTx.
func (t *tx) Head() replog.Head { return t.head }

// SetEpoch implements replog.LogTx.
func (t *tx) SetEpoch(e replog.Epoch) { t.head.Epoch = e }

// Commit implements replog.LogTx. Where SQLite reports anything but a lock the
// outcome is unknown: the commit may be in the file, whole, though this process
// does not see it.
func (t *tx) Commit() error {
	if t.ended {
		return errors.New("the transaction has ended")
	}
	err := t.broken
	if err == nil {
		err = t.s.exec(updateHead, string(t.head.Epoch), int64(t.head.Revision), string(t.head.Chain),
			int64(t.last.Revision), string(t.last.Device), int64(t.last.Other))
	}
	if err != nil {
		return errors.Join(err, t.Rollback())
	}
	if err = t.s.exec("COMMIT"); err == nil {
		t.end()
		return nil
	}
	t.log.dropWriter()
	t.end()
	if isBusy(err) {
		return t.log.explain(err)
	}
	return fmt.Errorf("%w: %w", replog.ErrUnknownOutcome, err)
}

// Rollback implements replog.LogTx.
func (t *tx) Rollback() error {
	if t.ended {
		return nil
	}
	err := t.s.exec("ROLLBACK")
	if err != nil {
		t.log.dropWriter() // closing the connection rolls back
	}
	t.end()
	return err
}

func (t *tx) end() {
	t.ended = true
	t.log.yield()
}

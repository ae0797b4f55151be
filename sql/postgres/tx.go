package postgres

import (
	"context"
	"errors"
	"fmt"

	"replog/replog"
	"replog/sql/internal/form"
)

// Tx is the writer's transaction. It implements replog.LogTx. Appends are gathered and
// sent when they are many, when the transaction needs them to answer a question, and at
// the commit, which writes the head.
type Tx struct {
	log  *Log
	c    *writer
	head replog.Head
	last form.LastChange
	// creates: the database is made in this transaction.
	creates bool

	batches *batches
	shapes  *shapes
	// unsent are the devices of appends that are in batches.
	unsent map[replog.DeviceID]bool
	known  *known
	// tooDeep: an index of rows that reaches below it takes too much.
	tooDeep replog.Revision
	// broken is set where an append failed half-way: what is there must not be
	// committed.
	broken error
	ended  bool
}

var _ replog.LogTx = (*Tx)(nil)

// Begin implements replog.Log. ctx ends only the waiting: for a connection, and for
// another writer in this process or elsewhere.
func (l *Log) Begin(ctx context.Context) (replog.LogTx, error) {
	t, err := l.BeginTx(ctx)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// BeginTx is Begin.
func (l *Log) BeginTx(ctx context.Context) (*Tx, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.turn:
	}
	t, err := l.begin(ctx)
	if err != nil {
		l.turn <- struct{}{}
		return nil, fmt.Errorf("begin to write the log: %w", because(ctx, err))
	}
	return t, nil
}

func (l *Log) begin(ctx context.Context) (*Tx, error) {
	if l.closed.Load() {
		return nil, ErrClosed
	}
	c, err := beginWriter(ctx, l.store.writers)
	if err != nil {
		return nil, err
	}
	head := replog.Head{Database: l.id}
	var last form.LastChange
	// One statement that locked the row and read others would see these as they were
	// before it waited. A context that ends here ends the connection, and the lock.
	row := c.tx.QueryRowContext(ctx, lockHead, l.n)
	err = c.note(row.Scan(&head.Epoch, &head.Revision, &head.Chain, &head.Horizon, &last.Revision, &last.Device, &last.Other))
	if err != nil {
		return nil, errors.Join(err, c.rollback())
	}
	t := l.newTx(c, head, last)
	if err = t.learn(); err == nil {
		err = t.beginRows()
	}
	if err != nil {
		return nil, errors.Join(err, c.rollback())
	}
	return t, nil
}

// newTx makes a transaction of one that has the lock.
func (l *Log) newTx(c *writer, head replog.Head, last form.LastChange) *Tx {
	return &Tx{
		log: l, c: c, head: head, last: last,
		batches: newBatches(), shapes: &l.known.shapes, unsent: map[replog.DeviceID]bool{}, known: l.known,
	}
}

// Head implements replog.LogTx.
func (t *Tx) Head() replog.Head { return t.head }

// SetEpoch implements replog.LogTx.
func (t *Tx) SetEpoch(e replog.Epoch) { t.head.Epoch = e }

// send sends the appends that are in batches.
func (t *Tx) send() error {
	query, args := t.batches.take()
	clear(t.unsent)
	if query == "" {
		return nil
	}
	if err := t.c.run(t.log.text(query), args...); err != nil {
		return fmt.Errorf("write to the log: %w", err)
	}
	return nil
}

// Commit implements replog.LogTx. It writes the head even where nothing was appended:
// a transaction that has written nothing is not waited for by a synchronous standby,
// and a verdict that was read back after a commit of unknown outcome must not be
// answered before it is where a failover finds it.
func (t *Tx) Commit() error {
	if t.ended {
		return ErrEnded
	}
	if err := t.prepare(); err != nil {
		return errors.Join(err, t.Rollback())
	}
	err := t.c.commit()
	if err == nil {
		t.end(true)
		return nil
	}
	t.end(false)
	if isRefusal(err) {
		return fmt.Errorf("commit to the log: %w", err)
	}
	return fmt.Errorf("%w: %w", replog.ErrUnknownOutcome, err)
}

// prepare does all that comes before the COMMIT.
func (t *Tx) prepare() error {
	err := errors.Join(t.broken, t.c.failed)
	if err == nil {
		err = t.flushRows()
	}
	if err == nil {
		err = t.send()
	}
	if err == nil {
		err = t.c.run(updateHead, t.log.n, string(t.head.Epoch), int64(t.head.Revision), string(t.head.Chain),
			int64(t.last.Revision), string(t.last.Device), int64(t.last.Other))
	}
	return err
}

// Rollback implements replog.LogTx.
func (t *Tx) Rollback() error {
	if t.ended {
		return nil
	}
	err := t.c.rollback()
	t.end(false)
	return err
}

func (t *Tx) end(committed bool) {
	t.ended = true
	t.endRows(committed)
	if committed {
		t.known.stands(t.head)
	} else {
		t.known.rollback()
	}
	t.log.turn <- struct{}{}
}

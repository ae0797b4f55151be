package postgres

import (
	"context"
	"database/sql"
	"fmt"

	"replog/replog"
	"replog/sql/postgres/applied"
)

// The rows of a database are written in the transaction on its log, as it goes on. A
// log that was made without a content has none.

// beginRows begins the part of the transaction that keeps rows.
func (t *Tx) beginRows() (err error) {
	l := t.log
	if l.rows == nil {
		l.rows, err = applied.Open(context.Background(), t.c.tx, int(l.n), l.name)
	} else {
		err = l.rows.Begin(context.Background(), t.c.tx)
	}
	if err != nil {
		l.rows = nil
		return fmt.Errorf("tables of %s: %w", l.name, err)
	}
	return nil
}

// publishRows makes the tables of a database, where its content is at hand.
func (t *Tx) publishRows(v *replog.SchemaVersion) error {
	if v.Content == nil {
		return nil
	}
	return t.log.rows.Publish(context.Background(), t.c.tx, v.Content)
}

// applyRows writes what an entry changed.
func (t *Tx) applyRows(e *replog.Entry) error {
	if !t.log.rows.Published() || e.Outcome != replog.Applied || e.Schema == nil && e.Made().Len() == 0 {
		return nil
	}
	return t.log.rows.Apply(context.Background(), t.c.tx, e)
}

func (t *Tx) flushRows() error {
	if !t.log.rows.Published() {
		return nil
	}
	return t.log.rows.Flush(context.Background(), t.c.tx)
}

// endRows forgets what was not committed, or may not have been.
func (t *Tx) endRows(committed bool) {
	if !committed && t.log.rows != nil {
		t.log.rows.Rollback()
	}
}

// RebuildRows makes the tables again of the content at the head.
func (t *Tx) RebuildRows(ctx context.Context, content replog.Content) error {
	return t.changeRows(t.log.rows.Rebuild(ctx, t.c.tx, t.head.Revision, content))
}

// changeRows has the transaction rolled back where the tables could not be changed.
func (t *Tx) changeRows(err error) error {
	if err != nil && t.broken == nil {
		t.broken = err
	}
	return err
}

// MapTable has the rows of a table go to one that exists, and brings them there.
// *applied.MapError where it cannot.
func (t *Tx) MapTable(ctx context.Context, m replog.TableMapping, content replog.Content) error {
	to := applied.Mapping{Table: m.Table, Schema: m.Schema, Name: m.Target, Columns: m.Columns, Merge: m.Replace}
	return t.changeRows(t.log.rows.Map(ctx, t.c.tx, to, content))
}

// UnmapTable has the rows of a table go to a table of their own again.
func (t *Tx) UnmapTable(ctx context.Context, table string, content replog.Content) error {
	return t.changeRows(t.log.rows.Unmap(ctx, t.c.tx, table, content))
}

// CompareRows compares the tables, as they stand, with a content, and calls yield for
// each row that differs.
func (l *Log) CompareRows(ctx context.Context, content replog.Content, yield func(applied.Difference) error) ([]applied.Count, error) {
	tx, err := l.store.writers.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, because(ctx, err)
	}
	defer func() { _ = tx.Rollback() }() // what it compares with is gone then, too
	if _, err := tx.ExecContext(ctx, noTimeLimits); err != nil {
		return nil, because(ctx, err)
	}
	tables, err := applied.Open(ctx, tx, int(l.n), l.name)
	if err != nil {
		return nil, because(ctx, err)
	}
	counts, err := tables.Compare(ctx, tx, content, yield)
	return counts, because(ctx, err)
}

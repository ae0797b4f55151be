package applier

import (
	"context"
	"database/sql/driver"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// execContext is ExecCount that a context may interrupt. SQLite then ends the
// transaction, if the statement writes
// (https://www.sqlite.org/c3ref/interrupt.html).
func (c *Conn) execContext(ctx context.Context, query string, args ...replog.Value) (int64, error) {
	s, done, err := c.prepareOnce(query)
	if err != nil {
		return 0, err
	}
	defer done()
	var result driver.Result
	err = c.interruptible(ctx, func() error {
		if own, ok := s.(*sqlite3.SQLiteStmt); ok {
			result, err = own.ExecContext(ctx, numbered(args))
		} else {
			result, err = s.Exec(bindings(args))
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// queryContext returns the first row of a query that a context may interrupt,
// which does no harm to the transaction.
func (c *Conn) queryContext(ctx context.Context, query string, args ...replog.Value) (first []replog.Value, err error) {
	s, done, err := c.prepareOnce(query)
	if err != nil {
		return nil, err
	}
	defer done()
	err = c.interruptible(ctx, func() error {
		var rows driver.Rows
		if own, ok := s.(*sqlite3.SQLiteStmt); ok {
			rows, err = own.QueryContext(ctx, numbered(args))
		} else {
			rows, err = s.Query(bindings(args))
		}
		if err != nil {
			return err
		}
		defer rows.Close()
		raw := make([]driver.Value, len(rows.Columns()))
		if err := rows.Next(raw); err != nil {
			return err
		}
		for _, r := range raw {
			v, err := valueOf(r)
			if err != nil {
				return err
			}
			first = append(first, v)
		}
		return nil
	})
	return first, err
}

// maxCached bounds the texts, in bytes, of which anything is kept.
const maxCached = 10_000

// prepareOnce is prepare, which does not keep statements of long texts.
func (c *Conn) prepareOnce(query string) (s statement, done func(), err error) {
	if len(query) <= maxCached {
		s, err = c.prepare(query)
		return s, func() {}, err
	}
	if s, err = c.conn.Prepare(query); err != nil {
		return nil, nil, fmt.Errorf("%w: %s", err, abbreviate(query))
	}
	return s, func() { _ = s.Close() }, nil
}

// interruptible makes an engine without contexts in its statements heed one while f
// runs.
func (c *Conn) interruptible(ctx context.Context, f func() error) error {
	if e, ok := c.conn.(*fts5Engine); ok {
		old := e.conn.SetInterrupt(ctx)
		defer e.conn.SetInterrupt(old)
	}
	err := f()
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
	return err
}

func numbered(args []replog.Value) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, v := range bindings(args) {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return list
}

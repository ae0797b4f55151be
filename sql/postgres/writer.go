package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// writer is a PostgreSQL transaction that writes, on a connection of its own.
// Statements run without a context of the caller's: one that is cancelled would leave
// the transaction in nobody knows what state.
type writer struct {
	conn *sql.Conn
	tx   *sql.Tx
	// failed is the first error of a statement: PostgreSQL has given the transaction up
	// then.
	failed error
}

// planSettings have a transaction read by indexes, one row after the other. All that a
// log is asked for is few rows, or a page in an index's order, whatever the planner takes
// it for: of tables that grow fast it knows little. Other plans begin by reading a whole
// table, and compiling them takes longer than they run.
const planSettings = `
SET LOCAL jit = off;
SET LOCAL max_parallel_workers_per_gather = 0;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_bitmapscan = off;
SET LOCAL enable_memoize = off;
SET LOCAL enable_sort = off;
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;`

// noTimeLimits takes away what the server may set for all transactions.
const noTimeLimits = `
SET LOCAL statement_timeout = 0;
SET LOCAL lock_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SELECT set_config('transaction_timeout', '0', true)
WHERE current_setting('transaction_timeout', true) IS NOT NULL;`

// writerSettings are those of the transaction. No time limit of the server's may end
// it, but for that of a dead client: after some 30 seconds its lock is free. What is
// answered as committed is on disk.
const writerSettings = `
SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;` + planSettings + noTimeLimits + `
SET LOCAL tcp_keepalives_idle = 10;
SET LOCAL tcp_keepalives_interval = 5;
SET LOCAL tcp_keepalives_count = 4;
SELECT set_config('synchronous_commit', 'on', true)
WHERE current_setting('synchronous_commit') IN ('off', 'local')`

// beginWriter begins a transaction, waiting for a connection until ctx is done.
func beginWriter(ctx context.Context, db *sql.DB) (*writer, error) {
	c := &writer{}
	err := onLiveConn(ctx, db, func(conn *sql.Conn) (err error) {
		c.conn = conn
		c.tx, err = conn.BeginTx(context.Background(), nil)
		return err
	})
	if err != nil {
		return nil, because(ctx, err)
	}
	if err := c.runAll(writerSettings); err != nil {
		return nil, errors.Join(err, c.rollback())
	}
	return c, nil
}

// onLiveConn gives begin a connection, which is its own where begin does not fail. Those
// that waited for their next use while the server ended are passed over.
func onLiveConn(ctx context.Context, db *sql.DB, begin func(*sql.Conn) error) error {
	for range idleConnections + 1 {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		if err = begin(conn); err == nil {
			return nil
		}
		discard(conn)
		conn.Close()
		if !errors.Is(err, driver.ErrBadConn) {
			return err
		}
	}
	return driver.ErrBadConn
}

// discard closes a connection rather than let another use it.
func discard(conn *sql.Conn) { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }

// note remembers an error of a statement.
func (c *writer) note(err error) error {
	if err != nil && c.failed == nil && !errors.Is(err, sql.ErrNoRows) {
		c.failed = err
	}
	return err
}

// run runs a statement.
func (c *writer) run(query string, args ...any) error {
	_, err := c.tx.ExecContext(context.Background(), query, args...)
	return c.note(err)
}

// runAll runs statements without arguments.
func (c *writer) runAll(statements string) error { return c.run(statements) }

// row scans the first row that query gives; sql.ErrNoRows where there is none.
func (c *writer) row(query string, args []any, into ...any) error {
	return c.note(c.tx.QueryRowContext(context.Background(), query, args...).Scan(into...))
}

// query implements querier, as note does.
func (c *writer) query(query string, args ...any) (*sql.Rows, error) {
	rows, err := c.tx.QueryContext(context.Background(), query, args...)
	return rows, c.note(err)
}

// rollback gives the transaction up.
func (c *writer) rollback() error {
	err := c.tx.Rollback()
	if err != nil {
		discard(c.conn) // the end of a connection rolls back, too
	}
	return ignoreDone(c.conn.Close())
}

func (c *writer) commit() error {
	err := c.tx.Commit()
	if err != nil {
		discard(c.conn)
	}
	return errors.Join(err, ignoreDone(c.conn.Close()))
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrConnDone) {
		return nil
	}
	return err
}

package postgres

import (
	"context"
	"database/sql"
	"errors"
)

// view is one committed state of a log, on a connection of its own. It implements
// querier.
type view struct {
	ctx  context.Context
	conn *sql.Conn
}

// The lock, which comes before the view's state is chosen, keeps the old parts of the
// log: to drop them shows in all states. The server must not end what waits for a slow
// device.
const beginView = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
LOCK TABLE ONLY replog.entry_{n} IN ACCESS SHARE MODE;` + planSettings + noTimeLimits + `
SET LOCAL tcp_keepalives_idle = 30`

// openView waits for a connection until ctx is done, which ends the view's queries, too.
func (l *Log) openView(ctx context.Context, db *sql.DB) (*view, error) {
	v := &view{ctx: ctx}
	err := onLiveConn(ctx, db, func(conn *sql.Conn) error {
		v.conn = conn
		_, err := conn.ExecContext(ctx, l.text(beginView))
		return err
	})
	if err != nil {
		return nil, because(ctx, err)
	}
	return v, nil
}

// query implements querier.
func (v *view) query(query string, args ...any) (*sql.Rows, error) {
	rows, err := v.conn.QueryContext(v.ctx, query, args...)
	return rows, v.note(err)
}

// note implements querier.
func (v *view) note(err error) error { return because(v.ctx, err) }

// close ends the transaction and gives the connection back.
func (v *view) close() {
	if _, err := v.conn.ExecContext(context.WithoutCancel(v.ctx), "ROLLBACK"); err != nil {
		discard(v.conn)
	}
	v.conn.Close()
}

// view runs f on one committed state of the log.
func (l *Log) view(ctx context.Context, db *sql.DB, f func(*view) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, err := l.openView(ctx, db)
	if err != nil {
		return err
	}
	defer v.close()
	return f(v)
}

// one scans the one row that a short query gives; sql.ErrNoRows where
// there is none.
func (l *Log) one(ctx context.Context, query string, args []any, into ...any) error {
	err := l.store.quick.QueryRowContext(ctx, l.text(query), args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return because(ctx, err)
}

package postgres

import (
	"context"
	"database/sql"
	"errors"
)

// view is one committed state of the store, on a connection of its own. It implements
// querier.
type view struct {
	ctx  context.Context
	conn *sql.Conn
}

// The server must not end what waits for a slow device.
const beginView = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;` + planSettings + `
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL tcp_keepalives_idle = 30`

// openView waits for a connection until ctx is done, which ends the view's queries, too.
func openView(ctx context.Context, db *sql.DB) (*view, error) {
	v := &view{ctx: ctx}
	err := onLiveConn(ctx, db, func(conn *sql.Conn) error {
		v.conn = conn
		_, err := conn.ExecContext(ctx, beginView)
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

// view runs f on one committed state of the store.
func (l *Log) view(ctx context.Context, f func(*view) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	v, err := openView(ctx, l.store.readers)
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

package postgres

import (
	"context"
	"database/sql"

	"replog/replog"
)

// Rows keeps the rows of one database as rows of tables, as its log goes on. Its
// methods are called by whoever has the log's lock.
type Rows interface {
	// Begin is called when a transaction on the log begins, which has it do its work in
	// the same PostgreSQL transaction.
	Begin(tx Querier, head replog.Head) (RowsTx, error)
}

// RowsTx is the part of a transaction on a log that keeps rows. Where a method fails
// the transaction can only be rolled back.
type RowsTx interface {
	// Publish is called with the schema of revision 0, and its content.
	Publish(v *replog.SchemaVersion) error
	// Apply is called for each entry that changed something, the schema or rows, in
	// order. The entry is valid until it returns.
	Apply(e *replog.Entry) error
	// Flush is called before the commit: what was kept back has to be written now.
	Flush() error
	// End is called when it has ended. committed is false where nobody knows, too.
	End(committed bool)
}

// Querier runs statements in a transaction. Statements have no names, arguments that
// are []byte are bytea, and a query has to be read to its end before the next begins.
type Querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// beginRows begins the part of the transaction that keeps rows.
func (t *Tx) beginRows() (err error) {
	if t.log.rows != nil {
		t.rows, err = t.log.rows.Begin(t.c.tx, t.head)
	}
	return err
}

// applyRows hands an entry on.
func (t *Tx) applyRows(e *replog.Entry) error {
	if t.rows == nil || e.Outcome != replog.Applied || e.Schema == nil && e.Made().Len() == 0 {
		return nil
	}
	return t.rows.Apply(e)
}

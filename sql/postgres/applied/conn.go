package applied

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/lib/pq"
)

// Conn is a transaction, or the one connection on which it runs.
type Conn interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	// PrepareContext is for COPY only.
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// guard runs do in a savepoint, to which it goes back where do fails.
func guard(ctx context.Context, c Conn, do func() error) error {
	if _, err := c.ExecContext(ctx, "SAVEPOINT replog_guard"); err != nil {
		return err
	}
	err := do()
	end := "RELEASE SAVEPOINT replog_guard"
	if err != nil {
		end = "ROLLBACK TO SAVEPOINT replog_guard; " + end
	}
	if _, endErr := c.ExecContext(ctx, end); endErr != nil {
		return errors.Join(err, endErr)
	}
	return err
}

// query calls each for every row of a query's answer.
func query(ctx context.Context, c Conn, text string, args []any, each func(scan func(...any) error) error) error {
	rows, err := c.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// execAll runs statements without arguments in one round trip.
func execAll(ctx context.Context, c Conn, format string, args ...any) error {
	_, err := c.ExecContext(ctx, fmt.Sprintf(format, args...))
	return err
}

// copyRows loads rows by COPY. Cells are string or nil.
func copyRows(ctx context.Context, c Conn, target string, columns []string, n int, row func(i int, cells []any)) error {
	stmt, err := c.PrepareContext(ctx, "COPY "+target+" ("+quoteList("", columns)+") FROM STDIN")
	if err != nil {
		return err
	}
	defer stmt.Close()
	cells := make([]any, len(columns))
	for i := range n {
		row(i, cells)
		if _, err = stmt.ExecContext(ctx, cells...); err != nil {
			break
		}
	}
	// The end of the data gives the server's own error.
	_, endErr := stmt.ExecContext(ctx)
	return errors.Join(err, endErr)
}

// serverError is what PostgreSQL answered, nil for other errors.
func serverError(err error) *pq.Error {
	var e *pq.Error
	errors.As(err, &e)
	return e
}

const uniqueViolation = "23505"

// isRowFault tells whether it is the data of a row that the server does not take:
// values, a CHECK, a trigger of somebody's, or a row or key that is too long. Unique
// violations and foreign keys are among them, where no constraint is left out for them.
func isRowFault(err error) bool {
	e := serverError(err)
	if e == nil {
		return false
	}
	switch e.Code[:2] {
	case "22", "23", "44", "54", "P0":
		return true
	}
	return false
}

// dependsOn tells whether an object could not be dropped or altered since others use it.
func dependsOn(err error) bool {
	e := serverError(err)
	return e != nil && (e.Code == "2BP01" || e.Code == "0A000")
}

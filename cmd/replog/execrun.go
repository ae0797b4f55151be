package main

import (
	"bufio"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
	replogdriver "replog/client/driver"
)

// scriptRun is the running of a script.
type scriptRun struct {
	conn *replogdriver.Conn
	out  io.Writer
	sql  string
	args []driver.NamedValue
	// guarded: the transaction is the script's, which must not end it.
	guarded, ended bool
	// last comes before the end of the transaction, unless nil.
	last func() error
}

// errEnds is that of a script which would end the transaction.
var errEnds = errors.New("the script begins or ends a transaction: all of it is one already")

// argumentsError says that the arguments do not fit the parameters.
type argumentsError struct{ text string }

func (e *argumentsError) Error() string { return e.text }

// authorize denies BEGIN, COMMIT and ROLLBACK.
func (r *scriptRun) authorize(op int, _, _, _ string) int {
	const transaction = 22 // SQLITE_TRANSACTION, which mattn's package leaves out
	if op == transaction && r.guarded {
		r.ended = true
		return sqlite3.SQLITE_DENY
	}
	return sqlite3.SQLITE_OK
}

// run runs all statements, or none. Rows come out as they are read.
func (r *scriptRun) run(ctx context.Context) (err error) {
	tx, err := r.conn.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	out := bufio.NewWriter(r.out)
	r.guarded = true
	rest := r.args
	for _, p := range applier.Pieces(r.sql) {
		if p.Empty {
			continue
		}
		if rest, err = r.statement(ctx, out, p, rest); err != nil {
			break
		}
	}
	r.guarded = false
	if err == nil && len(rest) > 0 {
		err = &argumentsError{fmt.Sprintf("%s too many for the parameters of the SQL", count(len(rest), "argument"))}
	}
	if err == nil && r.last != nil {
		err = r.last()
	}
	if err == nil {
		err = tx.Commit()
	} else {
		_ = tx.Rollback() // SQLite may have done so
	}
	return errors.Join(err, out.Flush())
}

// statement runs one, and returns the arguments that are left.
func (r *scriptRun) statement(ctx context.Context, out *bufio.Writer, p applier.Piece, args []driver.NamedValue) ([]driver.NamedValue, error) {
	text := oneLine(strings.Join(strings.Fields(p.Text), " "))
	s, err := r.conn.PrepareContext(ctx, p.SQL)
	if r.ended {
		return nil, fmt.Errorf("%w: %s", errEnds, text)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	defer s.Close()
	n := s.NumInput()
	if n > len(args) {
		return nil, &argumentsError{fmt.Sprintf("%s, and %d left: %s", count(n, "parameter"), len(args), text)}
	}
	bound := slices.Clone(args[:n])
	for i := range bound {
		bound[i].Ordinal = i + 1
	}
	if err := r.rows(ctx, out, s, p.Text, bound); err != nil {
		return nil, fmt.Errorf("%w: %s", err, text)
	}
	return args[n:], nil
}

// rows prints what a statement gives.
func (r *scriptRun) rows(ctx context.Context, out *bufio.Writer, s driver.Stmt, sql string, args []driver.NamedValue) error {
	rows, err := s.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return err
	}
	columns := len(rows.Columns())
	if converted(rows) && isQuery(sql) {
		if err := rows.Close(); err != nil {
			return err
		}
		exact, err := r.conn.Prepare(exactly(sql, columns))
		if err != nil {
			return err
		}
		defer exact.Close()
		if rows, err = exact.(driver.StmtQueryContext).QueryContext(ctx, args); err != nil {
			return err
		}
	}
	row := make([]driver.Value, columns)
	for err = rows.Next(row); err == nil && columns > 0; err = rows.Next(row) {
		if err = r.print(out, row); err != nil {
			break
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return errors.Join(err, rows.Close())
}

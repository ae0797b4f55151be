package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// rows are those of a statement that goes on until they are closed.
type rows struct {
	*sqlite3.SQLiteRows
	conn  *Conn
	taken *statement // to give back
	args  []driver.NamedValue
	span  span
	ended bool
}

// query runs a statement that may give rows; one that was taken is given back.
func (c *Conn) query(ctx context.Context, s *statement, args []driver.NamedValue, taken bool) (driver.Rows, error) {
	span, err := c.enter(ctx, s)
	var inner driver.Rows
	if err == nil {
		again := c.again(s)
		inner, err = s.sqlite.QueryContext(ctx, args)
		again()
	}
	if err != nil {
		if taken {
			s.sqlite.Close()
		}
		return nil, span.leave(err)
	}
	r := &rows{SQLiteRows: inner.(*sqlite3.SQLiteRows), conn: c, span: span, args: args}
	if taken {
		r.taken = s
	}
	if !span.alone || len(r.Columns()) == 0 {
		if err := r.end(nil); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

// Next implements driver.Rows. With the last row the statement ends.
func (r *rows) Next(dest []driver.Value) error {
	err := r.SQLiteRows.Next(dest)
	if errors.Is(err, io.EOF) {
		if e := r.end(nil); e != nil {
			return e
		}
	}
	return err
}

// Close implements driver.Rows. What the statement wrote stays, read or not.
func (r *rows) Close() error {
	err := r.SQLiteRows.Close()
	if s := r.taken; s != nil {
		r.taken = nil
		if err == nil {
			r.conn.give(s, r.args)
		} else {
			s.sqlite.Close()
		}
	}
	return r.end(err)
}

func (r *rows) end(err error) error {
	if r.ended {
		return err
	}
	r.ended = true
	return r.span.leave(err)
}

// hasRow runs a statement and tells whether it gives a row.
func hasRow(ctx context.Context, s *sqlite3.SQLiteStmt, args []driver.NamedValue) (bool, error) {
	rows, err := s.QueryContext(ctx, args)
	if err != nil {
		return false, err
	}
	err = rows.Next(make([]driver.Value, len(rows.Columns())))
	if e := rows.Close(); errors.Is(err, io.EOF) {
		return false, e
	}
	return err == nil, err
}

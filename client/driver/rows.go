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
	// waits: it is recorded once they are read.
	waits bool
	// read are all rows, where they were read beforehand.
	read [][]driver.Value
}

// query runs a statement that may give rows; one that was taken is given back.
func (c *Conn) query(ctx context.Context, s *statement, args []driver.NamedValue, taken bool) (driver.Rows, error) {
	span, err := c.enter(ctx, s, args)
	var inner driver.Rows
	switch {
	case err != nil:
	case span.schema != nil:
		if _, err = span.runSchema(); err == nil {
			inner, err = c.sqlite.QueryContext(ctx, "", nil)
		}
	default:
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
	switch {
	case span.guarded:
		err = r.readAll()
	case s.captured && len(r.Columns()) > 0:
		c.tx.reading, r.waits = r, true
		c.writing++
	case !span.alone || len(r.Columns()) == 0:
		err = r.end(nil)
	}
	if err == nil {
		return r, nil
	}
	if e := r.Close(); e != nil && !errors.Is(err, e) {
		err = errors.Join(err, e)
	}
	return nil, err
}

// readAll reads the rows, and ends the statement.
func (r *rows) readAll() error {
	r.read = [][]driver.Value{}
	for {
		row := make([]driver.Value, len(r.Columns()))
		err := r.SQLiteRows.Next(row)
		if errors.Is(err, io.EOF) {
			return r.end(nil)
		}
		if err != nil {
			_ = r.SQLiteRows.Close()
			return r.end(err)
		}
		r.read = append(r.read, row)
	}
}

// Next implements driver.Rows. With the last row the statement ends.
func (r *rows) Next(dest []driver.Value) error {
	if r.read != nil {
		if len(r.read) == 0 {
			return io.EOF
		}
		copy(dest, r.read[0])
		r.read = r.read[1:]
		return nil
	}
	err := r.SQLiteRows.Next(dest)
	if errors.Is(err, io.EOF) {
		if e := r.end(nil); e != nil {
			return e
		}
	} else if err != nil {
		r.span.broken = err
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
	if r.waits {
		r.conn.writing--
	}
	if tx := &r.conn.tx; tx.reading == r {
		tx.reading = nil
	} else if r.waits {
		r.span.recorded = true // or the transaction is gone
	}
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

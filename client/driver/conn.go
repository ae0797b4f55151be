package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
)

// Conn is a connection, which (*sql.Conn).Raw gives. Like any driver.Conn it is for
// one goroutine at a time.
type Conn struct {
	sqlite     *sqlite3.SQLiteConn
	authorizer func(op int, arg1, arg2, schema string) int
	compiling  *compilation
	private    bool // what is being compiled is a statement of ours
	cache      []*statement
	marks      marks
	changed    changed
	tx         transaction
	watch      watch
	body       []byte // of the last record
	writing    int    // statements whose rows are being read and that have written
	// shared: the application has mattn's connection too, and may use it.
	shared bool
}

// SQLite is mattn's connection, for its backups, hooks, limits and functions. What
// is written through it is neither marked nor recorded; an authorizer that is
// registered on it takes the place of the driver's, which then neither marks,
// records nor refuses anything.
func (c *Conn) SQLite() *sqlite3.SQLiteConn {
	c.shared = true
	return c.sqlite
}

// Ping implements driver.Pinger.
func (c *Conn) Ping(ctx context.Context) error { return c.sqlite.Ping(ctx) }

// Close implements driver.Conn; an open transaction is rolled back.
func (c *Conn) Close() error {
	c.forget()
	c.marks.close()
	c.watch.close()
	return c.sqlite.Close()
}

// Prepare implements driver.Conn.
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext. As with mattn's driver the
// statement is the first in the text; what comes after it is left out.
func (c *Conn) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	s, err := c.compile(query)
	if err != nil {
		return nil, err
	}
	return &stmt{conn: c, statement: s}, nil
}

// Begin implements driver.Conn.
func (c *Conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx. As with mattn's driver the options change
// nothing; _txlock in the DSN does.
func (c *Conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	inner, err := c.sqlite.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	c.tx.begin(ctx)
	return &tx{conn: c, inner: inner}, nil
}

// ExecContext implements driver.ExecerContext: it runs each statement in the text,
// and returns the result of the last.
func (c *Conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	pieces, err := c.pieces(query)
	if err != nil {
		return nil, err
	}
	var result driver.Result
	for first, i := 0, 0; i < len(pieces); i++ {
		if pieces[i].Empty {
			result, err = c.sqlite.ExecContext(ctx, pieces[i].SQL, nil) // {0, 0}
		} else {
			var s *statement
			if s, err = c.takeFor(pieces[i].SQL, args, first); err != nil {
				return nil, err
			}
			n := s.sqlite.NumInput()
			result, err = c.exec(ctx, s, argumentsOf(args, first, n), true)
			first += n
		}
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// QueryContext implements driver.QueryerContext: it runs each statement in the text,
// and returns the rows of the last.
func (c *Conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	pieces, err := c.pieces(query)
	if err != nil {
		return nil, err
	}
	for first, i := 0, 0; ; i++ {
		if pieces[i].Empty {
			return c.sqlite.QueryContext(ctx, pieces[i].SQL, nil)
		}
		s, err := c.takeFor(pieces[i].SQL, args, first)
		if err != nil {
			return nil, err
		}
		n := s.sqlite.NumInput()
		rows, err := c.query(ctx, s, argumentsOf(args, first, n), true)
		if err != nil || i == len(pieces)-1 {
			return rows, err
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		first += n
	}
}

// pieces splits a text into statements. Of several none is to run where one of them
// is refused.
func (c *Conn) pieces(query string) ([]applier.Piece, error) {
	pieces := applier.Pieces(query)
	if len(pieces) == 0 {
		return []applier.Piece{{Empty: true}}, nil
	}
	if len(pieces) == 1 {
		return pieces, nil
	}
	for _, p := range pieces {
		var refused *RefusedError
		s, err := c.compile(p.SQL)
		if errors.As(err, &refused) {
			return nil, err
		}
		if err == nil {
			s.sqlite.Close()
		}
	}
	return pieces, nil
}

// takeFor takes a statement that finds its arguments.
func (c *Conn) takeFor(sql string, args []driver.NamedValue, first int) (*statement, error) {
	s, err := c.take(sql)
	if err != nil {
		return nil, err
	}
	if n := s.sqlite.NumInput(); len(args)-first < n {
		s.sqlite.Close()
		return nil, fmt.Errorf("not enough args to execute query: want %d got %d", n, len(args)-first)
	}
	return s, nil
}

// argumentsOf picks the arguments of a statement that takes n: those from first on,
// and all named ones, which several statements may share.
func argumentsOf(args []driver.NamedValue, first, n int) []driver.NamedValue {
	if n == 0 {
		return nil
	}
	var shared []driver.NamedValue
	for i, a := range args {
		if a.Name != "" && (i < first || i >= first+n) {
			shared = append(shared, a)
		}
	}
	if first == 0 && shared == nil {
		return args[:n]
	}
	picked := append(append([]driver.NamedValue{}, args[first:first+n]...), shared...)
	for i := range picked {
		picked[i].Ordinal = i + 1
	}
	return picked
}

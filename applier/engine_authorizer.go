package applier

import (
	"errors"

	sqlite3 "github.com/mattn/go-sqlite3"
	fts5sqlite3 "github.com/ncruces/go-sqlite3"
)

// action is what a statement would do, in the numbers of SQLite's authorizer
// (https://www.sqlite.org/c3ref/c_alter_table.html).
type action int

// The actions that matter. Which trigger or view an access is in, only one of the
// engines tells, so that nothing relies on it.
const (
	actionDelete   action = 9
	actionInsert   action = 18
	actionRead     action = 20
	actionSelect   action = 21
	actionUpdate   action = 23
	actionFunction action = 31
)

// authorizer tells whether a statement may be compiled that does this to an object
// in a schema; detail is a column, or a function's name.
type authorizer func(a action, object, detail, schema string) bool

// authorized runs f while allow is asked about each statement that is compiled. An
// authorizer that the connection had is gone afterwards.
func (c *Conn) authorized(allow authorizer, f func() error) error {
	switch e := c.conn.(type) {
	case *sqlite3.SQLiteConn:
		ask := func(op int, object, detail, schema string) int {
			if allow(action(op), object, detail, schema) {
				return sqlite3.SQLITE_OK
			}
			return sqlite3.SQLITE_DENY
		}
		if c.lend != nil {
			return c.lend(ask, f)
		}
		e.RegisterAuthorizer(ask)
		defer e.RegisterAuthorizer(nil)
	case *fts5Engine:
		err := e.conn.SetAuthorizer(func(op fts5sqlite3.AuthorizerActionCode, object, detail, schema, _ string) fts5sqlite3.AuthorizerReturnCode {
			if allow(action(op), object, detail, schema) {
				return fts5sqlite3.AUTH_OK
			}
			return fts5sqlite3.AUTH_DENY
		})
		if err != nil {
			return err
		}
		defer func() { _ = e.conn.SetAuthorizer(nil) }()
	default:
		return errors.New("the connection has no authorizer")
	}
	return f()
}

// limit sets one of SQLite's limits (https://www.sqlite.org/c3ref/limit.html) and
// returns what it was. Both engines have the same numbers.
func (c *Conn) limit(id, value int) int {
	switch e := c.conn.(type) {
	case *sqlite3.SQLiteConn:
		return e.SetLimit(id, value)
	case *fts5Engine:
		return e.conn.Limit(fts5sqlite3.LimitCategory(id), value)
	}
	return -1
}

// define gives the connection a function of one integer, which fails by returning
// an error: that ends the statement, but not the transaction.
func (c *Conn) define(name string, f func(int64) error) error {
	switch e := c.conn.(type) {
	case *sqlite3.SQLiteConn:
		return e.RegisterFunc(name, func(n int64) (int64, error) { return n, f(n) }, false)
	case *fts5Engine:
		return e.conn.CreateFunction(name, 1, 0, func(ctx fts5sqlite3.Context, arg ...fts5sqlite3.Value) {
			if err := f(arg[0].Int64()); err != nil {
				ctx.ResultError(err)
			}
		})
	}
	return errors.New("the connection takes no functions")
}

// Authorizer has a connection's authorizer ask another one, with what SQLite asks it,
// while f runs. To register one instead makes SQLite compile every statement of the
// connection again.
type Authorizer func(ask func(op int, arg1, arg2, schema string) int, f func() error) error

// Borrow makes a Conn of a connection that somebody else opened and closes, such as
// an application's, and whose authorizer is the one that lend uses. Whatever the
// other does to it, a Conn is for one goroutine at a time.
func Borrow(c *sqlite3.SQLiteConn, lend Authorizer) *Conn {
	return &Conn{conn: c, path: c.GetFilename("main"), stmts: map[string]statement{}, lend: lend}
}

// Release closes the statements of a borrowed connection, and leaves it open.
func (c *Conn) Release() { c.forget() }

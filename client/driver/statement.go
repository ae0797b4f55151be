package driver

import (
	"context"
	"database/sql/driver"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// statement is one that SQLite has compiled.
type statement struct {
	sqlite *sqlite3.SQLiteStmt
	sql    string
	class
	// returns: it may give rows while it writes.
	returns bool
	// unchecked: a device's file would not take it.
	unchecked bool
	decision  *decision // nil until it is recorded
}

// compile compiles the first statement of a text. What must not be done to a
// device's file ends in a *RefusedError; to another, it may be done.
func (c *Conn) compile(sql string) (*statement, error) {
	k := &compilation{sql: sql, checks: true}
	s, err := c.prepare(k)
	if k.refused != "" {
		captured, e := c.captured()
		if e != nil {
			return nil, e
		}
		if captured {
			return nil, &RefusedError{What: k.refused, Err: err}
		}
		k = &compilation{sql: sql}
		s, err = c.prepare(k)
	}
	if err != nil {
		return nil, err
	}
	out := &statement{sqlite: s.(*sqlite3.SQLiteStmt), sql: sql, class: k.classify(), unchecked: !k.checks}
	out.returns = out.writes && containsFold(sql, "returning")
	return out, nil
}

func (c *Conn) prepare(k *compilation) (driver.Stmt, error) {
	c.compiling = k
	defer func() { c.compiling = nil }()
	return c.sqlite.Prepare(k.sql)
}

// containsFold tells whether a text has an ASCII word in it, in small letters or
// not.
func containsFold(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(word)], word) {
			return true
		}
	}
	return false
}

// captured tells whether capture is installed, in any file that is attached.
func (c *Conn) captured() (bool, error) {
	return c.exists("SELECT 1 FROM pragma_table_list WHERE name = 'replog_control'")
}

// exists tells whether a query of ours gives a row.
func (c *Conn) exists(query string) (bool, error) {
	s, err := c.prepareOwn(query)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return hasRow(context.Background(), s, nil)
}

// prepareOwn compiles a statement of ours, which the application's authorizer has
// no say in.
func (c *Conn) prepareOwn(query string) (*sqlite3.SQLiteStmt, error) {
	c.private = true
	defer func() { c.private = false }()
	s, err := c.sqlite.Prepare(query)
	if err != nil {
		return nil, err
	}
	return s.(*sqlite3.SQLiteStmt), nil
}

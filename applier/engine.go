package applier

import (
	"database/sql/driver"
	"errors"

	sqlite3 "github.com/mattn/go-sqlite3"
	fts5sqlite3 "github.com/ncruces/go-sqlite3"
)

// engine is a connection of a SQLite library. There are two: go-sqlite3 of mattn,
// and, for files with full-text indexes of FTS5, which the first one has only by
// a build tag, fts5Engine. Which of them a file gets depends on its tables alone:
// the locks of two libraries in one process do not know of each other.
type engine interface {
	Prepare(query string) (driver.Stmt, error)
	// Exec runs several statements.
	Exec(script string, args []driver.Value) (driver.Result, error)
	// AutoCommit tells whether no transaction is open.
	AutoCommit() bool
	RegisterCollation(name string, compare func(a, b string) int) error
	Close() error
}

// statement is a prepared statement of an engine.
type statement interface {
	Exec(args []driver.Value) (driver.Result, error)
	Query(args []driver.Value) (driver.Rows, error)
	Close() error
}

// needsFTS5 tells whether the connection's database has a table that its engine
// cannot read and the other can.
const needsFTS5 = `
	SELECT 1 FROM main.sqlite_schema
	WHERE type = 'table' AND rootpage = 0 AND sql LIKE '%fts5%'
	AND NOT EXISTS (SELECT 1 FROM pragma_module_list WHERE name = 'fts5')
	LIMIT 1`

// The primary result codes that matter (https://www.sqlite.org/rescode.html).
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteLocked     = 6
	sqliteCorrupt    = 11
	sqliteTooBig     = 18
	sqliteConstraint = 19
	sqliteMismatch   = 20
	sqliteAuth       = 23
	sqliteRange      = 25
	sqliteNotADB     = 26
)

// resultCode is SQLite's primary result code in an error of either engine; 0 for
// other errors.
func resultCode(err error) int {
	var e sqlite3.Error
	if errors.As(err, &e) {
		return int(e.Code)
	}
	var code fts5sqlite3.ErrorCode
	if errors.As(err, &code) {
		return int(code)
	}
	return 0
}

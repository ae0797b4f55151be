package applier

import (
	"database/sql/driver"
	"fmt"
	"io"
	"strings"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
	"github.com/ncruces/go-sqlite3/ext/rtree"
)

// fts5Engine is the SQLite of github.com/ncruces/go-sqlite3 with FTS5 and R*Tree.
// Its locks are tied to the open file, not to the process, so that a connection
// of the other engine that comes and goes does not take them away.
type fts5Engine struct{ conn *sqlite3.Conn }

// openFTS5 opens a file; dsn is a URI with its mode.
func openFTS5(dsn string, o OpenOptions) (*fts5Engine, error) {
	c, err := sqlite3.OpenFlags(dsn, sqlite3.OPEN_READWRITE|sqlite3.OPEN_CREATE|sqlite3.OPEN_URI)
	if err != nil {
		return nil, err
	}
	e := &fts5Engine{c}
	if err := e.setUp(o.BusyTimeout); err != nil {
		c.Close()
		return nil, err
	}
	return e, nil
}

// setUp makes the connection behave as those of the other engine.
func (e *fts5Engine) setUp(busy time.Duration) error {
	for _, register := range []func(*sqlite3.Conn) error{fts5.Register, rtree.Register} {
		if err := register(e.conn); err != nil {
			return err
		}
	}
	for _, option := range []sqlite3.DBConfig{sqlite3.DBCONFIG_DQS_DML, sqlite3.DBCONFIG_DQS_DDL} {
		if _, err := e.conn.Config(option, true); err != nil {
			return err
		}
	}
	if err := e.conn.BusyTimeout(busy); err != nil {
		return err
	}
	return e.conn.Exec("PRAGMA foreign_keys = 0; PRAGMA recursive_triggers = 0")
}

func (e *fts5Engine) Close() error     { return e.conn.Close() }
func (e *fts5Engine) AutoCommit() bool { return e.conn.GetAutocommit() }

func (e *fts5Engine) Exec(script string, _ []driver.Value) (driver.Result, error) {
	return nil, e.conn.Exec(script)
}

func (e *fts5Engine) RegisterCollation(name string, compare func(a, b string) int) error {
	return e.conn.CreateCollation(name, func(a, b []byte) int { return compare(string(a), string(b)) })
}

func (e *fts5Engine) Prepare(query string) (driver.Stmt, error) {
	s, tail, err := e.conn.Prepare(query)
	if err == nil && (s == nil || strings.TrimSpace(tail) != "") {
		err = fmt.Errorf("not one statement: %s", abbreviate(query))
	}
	if err != nil {
		return nil, err
	}
	return &fts5Stmt{conn: e.conn, stmt: s}, nil
}

// backup copies the committed content into a new file.
func (e *fts5Engine) backup(dsn string) error { return e.conn.Backup("main", dsn) }

type fts5Stmt struct {
	conn *sqlite3.Conn
	stmt *sqlite3.Stmt
}

func (s *fts5Stmt) Close() error  { return s.stmt.Close() }
func (s *fts5Stmt) NumInput() int { return s.stmt.BindCount() }

func (s *fts5Stmt) bind(args []driver.Value) error {
	_ = s.stmt.Reset() // its error is that of the last run
	for i, arg := range args {
		var err error
		switch v := arg.(type) {
		case int64:
			err = s.stmt.BindInt64(i+1, v)
		case float64:
			err = s.stmt.BindFloat(i+1, v)
		case string:
			err = s.stmt.BindText(i+1, v)
		case []byte:
			err = s.stmt.BindBlob(i+1, v)
		default:
			err = s.stmt.BindNull(i + 1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *fts5Stmt) Exec(args []driver.Value) (driver.Result, error) {
	if err := s.bind(args); err != nil {
		return nil, err
	}
	if err := s.stmt.Exec(); err != nil {
		return nil, err
	}
	return driver.RowsAffected(s.conn.Changes()), nil
}

func (s *fts5Stmt) Query(args []driver.Value) (driver.Rows, error) {
	return &fts5Rows{s.stmt}, s.bind(args)
}

type fts5Rows struct{ stmt *sqlite3.Stmt }

func (r *fts5Rows) Close() error { return r.stmt.Reset() }

func (r *fts5Rows) Columns() []string {
	names := make([]string, r.stmt.ColumnCount())
	for i := range names {
		names[i] = r.stmt.ColumnName(i)
	}
	return names
}

func (r *fts5Rows) Next(dest []driver.Value) error {
	if !r.stmt.Step() {
		if err := r.stmt.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	values := make([]any, len(dest))
	if err := r.stmt.Columns(values...); err != nil {
		return err
	}
	for i, v := range values {
		dest[i] = v
	}
	return nil
}

package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// session is one connection with the statements it ran kept prepared, for one
// goroutine at a time. Statements run without a context of the caller's: one
// that can be cancelled costs more than half of a small statement's time.
type session struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	// bare are the driver's own statements, for exec: through database/sql a
	// small statement takes half as long again.
	bare map[string]driver.Stmt
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}, bare: map[string]driver.Stmt{}}, nil
}

func (s *session) prepare(query string) (*sql.Stmt, error) {
	if stmt, ok := s.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// exec runs a statement. Arguments are int64, int, string, bool or nil.
func (s *session) exec(query string, args ...any) error {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		if n, ok := a.(int); ok {
			a = int64(n)
		}
		values[i] = a
	}
	return s.conn.Raw(func(c any) error {
		stmt, ok := s.bare[query]
		if !ok {
			var err error
			if stmt, err = c.(driver.Conn).Prepare(query); err != nil {
				return err
			}
			s.bare[query] = stmt
		}
		_, err := stmt.Exec(values) //nolint:staticcheck // its successor takes a context, which costs time
		return err
	})
}

// row scans the first row that query gives; sql.ErrNoRows where there is none.
func (s *session) row(query string, args []any, into ...any) error {
	stmt, err := s.prepare(query)
	if err != nil {
		return err
	}
	return stmt.QueryRow(args...).Scan(into...)
}

// open begins a query, whose rows the caller closes.
func (s *session) open(query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.prepare(query)
	if err != nil {
		return nil, err
	}
	return stmt.Query(args...)
}

// rows calls each for every row that query gives. Its error ends the query and
// is returned.
func (s *session) rows(query string, args []any, each func(scan func(...any) error) error) error {
	rows, err := s.open(query, args...)
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

// close gives the connection back; a transaction that it holds is rolled back.
func (s *session) close() {
	for _, stmt := range s.stmts {
		stmt.Close()
	}
	_ = s.conn.Raw(func(any) error {
		for _, stmt := range s.bare {
			stmt.Close()
		}
		return nil
	})
	_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK") // fails where there is none
	s.conn.Close()
}

// open gives a pool of connections to the file. mode is that of SQLite's URIs
// (https://www.sqlite.org/uri.html).
func open(path, mode string, busy time.Duration, options string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	dsn := fmt.Sprintf("%s?mode=%s&_busy_timeout=%d&_foreign_keys=0%s", u.String(), mode, busy.Milliseconds(), options)
	db, err := sql.Open("sqlite3", dsn)
	if err == nil {
		db.SetMaxIdleConns(idleConnections)
		db.SetConnMaxIdleTime(time.Minute)
	}
	return db, err
}

// idleConnections is how many connections wait for the next reader: to open one
// takes as long as a short answer.
const idleConnections = 8

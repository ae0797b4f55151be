package sqlite

import (
	"context"
	"database/sql"
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
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, stmts: map[string]*sql.Stmt{}}, nil
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

func (s *session) exec(query string, args ...any) error {
	stmt, err := s.prepare(query)
	if err != nil {
		return err
	}
	_, err = stmt.Exec(args...)
	return err
}

// row scans the first row that query gives; sql.ErrNoRows where there is none.
func (s *session) row(query string, args []any, into ...any) error {
	stmt, err := s.prepare(query)
	if err != nil {
		return err
	}
	return stmt.QueryRow(args...).Scan(into...)
}

// rows calls each for every row that query gives. Its error ends the query and
// is returned.
func (s *session) rows(query string, args []any, each func(scan func(...any) error) error) error {
	stmt, err := s.prepare(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
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
	_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK") // fails where there is none
	s.conn.Close()
}

// open gives a pool of connections to the file. mode is that of SQLite's URIs
// (https://www.sqlite.org/uri.html).
func open(path, mode string, busy time.Duration, options string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	dsn := fmt.Sprintf("%s?mode=%s&_busy_timeout=%d&_foreign_keys=0%s", u.String(), mode, busy.Milliseconds(), options)
	return sql.Open("sqlite3", dsn)
}

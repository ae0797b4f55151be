package applier

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// Conn is one bare connection to a SQLite database, with the statements it ran
// kept prepared. database/sql is not used: it costs twice the time of a
// prepared statement, and its pool hides which connection holds a transaction.
// A Conn is for one goroutine at a time.
type Conn struct {
	conn  engine
	path  string
	stmts map[string]statement
	lend  Authorizer // of a borrowed connection
}

// OpenOptions says how a connection is opened.
type OpenOptions struct {
	// Create makes the file where there is none; otherwise that is an error.
	Create bool
	// ReadOnly opens the file for reading only.
	ReadOnly bool
	// BusyTimeout is how long a statement waits for another connection's lock.
	BusyTimeout time.Duration
	// Pragmas run after opening, as written: "synchronous=FULL".
	Pragmas []string
}

// maxStatements bounds the statements a connection keeps prepared.
const maxStatements = 512

// Open opens the database at path. Foreign keys are off on our connections:
// actions must not fire while net changes are written, and violations are
// looked up for the rows concerned (CheckForeignKeys).
func Open(path string, o OpenOptions) (*Conn, error) {
	mode := "rw"
	switch {
	case o.ReadOnly:
		mode = "ro"
	case o.Create:
		mode = "rwc"
	}
	dsn := fmt.Sprintf("%s?mode=%s&_busy_timeout=%d&_foreign_keys=0", fileURI(path), mode, o.BusyTimeout.Milliseconds())
	conn, err := open(path, dsn, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	// Reading the header tells now, not later, that a file is no database.
	for _, pragma := range append([]string{"schema_version", "trusted_schema=ON"}, o.Pragmas...) {
		if err := conn.Script("PRAGMA " + pragma); err != nil {
			conn.Close()
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	return conn, nil
}

func fileURI(path string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	return u.String()
}

// open opens the database by the engine that it needs.
func open(path, dsn string, o OpenOptions) (*Conn, error) {
	c, err := (&sqlite3.SQLiteDriver{}).Open(dsn)
	if err != nil {
		return nil, err
	}
	conn := &Conn{conn: c.(*sqlite3.SQLiteConn), path: path, stmts: map[string]statement{}}
	row, err := conn.QueryRow(needsFTS5)
	if err != nil || row == nil {
		if err != nil {
			conn.Close()
		}
		return conn, err
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	e, err := openFTS5(dsn, o)
	return &Conn{conn: e, path: path, stmts: map[string]statement{}}, err
}

// Path is the file's path as given to Open.
func (c *Conn) Path() string { return c.path }

// Close releases the connection; an open transaction is rolled back.
func (c *Conn) Close() error {
	c.forget()
	return c.conn.Close()
}

func (c *Conn) forget() {
	for _, s := range c.stmts {
		s.Close()
	}
	clear(c.stmts)
}

func (c *Conn) prepare(query string) (statement, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	s, err := c.conn.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, abbreviate(query))
	}
	c.stmts[query] = s
	return s, nil
}

func abbreviate(query string) string {
	query = strings.Join(strings.Fields(query), " ")
	if len(query) > 200 {
		query = query[:200] + "…"
	}
	return query
}

// Exec runs one statement.
func (c *Conn) Exec(query string, args ...replog.Value) error {
	_, err := c.ExecCount(query, args...)
	return err
}

// ExecCount runs one statement and returns how many rows it changed itself,
// not through triggers.
func (c *Conn) ExecCount(query string, args ...replog.Value) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	result, err := s.Exec(bindings(args))
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Script runs several statements without arguments.
func (c *Conn) Script(script string) error {
	_, err := c.conn.Exec(script, nil)
	return err
}

// Query runs one statement and calls row for each row it gives. The slice is
// the callee's to keep. An error of row ends the query and is returned.
//
// Column expressions should be written +col where exact values matter: the
// driver converts columns that are declared as dates or booleans.
func (c *Conn) Query(query string, row func([]replog.Value) error, args ...replog.Value) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(bindings(args))
	if err != nil {
		return err
	}
	defer rows.Close()
	raw := make([]driver.Value, len(rows.Columns()))
	for {
		if err := rows.Next(raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		values := make([]replog.Value, len(raw))
		for i, r := range raw {
			if values[i], err = valueOf(r); err != nil {
				return err
			}
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

// errStop ends a Query early.
var errStop = errors.New("stop")

// QueryRow returns the first row that the statement gives, or nil.
func (c *Conn) QueryRow(query string, args ...replog.Value) ([]replog.Value, error) {
	var first []replog.Value
	err := c.Query(query, func(row []replog.Value) error {
		first = row
		return errStop
	}, args...)
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	return first, nil
}

// bindings always makes a fresh slice, as a statement may run while another of
// the same text is being read.
func bindings(args []replog.Value) []driver.Value {
	out := make([]driver.Value, len(args))
	for i, v := range args {
		switch v.Kind() {
		case replog.KindInteger:
			out[i] = v.Int64()
		case replog.KindReal:
			out[i] = v.Float64()
		case replog.KindText:
			out[i] = v.Bytes()
		case replog.KindBlob:
			out[i] = []byte(v.Bytes())
		}
	}
	return out
}

func valueOf(raw driver.Value) (replog.Value, error) {
	switch x := raw.(type) {
	case nil:
		return replog.Value{}, nil
	case int64:
		return replog.Integer(x), nil
	case float64:
		return replog.Real(x), nil
	case string:
		return replog.Text(x), nil
	case []byte:
		return replog.Blob(x), nil
	}
	return replog.Value{}, fmt.Errorf("the driver converted a value to %T: read it as +column", raw)
}

// Begin opens a transaction that holds the write lock from the start.
func (c *Conn) Begin() error { return c.Exec("BEGIN IMMEDIATE") }

// BeginRead opens a transaction that sees one state of the database.
func (c *Conn) BeginRead() error {
	if err := c.Exec("BEGIN"); err != nil {
		return err
	}
	_, err := c.QueryRow("SELECT count(*) FROM sqlite_schema")
	return err
}

// commitTries bounds how often COMMIT is tried while readers of a
// rollback-journal database hold it up; each try waits for the busy timeout.
const commitTries = 3

// Commit ends the transaction. Where it fails the transaction is rolled back.
func (c *Conn) Commit() error {
	var err error
	for range commitTries {
		if err = c.Exec("COMMIT"); !IsBusy(err) {
			break
		}
	}
	if err != nil {
		_ = c.Rollback()
	}
	return err
}

// Rollback ends the transaction, if there is one, and undoes it.
func (c *Conn) Rollback() error {
	if c.conn.AutoCommit() {
		return nil
	}
	return c.Exec("ROLLBACK")
}

// Savepoint runs f within a savepoint: where f fails, or panics, what it did is
// undone. The error of f is returned as it is.
func (c *Conn) Savepoint(f func() error) (err error) {
	if err := c.Exec("SAVEPOINT replog"); err != nil {
		return err
	}
	done := false
	defer func() {
		if done && err == nil {
			err = c.Exec("RELEASE replog")
			return
		}
		undo := errors.Join(c.Exec("ROLLBACK TO replog"), c.Exec("RELEASE replog"))
		if undo != nil {
			err = errors.Join(err, undo)
		}
	}()
	err = f()
	done = true
	return err
}

// Backup copies the committed content of the database into a new file at path,
// page by page, which is written under the given pragmas. The other connections
// may go on writing.
func (c *Conn) Backup(path string, pragmas ...string) error {
	dst, err := Open(path, OpenOptions{Create: true, Pragmas: pragmas})
	if err != nil {
		return err
	}
	defer dst.Close()
	if e, ok := c.conn.(*fts5Engine); ok {
		if err := e.backup(fileURI(path)); err != nil {
			return fmt.Errorf("copy %s: %w", c.path, err)
		}
		return nil
	}
	b, err := dst.conn.(*sqlite3.SQLiteConn).Backup("main", c.conn.(*sqlite3.SQLiteConn), "main")
	if err != nil {
		return fmt.Errorf("copy %s: %w", c.path, err)
	}
	done, err := b.Step(-1)
	if err = errors.Join(err, b.Finish()); err != nil {
		return fmt.Errorf("copy %s: %w", c.path, err)
	}
	if !done {
		return fmt.Errorf("copy %s: the copy is not complete", c.path)
	}
	return nil
}

// IsBusy tells whether an error means that another connection holds a lock.
func IsBusy(err error) bool {
	code := resultCode(err)
	return code == sqliteBusy || code == sqliteLocked
}

// IsConstraint tells whether an error means that a constraint refused a write,
// or that a value has a type that a STRICT table does not take.
func IsConstraint(err error) bool {
	code := resultCode(err)
	return code == sqliteConstraint || code == sqliteMismatch || code == sqliteTooBig
}

// IsNotDatabase tells whether an error means that the file is no SQLite
// database, or a damaged one.
func IsNotDatabase(err error) bool {
	code := resultCode(err)
	return code == sqliteNotADB || code == sqliteCorrupt
}

package driver

import (
	"context"
	"database/sql/driver"
	"errors"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
	"replog/client/gathered"
)

// isDeviceSQL tells whether the main database has capture.
const isDeviceSQL = "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'replog_control'"

// live says that schema statements come from an application's connection.
var live = applier.SchemaOptions{First: true, Live: true}

// enterSchema comes before a schema statement. One that is to be recorded is in
// p.schema afterwards; any other runs as it is.
func (p *span) enterSchema() error {
	c := p.conn
	device, err := c.exists(isDeviceSQL)
	if err != nil || !device {
		return err
	}
	s, err := c.inspectSchema(p.statement.sql)
	if err == nil && s == nil && p.statement.captured {
		err = p.mark() // by what it does to other tables
	}
	if err != nil || s == nil {
		return err
	}
	// Only now, as what is to be done may be nothing, which must not wait for others
	// that write.
	if err := p.mark(); err != nil || !p.records {
		return err
	}
	p.records = false
	if p.alone { // another program may have changed the schema since
		s, err = c.inspectSchema(p.statement.sql)
	}
	p.schema = s
	return err
}

// inspectSchema looks at a schema statement; nil for one that is not recorded. The
// error is that of one which could not be, and must be.
func (c *Conn) inspectSchema(sql string) (*applier.SchemaStatement, error) {
	pieces := applier.Pieces(sql)
	if len(pieces) == 0 {
		return nil, nil
	}
	var s *applier.SchemaStatement
	err := c.asReplica(func(r *applier.Replica) (err error) {
		s, err = r.InspectSchema(pieces[0].Text, live)
		if err != nil {
			return err
		}
		local, err := gathered.IsLocal(r, s)
		if s.Already || local {
			s = nil
		}
		return err
	})
	if err != nil || s == nil || s.Refused == nil {
		return s, err
	}
	var own sqlite3.Error
	if s.Refused.Class == applier.UnsafeSyntax && errors.As(s.Refused.Err, &own) {
		return nil, own
	}
	return nil, s.Refused
}

// asReplica runs f on the connection, of which the application's authorizer is told
// nothing.
func (c *Conn) asReplica(f func(*applier.Replica) error) error {
	c.private = true
	defer func() { c.private = false }()
	conn := applier.Borrow(c.sqlite, c.watch.lend)
	defer conn.Release()
	r, err := applier.NewReplica(conn)
	if err != nil {
		return err
	}
	return f(r)
}

// runSchema runs the statement and records it.
func (p *span) runSchema() (driver.Result, error) {
	c := p.conn
	if err := c.keepChanges(); err != nil {
		return nil, err
	}
	err := c.asReplica(func(r *applier.Replica) error { return gathered.RunSchema(r, p.schema, live) })
	var refused *applier.SchemaError
	var own sqlite3.Error
	switch {
	case errors.As(err, &refused) && errors.As(refused.Err, &own):
		return nil, own
	case errors.As(err, &own) && own.Code == sqlite3.ErrLocked:
		// A statement of the connection is being read, beside which SQLite drops no
		// table, not even one of ours. The next sync finds what has changed.
		return p.statement.sqlite.ExecContext(p.ctx, nil)
	case err != nil:
		return nil, err
	}
	if err := c.run(uncountSQL); err != nil {
		return nil, err
	}
	return c.unchanged()
}

// unchanged is the result of a statement that has changed no row.
func (c *Conn) unchanged() (driver.Result, error) {
	s, err := c.own("SELECT last_insert_rowid()")
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(context.Background(), nil)
	if err != nil {
		return nil, err
	}
	row := make([]driver.Value, 1)
	if err := errors.Join(rows.Next(row), rows.Close()); err != nil {
		return nil, err
	}
	return schemaResult{row[0].(int64), c.changed.owed}, nil
}

// schemaResult tells, as mattn's driver does, of statements before.
type schemaResult struct{ id, changes int64 }

// LastInsertId implements driver.Result.
func (r schemaResult) LastInsertId() (int64, error) { return r.id, nil }

// RowsAffected implements driver.Result.
func (r schemaResult) RowsAffected() (int64, error) { return r.changes, nil }

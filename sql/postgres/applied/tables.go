package applied

import (
	"context"
	"database/sql"
	"errors"
	"sort"

	"replog/replog"
)

// Tables are the applied tables of one database. They hold what is buffered of the
// caller's transaction, and a copy of what the catalog says, which outlives it. They
// are used by one goroutine.
type Tables struct {
	database int
	name     string

	version int64
	loaded  bool
	tables  map[string]*table // by name in SQLite

	buffer   buffer
	revision replog.Revision // of the newest change
	serial   int             // of temporary tables
}

// Open reads what the applied tables of a database are. There are none before Publish.
// number is the one that rows of the schema replog have for it.
func Open(ctx context.Context, c Conn, number int, name string) (*Tables, error) {
	t := &Tables{database: number, name: name}
	return t, t.Begin(ctx, c)
}

// Begin is called first in each later transaction for which the same Tables are used, if
// another process may have changed what the tables are. If one did, or Rollback was
// called, it reads them again; otherwise it costs one small query.
func (t *Tables) Begin(ctx context.Context, c Conn) error {
	const read = `SELECT version FROM replog.applied_database WHERE database = $1`
	var version int64
	err := c.QueryRowContext(ctx, read, t.database).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if t.loaded && version == t.version {
		return nil
	}
	t.version = version
	return t.load(ctx, c)
}

// Rollback forgets what is buffered, and what was read: the caller's transaction was
// rolled back.
func (t *Tables) Rollback() {
	t.buffer = buffer{}
	t.loaded = false
}

// Published tells whether the database has applied tables.
func (t *Tables) Published() bool { return t.version > 0 }

// Schema is the PostgreSQL schema of the tables.
func (t *Tables) Schema() string { return SchemaName(t.name) }

// Misfits counts the rows that are in replog.misfit, with those of the transaction
// that are written.
func (t *Tables) Misfits(ctx context.Context, c Conn) (n int, err error) {
	const count = `SELECT count(*) FROM replog.misfit WHERE database = $1`
	return n, c.QueryRowContext(ctx, count, t.database).Scan(&n)
}

// LeftOut counts what is in replog.left_out.
func (t *Tables) LeftOut(ctx context.Context, c Conn) (n int, err error) {
	const count = `SELECT count(*) FROM replog.left_out WHERE database = $1`
	return n, c.QueryRowContext(ctx, count, t.database).Scan(&n)
}

// changed tells other processes to read the tables again.
func (t *Tables) changed(ctx context.Context, c Conn) error {
	const bump = `
		INSERT INTO replog.applied_database (database, schema_name, version) VALUES ($1, $2, 1)
		ON CONFLICT (database) DO UPDATE SET version = applied_database.version + 1
		RETURNING version`
	return c.QueryRowContext(ctx, bump, t.database, t.Schema()).Scan(&t.version)
}

// sorted are the tables by name.
func (t *Tables) sorted() []*table {
	var all []*table
	for _, made := range t.tables {
		all = append(all, made)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].shape.Name < all[j].shape.Name })
	return all
}

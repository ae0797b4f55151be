package server

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"replog/replog"
)

// Stores holds the logs of databases, contents to build replicas from, and the
// registry of devices and tokens. The command chooses which kind.
type Stores interface {
	// Registry opens the registry. Whoever calls it closes it.
	Registry(ctx context.Context) (*sql.DB, error)
	// RegistrySchema is the schema that the registry's tables are in.
	RegistrySchema() string
	// Databases lists the names of what may be databases.
	Databases(ctx context.Context) ([]string, error)
	// Create makes a database; fs.ErrExist where the name is taken.
	Create(ctx context.Context, p replog.Publication) error
	// Open opens the database that has the name now; fs.ErrNotExist where there is
	// none.
	Open(ctx context.Context, name string) (replog.Store, error)
	// Unavailable tells whether an error of theirs, of their logs or of the registry
	// means that they cannot be reached, and that this may pass.
	Unavailable(err error) bool
	Close() error
}

// SharedStores are stores that other servers use at the same time.
type SharedStores interface {
	Stores
	// Announce tells the others, soon, that the log of the database with that id has a
	// new head.
	Announce(id string)
	// Follow calls moved with the id of each database whose log may have a new head,
	// whoever wrote it, and looks for such ones by itself every so often. It returns
	// when ctx is done.
	Follow(ctx context.Context, every time.Duration, moved func(id string))
}

// RowStores are stores that keep the rows of databases as rows of tables.
type RowStores interface {
	Stores
	// Misfits counts, over all databases, the rows that do not fit their tables, and the
	// constraints and columns that had to be left out.
	Misfits(ctx context.Context) (rows, leftOut int64, err error)
}

// registry is what a server knows of databases, devices and tokens. Several
// processes may have it open; nothing of it is kept in memory.
type registry struct {
	db     *sql.DB
	schema string
}

func openRegistry(ctx context.Context, stores Stores) (*registry, error) {
	db, err := stores.Registry(ctx)
	if err != nil {
		return nil, err
	}
	return &registry{db: db, schema: stores.RegistrySchema()}, nil
}

func (r *registry) close() error { return r.db.Close() }

// sql makes a statement of a text in which @ stands for the schema of the tables. Its
// parameters are $1, $2 …, which must occur in that order first: SQLite numbers them
// so. It has to mean the same to SQLite and PostgreSQL.
func (r *registry) sql(text string) string { return strings.ReplaceAll(text, "@", r.schema+".") }

func (r *registry) row(ctx context.Context, text string, args ...any) *sql.Row {
	return r.db.QueryRowContext(ctx, r.sql(text), args...)
}

func (r *registry) rows(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return r.db.QueryContext(ctx, r.sql(text), args...)
}

// registryTx is a transaction on the registry.
type registryTx struct {
	tx *sql.Tx
	r  *registry
}

func (t *registryTx) row(ctx context.Context, text string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.r.sql(text), args...)
}

func (t *registryTx) rows(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.r.sql(text), args...)
}

// exec runs a statement and tells how many rows it changed.
func (t *registryTx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	result, err := t.tx.ExecContext(ctx, t.r.sql(text), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// within runs f in a transaction.
func (r *registry) within(ctx context.Context, f func(tx *registryTx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(&registryTx{tx, r}); err != nil {
		return err
	}
	return tx.Commit()
}

// orNull is NULL for 0 and "".
func orNull[T ~int64 | ~string](v T) any {
	var none T
	if v == none {
		return nil
	}
	return v
}

// bit is a flag as the registry stores it.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

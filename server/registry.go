package server

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
	"github.com/pressly/goose/v3"

	"replog/replog"
)

//go:embed migrations/*.sql
var migrations embed.FS

// registry is server.db: databases, devices and tokens. Two processes may have
// it open, the server and `replog token`; nothing of it is kept in memory.
type registry struct {
	db *sql.DB
}

// registryConnections bounds what a crowd of requests opens at once: each of
// them looks its token up, which takes microseconds.
const registryConnections = 16

func openRegistry(ctx context.Context, path string) (*registry, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite3", u.String()+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate&_foreign_keys=1")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(registryConnections)
	db.SetMaxIdleConns(registryConnections)
	db.SetConnMaxIdleTime(time.Minute)
	if err := migrate(ctx, db); err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &registry{db: db}, nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

func (r *registry) close() error { return r.db.Close() }

// within runs f in a transaction that holds the write lock from the start.
func (r *registry) within(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// databaseID returns the id of the database that has the name now, or "".
func (r *registry) databaseID(ctx context.Context, name string) (string, error) {
	var id string
	err := r.db.QueryRowContext(ctx, `SELECT id FROM database WHERE name = ? AND retired_at IS NULL`, name).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

// follow makes the table of databases say what the data folder holds: a map
// from names to ids.
func (r *registry) follow(ctx context.Context, present map[string]string, now replog.Millis) error {
	return r.within(ctx, func(tx *sql.Tx) error {
		if err := retireAbsent(ctx, tx, present, now); err != nil {
			return err
		}
		for name, id := range present {
			if err := insertDatabase(ctx, tx, id, name, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func retireAbsent(ctx context.Context, tx *sql.Tx, present map[string]string, now replog.Millis) error {
	rows, err := tx.QueryContext(ctx, `SELECT id, name FROM database WHERE retired_at IS NULL`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var absent []string
	for rows.Next() {
		var id, name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		if present[name] != id {
			absent = append(absent, id)
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, id := range absent {
		if _, err := tx.ExecContext(ctx, `UPDATE database SET retired_at = ? WHERE id = ?`, now, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *registry) addDatabase(ctx context.Context, id, name string, now replog.Millis) error {
	return r.within(ctx, func(tx *sql.Tx) error { return insertDatabase(ctx, tx, id, name, now) })
}

// insertDatabase also brings back one whose folder had been gone.
func insertDatabase(ctx context.Context, tx *sql.Tx, id, name string, now replog.Millis) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO database (id, name, published_at) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, retired_at = NULL`,
		id, name, now)
	return err
}

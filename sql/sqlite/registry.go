package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed registry/*.sql
var registryMigrations embed.FS

// registryConnections bounds what a crowd of requests opens at once: each of
// them looks its token up, which takes microseconds.
const registryConnections = 16

// OpenRegistry opens the registry of a server at path, which may not exist yet, and
// brings it to the newest version. Several processes may have it open. Its
// transactions hold the write lock from the start.
func OpenRegistry(ctx context.Context, path string) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	db, err := sql.Open("sqlite3", u.String()+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=10000&_txlock=immediate&_foreign_keys=1")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(registryConnections)
	db.SetMaxIdleConns(registryConnections)
	db.SetConnMaxIdleTime(time.Minute)
	p, err := provider(registryMigrations, "registry", db)
	if err == nil {
		_, err = p.Up(ctx)
	}
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

// provider gives the migrations in a folder of files.
func provider(files embed.FS, folder string, db *sql.DB) (*goose.Provider, error) {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, sub, goose.WithDisableGlobalRegistry(true))
}

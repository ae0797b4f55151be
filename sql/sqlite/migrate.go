package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() (fs.FS, error) { return fs.Sub(migrationFiles, "migrations") }

// Migrate brings the database to the newest version that files know. A
// database with a version above that is left alone: *VersionError, with path as
// its name.
func Migrate(ctx context.Context, db *sql.DB, files fs.FS, path string) error {
	provider, store, program, err := versions(ctx, db, files)
	if err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	if store > program {
		return &VersionError{Path: path, Store: store, Program: program}
	}
	if store == program {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", path, err)
	}
	return nil
}

func versions(ctx context.Context, db *sql.DB, files fs.FS) (p *goose.Provider, store, program int64, err error) {
	p, err = goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, 0, 0, err
	}
	store, program, err = p.GetVersions(ctx)
	return p, store, program, err
}

package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the store to the newest version that this program knows.
// *VersionError where it has one above that; it is left alone then.
func (l *Log) migrate() error {
	provider, store, program, err := l.versions(l.writers)
	if err != nil {
		return l.explain(fmt.Errorf("migrate %s: %w", l.path, err))
	}
	if store > program {
		return &VersionError{Path: l.path, Store: store, Program: program}
	}
	if store == program {
		return nil
	}
	if _, err := provider.Up(context.Background()); err != nil {
		return l.explain(fmt.Errorf("migrate %s: %w", l.path, err))
	}
	return nil
}

func (l *Log) versions(db *sql.DB) (p *goose.Provider, store, program int64, err error) {
	if p, err = provider(migrations, "migrations", db); err != nil {
		return nil, 0, 0, err
	}
	store, program, err = p.GetVersions(context.Background())
	return p, store, program, err
}

package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versionTable is goose's.
const versionTable = schemaName + ".goose_db_version"

// migrationLock is the key of the advisory lock that keeps two from migrating at once.
const migrationLock = 0x7265706c6f67 // "replog"

// Migrate makes a store of the PostgreSQL database, or brings the one that it holds to
// the newest version that this program knows, and tells both versions, from 0 for none.
// *VersionError where the store's is above that; it is left alone then. Several may
// call it at once. dsn addresses the server itself, not PgBouncer, as a lock is held
// over several transactions.
func Migrate(ctx context.Context, dsn string) (from, to int64, err error) {
	db, err := open(dsn, unlimited)
	if err != nil {
		return 0, 0, err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate the log store: %w", err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, lockMigrations, int64(migrationLock)); err != nil {
		return 0, 0, fmt.Errorf("migrate the log store: %w", because(ctx, err))
	}
	defer func() {
		_, unlocked := conn.ExecContext(context.WithoutCancel(ctx), unlockMigrations, int64(migrationLock))
		err = errors.Join(err, unlocked)
	}()
	if from, to, err = migrate(ctx, db); err != nil {
		var version *VersionError
		if !errors.As(err, &version) {
			err = fmt.Errorf("migrate the log store: %w", because(ctx, err))
		}
	}
	return from, to, err
}

// oldestServer is the oldest version of PostgreSQL that has what the store uses.
const oldestServer = 14_00_00

func migrate(ctx context.Context, db *sql.DB) (from, to int64, err error) {
	var encoding string
	var version int
	if err := db.QueryRowContext(ctx, selectServer).Scan(&encoding, &version); err != nil {
		return 0, 0, err
	}
	if version < oldestServer {
		return 0, 0, fmt.Errorf("PostgreSQL has version %d; the log store needs 14 or newer", version/10_000)
	}
	if encoding != "UTF8" {
		return 0, 0, fmt.Errorf("the PostgreSQL database has the encoding %s; the log store needs UTF8", encoding)
	}
	if _, err := db.ExecContext(ctx, createSchema); err != nil {
		return 0, 0, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return 0, 0, err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable))
	if err != nil {
		return 0, 0, err
	}
	from, to, err = provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, err
	}
	if from > to {
		return from, from, &VersionError{Store: from, Program: to}
	}
	_, err = provider.Up(ctx)
	return from, to, err
}

// programVersion is the newest version that this program knows.
func programVersion() int64 {
	entries, err := migrations.ReadDir("migrations")
	if err != nil {
		panic(err) // they are in the program
	}
	newest := int64(0)
	for _, e := range entries {
		number, _, _ := strings.Cut(path.Base(e.Name()), "_")
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, n)
		}
	}
	return newest
}

// checkVersion makes sure that the store has just the version that this program knows.
func checkVersion(ctx context.Context, db *sql.DB) error {
	var version int64
	err := db.QueryRowContext(ctx, selectVersion).Scan(&version)
	switch {
	case hasState(err, undefinedTable, invalidSchemaName):
		return ErrNotStore
	case err != nil:
		return because(ctx, err)
	case version == 0:
		return ErrNotStore
	case version != programVersion():
		return &VersionError{Store: version, Program: programVersion()}
	}
	return nil
}

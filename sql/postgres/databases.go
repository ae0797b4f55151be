package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"replog/replog"
)

// Registry makes a pool of connections to the registry, whose tables are in the schema
// RegistrySchema. Whoever calls it closes it.
func (s *Store) Registry(context.Context) (*sql.DB, error) { return open(s.dsn, quickConnections) }

// RegistrySchema is the schema of the registry's tables.
func (s *Store) RegistrySchema() string { return schemaName }

// Databases lists the names of the databases that are not retired.
func (s *Store) Databases(ctx context.Context) ([]string, error) {
	rows, err := s.quick.QueryContext(ctx, selectDatabases)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, because(ctx, rows.Err())
}

// Database is what List says of a database.
type Database struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Epoch, Revision and Chain are those of its log's head.
	Epoch    replog.Epoch    `json:"epoch"`
	Revision replog.Revision `json:"revision"`
	Chain    replog.Chain    `json:"chain"`
	// Schema is the PostgreSQL schema of its tables.
	Schema string `json:"schema"`
	// Misfits counts rows that do not fit these, LeftOut constraints and columns that
	// they lack.
	Misfits int64 `json:"misfits"`
	LeftOut int64 `json:"left_out"`
}

// List describes the databases that are not retired, by name.
func (s *Store) List(ctx context.Context) ([]Database, error) {
	rows, err := s.quick.QueryContext(ctx, selectList)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer rows.Close()
	var list []Database
	for rows.Next() {
		var d Database
		if err := rows.Scan(&d.Name, &d.ID, &d.Epoch, &d.Revision, &d.Chain, &d.Schema, &d.Misfits, &d.LeftOut); err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, because(ctx, rows.Err())
}

// Table is where the rows of one table of a database go.
type Table struct {
	Table  string `json:"table"`  // in SQLite
	Schema string `json:"schema"` // in PostgreSQL
	Target string `json:"target"`
	// Mapped: the table is somebody else's, and was there before.
	Mapped  bool  `json:"mapped"`
	Misfits int64 `json:"misfits"`
	LeftOut int64 `json:"left_out"`
}

// Tables describes where the rows of a database go, by name; ErrNotFound where there is
// none of that name.
func (s *Store) Tables(ctx context.Context, name string) ([]Table, error) {
	log, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	rows, err := s.quick.QueryContext(ctx, selectTables, log.(*Log).n)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer rows.Close()
	var list []Table
	for rows.Next() {
		var t Table
		if err := rows.Scan(&t.Table, &t.Schema, &t.Target, &t.Mapped, &t.Misfits, &t.LeftOut); err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, because(ctx, rows.Err())
}

// Misfits counts, over all databases, the rows that do not fit their tables, and the
// constraints and columns that had to be left out.
func (s *Store) Misfits(ctx context.Context) (rows, leftOut int64, err error) {
	err = s.quick.QueryRowContext(ctx, selectMisfits).Scan(&rows, &leftOut)
	return rows, leftOut, because(ctx, err)
}

// Open opens the log of the database that has the name now, or ErrNotFound.
func (s *Store) Open(ctx context.Context, name string) (replog.Store, error) {
	var n int64
	var id string
	err := s.quick.QueryRowContext(ctx, selectDatabase, name).Scan(&n, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("open the log of %s: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, because(ctx, err))
	}
	return newLog(s, id, name, n), nil
}

// Create makes a database of a publication, in one transaction: its log, the tables of
// its rows, and its first content. *ExistsError where the name is taken.
func (s *Store) Create(ctx context.Context, p replog.Publication) error {
	packed := filepath.Join(p.Folder, "base.db.zst")
	if err := pack(filepath.Join(p.Folder, replog.BaseFile), packed); err != nil {
		return err
	}
	defer os.Remove(packed)
	return s.make(ctx, p.Name, p.Head, func(tx *Tx) error {
		if err := tx.Publish(p.Schema); err != nil {
			return err
		}
		file, info, err := openPacked(packed, p.Head)
		if err != nil {
			return err
		}
		defer file.Close()
		return tx.KeepSnapshot(info, file)
	})
}

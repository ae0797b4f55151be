package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"replog/replog"
)

// The files of a data folder that belong to its stores.
const (
	registryFile    = "server.db"
	databasesFolder = "databases"
	logFile         = "log.db"
)

// Folder keeps the databases of one server in its data folder: the registry in
// server.db, and each log in databases/NAME/log.db beside the content of revision 0.
type Folder struct {
	path string
	o    Options
}

// NewFolder gives the stores in the folder, which need not exist yet. With
// Options.ReadOnly they can be read beside the server that owns them.
func NewFolder(path string, o Options) *Folder { return &Folder{path: path, o: o} }

// Registry opens the registry, and makes the folder where there is none. Whoever
// calls it closes it.
func (f *Folder) Registry(ctx context.Context) (*sql.DB, error) {
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return nil, err
	}
	return OpenRegistry(ctx, filepath.Join(f.path, registryFile))
}

// IsServed tells whether a server has ever used the folder.
func (f *Folder) IsServed() bool {
	_, err := os.Stat(filepath.Join(f.path, registryFile))
	return err == nil
}

// RegistrySchema is the schema of the registry's tables.
func (f *Folder) RegistrySchema() string { return "main" }

// Databases lists what looks like databases, by name.
func (f *Folder) Databases(context.Context) ([]string, error) {
	folders, err := os.ReadDir(filepath.Join(f.path, databasesFolder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range folders {
		names = append(names, e.Name())
	}
	return names, err
}

// Create makes a database of a publication, whose folder becomes that of the
// database: the rename is the moment at which it exists. fs.ErrExist where there is
// one of the name.
func (f *Folder) Create(_ context.Context, p replog.Publication) error {
	log, err := Create(filepath.Join(p.Folder, logFile), p.Head, f.o)
	if err != nil {
		return err
	}
	if err := errors.Join(log.publish(p.Schema), log.Close(), syncFolder(p.Folder)); err != nil {
		return err
	}
	databases := filepath.Join(f.path, databasesFolder)
	if err := os.MkdirAll(databases, 0o700); err != nil {
		return err
	}
	to := filepath.Join(databases, p.Name)
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("%s: %w", to, fs.ErrExist))
	}
	if err := os.Rename(p.Folder, to); err != nil {
		return err
	}
	return syncFolder(databases)
}

func (l *Log) publish(v replog.SchemaVersion) error {
	tx, err := l.Begin(context.Background())
	if err != nil {
		return err
	}
	if err := tx.Publish(v); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// Open opens the log of the database with that name. Errors are those of the
// function Open.
func (f *Folder) Open(_ context.Context, name string) (replog.Store, error) {
	folder := filepath.Join(f.path, databasesFolder, name)
	log, err := Open(filepath.Join(folder, logFile), f.o)
	if err != nil {
		return nil, err
	}
	return &stored{Log: log, folder: folder}, nil
}

// Unavailable is false: files are there, or something is wrong.
func (f *Folder) Unavailable(error) bool { return false }

// Close does nothing: each log is closed by whoever opened it.
func (f *Folder) Close() error { return nil }

// stored is a log in a database's folder.
type stored struct {
	*Log
	folder string
}

// Base implements replog.Store: of contents, that of revision 0 is kept.
func (s *stored) Base(ctx context.Context, _ string, _ replog.Revision) (*replog.Base, error) {
	head, err := s.Head(ctx)
	if err != nil {
		return nil, err
	}
	head.Revision, head.Chain = 0, replog.FirstChain(head.Database)
	return &replog.Base{
		Path: filepath.Join(s.folder, replog.BaseFile), Head: head,
		Release: func() error { return nil },
	}, nil
}

// syncFolder makes the names in a folder durable. Windows does that by itself,
// and refuses to be asked.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

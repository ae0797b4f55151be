package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"time"

	"replog/replog"
)

// Options says how a store is opened.
type Options struct {
	// ReadOnly opens the store beside the process that owns it. Begin then
	// fails with ErrReadOnly.
	ReadOnly bool
	// BusyTimeout is how long Begin and Commit wait for a lock that another
	// process holds; 0 is five seconds.
	BusyTimeout time.Duration
}

func (o Options) busyTimeout() time.Duration {
	if o.BusyTimeout == 0 {
		return 5 * time.Second
	}
	return o.BusyTimeout
}

// Log is a log store. It implements replog.Log.
type Log struct {
	path    string
	options Options
	readers *sql.DB
	writers *sql.DB // nil when opened for reading only

	// turn holds a token while nobody writes; who has it owns writer.
	turn   chan struct{}
	writer *session
	closed atomic.Bool
}

var _ replog.Log = (*Log)(nil)

// Create makes a store at path, whose file must not exist (fs.ErrExist), with
// an empty log that stands at head. Where it fails no file is left.
func Create(path string, head replog.Head, o Options) (*Log, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create log store: %w", err)
	}
	file.Close()
	o.ReadOnly = false
	l, err := build(path, head, o)
	if err != nil {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			err = errors.Join(err, ignoreMissing(os.Remove(path+suffix)))
		}
		return nil, err
	}
	return l, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func build(path string, head replog.Head, o Options) (*Log, error) {
	l, err := connect(path, o)
	if err != nil {
		return nil, err
	}
	if err = l.migrate(); err == nil {
		_, err = l.writers.Exec(insertHead, head.Database, string(head.Epoch), int64(head.Revision), string(head.Chain))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Open opens the store at path and brings it to the newest version. Errors:
// fs.ErrNotExist, ErrNotStore, *VersionError, *BusyError.
func Open(path string, o Options) (*Log, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("open log store: %w", err)
	}
	l, err := connect(path, o)
	if err != nil {
		return nil, err
	}
	if err := l.check(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func connect(path string, o Options) (*Log, error) {
	l := &Log{path: path, options: o, turn: make(chan struct{}, 1)}
	l.turn <- struct{}{}
	var err error
	if o.ReadOnly {
		l.readers, err = open(path, "ro", o.busyTimeout(), "&_query_only=1")
		return l, err
	}
	if l.writers, err = open(path, "rw", o.busyTimeout(), "&_journal_mode=WAL&_synchronous=FULL&_cache_size=-16384"); err != nil {
		return nil, err
	}
	l.readers, err = open(path, "rw", o.busyTimeout(), "&_query_only=1&_cache_size=-1024")
	return l, err
}

// check makes sure that the file is a log store of a version that this program
// knows, migrating it where that is allowed.
func (l *Log) check() error {
	var tables int
	err := l.readers.QueryRow("SELECT count(*) FROM sqlite_schema WHERE name IN ('head', 'goose_db_version')").Scan(&tables)
	if err != nil {
		return l.explain(err)
	}
	if tables != 2 {
		return fmt.Errorf("open %s: %w", l.path, ErrNotStore)
	}
	if !l.options.ReadOnly {
		return l.migrate()
	}
	_, store, program, err := l.versions(l.readers)
	if err != nil {
		return l.explain(err)
	}
	if store != program {
		return &VersionError{Path: l.path, Store: store, Program: program}
	}
	return nil
}

// explain turns SQLite's errors into those of this package.
func (l *Log) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isBusy(err):
		return &BusyError{Path: l.path, Err: err}
	case isNotDatabase(err):
		return fmt.Errorf("open %s: %w: %w", l.path, ErrNotStore, err)
	}
	return err
}

// Close releases the store. A transaction that is still open is not waited
// for; it is rolled back when it ends.
func (l *Log) Close() error {
	l.closed.Store(true)
	l.releaseIdle()
	err := l.readers.Close()
	if l.writers != nil {
		err = errors.Join(err, l.writers.Close())
	}
	return err
}

// yield lets the next writer begin.
func (l *Log) yield() {
	l.turn <- struct{}{}
	if l.closed.Load() {
		l.releaseIdle()
	}
}

// releaseIdle gives up the writer's connection if nobody writes. Both Close and
// a writer that ends call it, so that the later of the two finds it idle.
func (l *Log) releaseIdle() {
	select {
	case <-l.turn:
		l.dropWriter()
		l.turn <- struct{}{}
	default:
	}
}

// dropWriter gives up the writer's connection; the next Begin makes another.
func (l *Log) dropWriter() {
	if l.writer != nil {
		l.writer.close()
		l.writer = nil
	}
}

package sqlite

import (
	"errors"
	"fmt"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// ErrNotStore says that a file is a SQLite database, but no log.
var ErrNotStore = errors.New("not a log store")

// ErrReadOnly says that a log was opened for reading only.
var ErrReadOnly = errors.New("the log is open for reading only")

// ErrClosed says that a log was closed.
var ErrClosed = errors.New("the log is closed")

// ErrHash says that an entry's hash is not that of its transaction.
var ErrHash = errors.New("the hash is not that of the transaction")

// BusyError says that another process held the store's write lock for longer
// than the busy timeout. Nothing was written; trying again may succeed.
type BusyError struct {
	Path string
	Err  error
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("log store %s: another process is writing: %v", e.Path, e.Err)
}

func (e *BusyError) Unwrap() error { return e.Err }

// VersionError says that a store cannot be read by this program: it was
// written by a newer one, or, opened for reading only, it waits for migrations.
type VersionError struct {
	Path           string
	Store, Program int64
}

func (e *VersionError) Error() string {
	if e.Store > e.Program {
		return fmt.Sprintf("%s has version %d; this program knows versions up to %d: use a newer replog", e.Path, e.Store, e.Program)
	}
	return fmt.Sprintf("%s has version %d and has to be brought to version %d: open it with the server first", e.Path, e.Store, e.Program)
}

// RevisionError says that an entry was appended out of turn.
type RevisionError struct {
	Want, Got replog.Revision
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("revision %d cannot be appended: the next one is %d", e.Got, e.Want)
}

func isBusy(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
}

func isNotDatabase(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrNotADB
}

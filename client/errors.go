package client

import (
	"fmt"
	"time"

	"replog/replog"
)

// BusyError says that another program held a lock for longer than the busy
// timeout. Nothing was changed.
type BusyError struct {
	Path string
	What string // which lock
}

func (e *BusyError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.What) }

// Next is what the user can do.
func (e *BusyError) Next() string {
	return "nothing was changed; run it again later, or give a longer --busy-timeout"
}

// UnreachableError says that the server gave no whole answer.
type UnreachableError struct {
	URL string
	Err error
	// final: another attempt would end the same. refused: the request had no
	// effect on the server. after: how long the server asks to wait.
	final, refused bool
	after          time.Duration
	// Kept is the file with what a download that was cut brought, if any.
	Kept string
}

func (e *UnreachableError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.Err) }
func (e *UnreachableError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *UnreachableError) Next() string {
	if e.Kept != "" {
		return "nothing was changed, and what was downloaded is kept; run it again when the server can be reached, and it goes on from there"
	}
	return "what was recorded is kept; run it again when the server can be reached"
}

// NotAllowedError says that the server does not accept the token.
type NotAllowedError struct {
	URL     string
	Problem *replog.Problem
}

func (e *NotAllowedError) Error() string { return fmt.Sprintf("%s: %v", e.URL, e.Problem) }
func (e *NotAllowedError) Unwrap() error { return e.Problem }

// Next is what the user can do.
func (e *NotAllowedError) Next() string {
	return "what was recorded is kept; ask the server's administrator for a token"
}

// MismatchError says that the file and the server no longer belong together:
// another schema, a copied or restored file, another epoch, or a log that no
// longer reaches back; or that a file's rowids were numbered anew. Code is one of
// package replog's, or "".
type MismatchError struct {
	Path, Code string
	Detail     string
}

func (e *MismatchError) Error() string { return fmt.Sprintf("%s: %s", e.Path, e.Detail) }

// Next is what the user can do.
func (e *MismatchError) Next() string {
	const kept = "nothing was changed, and what was recorded is kept"
	switch e.Code {
	case replog.CodeSchema:
		return kept + "; bring the tables to the server's schema, or clone the database anew"
	case replog.CodeFork:
		return kept + "; only one copy of a file can go on as this device: `replog init --fork " + e.Path + "` makes another of this one"
	case replog.CodeEpoch, replog.CodeAhead:
		return kept + "; next: replog sync --rejoin " + e.Path
	case replog.CodeGap:
		return kept + "; `replog init --fork " + e.Path + "` makes another device of it, with all that it still has"
	default:
		return kept + "; save what `replog pending` lists, then clone the database anew"
	}
}

// DivergedError says that the file does not hold what the log says it must.
type DivergedError struct {
	Path string
	Err  error
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%s has diverged from the log: %v", e.Path, e.Err)
}
func (e *DivergedError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *DivergedError) Next() string {
	return fmt.Sprintf("nothing was changed; `replog repair %s` loads the content again and keeps what was recorded", e.Path)
}

// NotEnrolledError says that a file is not a device's.
type NotEnrolledError struct{ Path string }

func (e *NotEnrolledError) Error() string { return e.Path + " is not enrolled" }

// Next is what the user can do.
func (e *NotEnrolledError) Next() string {
	return fmt.Sprintf("run `replog init %s --server http://HOST:PORT/NAME` first", e.Path)
}

// DiffersError says that a file to be enrolled differs from the server's content.
type DiffersError struct {
	Path, Detail string
}

func (e *DiffersError) Error() string {
	return fmt.Sprintf("%s differs from the server's database: %s", e.Path, e.Detail)
}

// Next is what the user can do.
func (e *DiffersError) Next() string {
	return "nothing was changed; use `replog clone` to get the server's content as a new file"
}

// UncapturedError says which tables cannot be captured, where all have to be.
type UncapturedError struct {
	Path   string
	Tables []string // with the reason
}

func (e *UncapturedError) Error() string {
	return fmt.Sprintf("%s: cannot capture %v", e.Path, e.Tables)
}

// Next is what the user can do.
func (e *UncapturedError) Next() string {
	return "nothing was changed; give the tables a primary key, or leave out --require-all"
}

// ExistsError says that something is there already that must not be replaced.
type ExistsError struct {
	What, Hint string
}

func (e *ExistsError) Error() string { return e.What }

// Next is what the user can do.
func (e *ExistsError) Next() string { return e.Hint }

// NotFoundError says that something the user named is not there.
type NotFoundError struct {
	What, Hint string
}

func (e *NotFoundError) Error() string { return e.What }

// Next is what the user can do.
func (e *NotFoundError) Next() string { return e.Hint }

// DamagedError says that a snapshot did not come as the server has it, or is no
// sound SQLite file.
type DamagedError struct {
	URL string
	Err error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s: the snapshot is damaged: %v", e.URL, e.Err)
}
func (e *DamagedError) Unwrap() error { return e.Err }

// Next is what the user can do.
func (e *DamagedError) Next() string {
	return "nothing was changed; where it happens again, the server's administrator should look at its disk and log, and the network's at its proxies"
}

package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"

	"github.com/lib/pq"

	"replog/replog"
)

// ErrNotStore says that a PostgreSQL database holds no log store.
var ErrNotStore = errors.New("not a log store")

// ErrNotFound says that a store holds no such database. It is an fs.ErrNotExist.
var ErrNotFound error = notFoundError{}

type notFoundError struct{}

func (notFoundError) Error() string { return "no such database in the log store" }

func (notFoundError) Is(target error) bool { return target == fs.ErrNotExist }

// ErrClosed says that a log was closed.
var ErrClosed = errors.New("the log is closed")

// ErrHash says that an entry's hash is not that of its transaction.
var ErrHash = errors.New("the hash is not that of the transaction")

// ErrEnded says that a transaction was committed or rolled back before.
var ErrEnded = errors.New("the transaction has ended")

// ErrOtherChain says that a snapshot is not of this log: it was made before the log
// gave up revisions.
var ErrOtherChain = errors.New("the snapshot is not of this log")

// ExistsError says that a database of that name, or with that id, is there.
type ExistsError struct{ Name string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the log store has a database %s already", e.Name)
}

// Is tells that it is an fs.ErrExist.
func (e *ExistsError) Is(target error) bool { return target == fs.ErrExist }

// VersionError says that a store cannot be used by this program: it was written by a
// newer one, or it waits for migrations.
type VersionError struct{ Store, Program int64 }

func (e *VersionError) Error() string {
	if e.Store > e.Program {
		return fmt.Sprintf("the log store has version %d; this program knows versions up to %d: use a newer replog", e.Store, e.Program)
	}
	return fmt.Sprintf("the log store has version %d and has to be brought to version %d: run `replog store migrate`", e.Store, e.Program)
}

// RevisionError says that an entry was appended out of turn.
type RevisionError struct{ Want, Got replog.Revision }

func (e *RevisionError) Error() string {
	return fmt.Sprintf("revision %d cannot be appended: the next one is %d", e.Got, e.Want)
}

// SeqError says that the log has an entry for a device's seq.
type SeqError struct {
	Device replog.DeviceID
	Seq    replog.Seq
}

func (e *SeqError) Error() string {
	return fmt.Sprintf("the log has transaction %d of device %s already", e.Seq, e.Device)
}

// SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html).
const (
	undefinedTable    = "42P01"
	invalidSchemaName = "3F000"
	uniqueViolation   = "23505"
	// Of a standby, or of a primary that was told to become one.
	readOnlyTransaction = "25006"
	lockNotAvailable    = "55P03"
)

// hasState tells whether PostgreSQL answered with one of these SQLSTATEs.
func hasState(err error, states ...string) bool {
	var answer *pq.Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, state := range states {
		if string(answer.Code) == state {
			return true
		}
	}
	return false
}

// refused tells whether a COMMIT that failed is known to have done nothing: the server
// went on to say so. A server that shuts down, or a lost connection, says nothing of
// the transaction.
func refused(err error) bool {
	var answer *pq.Error
	return errors.As(err, &answer) && answer.Severity == "ERROR" && answer.Code.Class() != "57" &&
		answer.Code.Class() != "08" && answer.Code.Class() != "XX"
}

// IsUnavailable tells whether an error means that PostgreSQL cannot be reached, or takes
// no writes, at the moment: it may be starting, or another server be taking over.
func IsUnavailable(err error) bool {
	var answer *pq.Error
	if errors.As(err, &answer) {
		switch answer.Code.Class() {
		case "08", "53", "57", "58": // connections, resources, intervention, the system
			return true
		}
		return answer.Code == readOnlyTransaction
	}
	var none *connectError
	var broken net.Error
	for _, lost := range []error{driver.ErrBadConn, sql.ErrConnDone, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return errors.As(err, &none) || errors.As(err, &broken)
}

// Unavailable is IsUnavailable.
func (s *Store) Unavailable(err error) bool { return IsUnavailable(err) }

// because gives the context's error where it has ended, which the driver tells in
// words of its own.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// isRefusal is refused, or the driver's own refusal to commit a transaction of which a
// statement failed.
func isRefusal(err error) bool { return refused(err) || errors.Is(err, pq.ErrInFailedTransaction) }

package replog

import (
	"context"
	"errors"
)

// Head is where a log stands.
type Head struct {
	Revision Revision
	Epoch    Epoch
	// Database is the id (a UUID) of the database, which its name may outlive.
	Database string
	// Chain is that of Revision.
	Chain Chain
	// Horizon is the oldest revision that the log still holds, 0 where it holds all. Who
	// is at an earlier one cannot go on from there.
	Horizon Revision
}

// Place is where a log stands towards a device.
type Place struct {
	Head Head
	// LastSeq is the highest seq of the device in the log, 0 for none.
	LastSeq Seq
	// Chain is that of the revision asked for, "" where the log has none.
	Chain Chain
}

// ErrNotFound says that a log holds no such entry.
var ErrNotFound = errors.New("not found in the log")

// ErrHorizon says that a log no longer reaches back to what is asked for.
var ErrHorizon = errors.New("the log no longer reaches back so far")

// ErrUnknownOutcome says that a Commit may or may not have happened: the head
// has to be read back before anything else is written.
var ErrUnknownOutcome = errors.New("outcome of the commit is unknown")

// Filter says which entries a reader wants: those that pass every field that is
// set. A field with several values lets any of them pass.
type Filter struct {
	// After and UpTo bound the revision: above After, and up to UpTo where that
	// is not 0.
	After Revision
	UpTo  Revision
	// Since and Until, where not 0, bound the time at which the server received
	// it; both are included.
	Since, Until Millis
	// AppliedOnly leaves out what was not applied: it is what replicas read.
	AppliedOnly bool
	// Outcomes are those of the entry or of a part of it: an entry that was
	// applied but for a part in conflict is found under both.
	Outcomes []Outcome
	Devices  []DeviceID
	// Tables asks for entries that touch one of these tables, whose names
	// compare without regard to ASCII case: with a statement, a net change or
	// an effect, whatever the outcome, or that may write one with an intent.
	Tables []string
	// Keys, with Tables, asks for entries that touch a row with one of these
	// keys, in the form of KeyString. ParseKey makes them of what people type.
	Keys  []string
	Label string
	// Text is looked for as Search does: in the label, the reasons and the
	// statements with their arguments.
	Text string
	// Descending gives the newest first.
	Descending bool
	// Limit is the largest number of entries; 0 is no limit.
	Limit int
}

// Log is the log of one database: entries at revisions 1, 2, 3 … without gaps.
// Readers never wait for the writer. It is safe for concurrent use.
type Log interface {
	// Head returns the newest committed state.
	Head(ctx context.Context) (Head, error)
	// Entry returns one entry, whole, or ErrNotFound. The caller closes it.
	Entry(ctx context.Context, r Revision) (Entry, error)
	// Entries calls yield for each entry that f selects, in order of revision,
	// from one consistent view of the log. An error of yield ends the reading
	// and is returned. What a long entry has on disk lasts until yield returns.
	Entries(ctx context.Context, f Filter, yield func(Entry) error) error
	// Deliveries calls yield for what a device gets of each entry: of its own
	// entries and of those that were applied. It is Entries for one purpose,
	// without reading what is only passed on.
	Deliveries(ctx context.Context, w Wanted, yield func(*Delivery) error) error
	// ChainAt returns the chain of a revision, or ErrNotFound.
	ChainAt(ctx context.Context, r Revision) (Chain, error)
	// Place tells where the log stands towards a device that is at a revision.
	Place(ctx context.Context, device DeviceID, at Revision) (Place, error)
	// SchemaAt returns the schema of the newest version up to a revision, or
	// ErrNotFound.
	SchemaAt(ctx context.Context, r Revision) (SchemaVersion, error)
	// HasSchema tells whether a version had this fingerprint.
	HasSchema(ctx context.Context, fingerprint string) (bool, error)
	// Begin locks the head and opens a transaction; it waits for another
	// writer until ctx is done.
	Begin(ctx context.Context) (LogTx, error)
}

// SchemaVersion is a schema that a database has from a revision on: 0, or that of
// an entry with schema statements.
type SchemaVersion struct {
	Revision    Revision `json:"revision"`
	Fingerprint string   `json:"fingerprint"`
	// Objects are the application's tables, indexes, views and triggers, as text
	// that the applier writes and reads.
	Objects string `json:"objects"`
	// Content is the database with that schema, where it is published or appended, for
	// stores that keep rows; valid until that call returns. nil elsewhere.
	Content Content `json:"-"`
}

// Wanted says which deliveries are wanted.
type Wanted struct {
	// To is the device, "" for a replica of no device's.
	To DeviceID
	// After and UpTo bound the revision: above After, and up to UpTo.
	After, UpTo Revision
	// AsChanges: no entry is to be made by running its steps. Differed are those
	// that are not, where others may be.
	AsChanges bool
	Differed  []Revision
}

// Delivery is what a device gets of one entry.
type Delivery struct {
	// EntryHeader counts what is sent: of an own entry that was applied as
	// recorded, or is to be run again, there is nothing.
	EntryHeader
	Applied bool
	Verdict *Verdict // nil where the entry is another device's
	// Each gives what is sent, in order, as AppendJSON writes it. It is called
	// within yield, once at most.
	Each func(yield func(kind LineKind, body string) error) error
}

// LineKind says what a line of a delivery holds.
type LineKind int

// The kinds.
const (
	LineChange LineKind = iota
	LineIntent
)

// LogTx is a writer's transaction on a log. It holds the lock on the head
// until Commit or Rollback, sees its own appends, and is used by one goroutine.
type LogTx interface {
	// Head is the head with this transaction's appends.
	Head() Head
	// Find returns what became of a device's transaction, or ErrNotFound.
	Find(device DeviceID, seq Seq) (Judged, error)
	// LastSeq is the highest seq of the device in the log, 0 for none.
	LastSeq(device DeviceID) (Seq, error)
	// Foreign is the newest revision above after whose entry another device
	// made and that changed something; 0 for none.
	Foreign(after Revision, device DeviceID) (Revision, error)
	// Concurrent returns what other devices' applied entries above after did
	// to the row, in order of revision.
	Concurrent(row RowID, after Revision, device DeviceID) ([]PastChange, error)
	// Unsettled returns what became of the device's transactions with a seq above
	// after of which a part is in conflict, rejected or held, in order.
	Unsettled(device DeviceID, after Seq) ([]Judged, error)
	// Planned calls yield for each net change that an entry's transaction records,
	// in order, as NetChanges has them. An error of yield ends the reading and is returned.
	Planned(r Revision, yield func(n int, c *Change) error) error
	// Wrote is the newest revision above after at which another device's applied
	// entry touched the table, spelled so; 0 for none.
	Wrote(table string, after Revision, device DeviceID) (Revision, error)
	// SetEpoch gives the log another epoch: it has given up revisions.
	SetEpoch(e Epoch)
	// Publish adds the schema of revision 0, which the log lacks.
	Publish(v SchemaVersion) error
	// Append adds an entry, whose revision must be the head's plus one.
	Append(e Entry) error
	// Commit makes the appends durable. ErrUnknownOutcome where nobody can
	// tell; any other error means that nothing was appended.
	Commit() error
	// Rollback gives the appends up. After Commit it does nothing.
	Rollback() error
}

// Judged is what became of a transaction.
type Judged struct {
	Verdict
	// Changes counts the rows that it changed.
	Changes int
}

// PastChange is a change in the log with who made it and where.
type PastChange struct {
	Revision Revision
	Device   DeviceID
	Change   Change
}

package client

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"replog/applier"
	"replog/replog"
)

//go:embed schema.sql
var schemaSQL string

// format is the version of the tables in schema.sql.
const format = 5

// Options are what a device needs from outside. The zero value works.
type Options struct {
	// Clock gives the time that the server is told and that files are named
	// by, and that of changes that capture missed; other recorded times come
	// from SQLite. Default time.Now.
	Clock func() time.Time
	// Random gives nonces. Default crypto/rand.
	Random io.Reader
	// HTTP sends requests. Default http.DefaultClient.
	HTTP *http.Client
	// BusyTimeout is how long to wait for the application's or another sync's
	// lock. Default 5 seconds.
	BusyTimeout time.Duration
	// MaxUpload bounds what one request uploads, in bytes of recorded form; a
	// single transaction may be larger. Default 32 MiB.
	MaxUpload int
	// RetryFor is for how long a request is sent again that found the network
	// down or the server busy; the context may end it earlier. Default 0: it is
	// sent once. What was downloaded starts the time anew.
	RetryFor time.Duration
	// Sleep waits between two attempts, and returns the context's error where
	// that ends first. Default: a timer.
	Sleep func(context.Context, time.Duration) error
	// Progress is told how far long work has come. Default nobody.
	Progress Progress
	// Stall is how long the download of a snapshot may bring nothing before it
	// counts as cut. Default one minute.
	Stall time.Duration
	// LocalSchema leaves what an application adds to the schema in its file: nothing
	// of it is sent.
	LocalSchema bool
	// Fault is called at the named fault points; an error ends the work there.
	Fault func(point string) error
}

// The fault points of a device.
const (
	FaultClosed       = "client: outbox committed, nothing sent"
	FaultAnswered     = "client: answer read, nothing written"
	FaultUndone       = "client: outbox undone, not committed"
	FaultRebased      = "client: all written, not committed"
	FaultCommitted    = "client: committed"
	FaultCaptured     = "client: capture committed, not enrolled"
	FaultEnrolled     = "client: enrolled on the server, not in the file"
	FaultTokenWritten = "client: token written, not enrolled in the file"
)

func (o Options) withDefaults() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.HTTP == nil {
		o.HTTP = http.DefaultClient
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.MaxUpload == 0 {
		o.MaxUpload = 32 << 20
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Progress == nil {
		o.Progress = func(Stage, int64, int64) {}
	}
	if o.Stall == 0 {
		o.Stall = time.Minute
	}
	if o.Fault == nil {
		o.Fault = func(string) error { return nil }
	}
	return o
}

// Device is an enrolled file. It is for one goroutine at a time; any number of
// other programs may use the file meanwhile.
type Device struct {
	path    string
	options Options
	replica *applier.Replica
	server  server
	// giveUpMissed: what capture missed is not looked for.
	giveUpMissed bool
	// noColumns: the server did not take columns.
	noColumns bool
	// intents runs those of the log and of the outbox; nil until there is one.
	intents *applier.Intents
}

// Open opens an enrolled file. A file that is not enrolled is a
// *NotEnrolledError.
func Open(path string, o Options) (*Device, error) {
	o = o.withDefaults()
	r, err := openReplica(path, o)
	if err != nil {
		return nil, err
	}
	d := &Device{path: path, options: o, replica: r}
	if err := d.upgrade(); err != nil {
		r.Close()
		return nil, err
	}
	id, err := d.identity()
	if err != nil {
		r.Close()
		return nil, err
	}
	if err := adoptToken(path, id.Device); err != nil {
		r.Close()
		return nil, err
	}
	d.server = server{http: o.HTTP, retries: o.retries(), url: id.Server, name: id.Name}
	return d, nil
}

func openReplica(path string, o Options) (*applier.Replica, error) {
	c, err := applier.Open(path, applier.OpenOptions{BusyTimeout: o.BusyTimeout})
	if err != nil {
		return nil, openError(path, err)
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		c.Close()
		return nil, openError(path, err)
	}
	r.Clock = func() replog.Millis { return replog.MillisOf(o.Clock()) }
	return r, nil
}

func openError(path string, err error) error {
	if _, missing := os.Stat(path); errors.Is(missing, os.ErrNotExist) {
		return &NotFoundError{What: path + ": no such file", Hint: "name a SQLite database that exists"}
	}
	if applier.IsNotDatabase(err) {
		return &NotFoundError{What: path + " is not a SQLite database", Hint: "name a SQLite database"}
	}
	return busy(path, err)
}

// busy makes a *BusyError of SQLite's.
func busy(path string, err error) error {
	if applier.IsBusy(err) {
		return &BusyError{Path: path, What: "the database is locked by another program"}
	}
	return err
}

// Close releases the file.
func (d *Device) Close() error { return d.replica.Close() }

// Path is the file's path.
func (d *Device) Path() string { return d.path }

// identity is the row of replog_device.
type identity struct {
	Device    replog.DeviceID
	Server    string
	Name      string
	Database  string
	Epoch     replog.Epoch
	SyncPoint replog.Revision
	LastSeq   replog.Seq
	Seen      replog.Seq
	LastTime  replog.Millis
	Whole     bool
	LastSync  replog.Millis // 0: never
	Schema    schemaState
	// Chain is that of the sync point, "" where it is not known.
	Chain replog.Chain
	// Rejoined says how transactions are placed that were recorded before the file came
	// back to a log that had given up revisions; nil where none of them is left.
	Rejoined *replog.Rejoined
	// Kept is the size of the processed transactions that are kept, in bytes.
	Kept int64
}

// identity reads who the device is. A file that is not enrolled, or no longer,
// is a *NotEnrolledError.
func (d *Device) identity() (*identity, error) {
	if ok, err := hasTable(d.replica.Conn, "replog_device"); err != nil {
		return nil, busy(d.path, err)
	} else if !ok {
		return nil, &NotEnrolledError{Path: d.path}
	}
	row, err := d.replica.QueryRow(`SELECT format, device, server, name, database, epoch, sync_point, last_seq, seen,
		last_time, whole, coalesce(last_sync, 0), chain, rejoined, kept FROM main.replog_device`)
	if err != nil {
		return nil, busy(d.path, err)
	}
	if row == nil || row[1].Bytes() == "" {
		return nil, &NotEnrolledError{Path: d.path}
	}
	if row[0].Int64() != format {
		return nil, fmt.Errorf("%s: its replog tables have format %d; this program knows %d", d.path, row[0].Int64(), format)
	}
	id := &identity{
		Device: replog.DeviceID(row[1].Bytes()), Server: row[2].Bytes(), Name: row[3].Bytes(),
		Database: row[4].Bytes(), Epoch: replog.Epoch(row[5].Bytes()),
		SyncPoint: replog.Revision(row[6].Int64()), LastSeq: replog.Seq(row[7].Int64()), Seen: replog.Seq(row[8].Int64()),
		LastTime: replog.Millis(row[9].Int64()), Whole: row[10].Int64() != 0, LastSync: replog.Millis(row[11].Int64()),
		Chain: replog.Chain(row[12].Bytes()), Kept: row[14].Int64(),
	}
	if id.Rejoined, err = readRejoined(row[13]); err != nil {
		return nil, fmt.Errorf("%s: %w", d.path, err)
	}
	if id.Schema, err = d.schemaState(); err != nil {
		return nil, busy(d.path, err)
	}
	return id, nil
}

// differingLines lists the lines that only one of two texts has, those of the
// first with "- " before them, those of the second with "+ ".
func differingLines(before, after string) string {
	var out []string
	for _, side := range []struct{ sign, of, other string }{{"- ", before, after}, {"+ ", after, before}} {
		other := strings.Split(side.other, "\n")
		for _, line := range strings.Split(side.of, "\n") {
			if !slices.Contains(other, line) {
				out = append(out, side.sign+line)
			}
		}
	}
	return strings.Join(out, "\n")
}

// save writes the fields that change.
func (d *Device) save(id *identity) error {
	return d.replica.Exec(`UPDATE main.replog_device SET epoch = ?, sync_point = ?, chain = ?, last_seq = ?, seen = ?, last_time = ?,
		last_sync = nullif(?, 0), rejoined = ?, kept = ?`,
		replog.Text(string(id.Epoch)), replog.Integer(int64(id.SyncPoint)), replog.Text(string(id.Chain)),
		replog.Integer(int64(id.LastSeq)), replog.Integer(int64(id.Seen)), replog.Integer(int64(id.LastTime)),
		replog.Integer(int64(id.LastSync)), rejoinedValue(id.Rejoined), replog.Integer(id.Kept))
}

func hasTable(c *applier.Conn, name string) (bool, error) {
	row, err := c.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", replog.Text(name))
	return row != nil, err
}

// locked runs f while no other sync, repair or init works on the file.
func locked(ctx context.Context, path string, o Options, f func() error) error {
	l := flock.New(lockPath(path), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(ctx, o.BusyTimeout)
	defer cancel()
	ok, err := l.TryLockContext(ctx, 20*time.Millisecond)
	if errors.Is(err, context.DeadlineExceeded) {
		return &BusyError{Path: path, What: "another replog is working on it"}
	}
	if err != nil || !ok {
		return fmt.Errorf("lock %s: %w", lockPath(path), err)
	}
	defer l.Close()
	return f()
}

func lockPath(path string) string { return path + "-lock" }

// write runs f in a transaction that holds the write lock, on the schema as it
// is then.
func (d *Device) write(f func() error) error {
	if err := d.replica.Begin(); err != nil {
		return busy(d.path, err)
	}
	err := d.replica.Refresh()
	if err == nil {
		err = f()
	}
	if err != nil {
		return busy(d.path, errors.Join(err, d.replica.Rollback()))
	}
	return busy(d.path, d.replica.Commit())
}

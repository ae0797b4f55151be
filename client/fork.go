package client

import (
	"context"
	"errors"
	"os"

	"replog/applier"
	"replog/replog"
)

// ForkRequest says which copied or restored file becomes a device of its own.
type ForkRequest struct {
	Path string
	// URL is the database's new address; "" for the one that the file knows.
	URL string
	// Token is an enrolment token for the database, or an administrator's. The
	// device's own does not do: a copy of a file would be a way in that revoking
	// the device does not close. Where an earlier call was cut after it had
	// spent one, none is needed.
	Token string
	// Name is a label for people.
	Name string
}

// ForkResult says what fork did.
type ForkResult struct {
	Former, Device replog.DeviceID
	Database       string
	SyncPoint      replog.Revision
	Known          int // transactions that the log had, from the other copy
	Pending        int // transactions in the outbox, now the new device's
	Without        int // of those, without effect
	Waiting        int // conflicts that wait for a person
	// Alike: the log has nothing of another copy. Should there be one, and should
	// it upload what waits here, that arrives twice.
	Alike bool
}

// Fork gives an enrolled file a new identity, and brings it to the server's head
// on the way: transactions of the outbox that the log has, by their hash, leave
// it with their verdicts; what is left becomes the new device's and waits for its
// next sync. Conflicts are kept. Where it fails, the file is as before.
func Fork(ctx context.Context, req ForkRequest, o Options) (*ForkResult, error) {
	o = o.withDefaults()
	if _, err := os.Stat(req.Path); err != nil {
		return nil, openError(req.Path, err)
	}
	var result *ForkResult
	err := locked(ctx, req.Path, o, func() error {
		d, err := Open(req.Path, o)
		if err != nil {
			return err
		}
		defer d.Close()
		if req.URL != "" {
			if d.server.url, d.server.name, err = ParseServer(req.URL); err != nil {
				return err
			}
		}
		err = untilSeen(func() (err error) { result, err = d.fork(ctx, &req); return err })
		return mismatch(req.Path, err)
	})
	return result, err
}

// IsForking tells whether a call of Fork was cut after it had enrolled the file:
// then the next one needs no token.
func IsForking(path string, o Options) bool {
	d, err := Open(path, o)
	if err != nil {
		return false
	}
	defer d.Close()
	id, err := d.identity()
	if err != nil {
		return false
	}
	next, err := nextDevice(path, id.Device)
	return err == nil && next != ""
}

func (d *Device) fork(ctx context.Context, req *ForkRequest) (*ForkResult, error) {
	err := d.read(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		return d.checkTables(id)
	})
	if err != nil {
		return nil, err
	}
	var blind *blindError // what capture missed is found out later
	if err := d.closeNow(); err != nil && !errors.As(err, &blind) {
		return nil, err
	}
	if err := d.options.Fault(FaultClosed); err != nil {
		return nil, err
	}
	id, err := d.identity()
	if err != nil {
		return nil, err
	}
	if err := d.fits(ctx, id); err != nil {
		return nil, err
	}
	next, err := d.nextIdentity(ctx, id, req)
	if err != nil {
		return nil, err
	}
	part, err := d.findParting(ctx, id)
	if err != nil {
		return nil, err
	}
	result, err := d.become(ctx, id, next, part)
	var refused *NotAllowedError
	if errors.As(err, &refused) {
		return nil, errors.Join(err, removeFile(nextTokenPath(d.path, next))) // a later call asks for another
	}
	if err != nil {
		return nil, err
	}
	return result, d.adopted(next)
}

// fits asks, as the device that the file is until now, whether the file and the
// database belong together: a token must not be spent on another. That it is a copy, or
// ahead of a log that gave up revisions, or that its token is gone or no longer
// accepted, is no obstacle.
func (d *Device) fits(ctx context.Context, id *identity) (err error) {
	var (
		gone    *NotFoundError
		refused *NotAllowedError
		p       *replog.Problem
	)
	if d.server.token, err = readToken(d.path); errors.As(err, &gone) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = d.exchange(ctx, id, nil, wish{mode: PushOnly}, &traffic{})
	if errors.As(err, &refused) || errors.As(err, &p) && (p.Code == replog.CodeFork || p.Code == replog.CodeEpoch) {
		return nil
	}
	return err
}

// nextIdentity enrols the file once more, unless an earlier call did, and leaves
// the new device's token beside the file and in d.
func (d *Device) nextIdentity(ctx context.Context, id *identity, req *ForkRequest) (replog.DeviceID, error) {
	next, err := nextDevice(d.path, id.Device)
	if err != nil {
		return "", err
	}
	if next == "" {
		d.server.token = req.Token
		e, err := d.server.enrol(ctx, req.Name)
		if err != nil {
			return "", err
		}
		if err := id.belongsTo(e); err != nil {
			return "", err
		}
		if err := d.options.Fault(FaultEnrolled); err != nil {
			return "", err
		}
		next = e.Device
		if err := writeSecret(nextTokenPath(d.path, next), e.Token); err != nil {
			return "", err
		}
		if err := d.options.Fault(FaultTokenWritten); err != nil {
			return "", err
		}
	}
	d.server.token, err = readSecret(nextTokenPath(d.path, next))
	return next, err
}

// belongsTo checks that a new identity is one of the database that the file follows.
func (id *identity) belongsTo(e *replog.Enrolment) error {
	if e.DatabaseID != id.Database {
		return &replog.Problem{Code: replog.CodeDatabase, Title: "another database has this name now"}
	}
	return nil
}

func endsBefore() error {
	return &replog.Problem{Code: replog.CodeEpoch, Title: "the server's log ends before this file's sync point"}
}

func otherHistory() error {
	return &replog.Problem{Code: replog.CodeEpoch, Title: "the server's log has another history than this file"}
}

// adopted ends a fork: the file is the new device, and its token takes its place.
func (d *Device) adopted(next replog.DeviceID) error {
	if err := d.options.Fault(FaultCommitted); err != nil {
		return err
	}
	return adoptToken(d.path, next)
}

// become downloads what came since the sync point, and the verdicts on what the
// log has of the outbox, and makes the file the next device's.
func (d *Device) become(ctx context.Context, id *identity, next replog.DeviceID, part *parting) (*ForkResult, error) {
	f := &forking{Device: d, next: next}
	as := *id
	if part.lost(id) {
		// What capture missed could be told by a state of the log that is no more.
		f.part, d.giveUpMissed = part, true
		as = *part.as(id)
	}
	as.Epoch, as.Device, as.LastSeq, as.Seen, as.Rejoined = part.Epoch, next, 0, 0, nil
	if f.part == nil {
		if _, err := d.seeAgain(ctx, &as); err != nil {
			return nil, err
		}
	}
	f.at = as.SyncPoint
	oldest, err := d.oldestBase(id)
	if err != nil {
		return nil, err
	}
	if oldest < as.SyncPoint {
		as.SyncPoint, as.Chain = oldest, "" // in the log's epoch, the number does
	}
	folder := PartialPath(d.path)
	if err := openFolder(folder); err != nil {
		return nil, err
	}
	err = f.become(ctx, id, &as, folder)
	return f.result, closeFolder(folder, err)
}

// become is [Device.become] with a folder to download into.
func (f *forking) become(ctx context.Context, id, as *identity, folder string) (err error) {
	d := f.Device
	if err := f.loadContent(ctx, as, folder); err != nil {
		return err
	}
	if f.content != nil {
		defer f.content.Close()
	}
	a, err := d.catchUp(ctx, as, maxRevision)
	if err != nil {
		return err
	}
	defer a.close()
	if f.from != nil {
		if err := f.from.goesWith(a, d.server.address()); err != nil {
			return err
		}
	}
	if a.done.Revision < f.at {
		return endsBefore()
	}
	after := id.SyncPoint
	if f.part != nil {
		after = as.SyncPoint
	}
	if a.verdicts, err = d.server.verdicts(ctx, id.Device, after, a.done.Revision); err != nil {
		return err
	}
	if err := d.options.Fault(FaultAnswered); err != nil {
		return err
	}
	f.answer = a
	f.result = &ForkResult{Former: id.Device, Device: f.next, Database: d.server.name, SyncPoint: a.done.Revision}
	return d.diverged(d.write(f.rename))
}

// loadContent downloads a snapshot where the confirmed state at the sync point is no
// longer the log's, or where schema statements in the outbox cannot be undone.
func (f *forking) loadContent(ctx context.Context, as *identity, folder string) error {
	row, err := f.replica.QueryRow("SELECT 1 FROM main.replog_outbox WHERE schema = ?", replog.Integer(int64(schemaChanges)))
	if err != nil || row == nil && f.part == nil {
		return busy(f.path, err)
	}
	at := *as
	at.SyncPoint = f.at
	if f.from, err = f.newest(ctx, &at, snapshotRequest{folder: folder}); err != nil {
		return err
	}
	if f.from.revision < f.at {
		return &UnreachableError{URL: f.server.address(), Err: errOldSnapshot}
	}
	f.at = f.from.revision
	f.content, err = applier.Open(f.from.path, applier.OpenOptions{ReadOnly: true})
	return err
}

// oldestBase is the first sync point at which something in the outbox was
// recorded: what counts as concurrent with it comes after that.
func (d *Device) oldestBase(id *identity) (replog.Revision, error) {
	oldest := id.SyncPoint
	pending, err := d.outbox().list()
	if err != nil {
		return 0, busy(d.path, err)
	}
	for _, p := range pending {
		t, err := d.outbox().load(p)
		if err != nil {
			return 0, busy(d.path, err)
		}
		oldest = min(oldest, t.Base)
	}
	return oldest, nil
}

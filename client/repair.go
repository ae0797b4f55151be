package client

import (
	"context"
	"errors"
	"strings"

	"replog/applier"
	"replog/replog"
)

// errOldSnapshot says that the server's replica is behind its own log.
var errOldSnapshot = errors.New("the server's snapshot is older than the file")

// RepairResult says what repair did.
type RepairResult struct {
	Backup    string // the file as it was
	SyncPoint replog.Revision
	Pending   int // transactions in the outbox
	Without   int // of those, without effect
}

// Repair loads the content of a file again from the server's snapshot, replays
// the outbox on it, and keeps a backup of the file as it was. What was recorded
// is kept, as are conflicts.
func (d *Device) Repair(ctx context.Context) (*RepairResult, error) {
	var result *RepairResult
	err := locked(ctx, d.path, d.options, func() error {
		return untilSeen(func() (err error) { result, err = d.repair(ctx); return err })
	})
	return result, mismatch(d.path, err)
}

func (d *Device) repair(ctx context.Context) (*RepairResult, error) {
	_, err := d.prepare(ctx)
	var diverged *DivergedError
	if errors.As(err, &diverged) {
		// What capture missed cannot be told apart from what is wrong: the
		// backup has it.
		d.giveUpMissed = true
		err = d.closeNow()
	}
	if err != nil {
		return nil, err
	}
	folder := PartialPath(d.path)
	if err := openFolder(folder); err != nil {
		return nil, err
	}
	result, err := d.repairIn(ctx, folder)
	return result, closeFolder(folder, err)
}

// repairIn repairs with the help of a folder, in which it downloads.
func (d *Device) repairIn(ctx context.Context, folder string) (*RepairResult, error) {
	id, err := d.identity()
	if err != nil {
		return nil, err
	}
	from, err := d.server.snapshot(ctx, snapshotRequest{folder: folder, keep: true, newest: true, least: id.SyncPoint}, &d.options)
	if err != nil {
		return nil, err
	}
	if err := from.sameLog(d.path, id.Database, id.Epoch); err != nil {
		return nil, err
	}
	snapshot, at := from.path, from.revision
	if err := d.sameSchema(snapshot); err != nil {
		return nil, err
	}
	a, err := d.catchUp(ctx, id, at)
	if err != nil {
		return nil, err
	}
	defer a.close()
	if at < id.SyncPoint { // what is between the two would be missing
		return nil, &UnreachableError{URL: d.server.address(), Err: errOldSnapshot}
	}
	result := &RepairResult{Backup: d.path + ".backup-" + strings.ReplaceAll(d.options.Clock().UTC().Format("20060102-150405.000"), ".", "-")}
	err = d.replica.Backup(result.Backup)
	if err == nil {
		err = d.reload(snapshot, at, a)
	}
	if err != nil {
		// Nothing was changed, so there is nothing to go back to.
		return nil, errors.Join(busy(d.path, err), removeFile(result.Backup))
	}
	return result, d.read(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		pending, err := d.outbox().list()
		result.SyncPoint, result.Pending = id.SyncPoint, len(pending)
		for _, p := range pending {
			if !p.effect {
				result.Without++
			}
		}
		return err
	})
}

// catchUp downloads from the sync point of id on until a revision is reached, or
// the head if that comes first: the verdicts, and what others did.
func (d *Device) catchUp(ctx context.Context, id *identity, at replog.Revision) (*answer, error) {
	as, all := *id, &answer{made: map[replog.Revision]bool{}, rerun: map[replog.Revision]bool{}}
	for more := true; more; {
		a, err := d.exchange(ctx, &as, nil, wish{mode: PullOnly, asChanges: true}, &traffic{})
		if err != nil {
			return nil, errors.Join(err, all.close())
		}
		all.add(a)
		as.SyncPoint = a.done.Revision
		more = a.done.More && a.done.Revision < at
	}
	return all, nil
}

// reload replaces the tables' content, in one transaction.
func (d *Device) reload(snapshot string, at replog.Revision, a *answer) error {
	content, err := applier.Open(snapshot, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer content.Close()
	err = d.write(func() error {
		id, err := d.identity()
		if err != nil {
			return err
		}
		if err := d.close(id); err != nil {
			return err
		}
		m, err := d.newMove(id, a)
		if err != nil {
			return err
		}
		err = m.wholly(func() (replog.Revision, error) { return at, d.replica.LoadFrom(content) })
		if err != nil {
			return err
		}
		return d.finish(id, a)
	})
	return d.diverged(err)
}

// sameSchema checks that the tables are those of the snapshot.
func (d *Device) sameSchema(snapshot string) error {
	c, err := applier.Open(snapshot, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := applier.ReadSchema(c)
	if err != nil {
		return err
	}
	if s.Fingerprint() != d.replica.Schema.Fingerprint() {
		return &MismatchError{Path: d.path, Code: replog.CodeSchema, Detail: "its tables differ from the server's"}
	}
	return nil
}

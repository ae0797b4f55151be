package client

import (
	"context"
	"errors"
	"strings"

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
	result := &RepairResult{}
	if result.Backup, err = (&loading{Device: d}).withBackup(ctx); err != nil {
		return nil, err
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

// withBackup loads the content, and leaves the file as it was beside it, under the name
// that it returns.
func (l *loading) withBackup(ctx context.Context) (backup string, err error) {
	folder := PartialPath(l.path)
	if err := openFolder(folder); err != nil {
		return "", err
	}
	backup = l.path + ".backup-" + strings.ReplaceAll(l.options.Clock().UTC().Format("20060102-150405.000"), ".", "-")
	err = l.download(ctx, folder, func() error { return l.replica.Backup(backup) })
	if err != nil { // nothing was changed, so there is nothing to go back to
		err = errors.Join(busy(l.path, err), removeFile(backup))
	}
	return backup, closeFolder(folder, err)
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
		as.SyncPoint, as.Chain = a.done.Revision, a.done.Chain
		more = a.done.More && a.done.Revision < at
	}
	return all, nil
}

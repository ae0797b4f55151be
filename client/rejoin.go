package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"replog/replog"
)

// RejoinResult says what it took to come back to a log that had given up revisions.
type RejoinResult struct {
	Backup string `json:"backup"` // the file as it was
	// Common is the last revision that the file's history and the log are known to
	// share.
	Common replog.Revision `json:"common"`
	// TakenBack counts the own transactions that the server had acknowledged and given
	// up: they are sent again.
	TakenBack int `json:"taken_back"`
}

// Rejoin is Sync, both ways, for a file that may know more than the server, which gave
// up revisions: a fail-over, or a backup that was put back. The content is loaded again
// as the log has it now, and what this device had recorded is brought back: its
// transactions keep their seqs and recorded forms, and the server judges them anew. What
// only other devices know comes back by them. All of it is one SQLite transaction; a
// backup of the file is kept. Where the server has given up nothing it is just a Sync.
//
// A *MismatchError with the code replog.CodeGap says that some of the transactions are
// not kept any more: then Fork makes another device of the file, with those that are.
func (d *Device) Rejoin(ctx context.Context) (*SyncResult, error) {
	var result *SyncResult
	err := locked(ctx, d.path, d.options, func() (err error) {
		if result, err = d.sync(ctx, Both); !gaveUp(err) {
			return err
		}
		done, err := d.rejoin(ctx)
		if err != nil {
			return mismatch(d.path, err)
		}
		if result, err = d.sync(ctx, Both); err == nil {
			result.Rejoined = done
		}
		return err
	})
	return result, err
}

// gaveUp tells whether an error says that the server gave up revisions.
func gaveUp(err error) bool {
	var e *MismatchError
	return errors.As(err, &e) && (e.Code == replog.CodeEpoch || e.Code == replog.CodeAhead)
}

func (d *Device) rejoin(ctx context.Context) (*RejoinResult, error) {
	defer func() { d.giveUpMissed = false }()
	err := d.read(func() error {
		// What capture missed could be told by a state of the log that is no more: the
		// backup has it.
		blind, err := d.replica.Blind()
		d.giveUpMissed = len(blind) > 0
		return err
	})
	if err == nil {
		err = d.closeNow()
	}
	if err == nil {
		err = d.options.Fault(FaultClosed)
	}
	if err != nil {
		return nil, err
	}
	id, err := d.identity()
	if err != nil {
		return nil, err
	}
	part, err := d.findParting(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.keptSince(id, part.LastSeq); err != nil {
		return nil, err
	}
	result := &RejoinResult{Common: part.common.Revision}
	l := &loading{Device: d, as: part.as(id)}
	l.before = func(id *identity) error {
		last, err := d.standing(id, part, l.a.verdicts)
		if err == nil {
			err = d.keptSince(id, last)
		}
		if err != nil {
			return err
		}
		if result.TakenBack, err = d.takeBack(id, part, last); err != nil {
			return err
		}
		processed := func(v replog.Verdict) bool { return v.Seq <= id.Seen }
		l.a.verdicts = slices.DeleteFunc(l.a.verdicts, processed)
		return d.schemaAgain(id, part.schema)
	}
	if result.Backup, err = l.withBackup(ctx); err != nil {
		return nil, err
	}
	return result, d.options.Fault(FaultCommitted)
}

// keptSince makes sure that all transactions above a seq that have left the outbox are
// kept: seqs have no gaps.
func (d *Device) keptSince(id *identity, last replog.Seq) error {
	row, err := d.replica.QueryRow("SELECT count(*), min(seq) FROM main.replog_kept WHERE seq > ?", replog.Integer(int64(last)))
	if err != nil {
		return busy(d.path, err)
	}
	if last >= id.Seen || replog.Seq(row[0].Int64()) == id.Seen-last {
		return nil
	}
	until := id.Seen
	if !row[1].IsNull() {
		until = replog.Seq(row[1].Int64()) - 1
	}
	return &MismatchError{Path: d.path, Code: replog.CodeGap, Detail: fmt.Sprintf(
		"the server has given up this device's transactions from %d on, and those up to %d are too old, or too many, to be kept in the file", last+1, until)}
}

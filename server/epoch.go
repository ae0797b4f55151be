package server

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"replog/replog"
)

// begin locks the log's head. Where the log has given up a revision that this server,
// or a device of the batch, knows from the same epoch, it first gets another epoch,
// durably: nobody takes what it goes on with for what it was.
func (d *database) begin(ctx context.Context, batch []*job) (replog.LogTx, error) {
	tx, err := d.log.Begin(ctx)
	if err != nil {
		return nil, err
	}
	known, lost, err := d.findLoss(ctx, tx.Head(), batch)
	if err == nil && !lost {
		return tx, nil
	}
	if err == nil {
		err = d.changeEpoch(tx, known)
	}
	if err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return d.log.Begin(ctx)
}

// soundHead returns the log's head, for the writer. It takes the lock only where it has
// to see to it that the log gets another epoch.
func (d *database) soundHead(ctx context.Context) (replog.Head, error) {
	head, err := d.log.Head(ctx)
	if err != nil {
		return head, err
	}
	if _, lost, err := d.findLoss(ctx, head, nil); err != nil || !lost {
		return head, err
	}
	tx, err := d.begin(ctx, nil)
	if err != nil {
		return head, err
	}
	return tx.Head(), tx.Rollback()
}

// findLoss looks for a head that somebody knows from the log's epoch, and that the
// log no longer has. Where another server on the same store found it first, the epoch
// is another already.
func (d *database) findLoss(ctx context.Context, head replog.Head, batch []*job) (known replog.Head, lost bool, err error) {
	if d.epoch != head.Epoch {
		d.epoch = head.Epoch
		d.schemas.Clear()
	}
	newest, _ := d.heads.newest()
	heads := []replog.Head{newest}
	if d.replica != nil {
		heads = append(heads, d.replica.head)
	}
	for _, j := range batch {
		heads = append(heads, j.known)
	}
	for _, known := range heads {
		if known.Database != head.Database || known.Epoch != head.Epoch || known.Revision < head.Horizon {
			continue // of what is behind the horizon nobody can tell
		}
		if has, err := holds(ctx, d.log, head, known.Revision, known.Chain); err != nil || !has {
			return known, err == nil, err
		}
	}
	return replog.Head{}, false, nil
}

// holds tells whether the log, whose head is given, has a revision with that chain. One
// of which nobody knows the chain is taken for the log's where the number is.
func holds(ctx context.Context, log replog.Log, head replog.Head, at replog.Revision, chain replog.Chain) (bool, error) {
	switch {
	case at > head.Revision, at < head.Horizon:
		return false, nil
	case chain == "":
		return true, nil
	case at == head.Revision:
		return chain == head.Chain, nil
	}
	own, err := log.ChainAt(ctx, at)
	return own == chain, err
}

// changeEpoch gives the log another epoch, where known was its head.
func (d *database) changeEpoch(tx replog.LogTx, known replog.Head) error {
	id, err := uuid.NewRandomFromReader(d.cfg.Random)
	if err != nil {
		return fmt.Errorf("make an epoch: %w", err)
	}
	head, next := tx.Head(), replog.Epoch(id.String())
	d.cfg.Logger.Error("the log has given up revisions: it gets a new epoch, and devices that are ahead have to rejoin", "database", d.name,
		"known", known.Revision, "known_chain", known.Chain, "head", head.Revision, "head_chain", head.Chain, "epoch", head.Epoch, "new_epoch", next)
	tx.SetEpoch(next)
	return tx.Commit()
}

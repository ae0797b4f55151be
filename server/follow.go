package server

import (
	"context"

	"replog/replog"
)

// What other servers write to the log of a database is taken up in two places: here,
// so that those who wait for a head learn of it and the replica is seldom far behind,
// and, whatever comes of that, by each upload, under the lock on the head.

// follow notes the log's head, and has the replica brought there when the writer finds
// the time.
func (d *database) follow(ctx context.Context) {
	head, err := d.log.Head(ctx)
	if err != nil {
		return // the next look at the log finds it
	}
	d.heads.move(head)
	select {
	case d.behind <- make(chan error, 1):
	default: // somebody has asked for it already
	}
}

// levelled asks the writer to bring the replica to the log's head as it is now or later.
func (d *database) levelled(ctx context.Context) error {
	told := make(chan error, 1)
	select {
	case d.behind <- told:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-told:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// catchUp brings the replica to the log's head without holding its lock, for the
// writer. In an upload it would keep other servers waiting.
func (d *database) catchUp() error {
	if d.dead.Load() || d.broken.Load() {
		return nil
	}
	ctx := context.Background()
	head, err := d.soundHead(ctx)
	if err != nil {
		return err
	}
	d.heads.move(head)
	return d.levelOrBreak(ctx, head)
}

// isBehind tells whether others are known to have written what the replica lacks.
func (d *database) isBehind() bool {
	head, _ := d.heads.newest()
	return d.shared != nil && (d.replica == nil || d.replica.head.Revision < head.Revision)
}

// announce tells other servers of a head that this one has made.
func (d *database) announce(head replog.Head) {
	d.heads.move(head)
	if d.shared != nil {
		d.shared.Announce(d.id)
	}
}

package postgres

import (
	"context"
	"fmt"
	"time"

	"replog/replog"
)

// Prune drops the parts of a database's log that hold nothing from a revision on, and
// returns the oldest revision that it holds then, 0 for all. It fails where no content
// is kept from which a server could begin after that. Devices that have not come so far
// cannot go on; what they sent before is known for ever.
//
// It waits until nobody reads the log at length, and has others wait for a moment only.
func (s *Store) Prune(ctx context.Context, name string, before replog.Revision) (horizon replog.Revision, err error) {
	log, err := s.Open(ctx, name)
	if err != nil {
		return 0, err
	}
	for {
		horizon, err = log.(*Log).prune(ctx, before)
		if !hasState(err, lockNotAvailable) {
			return horizon, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pruneRest):
		}
	}
}

// pruneTimeout bounds the wait for those who read: all others wait behind it. pruneRest
// is between two attempts.
const (
	pruneTimeout = `SET LOCAL lock_timeout = '1s'`
	pruneRest    = 3 * time.Second
)

func (l *Log) prune(ctx context.Context, before replog.Revision) (horizon replog.Revision, err error) {
	kept, err := l.KeptUpTo(ctx)
	if err != nil {
		return 0, err
	}
	tx, err := l.BeginTx(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if before > kept {
		return 0, &PruneError{Before: before, Kept: kept}
	}
	if horizon, err = tx.dropParts(before); err != nil {
		return 0, fmt.Errorf("prune the log of %s: %w", l.name, err)
	}
	return horizon, tx.Commit()
}

// PruneError says that a log cannot be pruned up to a revision, as the newest content
// that is kept is older.
type PruneError struct{ Before, Kept replog.Revision }

func (e *PruneError) Error() string {
	return fmt.Sprintf("the log before revision %d is needed: the newest content that is kept is of revision %d", e.Before, e.Kept)
}

func (t *Tx) dropParts(before replog.Revision) (replog.Revision, error) {
	rows, err := t.c.query(selectDropped, t.log.n, int64(t.head.Horizon), int64(before))
	if err != nil {
		return 0, err
	}
	var from []int64
	for rows.Next() {
		var first, next int64
		if err := rows.Scan(&first, &next); err != nil {
			rows.Close()
			return 0, err
		}
		from = append(from, first)
		t.head.Horizon = replog.Revision(next)
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	if err := t.c.runAll(pruneTimeout); err != nil {
		return 0, err
	}
	for _, first := range from {
		for _, table := range divided {
			if err := t.c.runAll(fmt.Sprintf("DROP TABLE replog.%s_%d_p%d", table, t.log.n, first)); err != nil {
				return 0, err
			}
		}
	}
	return t.head.Horizon, t.c.run(updateHorizon, t.log.n, int64(t.head.Horizon))
}

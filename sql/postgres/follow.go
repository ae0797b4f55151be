package postgres

import (
	"context"
	"time"

	"github.com/lib/pq"

	"replog/replog"
)

// Follow calls moved with the id of each database whose head is another one than it told
// of last, at first of all databases, until ctx is done. It looks
// when somebody announces that a log has moved, and at least once every so often, which
// is above 0. Connections that are lost are made again; while there is none, moved is
// not called. A database that is retired is not told of.
func (s *Store) Follow(ctx context.Context, every time.Duration, moved func(id string)) {
	listener := pq.NewListener(spread(s.options.Listen), time.Second, 30*time.Second, nil)
	defer listener.Close()
	go func() {
		// It waits until there is a connection, or the listener is closed. Without it
		// there is the polling.
		_ = listener.Listen(notifyChannel)
	}()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	told := map[string]stand{}
	for {
		if heads, err := s.heads(ctx); err == nil {
			for id, at := range heads {
				if told[id] != at {
					told[id] = at
					moved(id)
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-listener.Notify: // nil where a connection was made again
		}
		drain(listener.Notify)
	}
}

// drain takes the notifications that are there: one look answers all.
func drain(notes <-chan *pq.Notification) {
	for {
		select {
		case <-notes:
		default:
			return
		}
	}
}

// stand is where a log stands. Revisions that were given up and made again have another
// epoch.
type stand struct {
	revision replog.Revision
	epoch    replog.Epoch
}

// followTime bounds how long a look may take.
const followTime = 10 * time.Second

// heads are where all logs stand.
func (s *Store) heads(ctx context.Context) (map[string]stand, error) {
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	rows, err := s.quick.QueryContext(ctx, selectHeads)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	heads := map[string]stand{}
	for rows.Next() {
		var id string
		var at stand
		if err := rows.Scan(&id, &at.revision, &at.epoch); err != nil {
			return nil, err
		}
		heads[id] = at
	}
	return heads, rows.Err()
}

package postgres

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// announcer tells other servers, soon, which logs have moved. It is a hint: what gets
// lost is found by polling. NOTIFY takes a lock on the whole PostgreSQL database at the
// commit, so it comes after, and many become one.
type announcer struct {
	db     *sql.DB
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{}
	ended  sync.WaitGroup

	mu    sync.Mutex
	moved map[string]bool
}

func newAnnouncer(db *sql.DB) *announcer {
	a := &announcer{db: db, wake: make(chan struct{}, 1), moved: map[string]bool{}}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.ended.Go(a.run)
	return a
}

// Announce tells other processes that follow the store that the log of a database has
// moved. It returns at once.
func (s *Store) Announce(id string) {
	a := s.hints
	a.mu.Lock()
	a.moved[id] = true
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// announceTime bounds how long an announcement may take. It is not worth more.
const announceTime = 5 * time.Second

func (a *announcer) run() {
	for {
		select {
		case <-a.ctx.Done():
			return
		case <-a.wake:
		}
		a.mu.Lock()
		var ids []string
		for id := range a.moved {
			ids = append(ids, id)
		}
		clear(a.moved)
		a.mu.Unlock()
		if len(ids) == 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(a.ctx, announceTime)
		_, _ = a.db.ExecContext(ctx, notify, textArray(ids)) // a hint that is lost
		cancel()
	}
}

func (a *announcer) close() {
	a.cancel()
	a.ended.Wait()
}

package server

import (
	"context"
	"sync"
	"time"
)

// listeners are the open streams of events. A stream outlives the look at its
// token that every request begins with, so one goroutine, for all of them, looks
// for tokens that are no longer valid.
type listeners struct {
	ended chan struct{} // closed when all streams must end

	mu     sync.Mutex
	open   map[*listener]bool
	joined bool // since the tokens were last looked at
	closed bool
}

// listener is one open stream.
type listener struct {
	token   string        // id
	revoked chan struct{} // closed when the token is no longer valid
}

func newListeners() *listeners {
	return &listeners{ended: make(chan struct{}), open: map[*listener]bool{}}
}

// join counts a stream in, until leave. Nil where no more are taken.
func (l *listeners) join(token string) *listener {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	one := &listener{token: token, revoked: make(chan struct{})}
	l.open[one], l.joined = true, true
	return one
}

func (l *listeners) leave(one *listener) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, one)
}

// end ends all streams; there are none from then on.
func (l *listeners) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.ended)
	}
}

// news tells how many streams are open, and whether any was opened since the
// last call: its token may have been revoked after it was looked at.
func (l *listeners) news() (open int, joined bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	joined, l.joined = l.joined, false
	return len(l.open), joined
}

// keep ends the streams whose tokens are not among the valid ones.
func (l *listeners) keep(valid map[string]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one := range l.open {
		if !valid[one.token] {
			close(one.revoked)
			delete(l.open, one)
		}
	}
}

// watchTokens ends streams whose tokens are revoked, until ctx is done. Tokens
// may be revoked by another process, so it asks the registry, once each
// interval, how many are; only where that is news are the tokens read.
func (s *Server) watchTokens(ctx context.Context, interval time.Duration) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	seen := -1
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		open, joined := s.listeners.news()
		if open == 0 {
			continue
		}
		revoked, err := s.registry.revoked(ctx)
		if err == nil && (revoked != seen || joined) {
			err = s.endRevoked(ctx)
		}
		if err != nil {
			revoked = -1
			if ctx.Err() == nil {
				s.cfg.Logger.Error("cannot look for revoked tokens", "error", err)
			}
		}
		seen = revoked
	}
}

func (s *Server) endRevoked(ctx context.Context) error {
	tokens, err := s.registry.tokens(ctx)
	if err != nil {
		return err
	}
	valid, now := map[string]bool{}, s.cfg.now()
	for i := range tokens {
		if tokens[i].Valid(now) {
			valid[tokens[i].ID] = true
		}
	}
	s.listeners.keep(valid)
	return nil
}

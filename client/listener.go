package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"replog/replog"
)

// How long a stream of events may be silent: until its first sign of life, and
// from then on.
const (
	openWithin   = 10 * time.Second
	silentAtMost = 3 * replog.HeartbeatEvery
)

// The waits before a stream is opened again: one that broke, and one that the
// server does not have, or that something on the way holds back.
const (
	firstReconnect, longestReconnect     = 500 * time.Millisecond, 30 * time.Second
	firstUnavailable, longestUnavailable = time.Minute, 10 * time.Minute
)

// errSilent says that a stream of events gives no sign of life.
var errSilent = errors.New("nothing comes through")

// tidings are what a listener knows.
type tidings struct {
	stream int               // how many there have been, this one included
	live   bool              // the stream is open and gives signs of life
	head   *replog.HeadEvent // the newest on this stream, nil for none yet
	// unavailable says why there is no stream, where the next attempt is not
	// expected to change that.
	unavailable error
}

// listener keeps a stream of events open, and opens it again where it breaks.
type listener struct {
	server server
	path   string // of the device, for its token
	clock  Clock
	random func() float64

	// point is the sync point: heads after it are news.
	point atomic.Int64
	// news holds the newest tidings that nobody has taken.
	news    chan tidings
	streams int
}

func newListener(d *Device, clock Clock, random func() float64) *listener {
	return &listener{server: d.server, path: d.path, clock: clock, random: random, news: make(chan tidings, 1)}
}

// run listens until ctx is done.
func (l *listener) run(ctx context.Context) {
	broken := &Backoff{First: firstReconnect, Longest: longestReconnect, Random: l.random}
	unavailable := &Backoff{First: firstUnavailable, Longest: longestUnavailable, Random: l.random}
	for {
		wasLive, err := l.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errSilent) {
			// The machine slept, or its network changed: other connections that
			// were left open are as dead.
			l.server.http.CloseIdleConnections()
		}
		if wasLive {
			broken.Reset()
			unavailable.Reset()
		}
		wait := broken
		next := tidings{}
		if !wasLive && isUnavailable(err) {
			wait, next.unavailable = unavailable, err
		}
		l.tell(next)
		select {
		case <-ctx.Done():
			return
		case <-l.clock.After(wait.Next()):
		}
	}
}

// isUnavailable tells of an attempt to open a stream whether another one soon
// would end alike: the server answered, but not with a stream, or nothing came.
func isUnavailable(err error) bool {
	var refused *replog.Problem
	return errors.Is(err, errSilent) || errors.As(err, &refused) && refused.Code != replog.CodeBusy
}

// tell replaces the tidings that nobody has taken yet. Only run calls it, so
// there is room after what was there is taken out.
func (l *listener) tell(t tidings) {
	t.stream = l.streams
	select {
	case <-l.news:
	default:
	}
	l.news <- t
}

// sign is a line of a stream, perhaps the one that ended an event, or the
// stream's end.
type sign struct {
	event *replog.HeadEvent
	err   error
}

// stream listens to one stream until it ends, for the reason it returns, and
// tells whether it ever gave a sign of life.
func (l *listener) stream(ctx context.Context) (wasLive bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l.streams++
	signs := make(chan sign)
	go l.read(ctx, signs)
	limit := openWithin
	for {
		select {
		case <-ctx.Done():
			return wasLive, ctx.Err()
		case <-l.clock.After(limit):
			return wasLive, errSilent
		case s := <-signs:
			if s.err != nil {
				return wasLive, s.err
			}
			if !wasLive || s.event != nil {
				l.tell(tidings{live: true, head: s.event})
			}
			wasLive, limit = true, silentAtMost
		}
	}
}

// read sends the signs of one stream, and its end, until ctx is done.
func (l *listener) read(ctx context.Context, signs chan<- sign) {
	send := func(s sign) error {
		select {
		case signs <- s:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := func() error {
		server := l.server
		var err error
		if server.token, err = readToken(l.path); err != nil {
			return err
		}
		res, err := server.events(ctx, replog.Revision(l.point.Load()))
		if err != nil {
			return err
		}
		defer res.Body.Close()
		return readEvents(res.Body, func(e *replog.HeadEvent) error { return send(sign{event: e}) })
	}()
	_ = send(sign{err: err}) // or nobody listens any more
}

package server

import (
	"context"
	"sync"
	"time"

	"replog/replog"
)

// keeper is a store that keeps contents of its database other than the first, for
// servers that begin with nothing.
type keeper interface {
	// KeptUpTo is the revision of the newest content that is kept.
	KeptUpTo(ctx context.Context) (replog.Revision, error)
	// KeepBase keeps a content, whose file is compressed by zstd. One that is not of
	// the log as it is now is refused.
	KeepBase(ctx context.Context, b replog.Base) error
}

// keeping is the keeping of contents in the store.
type keeping struct {
	mu      sync.Mutex
	known   bool
	newest  replog.Revision // that the store keeps
	rests   time.Time       // until then no other is made
	running sync.WaitGroup
	busy    bool
}

// keep has a content kept where the newest that is kept is too old. It does not wait
// for that.
func (d *database) keep(head replog.Head) {
	store, ok := d.log.(keeper)
	if !ok {
		return
	}
	k := &d.keeping
	k.mu.Lock()
	defer k.mu.Unlock()
	begun := d.cfg.Clock()
	if k.busy || begun.Before(k.rests) || k.known && int64(head.Revision-k.newest) < d.cfg.Limits.KeepEvery {
		return
	}
	k.busy = true
	k.running.Go(func() {
		newest, tried, err := d.keepNow(store, head)
		if err != nil {
			d.cfg.Logger.Warn("no content could be kept for servers that begin with nothing", "database", d.name, "error", err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.busy, k.known, k.newest = false, err == nil, newest
		if tried {
			k.rests = begun.Add(max(d.cfg.Limits.KeepAge, 100*d.cfg.Clock().Sub(begun)))
		}
	})
}

// keepNow returns the newest revision that is kept, and whether it has tried to keep
// another one.
func (d *database) keepNow(store keeper, head replog.Head) (newest replog.Revision, tried bool, err error) {
	ctx := context.Background()
	newest, err = store.KeptUpTo(ctx)
	if err != nil || int64(head.Revision-newest) < d.cfg.Limits.KeepEvery { // another server may have seen to it
		return newest, err != nil, err
	}
	// Any that is handed out will do: to wait for the newest would be to wait for the
	// writer, which may be at its end.
	f, err := d.openSnapshot(ctx, wanted{})
	if err != nil {
		return newest, true, err
	}
	defer f.close()
	if f.head.Revision <= newest {
		return newest, false, nil
	}
	return f.head.Revision, true, store.KeepBase(ctx, replog.Base{Path: f.zstd.path, Head: f.head})
}

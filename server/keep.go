package server

import (
	"context"
	"sync"

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
	if k.busy || k.known && int64(head.Revision-k.newest) < d.cfg.Limits.KeepEvery {
		return
	}
	k.busy = true
	k.running.Go(func() {
		newest, err := d.keepNow(store, head)
		if err != nil {
			d.cfg.Logger.Warn("no content could be kept for servers that begin with nothing", "database", d.name, "error", err)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.busy, k.known, k.newest = false, true, newest
	})
}

// keepNow returns the newest revision that is kept, or, where that could not be done,
// one for which it is tried again in a while.
func (d *database) keepNow(store keeper, head replog.Head) (replog.Revision, error) {
	ctx := context.Background()
	newest, err := store.KeptUpTo(ctx)
	if err != nil {
		return head.Revision, err
	}
	if int64(head.Revision-newest) < d.cfg.Limits.KeepEvery {
		return newest, nil // another server has seen to it
	}
	f, err := d.openSnapshot(ctx, wanted{})
	if err != nil {
		return head.Revision, err
	}
	defer f.close()
	if f.head.Revision <= newest {
		return head.Revision, nil
	}
	return f.head.Revision, store.KeepBase(ctx, replog.Base{Path: f.zstd.path, Head: f.head})
}

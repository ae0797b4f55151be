package server

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"replog/replog"
)

// keepingStores keep contents in memory.
type keepingStores struct {
	Stores
	kept *keptBases
}

type keptBases struct {
	mu    sync.Mutex
	heads []replog.Head
	files [][]byte
}

func (k keepingStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := k.Stores.Open(ctx, name)
	return keepingStore{s, k.kept}, err
}

type keepingStore struct {
	replog.Store
	kept *keptBases
}

func (k keepingStore) KeptUpTo(context.Context) (replog.Revision, error) {
	k.kept.mu.Lock()
	defer k.kept.mu.Unlock()
	if n := len(k.kept.heads); n > 0 {
		return k.kept.heads[n-1].Revision, nil
	}
	return 0, nil
}

func (k keepingStore) KeepBase(_ context.Context, b replog.Base) error {
	file, err := os.ReadFile(b.Path)
	k.kept.mu.Lock()
	defer k.kept.mu.Unlock()
	k.kept.heads, k.kept.files = append(k.kept.heads, b.Head), append(k.kept.files, file)
	return err
}

func TestContentsAreKeptNowAndThen(t *testing.T) {
	kept := &keptBases{}
	var hours atomic.Int64
	h := newHarness(t, func(c *Config) {
		c.Stores = keepingStores{c.Stores, kept}
		c.Limits.KeepEvery, c.Limits.KeepAge = 3, time.Hour
		c.Clock = func() time.Time { return time.UnixMilli(0).Add(time.Duration(hours.Load()) * time.Hour) }
	})
	h.shop()
	a := h.enrol("shop")
	write := func(from int64) {
		for id := range int64(5) {
			a.insert(from+id, "chair")
			a.sync()
			h.srv.opened("shop").keeping.running.Wait()
		}
	}
	write(10)
	write(20)
	if len(kept.heads) != 1 || kept.heads[0].Revision < 3 {
		t.Fatalf("kept within the hour: %+v", kept.heads)
	}
	hours.Add(2)
	write(30)
	if len(kept.heads) != 2 || kept.heads[1].Revision < kept.heads[0].Revision+3 {
		t.Fatalf("kept an hour later: %+v", kept.heads)
	}
	for i, head := range kept.heads {
		if chain, err := h.srv.opened("shop").log.ChainAt(t.Context(), head.Revision); err != nil || chain != head.Chain {
			t.Errorf("content %d has the chain %s, want %s (%v)", i, head.Chain, chain, err)
		}
		z, err := zstd.NewReader(nil)
		h.must(err)
		plain, err := z.DecodeAll(kept.files[i], nil)
		h.must(err)
		path := t.TempDir() + "/kept.db"
		h.must(writePrivate(path, plain))
		if got, want := h.rows(path, "SELECT count(*) - 1 FROM item"), "["+formatRevision(head.Revision)+"]\n"; got != want {
			t.Errorf("content %d of revision %d has %s more rows", i, head.Revision, got)
		}
		z.Close()
	}
}

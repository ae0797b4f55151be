package server

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"

	"replog/replog"
)

// prunedStores have logs whose first revisions are gone.
type prunedStores struct {
	Stores
	horizon *atomic.Int64
}

func (p prunedStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := p.Stores.Open(ctx, name)
	return pruned{s, p.horizon}, err
}

type pruned struct {
	replog.Store
	horizon *atomic.Int64
}

func (p pruned) Place(ctx context.Context, device replog.DeviceID, at replog.Revision) (replog.Place, error) {
	place, err := p.Store.Place(ctx, device, at)
	if place.Head.Horizon = replog.Revision(p.horizon.Load()); at < place.Head.Horizon {
		place.Chain = ""
	}
	return place, err
}

func TestADeviceBehindTheHorizonIsToldSo(t *testing.T) {
	horizon := &atomic.Int64{}
	h := newHarness(t, func(c *Config) { c.Stores = prunedStores{c.Stores, horizon} })
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	for id := range int64(3) {
		a.insert(10+id, "chair")
		a.sync()
	}
	epoch := b.header.Epoch
	horizon.Store(2)
	b.insert(20, "desk")
	r, err := b.send(b.upload())
	h.must(err)
	h.expect(r, http.StatusGone, replog.CodeHorizon)
	a.insert(13, "chair")
	if got := a.sync(); got.Epoch != epoch || got.Revision != 4 {
		t.Errorf("the other one got %+v", got)
	}
}

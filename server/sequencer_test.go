package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"replog/replog"
)

// faultOnce is a Config.Fault that fires at one point, once it is armed.
type faultOnce struct {
	point string
	armed atomic.Bool
}

func (f *faultOnce) ask(point string) error {
	if point == f.point && f.armed.CompareAndSwap(true, false) {
		return errors.New("armed by the test")
	}
	return nil
}

func TestKilledAtAFaultPointNothingAcknowledgedIsLost(t *testing.T) {
	for _, c := range []struct {
		point string
		kept  bool // the transaction is in the log
	}{
		{FaultBeforeLogCommit, false},
		{FaultAfterLogCommit, true},
		{FaultBeforeAnswer, true},
		{FaultMidAnswer, true},
	} {
		t.Run(c.point, func(t *testing.T) {
			f := &faultOnce{point: c.point}
			h := newHarness(t, func(cfg *Config) { cfg.Fault = f.ask })
			h.shop()
			a, b := h.enrol("shop"), h.enrol("shop")
			a.insert(2, "chair")
			a.sync()
			a.insert(3, "desk")
			f.armed.Store(true)
			if got, err := a.try(); err == nil {
				t.Fatalf("the killed server answered %+v", got)
			}
			if f.armed.Load() {
				t.Fatal("the fault point was not reached")
			}
			if got, err := b.try(); err == nil {
				t.Fatalf("the killed server answered another device %+v", got)
			}
			if r, err := h.send("GET", "/v1/shop/snapshot", h.admin(), nil); err == nil {
				t.Fatalf("the killed server answered a reader: %d", r.StatusCode)
			}
			h.restart()
			head, err := h.srv.opened("shop").log.Head(t.Context())
			h.must(err)
			if kept := head.Revision == 2; kept != c.kept {
				t.Fatalf("after the restart the log is at %d", head.Revision)
			}
			if got := h.srv.opened("shop").replica.head.Revision; got != head.Revision {
				t.Fatalf("after the restart the replica is at %d", got)
			}
			if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 2 || got.verdicts[0].Outcome != replog.Applied {
				t.Fatalf("the device sends again: %+v", got)
			}
			if got := b.sync(); len(got.entries) != 2 {
				t.Fatalf("the other device gets %+v", got)
			}
			if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n[3]\n" {
				t.Errorf("rows: %s", rows)
			}
		})
	}
}

func TestReplicaThatIsAheadOfTheLogIsBuiltAgain(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.sync()
	path := h.srv.opened("shop").replicaPath()
	h.stop()
	h.rows(path, `UPDATE replog_replica SET revision = 7`)
	h.rows(path, `INSERT INTO item VALUES (70, 'never logged', 0)`)
	h.start()
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n" {
		t.Errorf("rows: %s", rows)
	}
	if rows := h.replicaRows("shop", `SELECT +name FROM replog_trigger ORDER BY position`); rows != "[\"item_second\"]\n[\"item_first\"]\n" {
		t.Errorf("triggers: %s", rows)
	}
}

func TestReplicaThatCannotBeUsedIsBuiltAgain(t *testing.T) {
	spoil := map[string]func(h *harness, path string){
		"of another epoch": func(h *harness, path string) { h.rows(path, `UPDATE replog_replica SET epoch = 'other'`) },
		"no database":      func(h *harness, path string) { h.must(os.WriteFile(path, []byte("not a database, not at all"), 0o600)) },
		"gone":             func(h *harness, path string) { h.must(removeReplica(path)) },
		"behind, and not what the log says": func(h *harness, path string) {
			id := strings.Trim(h.rows(path, `SELECT +database FROM replog_replica`), "[]\"\n")
			h.rows(path, `UPDATE replog_replica SET revision = 0, chain = '`+string(replog.FirstChain(id))+`'`)
		},
	}
	for name, f := range spoil {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.shop()
			a := h.enrol("shop")
			a.insert(2, "chair")
			a.sync()
			path := h.srv.opened("shop").replicaPath()
			h.stop()
			f(h, path)
			h.start()
			a.insert(3, "desk")
			a.sync()
			if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n[3]\n" {
				t.Errorf("rows: %s", rows)
			}
		})
	}
}

func TestDatabaseWhoseLogAndBaseDisagreeIsServedNoMore(t *testing.T) {
	h := newHarness(t)
	h.shop()
	h.publish("garden", shopSchema)
	a, b := h.enrol("shop"), h.enrol("garden")
	a.insert(2, "chair")
	a.sync()
	base, replica := h.basePath("shop"), h.srv.opened("shop").replicaPath()
	h.stop()
	h.rows(base, `INSERT INTO item VALUES (2, 'never logged', 0)`)
	h.must(removeReplica(replica))
	h.start()
	a.insert(3, "desk")
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusInternalServerError, replog.CodeInternal)
	h.expect(h.do("GET", "/v1/shop/snapshot", a.token, nil), http.StatusInternalServerError, replog.CodeInternal)
	h.ok(h.do("GET", "/readyz", "", nil), http.StatusServiceUnavailable)
	if lines := h.log(a.token, ""); len(lines) != 1 {
		t.Errorf("the log has %d entries", len(lines))
	}
	b.insert(2, "tree")
	b.sync()
}

// wrapped stands between the server and its store.
type wrapped struct {
	replog.Store
	begin func(replog.LogTx) replog.LogTx
}

func (w wrapped) Begin(ctx context.Context) (replog.LogTx, error) {
	tx, err := w.Store.Begin(ctx)
	if err == nil {
		tx = w.begin(tx)
	}
	return tx, err
}

type wrappedStores struct {
	Stores
	begin func(replog.LogTx) replog.LogTx
}

func (w wrappedStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := w.Stores.Open(ctx, name)
	return wrapped{s, w.begin}, err
}

// doubtfulTx does not tell whether its commit happened.
type doubtfulTx struct {
	replog.LogTx
	doubt *atomic.Int32 // 1: it did, 2: it did not
}

func (d doubtfulTx) Commit() error {
	switch d.doubt.Swap(0) {
	case 1:
		return errors.Join(d.LogTx.Commit(), replog.ErrUnknownOutcome)
	case 2:
		return errors.Join(d.Rollback(), replog.ErrUnknownOutcome)
	}
	return d.LogTx.Commit()
}

func TestCommitOfUnknownOutcomeIsAnsweredFromTheLog(t *testing.T) {
	var doubt atomic.Int32
	h := newHarness(t, func(c *Config) {
		c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return doubtfulTx{tx, &doubt} }}
	})
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	doubt.Store(1)
	if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 1 {
		t.Fatalf("it happened: %+v", got)
	}
	older := a.header
	older.LastSeq = 0
	r, err := a.send(replog.EncodeSyncHeader(older))
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeFork)
	a.insert(3, "desk")
	doubt.Store(2)
	r, err = a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusServiceUnavailable, replog.CodeBusy)
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 2 {
		t.Fatalf("it did not happen, and the device sends again: %+v", got)
	}
	if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n[3]\n" {
		t.Errorf("rows: %s", rows)
	}
}

// watchedTx runs something just before its commit.
type watchedTx struct {
	replog.LogTx
	before func()
}

func (w watchedTx) Commit() error {
	w.before()
	return w.LogTx.Commit()
}

func TestTheReplicaShowsNothingBeforeTheLogHasIt(t *testing.T) {
	var look func()
	h := newHarness(t, func(c *Config) {
		c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return watchedTx{tx, func() { look() }} }}
	})
	h.shop()
	a := h.enrol("shop")
	seen := ""
	look = func() {
		seen = h.replicaRows("shop", `SELECT (SELECT revision FROM replog_replica), count(*) FROM item`)
	}
	a.insert(2, "chair")
	a.sync()
	if seen != "[0,1]\n" {
		t.Errorf("as the log commits, the replica shows %s", seen)
	}
}

// hostileTx fails, or panics, at the transaction of the chosen seq.
type hostileTx struct {
	replog.LogTx
	seq                *atomic.Int64
	judging, appending func() error
}

func (x hostileTx) Foreign(after replog.Revision, device replog.DeviceID) (replog.Revision, error) {
	last, err := x.LastSeq(device)
	if err == nil && int64(last)+1 == x.seq.Load() {
		err = x.judging()
	}
	if err != nil {
		return 0, err
	}
	return x.LogTx.Foreign(after, device)
}

func (x hostileTx) Append(e replog.Entry) error {
	if int64(e.Transaction.Seq) == x.seq.Load() {
		if err := x.appending(); err != nil {
			return err
		}
	}
	return x.LogTx.Append(e)
}

func TestTransactionThatCannotBeJudgedStopsOnlyItself(t *testing.T) {
	works := func() error { return nil }
	fails := func() error { return errors.New("the disk is on fire") }
	panics := func() error { panic("judged to death") }
	for name, x := range map[string]hostileTx{
		"a panic in judging":    {judging: panics, appending: works},
		"an error in judging":   {judging: fails, appending: works},
		"an error in appending": {judging: works, appending: fails},
	} {
		t.Run(name, func(t *testing.T) {
			x.seq = &atomic.Int64{}
			h := newHarness(t, func(c *Config) {
				c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx {
					return hostileTx{tx, x.seq, x.judging, x.appending}
				}}
			})
			h.shop()
			a, b := h.enrol("shop"), h.enrol("shop")
			c := h.enrol("shop")
			c.insert(8, "bed")
			c.sync()
			a.insert(2, "chair")
			a.insert(3, "desk").Base = 1 // so that the log is asked about it anew
			a.insert(4, "shelf")
			x.seq.Store(2)
			r, err := a.send(a.upload())
			h.must(err)
			h.expect(r, http.StatusInternalServerError, replog.CodeInternal)
			if rows := h.replicaRows("shop", `SELECT +id FROM item`); rows != "[1]\n[2]\n[8]\n" {
				t.Fatalf("rows: %s", rows)
			}
			b.insert(9, "rug")
			b.sync()
			x.seq.Store(0)
			if got := a.sync(); len(got.verdicts) != 3 || got.Revision != 5 {
				t.Fatalf("the device sends again: %+v", got)
			}
		})
	}
}

// gatedStores lets Begin go on when the gate opens.
type gatedStores struct {
	Stores
	gate    chan struct{}
	waiting *atomic.Int32
}

type gated struct {
	replog.Store
	g *gatedStores
}

func (g *gatedStores) Open(ctx context.Context, name string) (replog.Store, error) {
	s, err := g.Stores.Open(ctx, name)
	return gated{s, g}, err
}

func (g gated) Begin(ctx context.Context) (replog.LogTx, error) {
	g.g.waiting.Add(1)
	<-g.g.gate
	return g.Store.Begin(ctx)
}

func TestUploadsThatWaitShareACommit(t *testing.T) {
	stores := &gatedStores{gate: make(chan struct{}, 100), waiting: &atomic.Int32{}}
	h := newHarness(t, func(c *Config) { stores.Stores = c.Stores; c.Stores = stores })
	h.shop()
	stores.waiting.Store(0)
	var done sync.WaitGroup
	for n := range 6 {
		d := h.enrol("shop")
		d.insert(int64(10+n), "x")
		done.Go(func() {
			if _, err := d.try(); err != nil {
				t.Errorf("device %d: %v", n, err)
			}
		})
	}
	// One upload waits for the log, five wait in the queue.
	eventually(t, func() bool { return stores.waiting.Load() == 1 && len(h.srv.opened("shop").queue) == 5 })
	stores.gate <- struct{}{}
	stores.gate <- struct{}{}
	done.Wait()
	if n := stores.waiting.Load(); n != 2 {
		t.Errorf("%d commits for 6 uploads", n)
	}
}

// pickyTx says only at the commit that it does not take a device's entries.
type pickyTx struct {
	replog.LogTx
	refuses *atomic.Value // a replog.DeviceID
	refused bool
}

func (p *pickyTx) Append(e replog.Entry) error {
	p.refused = p.refused || e.Transaction.Device == p.refuses.Load()
	return p.LogTx.Append(e)
}

func (p *pickyTx) Commit() error {
	if p.refused {
		return errors.Join(errors.New("a row is not there"), p.Rollback())
	}
	return p.LogTx.Commit()
}

func TestAnUploadThatTheCommitRefusesStopsOnlyItself(t *testing.T) {
	stores := &gatedStores{gate: make(chan struct{}, 100), waiting: &atomic.Int32{}}
	refuses := &atomic.Value{}
	h := newHarness(t, func(c *Config) {
		stores.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return &pickyTx{LogTx: tx, refuses: refuses} }}
		c.Stores = stores
	})
	h.shop()
	stores.waiting.Store(0)
	var done sync.WaitGroup
	for n := range 6 {
		d := h.enrol("shop")
		d.insert(int64(10+n), "x")
		if n == 3 {
			refuses.Store(d.header.Device)
		}
		done.Go(func() {
			r, err := d.send(d.upload())
			if err == nil && (r.StatusCode == http.StatusOK) == (n == 3) {
				err = errors.New(r.Status)
			}
			if err != nil {
				t.Errorf("device %d: %v", n, err)
			}
		})
	}
	eventually(t, func() bool { return stores.waiting.Load() == 1 && len(h.srv.opened("shop").queue) == 5 })
	for range 20 {
		stores.gate <- struct{}{}
	}
	done.Wait()
	if rows := h.replicaRows("shop", `SELECT count(*) FROM item`); rows != "[6]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestFullQueueIsToldToComeAgain(t *testing.T) {
	stores := &gatedStores{gate: make(chan struct{}, 100), waiting: &atomic.Int32{}}
	h := newHarness(t, func(c *Config) { stores.Stores = c.Stores; c.Stores = stores; c.Limits.Queue = 1 })
	h.shop()
	stores.waiting.Store(0)
	var done sync.WaitGroup
	var devices []*double
	for n := range 3 {
		d := h.enrol("shop")
		d.insert(int64(10+n), "x")
		devices = append(devices, d)
	}
	for n, d := range devices[:2] {
		done.Go(func() {
			if _, err := d.try(); err != nil {
				t.Errorf("device %d: %v", n, err)
			}
		})
		eventually(t, func() bool { return stores.waiting.Load() == 1 && len(h.srv.opened("shop").queue) == n })
	}
	r, err := devices[2].send(devices[2].upload())
	h.must(err)
	h.expect(r, http.StatusServiceUnavailable, replog.CodeBusy)
	if r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for range 10 {
		stores.gate <- struct{}{}
	}
	done.Wait()
	devices[2].sync()
}

func TestCloseFinishesWhatRuns(t *testing.T) {
	stores := &gatedStores{gate: make(chan struct{}, 100), waiting: &atomic.Int32{}}
	h := newHarness(t, func(c *Config) { stores.Stores = c.Stores; c.Stores = stores })
	h.shop()
	stores.waiting.Store(0)
	a := h.enrol("shop")
	a.insert(2, "chair")
	answered := make(chan error, 1)
	go func() {
		got, err := a.try()
		if err == nil && got.Revision != 1 {
			err = fmt.Errorf("answer %+v", got)
		}
		answered <- err
	}()
	eventually(t, func() bool { return stores.waiting.Load() == 1 })
	closed := make(chan error, 1)
	go func() { closed <- h.srv.Close() }()
	eventually(t, func() bool {
		r := h.do("GET", "/v1/shop/log", h.admin(), nil)
		return r.StatusCode == http.StatusServiceUnavailable
	})
	close(stores.gate)
	h.must(<-answered)
	h.must(<-closed)
}

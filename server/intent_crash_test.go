package server

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"replog/replog"
)

func TestKilledAtAFaultPointIntentsAreDoneOnceOrNotAtAll(t *testing.T) {
	for point, kept := range map[string]bool{
		FaultBeforeLogCommit: false, FaultAfterLogCommit: true, FaultBeforeAnswer: true, FaultMidAnswer: true,
	} {
		t.Run(point, func(t *testing.T) {
			f := &faultOnce{point: point}
			h := newHarness(t, func(cfg *Config) { cfg.Fault = f.ask })
			h.publish("bank", bankSchema)
			a, b := h.enrol("bank"), h.enrol("bank")
			a.steps(take(1, 1))
			a.steps(putMemo(7, "x"), take(1, 2), setMemo(7, "x", "y"))
			a.record(setBalance(3, 30, 31))
			f.armed.Store(true)
			if got, err := a.try(); err == nil {
				t.Fatalf("the killed server answered %+v", got)
			}
			h.restart()
			const done = `["account",1,9] ["account",2,19] ["account",3,31] ["memo",7,"y"] ["total",1,58]`
			if rows := h.bankRows(); (rows == done) != kept || !kept && rows != "" {
				t.Fatalf("after the restart: %s", rows)
			}
			if got := a.sync(); len(got.verdicts) != 3 || got.Revision != 3 {
				t.Fatalf("the device sends again: %+v", got)
			}
			if got := b.sync(); len(got.entries) != 3 {
				t.Fatalf("the other device gets %+v", got)
			}
			if rows := h.bankRows(); rows != done {
				t.Errorf("rows: %s", rows)
			}
			h.sameRebuilt("bank")
		})
	}
}

// What fails in the midst of a batch leaves nothing of what intents need.
func TestATransactionThatCannotBeJudgedAfterIntents(t *testing.T) {
	works := func() error { return nil }
	for name, x := range map[string]hostileTx{
		"a panic in judging":    {judging: func() error { panic("judged to death") }, appending: works},
		"an error in appending": {judging: works, appending: func() error { return errors.New("the disk is on fire") }},
	} {
		t.Run(name, func(t *testing.T) {
			x.seq = &atomic.Int64{}
			h := newHarness(t, func(c *Config) {
				c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx {
					return hostileTx{tx, x.seq, x.judging, x.appending}
				}}
			})
			h.publish("bank", bankSchema)
			a, b := h.enrol("bank"), h.enrol("bank")
			b.record(putMemo(8, "b's"))
			b.sync()
			a.steps(take(1, 1))
			a.steps(take(1, 2)).Base = 1
			x.seq.Store(2)
			r, err := a.send(a.upload())
			h.must(err)
			h.expect(r, http.StatusInternalServerError, replog.CodeInternal)
			x.seq.Store(0)
			b.record(setBalance(3, 30, 31)) // no trigger must see it
			b.sync()
			if got := a.sync(); len(got.verdicts) != 2 || got.Revision != 4 {
				t.Fatalf("the device sends again: %+v", got)
			}
			if rows, want := h.bankRows(), `["account",1,9] ["account",2,19] ["account",3,31] ["memo",8,"b's"] ["total",1,58]`; rows != want {
				t.Errorf("rows\n%s\nwant\n%s", rows, want)
			}
			h.sameRebuilt("bank")
		})
	}
}

// Others in its batch are judged again, and share one commit with its refusal.
func TestABatchGoesOnWithoutAnIntentThatTookIt(t *testing.T) {
	stores := &gatedStores{gate: make(chan struct{}, 100), waiting: &atomic.Int32{}}
	h := newHarness(t, tight, func(c *Config) { stores.Stores = c.Stores; c.Stores = stores })
	h.hostileBank(slowTrigger)
	stores.waiting.Store(0)
	var done sync.WaitGroup
	upload := func(in *replog.Intent, want replog.Outcome) {
		d := h.enrol("bank")
		d.steps(in)
		done.Go(func() {
			a, err := d.try()
			if err != nil || a.verdicts[0].Outcome != want {
				t.Errorf("%s: %+v, %v", in.SQL, a, err)
			}
		})
	}
	upload(intent("UPDATE meter SET v = v + 1 WHERE id = 1"), replog.Applied)
	eventually(t, func() bool { return stores.waiting.Load() == 1 })
	for range 3 {
		upload(intent("UPDATE meter SET v = v + 1 WHERE id = 1"), replog.Applied)
		upload(intent("UPDATE box SET v = 5 WHERE id = 1"), replog.Rejected)
	}
	eventually(t, func() bool { return len(h.srv.opened("bank").queue) == 6 })
	close(stores.gate)
	done.Wait()
	if rows := h.replicaRows("bank", "SELECT v FROM meter WHERE id = 1 UNION ALL SELECT v FROM box WHERE id = 1"); rows != "[5]\n[1]\n" {
		t.Errorf("rows %s", rows)
	}
	h.sameRebuilt("bank")
}

func TestASnapshotAfterIntentsHasNothingOfOurs(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	a.steps(take(1, 1), putMemo(7, "x"), take(1, 2))
	a.sync()
	a.steps(take(1, 1))
	a.sync()
	h.restart()
	r := h.do("GET", "/v1/bank/snapshot", a.token, nil)
	h.ok(r, http.StatusOK)
	path := filepath.Join(t.TempDir(), "snapshot.db")
	h.must(os.WriteFile(path, r.body, 0o600))
	const schema = `SELECT +type, +name, +sql FROM sqlite_schema ORDER BY 1, 2`
	if got, want := h.rows(path, schema), h.rows(h.basePath("bank"), schema); got != want {
		t.Errorf("schema\n%s\nwant\n%s", got, want)
	}
	if got := h.rows(path, "SELECT n FROM total UNION ALL SELECT balance FROM account"); got != "[57]\n[8]\n[19]\n[30]\n" {
		t.Errorf("rows %s", got)
	}
	if got := h.replicaRows("bank", "SELECT name FROM sqlite_schema WHERE name LIKE 'replog_%' ORDER BY 1"); !strings.Contains(got, "replog_change") {
		t.Errorf("nothing was to be taken away: %s", got)
	}
	clone := h.enrol("bank")
	clone.steps(take(1, 3))
	if got := clone.sync(); got.verdicts[0].Outcome != replog.Applied {
		t.Errorf("%+v", got)
	}
}

// The replica that intents ran on catches up by changes, which nothing must see.
func TestCommitOfUnknownOutcomeOfIntents(t *testing.T) {
	var doubt atomic.Int32
	h := newHarness(t, func(c *Config) {
		c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return doubtfulTx{tx, &doubt} }}
	})
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	remove := func(id int64) *replog.Intent { return intent("DELETE FROM slip WHERE id = ?", id) }
	a.steps(take(1, 1), remove(1))
	a.sync()
	a.steps(remove(2), take(1, 2))
	a.record(setBalance(3, 30, 31), rekeyedBooking(1, 9)[0], rekeyedBooking(1, 9)[1])
	doubt.Store(1)
	if got := a.sync(); len(got.verdicts) != 2 || got.Revision != 3 {
		t.Fatalf("it happened: %+v", got)
	}
	const first = `["account",1,9] ["account",2,19] ["account",3,31] ["booking",9,1] ["gone",0,0] `
	if rows, want := h.bankRows(), first+`["total",1,58]`; rows != want {
		t.Errorf("rows\n%s\nwant\n%s", rows, want)
	}
	a.steps(take(1, 2))
	doubt.Store(2)
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusServiceUnavailable, replog.CodeBusy)
	if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 4 {
		t.Fatalf("it did not happen, and the device sends again: %+v", got)
	}
	if rows, want := h.bankRows(), strings.Replace(first, "19", "18", 1)+`["total",1,57]`; rows != want {
		t.Errorf("rows\n%s\nwant\n%s", rows, want)
	}
	h.sameRebuilt("bank")
}

// rekeyedBooking is a key change of a booking, which an action of slip would follow.
func rekeyedBooking(from, to int64) []replog.Change {
	gone, come := rowChange(replog.Delete, "booking", from), rowChange(replog.Insert, "booking", to)
	columns := []string{"id", "account", "amount"}
	gone.Columns, gone.Old = columns, []replog.Value{replog.Integer(from), replog.Integer(1), replog.Integer(1)}
	come.Columns, come.New = columns, []replog.Value{replog.Integer(to), replog.Integer(1), replog.Integer(1)}
	gone.Unit, come.Unit = 1, 1
	return []replog.Change{gone, come}
}

package server

import (
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"replog/replog"
)

// insertMany records the INSERT of items in one long transaction.
func (d *double) insertMany(from, to int64) {
	d.record(each(from, to, func(id int64) replog.Change {
		return replog.Change{
			Table: "item", Op: replog.Insert, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
			Columns: []string{"id", "name", "price"},
			New:     []replog.Value{replog.Integer(id), replog.Text(strings.Repeat("chair", 10)), replog.Real(1)},
		}
	})...)
}

const countItems = `SELECT count(*), max(id) FROM item`

func TestKilledAtAFaultPointALongTransactionIsKeptWholeOrNotAtAll(t *testing.T) {
	for point, kept := range map[string]bool{
		FaultBeforeLogCommit: false, FaultAfterLogCommit: true, FaultBeforeAnswer: true, FaultMidAnswer: true,
	} {
		t.Run(point, func(t *testing.T) {
			f := &faultOnce{point: point}
			h := newHarness(t, func(cfg *Config) { cfg.Fault = f.ask })
			h.shop()
			a, b := h.enrol("shop"), h.enrol("shop")
			a.insertMany(2, 41)
			f.armed.Store(true)
			if got, err := a.try(); err == nil {
				t.Fatalf("the killed server answered %+v", got)
			}
			h.restart()
			rows := h.replicaRows("shop", countItems)
			if (rows == "[41,41]\n") != kept {
				t.Fatalf("after the restart: %s", rows)
			}
			if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 1 || !got.verdicts[0].AsRecorded {
				t.Fatalf("the device sends again: %+v", got)
			}
			if got := b.sync(); len(got.entries) != 1 || len(got.entries[0].List) != 40 {
				t.Fatalf("the other device gets %+v", got)
			}
			if rows := h.replicaRows("shop", countItems); rows != "[41,41]\n" {
				t.Errorf("rows: %s", rows)
			}
		})
	}
}

func TestCommitOfUnknownOutcomeOfALongTransaction(t *testing.T) {
	var doubt atomic.Int32
	h := newHarness(t, func(c *Config) {
		c.Stores = wrappedStores{Stores: c.Stores, begin: func(tx replog.LogTx) replog.LogTx { return doubtfulTx{tx, &doubt} }}
	})
	h.shop()
	a := h.enrol("shop")
	a.insertMany(2, 41)
	doubt.Store(1)
	if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 1 || !got.verdicts[0].AsRecorded {
		t.Fatalf("it happened: %+v", got)
	}
	a.insertMany(42, 61)
	doubt.Store(2)
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusServiceUnavailable, replog.CodeBusy)
	if got := a.sync(); len(got.verdicts) != 1 || got.Revision != 2 {
		t.Fatalf("it did not happen, and the device sends again: %+v", got)
	}
	if rows := h.replicaRows("shop", countItems); rows != "[61,61]\n" {
		t.Errorf("rows: %s", rows)
	}
}

func TestALongTransactionThatCannotBeKeptIsTheServersFault(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a := h.enrol("shop")
	a.insert(2, "chair")
	a.insertMany(3, 41)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusInternalServerError, replog.CodeInternal)
	if rows := h.replicaRows("shop", countItems); rows != "[2,2]\n" {
		t.Errorf("what came before it: %s", rows)
	}
	t.Setenv("TMPDIR", t.TempDir())
	if got := a.sync(); len(got.verdicts) != 2 || got.Revision != 2 {
		t.Errorf("the device sends again: %+v", got)
	}
}

func TestALongTransactionThatIsCutOrRefusedLeavesNothing(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.UploadTransactions = 3 })
	h.shop()
	a := h.enrol("shop")
	for i := range int64(4) {
		a.insertMany(10+30*i, 39+30*i)
	}
	whole := a.upload()
	for name, body := range map[string][]byte{
		"cut":      whole[:len(whole)/8],
		"altered":  append(whole[:len(whole)/8:len(whole)/8], []byte(strings.Replace(string(whole[len(whole)/8:]), "chair", "table", 1))...),
		"too many": whole,
	} {
		r, err := a.send(body)
		h.must(err)
		if r.StatusCode != http.StatusBadRequest && r.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: status %d", name, r.StatusCode)
		}
	}
	if rows := h.replicaRows("shop", countItems); rows != "[91,99]\n" {
		t.Errorf("of four transactions three fit: %s", rows)
	}
	a.outbox[3].Seq = 9
	a.header.LastSeq = 9
	r, err := a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusRequestEntityTooLarge, replog.CodeTooLarge)
	a.outbox = a.outbox[2:]
	r, err = a.send(a.upload())
	h.must(err)
	h.expect(r, http.StatusConflict, replog.CodeGap)
}

func TestAReplicaCatchesUpWithLongEntries(t *testing.T) {
	h := newHarness(t)
	h.shop()
	a, b := h.enrol("shop"), h.enrol("shop")
	b.insert(20, "stool")
	b.sync()
	a.insertMany(2, 41) // divided: 20 is there
	a.sync()
	a.insertMany(42, 61)
	a.sync()
	want := h.replicaRows("shop", allItems)
	path := h.srv.opened("shop").replicaPath()
	h.stop()
	h.must(removeReplica(path))
	h.start()
	if rows := h.replicaRows("shop", allItems); rows != want {
		t.Errorf("rows:\n%s", rows)
	}
	if rows := h.replicaRows("shop", countItems); rows != "[61,61]\n" {
		t.Errorf("rows: %s", rows)
	}
}

package server

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"replog/replog"
)

func TestKilledAtAFaultPointSchemaStatementsAreDoneOnceOrNotAtAll(t *testing.T) {
	for point, kept := range map[string]bool{
		FaultBeforeLogCommit: false, FaultAfterLogCommit: true, FaultBeforeAnswer: true, FaultMidAnswer: true,
	} {
		t.Run(point, func(t *testing.T) {
			f := &faultOnce{point: point}
			h := newHarness(t, func(cfg *Config) { cfg.Fault = f.ask })
			h.publish("bank", bankSchema)
			a, b := h.enrol("bank"), h.enrol("bank")
			a.steps(take(1, 1))
			a.steps(schemaStatement("ALTER TABLE account RENAME TO konto"), schemaStatement(createNote), putNote("note", 1, "text", "x"))
			a.record(putNote("note", 2))
			a.steps(intent("UPDATE konto SET balance = balance - 2 WHERE id = 1"))
			f.armed.Store(true)
			if got, err := a.try(); err == nil {
				t.Fatalf("the killed server answered %+v", got)
			}
			h.restart()
			if v := h.schema("bank", ""); (v.Revision == 2) != kept {
				t.Fatalf("after the restart: revision %d", v.Revision)
			}
			h.sound("bank")
			if got := a.sync(); len(got.verdicts) != 4 || got.Revision != 4 {
				t.Fatalf("the device sends again: %+v", got)
			}
			if got := b.sync(); len(got.entries) != 4 || !got.entries[1].Schema {
				t.Fatalf("the other device gets %+v", got)
			}
			if rows := h.replicaRows("bank", "SELECT balance FROM konto WHERE id = 1 UNION ALL SELECT n FROM total UNION ALL SELECT count(*) FROM note"); rows != "[7]\n[57]\n[2]\n" {
				t.Errorf("rows: %s", rows)
			}
			h.sound("bank")
		})
	}
}

// Where one cannot be judged or logged, what comes before it is done again, and nothing
// is left of itself.
func TestASchemaAfterATransactionThatCannotBeJudged(t *testing.T) {
	works := func() error { return nil }
	fails := func() error { return errors.New("the disk is on fire") }
	for _, tc := range []struct {
		name  string
		x     hostileTx
		seq   int64
		total string
	}{
		{"an error after it", hostileTx{judging: fails, appending: works}, 3, "[60]"},
		{"an error in appending what is after it", hostileTx{judging: works, appending: fails}, 3, "[60]"},
		{"an error in appending it", hostileTx{judging: works, appending: fails}, 2, "[58]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := tc.x
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
			a.record(setTotal(60, 59))
			a.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more"), schemaStatement("DROP TRIGGER account_total"), setTotal(59, 60))
			a.steps(take(1, 2)).Base = 1 // so that the log is asked about it anew
			x.seq.Store(tc.seq)
			r, err := a.send(a.upload())
			h.must(err)
			h.expect(r, http.StatusInternalServerError, replog.CodeInternal)
			x.seq.Store(0)
			b.record(putMemo(9, "b's"))
			b.steps(take(1, 3)) // with the trigger, or without
			for _, v := range b.sync().verdicts {
				if v.Outcome != replog.Applied {
					t.Errorf("%s: %v", v.Outcome, v.Reason)
				}
			}
			if rows := h.replicaRows("bank", "SELECT n FROM total"); rows != tc.total+"\n" {
				t.Errorf("total %s, want %s", rows, tc.total)
			}
			h.sound("bank")
			if got := a.sync(); len(got.verdicts) != 3 || got.Revision != 6 {
				t.Errorf("the device sends again: %+v", got)
			}
			h.sound("bank")
		})
	}
}

package server

import (
	"strings"
	"testing"

	"replog/replog"
)

// syncEach sends each transaction of the outbox by itself.
func (d *double) syncEach() (verdicts []replog.Verdict) {
	d.h.t.Helper()
	for _, t := range d.outbox {
		d.outbox = []replog.Transaction{t}
		verdicts = append(verdicts, d.sync().verdicts...)
	}
	return verdicts
}

// What builds on what was not applied is held: of intents by table. Both transactions
// were recorded before the device saw a verdict.
func TestWhatBuildsOnIntentsIsHeld(t *testing.T) {
	const held = "held; held, builds-on, "
	tooMuch := func() *replog.Intent { return take(99, 1) } // a conflict
	for _, tc := range []struct {
		name   string
		record func(b *double)
		want   string // of the last
	}{
		{"an intent on the same table", func(b *double) { b.steps(tooMuch()); b.steps(take(1, 2)) }, held + "[]"},
		{"an intent that reads it", func(b *double) {
			b.steps(tooMuch())
			b.steps(intent("UPDATE memo SET text = 'rich' WHERE id = 1 AND EXISTS (SELECT 1 FROM account WHERE balance > 5)"))
		}, held + "[]"},
		{"an intent on a table that a trigger writes", func(b *double) { b.steps(tooMuch()); b.steps(intent("UPDATE total SET n = n + 1 WHERE id = 1")) }, held + "[]"},
		{"an intent elsewhere", func(b *double) { b.steps(tooMuch()); b.steps(intent("UPDATE memo SET text = 'x' WHERE id = 1")) }, "applied"},
		{"a row of the table", func(b *double) { b.steps(tooMuch()); b.record(setBalance(3, 30, 31)) }, held + "[0]"},
		{"a row that a trigger writes", func(b *double) { b.steps(tooMuch()); b.record(setTotal(60, 61)) }, held + "[0]"},
		{"a child of a row of the table", func(b *double) { b.steps(tooMuch()); b.record(putBooking(5, 3)) }, held + "[0]"},
		{"a row elsewhere", func(b *double) { b.steps(tooMuch()); b.record(putMemo(7, "x")) }, "applied"},
		{"a row elsewhere that its own row step was to change", func(b *double) { b.steps(putMemo(7, "x"), tooMuch()); b.record(setMemo(7, "x", "y")) }, held + "[0]"},
		{"another row of the table of its row step", func(b *double) { b.steps(putMemo(7, "x"), tooMuch()); b.record(setMemo(1, "old", "y")) }, "applied"},
		{"an intent on the table of its row step", func(b *double) {
			b.steps(putMemo(7, "x"), tooMuch())
			b.steps(intent("UPDATE memo SET text = 'x' WHERE id = 1"))
		}, held + "[]"},
		{"an intent on the table of a row", func(b *double) { b.record(setBalance(1, 10, -1)); b.steps(take(1, 2)) }, held + "[]"},
		{"a group of an unmarked transaction", func(b *double) { b.steps(tooMuch()); b.record(setBalance(3, 30, 31), putMemo(7, "x")) }, "applied; held, builds-on, [0]"},
		{"a row step of the later one", func(b *double) {
			b.steps(tooMuch())
			b.steps(putMemo(7, "x"), setBalance(3, 30, 31), intent("UPDATE memo SET text = 'x' WHERE id = 1"))
		}, held + "[0 1]"},
		{"what builds on what was held", func(b *double) {
			b.steps(tooMuch())
			b.steps(take(1, 2), intent("DELETE FROM slip WHERE id = 1"))
			b.steps(intent("DELETE FROM slip WHERE id = 2"))
		}, held + "[]"},
		{"an intent that was refused before it ran", func(b *double) {
			b.steps(intent("UPDATE account SET note = random() WHERE id = 1"))
			b.steps(take(1, 2))
		}, held + "[]"},
		{"what was left out holds nothing", func(b *double) { b.steps(optional(tooMuch())); b.steps(take(1, 2)) }, "applied"},
		{"a transaction that the device knew to be without effect", func(b *double) {
			b.steps(tooMuch())
			b.steps(take(1, 2)).Without = []replog.Seq{1}
		}, "applied"},
		{"one that had effect after all", func(b *double) { b.steps(take(1, 1)); b.steps(take(1, 2)).Without = []replog.Seq{1} }, held + "[]"},
		{"one that had effect after all, and a row", func(b *double) {
			b.steps(take(1, 1))
			b.record(setBalance(3, 30, 31)).Without = []replog.Seq{1}
		}, held + "[0]"},
	} {
		for _, way := range []string{"in one upload", "in one each"} {
			t.Run(tc.name+" "+way, func(t *testing.T) {
				h := newHarness(t)
				h.publish("bank", bankSchema)
				b := h.enrol("bank")
				tc.record(b)
				var verdicts []replog.Verdict
				if way == "in one upload" {
					verdicts = b.sync().verdicts
				} else {
					verdicts = b.syncEach()
				}
				last := verdicts[len(verdicts)-1]
				if got := describeVerdict(&last); got != tc.want {
					t.Errorf("%s, want %s", got, tc.want)
				}
				h.sameRebuilt("bank")
			})
		}
	}
}

func TestAVerdictNamesTheTablesOfItsIntents(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	b := h.enrol("bank")
	b.steps(take(1, 1), intent("DELETE FROM booking WHERE id = 1"))
	b.steps(take(99, 1))
	b.steps(intent("UPDATE nothing SET a = 1"), intent("UPDATE memo SET text = random()"), intent("DROP TABLE account"))
	b.record(putMemo(7, "x"))
	for i, want := range []string{"account booking slip total", "account total", "memo nothing", ""} {
		if got := strings.Join(b.syncNext(), " "); got != want {
			t.Errorf("transaction %d: %q, want %q", i+1, got, want)
		}
	}
}

// syncNext sends the next transaction, and returns the tables of its verdict.
func (d *double) syncNext() []string {
	d.h.t.Helper()
	rest := d.outbox[1:]
	d.outbox = d.outbox[:1]
	tables := d.sync().verdicts[0].Tables
	d.outbox = rest
	return tables
}

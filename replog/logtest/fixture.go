package logtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"replog/replog"
)

// Devices of the tests; anna's id is the smallest.
const (
	anna  replog.DeviceID = "aaaaaaaa-0000-4000-8000-000000000001"
	bert  replog.DeviceID = "bbbbbbbb-0000-4000-8000-000000000002"
	clara replog.DeviceID = "cccccccc-0000-4000-8000-000000000003"
)

// update is a change of one column of item id.
func update(id, from, to int64) replog.Change {
	return replog.Change{
		Table: "item", Op: replog.Update, Time: replog.Millis(1000 + to),
		Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"stock"}, Old: []replog.Value{replog.Integer(from)}, New: []replog.Value{replog.Integer(to)},
	}
}

func insert(id, stock int64) replog.Change {
	return replog.Change{
		Table: "item", Op: replog.Insert, Time: replog.Millis(1000 + stock),
		Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"id", "stock"}, New: []replog.Value{replog.Integer(id), replog.Integer(stock)},
	}
}

func remove(id, stock int64) replog.Change {
	c := insert(id, stock)
	c.Op, c.Old, c.New = replog.Delete, c.New, nil
	return c
}

// applied is an entry that did what its statements say.
func applied(device replog.DeviceID, seq replog.Seq, changes ...replog.Change) replog.Entry {
	t := replog.Transaction{
		Device: device, Seq: seq, Time: 1000, Nonce: fmt.Sprintf("%032x", seq),
	}
	for _, c := range changes {
		t.Statements = append(t.Statements, replog.Statement{Change: c})
		t.Time = max(t.Time, c.Time)
	}
	return replog.Entry{Received: t.Time + 5000, Outcome: replog.Applied, Transaction: t, Changes: netOf(&t)}
}

// netOf are the net changes of a transaction in memory.
func netOf(t *replog.Transaction) []replog.Change {
	list, err := replog.InMemory(t.NetChanges())
	if err != nil {
		panic(err)
	}
	return list
}

// judged is what became of an entry's transaction.
func judged(e replog.Entry) replog.Judged {
	return replog.Judged{Verdict: e.Verdict(), Changes: len(e.Changes)}
}

// refused is an entry with an outcome other than applied.
func refused(outcome replog.Outcome, device replog.DeviceID, seq replog.Seq, changes ...replog.Change) replog.Entry {
	e := applied(device, seq, changes...)
	e.Outcome, e.Changes = outcome, nil
	e.Reason = replog.Reason{Code: replog.ReasonExists, Detail: "item [1] is there"}
	e.Parts = []replog.Part{{Outcome: outcome, Reason: e.Reason, Rows: []int{0}}}
	return e
}

// sealed gives the entry its revision and its hash.
func sealed(e replog.Entry, r replog.Revision) replog.Entry {
	e.Revision = r
	_, e.Hash = e.Transaction.Encode()
	return e
}

func begin(t *testing.T, log replog.Log) replog.LogTx {
	t.Helper()
	tx, err := log.Begin(context.Background())
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// write appends the entries at the next revisions, in one transaction, and
// returns them as they should come back.
func write(t *testing.T, log replog.Log, entries ...replog.Entry) []replog.Entry {
	t.Helper()
	tx := begin(t, log)
	for i := range entries {
		entries[i] = sealed(entries[i], tx.Head().Revision+1)
		must(t, tx.Append(entries[i]))
	}
	must(t, tx.Commit())
	return entries
}

func read(t *testing.T, log replog.Log, f replog.Filter) []replog.Entry {
	t.Helper()
	var entries []replog.Entry
	must(t, log.Entries(context.Background(), f, func(e replog.Entry) error {
		e, err := e.InMemory() // a long one is valid in here only
		entries = append(entries, e)
		return err
	}))
	return entries
}

// readOne reads one entry.
func readOne(t *testing.T, log replog.Log, r replog.Revision) replog.Entry {
	t.Helper()
	e, err := log.Entry(context.Background(), r)
	must(t, err)
	got, err := e.InMemory()
	must(t, errors.Join(err, e.Close()))
	return got
}

func head(t *testing.T, log replog.Log) replog.Head {
	t.Helper()
	h, err := log.Head(context.Background())
	must(t, err)
	return h
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantNotFound(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, replog.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

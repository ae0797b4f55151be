package server

import (
	"testing"

	"replog/applier"
	"replog/replog"
)

// countingLog is a log without entries that counts how often it is read.
type countingLog struct {
	replog.LogTx
	reads int
}

func (l *countingLog) Unsettled(replog.DeviceID, replog.Seq) ([]replog.Judged, error) {
	l.reads++
	return nil, nil
}

func (l *countingLog) Find(replog.DeviceID, replog.Seq) (replog.Judged, error) {
	return replog.Judged{}, replog.ErrNotFound
}

func insertOf(seq replog.Seq, id int64) *replog.Transaction {
	key := []replog.Value{replog.Integer(id)}
	return &replog.Transaction{Seq: seq, Net: []replog.Change{{
		Table: "t", Op: replog.Insert, Key: key, KeyColumns: []string{"id"}, Columns: []string{"id"}, New: key,
	}}}
}

func touches(t *testing.T, taint *applier.Taint, x *replog.Transaction) bool {
	t.Helper()
	_, touched, err := taint.Touched(x.NetChanges())
	if err != nil {
		t.Fatal(err)
	}
	return touched
}

func TestWhatIsUnsureIsReadOncePerUpload(t *testing.T) {
	log, schema := &countingLog{}, &applier.Schema{}
	var kept unsure
	refused := verdict{Parts: []replog.Part{{Outcome: replog.Conflict, Rows: []int{0}}}}
	for seq := replog.Seq(2); seq < 100; seq++ {
		tx := insertOf(seq, int64(seq))
		taint, err := kept.of(schema, log, tx)
		if err != nil {
			t.Fatal(err)
		}
		if touches(t, taint, tx) {
			t.Fatalf("transaction %d builds on itself", seq)
		}
		if touched := touches(t, taint, insertOf(seq, int64(seq-1))); touched != (seq > 2) {
			t.Fatalf("transaction %d: what the one before wanted is unsure: %t", seq, touched)
		}
		if err := kept.judged(tx, &refused); err != nil {
			t.Fatal(err)
		}
	}
	if log.reads != 1 {
		t.Errorf("the log was read %d times", log.reads)
	}
}

func TestWhatIsUnsureIsReadAnewForAnotherView(t *testing.T) {
	log, schema := &countingLog{}, &applier.Schema{}
	var kept unsure
	for i, tx := range []*replog.Transaction{
		{Seq: 5},
		{Seq: 6, Seen: 2},
		{Seq: 7, Seen: 2, Without: []replog.Seq{4}},
		{Seq: 9, Seen: 2, Without: []replog.Seq{4}},
	} {
		if _, err := kept.of(schema, log, tx); err != nil {
			t.Fatal(err)
		}
		if log.reads != i+1 {
			t.Errorf("transaction %d: %d reads", tx.Seq, log.reads)
		}
		if err := kept.judged(tx, &verdict{}); err != nil {
			t.Fatal(err)
		}
	}
}

package client

import (
	"slices"
	"testing"

	"replog/replog"
)

func transactionOf(seq replog.Seq) *replog.Transaction {
	change := func(id int64) replog.Change {
		return replog.Change{
			Table: "t", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
			Columns: []string{"a", "b"}, Old: []replog.Value{{}, {}}, New: []replog.Value{replog.Integer(1), replog.Integer(2)}, Time: 5,
		}
	}
	return &replog.Transaction{Seq: seq, Label: "l", Time: 5, Net: []replog.Change{change(1), change(2)}}
}

func TestAConflictIsCalledByItsTransactionAndPart(t *testing.T) {
	c := &storedConflict{seq: 7, number: 2, transaction: transactionOf(7), part: replog.Part{Outcome: replog.Held, Rows: []int{1}}}
	if got, err := c.show(false); got.ID != "7" || err != nil {
		t.Errorf("the only one of its transaction: %q, %v", got.ID, err)
	}
	if got, err := c.show(true); got.ID != "7.2" || err != nil {
		t.Errorf("one of several: %q, %v", got.ID, err)
	}
	c.seq = -7
	if got, err := c.show(true); got.ID != "former-7.2" || got.Seq != 7 || err != nil {
		t.Errorf("one of a former identity: %q, transaction %d", got.ID, got.Seq)
	}
}

func TestAConflictShowsWhatWasNotApplied(t *testing.T) {
	c := &storedConflict{transaction: transactionOf(7), part: replog.Part{Outcome: replog.Ignored, Rows: []int{1}, Columns: []string{"b"}}}
	list, err := c.changes()
	if err != nil || len(list) != 1 || !slices.Equal(list[0].Columns, []string{"b"}) || list[0].New[0] != replog.Integer(2) || list[0].Key[0] != replog.Integer(2) {
		t.Fatalf("%+v", list)
	}
	c.part = replog.Part{Outcome: replog.Conflict, Rows: []int{0, 1, 2, -1}}
	if list, err := c.changes(); len(list) != 2 || err != nil {
		t.Fatalf("rows that the transaction does not have: %+v", list)
	}
}

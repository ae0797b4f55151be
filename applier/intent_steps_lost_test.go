package applier

import (
	"context"
	"errors"
	"testing"

	"replog/replog"
)

// Where the transaction is gone there is nothing that could go on without an intent.
func TestAnOptionalIntentThatTakesTheTransactionIsNotLeftOut(t *testing.T) {
	const slow = `CREATE TRIGGER slow AFTER UPDATE ON box BEGIN UPDATE meter_sum SET n = (SELECT count(*) FROM big a, big b, big c, big d) WHERE id = 1; END`
	r, _ := stashed(t, bank, bankRows, hostileRows)
	x := NewIntents(r.Replica, IntentOptions{Triggers: []string{slow}, Limits: tight()})
	any := int64(-1)
	steps := (&replog.Transaction{Steps: []replog.Step{
		{Intent: &replog.Intent{SQL: "UPDATE box SET v = 5 WHERE id = 1", Optional: true, Expect: &any}},
		{Statements: replog.ChangeList{{Table: "box", Op: replog.Delete}}},
	}}).AllSteps()
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := x.Do(context.Background(), steps, StepWork{Judged: true, Rows: func(net replog.Changes) (replog.Changes, error) {
		t.Error("what follows is done")
		return net, nil
	}})
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Errorf("%v", err)
	}
	if err := errors.Join(r.Rollback(), x.Off()); err != nil {
		t.Error(err)
	}
}

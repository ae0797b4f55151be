package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// steps makes steps of SQL, with a row statement for each change among them.
func stepsOf(list ...any) (steps []replog.Step) {
	for _, s := range list {
		switch s := s.(type) {
		case string:
			steps = append(steps, replog.Step{Intent: &replog.Intent{SQL: s, Affected: 1, Time: replog.Millis(100 + len(steps))}})
		case replog.Intent:
			s.Time = replog.Millis(100 + len(steps))
			steps = append(steps, replog.Step{Intent: &s})
		case replog.Change:
			steps = append(steps, replog.Step{Statements: replog.ChangeList{s}})
		}
	}
	return steps
}

// balanceOf is an UPDATE of an account by a row statement.
func balanceOf(id, before, after int64) replog.Change {
	return replog.Change{
		Table: "account", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"}, Columns: []string{"balance"},
		Old: []replog.Value{replog.Integer(before)}, New: []replog.Value{replog.Integer(after)}, Time: 7,
	}
}

func meterOf(id, before, after int64) replog.Change {
	c := balanceOf(id, before, after)
	c.Table, c.Columns = "meter", []string{"v"}
	return c
}

var stepCases = []struct {
	name  string
	steps []replog.Step
	want  string // what it made, what was left out, or the error
}{
	{"an intent", stepsOf("UPDATE account SET balance = balance - 3 WHERE id = 1"),
		"update account [1] balance 10->7 @100"},
	{"rows between intents", stepsOf("UPDATE account SET balance = balance - 3 WHERE id = 1", balanceOf(1, 7, 50), "UPDATE account SET balance = balance + 1 WHERE id = 1"),
		"update account [1] balance 10->51 @102"},
	{"rows fire no trigger, intents do", stepsOf(meterOf(1, 1, 5), "UPDATE meter SET v = v + 1 WHERE id = 2", meterOf(1, 5, 6)),
		"update meter [1] v 1->6 @7; update meter [2] v 2->3 @101; update meter_sum [1] n 3->4 @101"},
	{"what cancels out", stepsOf("UPDATE account SET balance = 3 WHERE id = 1", "UPDATE account SET balance = 10 WHERE id = 1"), ""},
	{"nothing affected", stepsOf("UPDATE account SET balance = 3 WHERE id = 77"), "*applier.AffectedError"},
	{"nothing affected, but optional", stepsOf("UPDATE account SET balance = 3 WHERE id = 1", replog.Intent{SQL: "UPDATE account SET balance = 3 WHERE id = 77", Affected: 1, Optional: true}),
		"update account [1] balance 10->3 @100; left 1 *applier.AffectedError"},
	{"more than expected", stepsOf(replog.Intent{SQL: "UPDATE account SET balance = 3", Expect: pointer(1)}), "*applier.AffectedError"},
	{"as expected", stepsOf(replog.Intent{SQL: "UPDATE account SET balance = 3", Expect: pointer(2)}),
		"update account [1] balance 10->3 @100; update account [2] balance 20->3 @100"},
	{"whatever number", stepsOf(replog.Intent{SQL: "UPDATE account SET balance = 3 WHERE id = 77", Affected: 1, Expect: pointer(-1)}), ""},
	{"a constraint", stepsOf("UPDATE account SET balance = -1 WHERE id = 1"), "*applier.IntentError"},
	{"a constraint, but optional", stepsOf(replog.Intent{SQL: "UPDATE account SET balance = -1 WHERE id = 1", Optional: true}, "UPDATE account SET balance = 1 WHERE id = 1"),
		"update account [1] balance 10->1 @101; left 0 *applier.IntentError"},
	{"the child first", stepsOf("INSERT INTO entry(account, n, amount) VALUES(5, 1, 1)", "INSERT INTO account(id, owner, balance, seen) VALUES(5, 'eve', 0, 'now')"),
		"insert account [5] @101; insert entry [5,1] @100"},
	{"the child alone", stepsOf("INSERT INTO entry(account, n, amount) VALUES(5, 1, 1)"), "*applier.ForeignKeyError"},
	{"the child alone, but optional", stepsOf(replog.Intent{SQL: "INSERT INTO entry(account, n, amount) VALUES(5, 1, 1)", Optional: true, Affected: 1}),
		"left 0 *applier.ForeignKeyError"},
	{"the parent of a child that goes as well", stepsOf("DELETE FROM account WHERE id = 1"),
		"delete account [1] @100; delete entry [1,1] @100; delete entry [1,2] @100"},
	{"not safe", stepsOf("UPDATE account SET balance = random()"), "*applier.UnsafeError"},
}

func pointer(n int64) *int64 { return &n }

// What steps do, and what is told of it, is the same on a server, on a device, and
// where it is made again as it was.
func TestStepsAreDoneInOrder(t *testing.T) {
	for _, tc := range stepCases {
		t.Run(tc.name, func(t *testing.T) {
			r, x := stashed(t, bank, bankRows)
			var digest replog.Digest
			r.in(t, "server", func() error {
				got, d := doSteps(t, r, x, tc.steps, true)
				if digest = d; got != tc.want {
					t.Errorf("got  %s\nwant %s", got, tc.want)
				}
				return x.Off()
			})
			device := newTestReplica(t, scripted(t, "device", bank, bankRows))
			device.in(t, "install", device.Install)
			before := device.schemaSQL(t)
			again := !strings.Contains(tc.want, "*") // what was left out stays out
			device.write(t, "device", func() error {
				x := NewIntents(device.Replica, IntentOptions{})
				if got, d := doSteps(t, device, x, tc.steps, !again); got != tc.want || d != digest {
					t.Errorf("on a device %s, digest %s\nwant %s, %s", got, d, tc.want, digest)
				}
				return x.Off()
			})
			mustEqual(t, tc.name, r.Conn, device.Conn, nil)
			if after := device.schemaSQL(t); strings.Join(before, "\n") != strings.Join(after, "\n") {
				t.Errorf("the schema is\n%s\nit was\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
			}
			if left := device.gather(t); len(left) > 0 {
				t.Errorf("capture recorded%s", describeGathered(left))
			}
		})
	}
}

// A row statement is made again on a row that others have changed where it writes
// nothing, and an intent changes just that.
func TestStepsThatAreMadeAgainOnARowOfOthersAreTakenBack(t *testing.T) {
	r := newTestReplica(t, scripted(t, "device", related))
	r.in(t, "install", r.Install)
	steps := stepsOf(recordOn(t, r, "UPDATE pair SET a = 9 WHERE id = 1")[0], "UPDATE pair SET b = b + 1 WHERE id = 1")
	r.write(t, "meanwhile", func() error { return r.Script("UPDATE pair SET b = 7 WHERE id = 1") })
	r.write(t, "replay", func() error {
		x := NewIntents(r.Replica, IntentOptions{})
		transaction := replog.Transaction{Steps: steps}
		made, err := x.Do(context.Background(), transaction.AllSteps(), StepWork{Judged: true, Rows: r.ReplayStep})
		if err != nil {
			return err
		}
		defer made.Close()
		if got, want := contentOf(t, r, "SELECT a, b FROM pair WHERE id = 1"), "[9,8]"; got != want {
			t.Errorf("made again: %s, want %s", got, want)
		}
		if err := r.Revert(made.List()); err != nil {
			return err
		}
		if got, want := contentOf(t, r, "SELECT a, b FROM pair WHERE id = 1"), "[1,7]"; got != want {
			t.Errorf("taken back: %s, want %s", got, want)
		}
		return x.Off()
	})
}

// doSteps does steps and describes what became of them.
func doSteps(t *testing.T, r *testReplica, x *Intents, steps []replog.Step, judged bool) (string, replog.Digest) {
	t.Helper()
	var told, left []string
	var digest replog.Digest
	transaction := replog.Transaction{Steps: steps}
	err := r.Savepoint(func() error {
		made, err := x.Do(context.Background(), transaction.AllSteps(), StepWork{
			Judged: judged,
			Rows:   func(net replog.Changes) (replog.Changes, error) { return r.Replay(net) },
			Left: func(n int, _ *replog.Intent, cause error) {
				left = append(left, fmt.Sprintf("left %d %T", n, cause))
			},
		})
		if err != nil {
			return err
		}
		defer made.Close()
		if digest, err = replog.DigestChanges(made.List()); err != nil {
			return err
		}
		told = describeMade(t, made.List())
		return nil
	})
	var diverged *DivergenceError
	if IntentRefused(err) || errors.As(err, &diverged) {
		return fmt.Sprintf("%T", err), digest
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(told, left...), "; "), digest
}

func describeMade(t *testing.T, l replog.Changes) (told []string) {
	t.Helper()
	err := replog.EachChange(l, func(_ int, c *replog.Change) error {
		text := fmt.Sprintf("%s %s", c.Op, c.Row())
		if c.Op == replog.Update {
			text += fmt.Sprintf(" %s %s->%s", c.Columns[0], c.Old[0], c.New[0])
		}
		told = append(told, fmt.Sprintf("%s @%d", text, c.Time))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	return told
}

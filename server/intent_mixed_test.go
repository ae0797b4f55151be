package server

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// bankModel is what the bank's tables ought to hold.
type bankModel struct {
	balance map[int64]int64
	total   int64
}

func (m *bankModel) copy() *bankModel {
	c := &bankModel{balance: map[int64]int64{}, total: m.total}
	for id, n := range m.balance {
		c.balance[id] = n
	}
	return c
}

// Random transactions of intents, of row statements, and of both, applied and refused,
// in uploads of several, do what a model of them says: a trigger fires for what an
// intent changes, and for nothing else.
func TestIntentsAmongRowStatements(t *testing.T) {
	h := newHarness(t)
	banks := 0
	rapid.Check(t, func(r *rapid.T) {
		banks++
		bank := fmt.Sprintf("bank%d", banks)
		h.publish(bank, bankSchema)
		d := h.enrol(bank)
		model := &bankModel{balance: map[int64]int64{1: 10, 2: 20, 3: 30}, total: 60}
		memo := int64(100)
		for range rapid.IntRange(1, 2).Draw(r, "uploads") {
			var want []replog.Outcome
			for range rapid.IntRange(1, 8).Draw(r, "transactions") {
				after, outcome := model.copy(), replog.Applied
				var parts []any
				fail := func(o replog.Outcome) {
					if outcome == replog.Applied {
						outcome = o
					}
				}
				intents := 0
				for range rapid.IntRange(1, 4).Draw(r, "steps") {
					id := rapid.Int64Range(1, 3).Draw(r, "id")
					n := rapid.Int64Range(0, 9).Draw(r, "n")
					switch rapid.SampledFrom([]string{"take", "take", "force", "memo", "child", "optional", "row"}).Draw(r, "what") {
					case "take":
						parts = append(parts, take(n, id))
						intents++
						if after.balance[id] < n {
							fail(replog.Conflict)
						} else {
							after.balance[id] -= n
							after.total -= n
						}
					case "optional":
						parts = append(parts, optional(take(n, id)))
						intents++
						if after.balance[id] >= n {
							after.balance[id] -= n
							after.total -= n
						}
					case "force":
						parts = append(parts, intent("UPDATE account SET balance = balance - ? WHERE id = ?", n, id))
						intents++
						if after.balance[id] < n {
							fail(replog.Rejected)
						} else {
							after.balance[id] -= n
							after.total -= n
						}
					case "memo":
						memo++
						parts = append(parts, putMemo(memo, "x"))
					case "child":
						memo++
						parts = append(parts, putBooking(memo, id))
					case "row":
						if outcome != replog.Applied || after.balance[id] == n {
							continue
						}
						if since(parts, id) {
							continue // a row twice in a step would be malformed
						}
						parts = append(parts, setBalance(id, after.balance[id], n))
						after.balance[id] = n
					}
				}
				if len(parts) == 0 {
					continue
				}
				if intents > 0 {
					judgedOnItsOwn(d.steps(parts...))
				} else {
					var changes []replog.Change
					for _, p := range parts {
						changes = append(changes, p.(replog.Change))
					}
					judgedOnItsOwn(d.record(changes...))
				}
				if want = append(want, outcome); outcome == replog.Applied {
					model = after
				}
			}
			if len(want) == 0 {
				continue
			}
			verdicts := d.sync().verdicts
			for i, v := range verdicts {
				if v.Outcome != want[i] {
					r.Fatalf("transaction %d of %d is %s, want %s", i+1, len(want), describeVerdict(&v), want[i])
				}
			}
			got := h.replicaRows(bank, "SELECT (SELECT n FROM total), (SELECT group_concat(balance) FROM account)")
			if state := fmt.Sprintf("[%d,\"%d,%d,%d\"]\n", model.total, model.balance[1], model.balance[2], model.balance[3]); got != state {
				r.Fatalf("the bank has %swant %s", got, state)
			}
			if rapid.IntRange(0, 19).Draw(r, "restart") == 0 {
				h.restart()
			}
		}
		h.sameRebuilt(bank)
	})
}

// since tells whether an account was written after the last intent.
func since(parts []any, id int64) bool {
	for _, p := range slices.Backward(parts) {
		c, ok := p.(replog.Change)
		if !ok {
			return false
		}
		if c.Table == "account" && c.Key[0].Int64() == id {
			return true
		}
	}
	return false
}

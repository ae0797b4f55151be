package client

import (
	"math/rand/v2"
	"testing"

	"replog/applier"
	"replog/replog"
)

func insertOf(seq replog.Seq) []replog.Change {
	key := []replog.Value{replog.Integer(int64(seq))}
	return []replog.Change{{
		Table: "t", Op: replog.Insert, Key: key, KeyColumns: []string{"id"}, Columns: []string{"id"}, New: key,
	}}
}

// Replay asks for one transaction after the other; what it is told must be what
// each would be told by itself.
func TestWhatIsUnsureDoesNotDependOnWhatWasAskedBefore(t *testing.T) {
	schema := &applier.Schema{}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		fresh := func() *unsure {
			u := &unsure{late: map[replog.Seq]*late{3: {rows: replog.ChangeList(insertOf(3))}}}
			for seq := replog.Seq(1); seq < 5; seq++ {
				refused := &replog.Transaction{Seq: seq, Net: insertOf(seq)}
				u.refused = append(u.refused, &storedConflict{
					seq: seq, transaction: refused, part: replog.Part{Outcome: replog.Conflict, Rows: []int{0}},
				})
			}
			return u
		}
		var outbox []*pending
		recorded := map[replog.Seq]*replog.Transaction{}
		load := func(p *pending) (*replog.Transaction, error) { return recorded[p.seq], nil }
		taintOf := func(u *unsure, of *replog.Transaction) *applier.Taint {
			taint, err := u.taint(schema, of, outbox, load)
			if err != nil {
				t.Fatal(err)
			}
			return taint
		}
		kept := fresh()
		seen, without := replog.Seq(0), []replog.Seq(nil)
		for seq := replog.Seq(5); seq < 15; seq++ {
			switch random.IntN(4) {
			case 0:
				seen = min(seen+1, 4)
			case 1:
				without = []replog.Seq{3, seq - 1}
			}
			p := &pending{seq: seq, effect: random.IntN(2) == 0}
			recorded[seq] = &replog.Transaction{Seq: seq, Seen: seen, Without: without, Net: insertOf(seq)}
			got, want := taintOf(kept, recorded[seq]), taintOf(fresh(), recorded[seq])
			for row := replog.Seq(1); row < 15; row++ {
				_, a, err := got.Touched(replog.ChangeList(insertOf(row)))
				_, b, failed := want.Touched(replog.ChangeList(insertOf(row)))
				if a != b || err != nil || failed != nil {
					t.Fatalf("seed %d, transaction %d: row %d is unsure: %t, asked alone: %t", seed, seq, row, a, b)
				}
			}
			outbox = append(outbox, p)
		}
	}
}

package server

import (
	"fmt"
	"strings"
	"testing"

	"replog/replog"
)

const judgeSchema = `
	CREATE TABLE item (id INTEGER PRIMARY KEY, name, n);
	CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item(id));
	INSERT INTO item VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0);`

func rowChange(op replog.Op, table string, id int64) replog.Change {
	return replog.Change{Table: table, Op: op, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"}}
}

// setN is an UPDATE of an item's n, which was 0.
func setN(id, n int64) replog.Change {
	c := rowChange(replog.Update, "item", id)
	c.Columns, c.Old, c.New = []string{"n"}, []replog.Value{replog.Integer(0)}, []replog.Value{replog.Integer(n)}
	return c
}

func putItem(id, n int64) replog.Change {
	c := rowChange(replog.Insert, "item", id)
	c.Columns, c.New = []string{"id", "name", "n"}, []replog.Value{replog.Integer(id), replog.Text("new"), replog.Integer(n)}
	return c
}

func putPart(id, item int64) replog.Change {
	c := rowChange(replog.Insert, "part", id)
	c.Columns, c.New = []string{"id", "item"}, []replog.Value{replog.Integer(id), replog.Integer(item)}
	return c
}

// describeVerdict renders a verdict as "outcome; part outcome, reason, rows".
func describeVerdict(v *replog.Verdict) string {
	out := []string{string(v.Outcome)}
	for _, p := range v.Parts {
		line := strings.TrimRight(fmt.Sprintf("%s, %s, %v %s", p.Outcome, p.Reason.Code, p.Rows, strings.Join(p.Columns, " ")), " ")
		if len(p.Statements) > 0 {
			line += fmt.Sprintf(", statements %v", p.Statements)
		}
		out = append(out, line)
	}
	return strings.Join(out, "; ")
}

const judgedItems = `SELECT id, name, n FROM item WHERE name <> 'c' OR n <> 0 UNION ALL SELECT id, 'part of', item FROM part ORDER BY 2, 1`

// Device a synced before b, whose base is revision 0 and whose times are earlier.
// What is wanted are b's verdicts, and the server's rows but item 3.
func TestATransactionIsJudgedAsWritten(t *testing.T) {
	untouched := `[1,"a",0] [2,"b",0]`
	for _, tc := range []struct {
		name  string
		first []replog.Change // a's one transaction
		then  func(b *double)
		want  []string
		rows  string
	}{
		{"some of an unmarked one is stale", []replog.Change{setN(1, 5)},
			func(b *double) { b.record(setN(1, 7), setN(2, 8)) },
			[]string{"applied; ignored, stale, [0]"}, `[1,"a",5] [2,"b",8]`},
		{"some of a marked one is stale", []replog.Change{setN(1, 5)},
			func(b *double) { b.record(setN(1, 7), setN(2, 8)).Marked = true },
			[]string{"conflict; conflict, partly-stale, [0 1]"}, `[1,"a",5] [2,"b",0]`},
		{"all of it is stale", []replog.Change{setN(1, 5), setN(2, 5)},
			func(b *double) { b.record(setN(1, 7), setN(2, 8)) },
			[]string{"ignored; ignored, stale, [0 1]"}, `[1,"a",5] [2,"b",5]`},
		{"what a device knew is not concurrent", []replog.Change{setN(1, 5)},
			func(b *double) { b.sync(); b.record(setN(1, 7)) },
			[]string{"applied"}, `[1,"a",7] [2,"b",0]`},
		{"its own changes do not compete", []replog.Change{setN(2, 5)},
			func(b *double) { b.record(setN(1, 4)); b.clock--; b.record(setN(1, 7)) },
			[]string{"applied", "applied"}, `[1,"a",7] [2,"b",5]`},
		{"what is refused is undone, the rest applied", nil,
			func(b *double) { b.record(putItem(8, 1), putPart(1, 8), putPart(2, 99), setN(1, 7)) },
			[]string{"applied; rejected, foreign-key, [2]"}, `[1,"a",7] [2,"b",0] [8,"new",1] [1,"part of",8]`},
		{"a group is refused whole", nil,
			func(b *double) { b.record(putItem(8, 1), putPart(1, 8), putPart(8, 8), putItem(1, 4)) },
			[]string{"applied; conflict, exists, [3]"}, `[1,"a",0] [2,"b",0] [8,"new",1] [1,"part of",8] [8,"part of",8]`},
		{"a marked one is not divided", nil,
			func(b *double) { b.record(putItem(1, 4), setN(2, 7)).Marked = true },
			[]string{"conflict; conflict, exists, [0 1]"}, untouched},
		{"a whole one is not divided", nil,
			func(b *double) { b.record(setN(2, 7), putPart(2, 99)).Whole = true },
			[]string{"rejected; rejected, foreign-key, [0 1]"}, untouched},
		{"a conflict outranks what comes before it", nil,
			func(b *double) { b.record(putPart(2, 99), putItem(1, 4)) },
			[]string{"conflict; rejected, foreign-key, [0]; conflict, exists, [1]"}, untouched},
		{"of two conflicts the first is the reason", []replog.Change{putItem(9, 1)},
			func(b *double) { b.record(putItem(9, 2), setN(7, 4)).Marked = true },
			[]string{"conflict; conflict, exists, [0 1]"}, untouched + ` [9,"new",1]`},
		{"what builds on a conflict is held", nil,
			func(b *double) { b.record(putItem(1, 4)); b.record(setN(1, 7)); b.record(setN(2, 8)) },
			[]string{"conflict; conflict, exists, [0]", "held; held, builds-on, [0]", "applied"}, `[1,"a",0] [2,"b",8]`},
		{"what builds on what was refused is held", nil,
			func(b *double) { b.record(putPart(2, 99)); b.record(putItem(99, 1)) },
			[]string{"rejected; rejected, foreign-key, [0]", "held; held, builds-on, [0]"}, untouched},
		{"what builds on a stale one is not held", []replog.Change{setN(1, 5)},
			func(b *double) { b.record(setN(1, 7)); b.clock = 9000; b.record(setN(1, 8)) },
			[]string{"ignored; ignored, stale, [0]", "applied"}, `[1,"a",8] [2,"b",0]`},
		{"what was recorded without a conflict is not held by it", nil,
			func(b *double) { b.record(putItem(1, 4)); b.record(setN(1, 7)).Without = []replog.Seq{1} },
			[]string{"conflict; conflict, exists, [0]", "applied"}, `[1,"a",7] [2,"b",0]`},
		{"what was recorded without one that was applied is held", nil,
			func(b *double) { b.record(setN(1, 4)); b.record(setN(1, 7)).Without = []replog.Seq{1} },
			[]string{"applied", "held; held, builds-on, [0]"}, `[1,"a",4] [2,"b",0]`},
		{"all of one that was applied in part counts", []replog.Change{setN(1, 5)},
			func(b *double) { b.record(setN(1, 7), setN(2, 8)); b.record(setN(1, 7)).Without = []replog.Seq{1} },
			[]string{"applied; ignored, stale, [0]", "held; held, builds-on, [0]"}, `[1,"a",5] [2,"b",8]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, way := range []string{"in one upload", "in one upload each"} {
				h := newHarness(t)
				h.publish("shop", judgeSchema)
				a, b := h.enrol("shop"), h.enrol("shop")
				a.clock = 5000
				if tc.first != nil {
					a.record(tc.first...)
				}
				a.sync()
				tc.then(b)
				var got []string
				for _, v := range b.push(way == "in one upload") {
					got = append(got, describeVerdict(&v))
				}
				if fmt.Sprint(got) != fmt.Sprint(tc.want) {
					t.Errorf("%s: %q\nwant %q", way, got, tc.want)
				}
				if rows := strings.ReplaceAll(strings.TrimSpace(h.replicaRows("shop", judgedItems)), "\n", " "); rows != tc.rows {
					t.Errorf("%s: the server has %s\nwant %s", way, rows, tc.rows)
				}
			}
		})
	}
}

// push uploads the outbox, at once or a transaction at a time, processing no
// verdict in between.
func (d *double) push(atOnce bool) (verdicts []replog.Verdict) {
	d.h.t.Helper()
	outbox, header := d.outbox, d.header
	for n := 1; n <= len(outbox); n++ {
		if atOnce {
			n = len(outbox)
		}
		d.outbox, d.header = outbox[:n], header
		a, err := d.try()
		d.h.must(err)
		verdicts = a.verdicts
	}
	return verdicts
}

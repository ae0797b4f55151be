package logtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"replog/replog"
)

// take is what most intents here are.
func take(n, id int64) *replog.Intent {
	args := []replog.Value{replog.Integer(n), replog.Integer(id)}
	return &replog.Intent{
		SQL: `UPDATE item SET stock = stock - ?1 WHERE id = ?2`, Args: args,
		Time: 3000, Affected: 1, Changes: 1, Digest: replog.DigestItem([]byte("one row")),
	}
}

func optional(i *replog.Intent) *replog.Intent {
	n := int64(-1)
	i.Optional, i.Expect = true, &n
	return i
}

// rows is a step of row statements, with their net changes where net is not nil.
func rows(net []replog.Change, changes ...replog.Change) replog.Step {
	s := replog.Step{Statements: replog.ChangeList(changes)}
	if net != nil {
		s.Net = replog.ChangeList(net)
	}
	return s
}

func ran(i *replog.Intent) replog.Step { return replog.Step{Intent: i} }

// intents is an entry of which each step did what it did on the device, and which
// changed this in all.
func intents(device replog.DeviceID, seq replog.Seq, changes []replog.Change, steps ...replog.Step) replog.Entry {
	t := replog.Transaction{Device: device, Seq: seq, Time: 4000, Marked: true, Nonce: fmt.Sprintf("%032x", seq), Steps: steps}
	digest, err := replog.DigestChanges(replog.ChangeList(changes))
	if err != nil {
		panic(err)
	}
	return replog.Entry{
		Received: 9000, Outcome: replog.Applied, Transaction: t, Changes: changes,
		Tables: []string{"item", "stock_log"}, AsRun: true, Digest: &digest, BySteps: true,
	}
}

// otherwise is an entry that may be run, but did something else than on its device.
func otherwise(e replog.Entry) replog.Entry {
	e.AsRun = false
	return e
}

// uncertain is an entry of which nobody can run the steps, as they were not all done.
func uncertain(e replog.Entry) replog.Entry {
	e.AsRun, e.Digest, e.BySteps = false, nil, false
	return e
}

// wordy is an entry whose steps are longer than its changes.
func wordy(e replog.Entry) replog.Entry {
	e.BySteps = false
	return e
}

// leftOut is an entry without its intents with these numbers.
func leftOut(e replog.Entry, numbers ...int) replog.Entry {
	e = uncertain(e)
	e.Reason = replog.Reason{Code: replog.ReasonOptional, Detail: "CHECK constraint failed"}
	e.Parts = []replog.Part{{Outcome: replog.Ignored, Reason: e.Reason, Rows: []int{}, Statements: numbers}}
	return e
}

// refusedWhole is an entry with intents of which nothing was done.
func refusedWhole(outcome replog.Outcome, e replog.Entry) replog.Entry {
	e = uncertain(e)
	e.Outcome, e.Changes = outcome, nil
	e.Reason = replog.Reason{Code: replog.ReasonAffected, Detail: "it changed 0 rows"}
	e.Parts = []replog.Part{{Outcome: outcome, Reason: e.Reason, Rows: []int{}}}
	for i := range e.Transaction.NetChanges().Len() {
		e.Parts[0].Rows = append(e.Parts[0].Rows, i)
	}
	return e
}

// withIntents are entries with intents of all shapes.
func withIntents() []replog.Entry {
	made := []replog.Change{update(1, 10, 9), in("stock_log", insert(1, 9))[0]}
	plain := take(1, 1)
	plain.Args, plain.SQL = nil, "UPDATE item SET stock = stock - 1\nWHERE name = '\u2028 \"x\" \x01'"
	return []replog.Entry{
		intents(anna, 1, made, ran(take(1, 1))),
		intents(bert, 1, made, ran(plain), ran(take(2, 1)), ran(optional(take(3, 9)))),
		intents(anna, 2, made, rows(nil, insert(2, 2)), ran(take(1, 1))),
		intents(anna, 3, made, ran(take(1, 1)), rows(nil, insert(3, 3), update(3, 3, 4))),
		intents(anna, 4, made,
			rows([]replog.Change{insert(4, 5)}, insert(4, 4), update(4, 4, 5)),
			ran(take(1, 1)),
			rows([]replog.Change{}, update(1, 9, 8), update(1, 8, 9)),
			ran(take(1, 1)),
			rows(nil, update(2, 2, 3)),
			ran(take(1, 1)), ran(take(1, 1)),
			rows([]replog.Change{remove(4, 5), insert(5, 5)}, update(4, 5, 6))),
		otherwise(intents(bert, 2, made, ran(take(1, 1)), rows(nil, update(2, 3, 4)))),
		wordy(intents(bert, 3, made, ran(take(1, 1)), rows(nil, update(2, 4, 5)))),
		wordy(otherwise(intents(bert, 4, made, ran(take(1, 1))))),
		uncertain(intents(bert, 5, made, ran(take(1, 1)), rows(nil, update(2, 5, 6), update(1, 1, 1)))),
		leftOut(intents(bert, 6, made, rows(nil, update(2, 6, 7)), ran(optional(take(1, 9))), ran(take(1, 1)), ran(optional(take(9, 9)))), 1, 3),
		intents(clara, 1, []replog.Change{}, ran(take(1, 77))),
		wordy(intents(clara, 2, []replog.Change{}, ran(take(1, 77)))),
		refusedWhole(replog.Conflict, intents(clara, 3, nil, ran(take(1, 1)))),
		refusedWhole(replog.Rejected, intents(clara, 4, nil, ran(take(1, 1)), rows([]replog.Change{insert(6, 7)}, insert(6, 6), update(6, 6, 7)), ran(take(1, 2)))),
		refusedWhole(replog.Held, intents(clara, 5, nil, rows(nil, insert(7, 7)), ran(take(1, 1)))),
	}
}

func testIntentsRoundTrip(t *testing.T, open Open) {
	log, reopen := open(t)
	entries := write(t, log, withIntents()...)
	for range 2 {
		same(t, "entries", read(t, log, replog.Filter{}), entries)
		for _, want := range entries {
			same(t, "entry", readOne(t, log, want.Revision), want)
		}
		log = reopen()
	}
}

// expected is what a delivery has to be, as text: its header, and its lines.
func expected(t *testing.T, e *replog.Entry, w *replog.Wanted) []string {
	own := e.Transaction.Device == w.To
	head := replog.EntryHeader{Revision: e.Revision, Device: e.Transaction.Device, Seq: e.Transaction.Seq}
	var lines []string
	switch runs := e.Digest != nil && !w.AsChanges && !slices.Contains(w.Differed, e.Revision); {
	case e.Schema != nil:
		lines = schemaLines(t, e)
		head.Schema, head.Lines = true, len(lines)
	case runs && own:
		head.Digest = e.Digest
	case runs && e.BySteps:
		head.Digest = e.Digest
		must(t, replog.EachStep(e.Transaction.AllSteps(), func(s *replog.Step) error {
			if s.Intent != nil {
				lines = append(lines, fmt.Sprint(replog.LineIntent, string(s.Intent.AppendJSON(nil))))
				return nil
			}
			return replog.EachChange(s.NetChanges(), func(_ int, c *replog.Change) error {
				lines = append(lines, fmt.Sprint(replog.LineChange, string(c.AppendJSON(nil))))
				return nil
			})
		}))
		head.Lines = len(lines)
	case own && e.AsRecorded() && !e.Transaction.HasIntents():
	default:
		for i := range e.Changes {
			lines = append(lines, fmt.Sprint(replog.LineChange, string(e.Changes[i].AppendJSON(nil))))
		}
		head.Changes = len(lines)
	}
	line := headText(&head) + fmt.Sprintf(" applied %t", e.Outcome == replog.Applied)
	if own {
		v := e.Verdict()
		line += verdictText(t, &v)
	}
	return append([]string{line}, lines...)
}

func headText(h *replog.EntryHeader) string {
	digest := ""
	if h.Digest != nil {
		digest = h.Digest.String()
	}
	return fmt.Sprintf("%d %s %d: %d changes, %d lines, digest %q, schema %t", h.Revision, h.Device, h.Seq, h.Changes, h.Lines, digest, h.Schema)
}

// checkDeliveries compares what a device gets with what the entries say.
func checkDeliveries(t *testing.T, log replog.Log, entries []replog.Entry, w replog.Wanted) {
	t.Helper()
	var got, want []string
	must(t, log.Deliveries(context.Background(), w, func(d *replog.Delivery) error {
		line := headText(&d.EntryHeader) + fmt.Sprintf(" applied %t", d.Applied)
		if d.Verdict != nil {
			line += verdictText(t, d.Verdict)
		}
		got = append(got, line)
		return d.Each(func(kind replog.LineKind, body string) error {
			got = append(got, fmt.Sprint(kind, body))
			return nil
		})
	}))
	for i := range entries {
		e := &entries[i]
		if e.Revision > w.After && e.Revision <= w.UpTo && (e.Transaction.Device == w.To || e.Outcome == replog.Applied) {
			want = append(want, expected(t, e, &w)...)
		}
	}
	same(t, fmt.Sprintf("what is wanted by %+v", w), got, want)
}

func testIntentDeliveries(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log, append(withIntents(), applied(anna, 5, insert(9, 9)))...)
	head := replog.Revision(len(entries))
	for _, to := range []replog.DeviceID{anna, bert, clara, "somebody", ""} {
		for _, w := range []replog.Wanted{
			{To: to, UpTo: head},
			{To: to, After: 3, UpTo: head - 2},
			{To: to, UpTo: head, AsChanges: true},
			{To: to, UpTo: head, Differed: []replog.Revision{1, 4, 5, 6, 16}},
		} {
			checkDeliveries(t, log, entries, w)
		}
	}
	stop := errors.New("stop")
	err := log.Deliveries(context.Background(), replog.Wanted{UpTo: 5, After: 4}, func(d *replog.Delivery) error {
		return d.Each(func(replog.LineKind, string) error { return stop })
	})
	if !errors.Is(err, stop) {
		t.Errorf("an error came back as %v", err)
	}
}

func testIntentsPlanned(t *testing.T, open Open) {
	log, _ := open(t)
	tx := begin(t, log)
	for _, e := range withIntents() {
		e = sealed(e, tx.Head().Revision+1)
		must(t, tx.Append(e))
		got := []replog.Change{}
		must(t, tx.Planned(e.Revision, func(n int, c *replog.Change) error {
			same(t, "number", n, len(got))
			got = append(got, *c)
			return nil
		}))
		same(t, "planned", got, netOf(&e.Transaction))
	}
}

func testIntentsUnsettled(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log, withIntents()...)
	tx := begin(t, log)
	var unsettled []replog.Judged
	for _, e := range entries {
		got, err := tx.Find(e.Transaction.Device, e.Transaction.Seq)
		must(t, err)
		same(t, "found", got, judged(e))
		if e.Unsettled() {
			unsettled = append(unsettled, judged(e))
		}
	}
	got, err := tx.Unsettled(clara, 0)
	must(t, err)
	same(t, "unsettled", got, unsettled)
	same(t, "how many", len(got), 3)
}

func testIntentsConcurrent(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log,
		intents(anna, 1, []replog.Change{update(1, 10, 9), update(2, 5, 4)}, ran(take(1, 1))),
		intents(bert, 1, []replog.Change{update(1, 9, 7)}, rows(nil, update(1, 9, 8)), ran(take(1, 1))),
		refusedWhole(replog.Conflict, intents(bert, 2, nil, rows(nil, update(1, 7, 5)), ran(take(1, 1)))))
	tx := begin(t, log)
	past, err := tx.Concurrent(change(insert(1, 1)).Row(), 0, clara)
	must(t, err)
	same(t, "concurrent", past, []replog.PastChange{
		{Revision: 1, Device: anna, Change: update(1, 10, 9)}, {Revision: 2, Device: bert, Change: update(1, 9, 7)},
	})
	newest, err := tx.Foreign(0, bert)
	must(t, err)
	same(t, "foreign", newest, replog.Revision(1))
}

func testIntentsSearch(t *testing.T, open Open) {
	log, _ := open(t)
	named := take(5, 1)
	named.SQL, named.Args = "UPDATE item SET stock = :to, \"name\" = :Wörd WHERE id = :id", []replog.Value{replog.Integer(345), replog.Text("Über"), replog.Integer(7)}
	write(t, log,
		intents(anna, 1, []replog.Change{update(1, 10, 9)}, ran(take(1234, 1))),
		refusedWhole(replog.Conflict, intents(bert, 1, nil, ran(named), rows(nil, in("visit", insert(3, 1))...))),
		intents(bert, 2, []replog.Change{}, rows([]replog.Change{}, in("visit", update(4, 1, 2), update(4, 2, 1))...), ran(take(2, 1))),
		applied(clara, 1, in("visit", insert(8, 1))...))
	for _, s := range []search{
		{"a table that intents write", replog.Filter{Tables: []string{"item"}}, []replog.Revision{1, 2, 3}},
		{"a table that they may write", replog.Filter{Tables: []string{"STOCK_LOG"}}, []replog.Revision{1, 2, 3}},
		{"a table of rows between them", replog.Filter{Tables: []string{"visit"}}, []replog.Revision{2, 3, 4}},
		{"a row that one changed", replog.Filter{Tables: []string{"item"}, Keys: []string{"[1]"}}, []replog.Revision{1}},
		{"a row that was not changed after all", replog.Filter{Tables: []string{"visit"}, Keys: []string{"[3]"}}, []replog.Revision{2}},
		{"a row whose changes cancel out", replog.Filter{Tables: []string{"visit"}, Keys: []string{"[4]"}}, []replog.Revision{3}},
		{"the SQL as it was run", replog.Filter{Text: "SET stock = :TO"}, []replog.Revision{2}},
		{"the SQL as people read it", replog.Filter{Text: "stock = 345, name = 'über' where id = 7"}, []replog.Revision{2}},
		{"the SQL of several", replog.Filter{Text: "stock - ?1"}, []replog.Revision{1, 3}},
		{"an argument", replog.Filter{Text: "1234"}, []replog.Revision{1}},
		{"a name in it", replog.Filter{Text: "wörd"}, []replog.Revision{2}},
		{"a reason", replog.Filter{Text: "affected"}, []replog.Revision{2}},
	} {
		s.check(t, log)
	}
}

// testIntentOfMuch is an entry whose form is short and whose changes are many.
func testIntentOfMuch(t *testing.T, open Open) {
	log, _ := open(t)
	changes := make([]replog.Change, 10_000)
	for i := range changes {
		changes[i] = update(int64(i), 1, 2)
	}
	want := write(t, log, intents(anna, 1, changes, ran(take(1, 1))))
	same(t, "entries", read(t, log, replog.Filter{}), want)
	checkDeliveries(t, log, want, replog.Wanted{To: bert, UpTo: 1, AsChanges: true})
	checkDeliveries(t, log, want, replog.Wanted{To: bert, UpTo: 1})
}

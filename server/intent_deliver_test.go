package server

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"replog/replog"
)

// digestOf is the digest of changes, as a device computes it.
func digestOf(changes ...replog.Change) replog.Digest {
	d, err := replog.DigestChanges(replog.ChangeList(changes))
	if err != nil {
		panic(err)
	}
	return d
}

// having gives an intent what it changed on its device.
func having(in *replog.Intent, changes ...replog.Change) *replog.Intent {
	in.Changes, in.Digest = len(changes), digestOf(changes...)
	return in
}

// describe renders what came of an entry.
func (d *download) describe() string {
	var lines []string
	for i := range d.List {
		lines = append(lines, string(d.List[i].Op)+" "+d.List[i].Row().String())
	}
	head := fmt.Sprintf("%d changes", d.Changes)
	if d.Digest != nil {
		head = fmt.Sprintf("%d lines, digest", d.Lines)
	}
	if d.Schema {
		head = fmt.Sprintf("%d lines, schema", d.Lines)
	}
	return strings.TrimSuffix(head+": "+strings.Join(append(lines, d.Steps...), "; "), ": ")
}

// The first device records a transaction, and both get what the server makes of it.
func TestDevicesGetIntentsOrWhatTheyChanged(t *testing.T) {
	const sql = "UPDATE account SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1"
	memo := func() replog.Change { return setMemo(1, "old", "new") }
	long := strings.Repeat("long ", 100)
	longer := intent("UPDATE memo SET text = text || ?")
	longer.Args = []replog.Value{replog.Text(long)}
	all := []replog.Change{setMemo(1, "old", "oldx"), setMemo(2, "old", "oldx")}
	for _, tc := range []struct {
		name       string
		before     func(other *double) // after the base of the first
		record     func(d *double)
		own, other string
		asRecorded bool
		digest     replog.Digest
	}{
		{"an intent that did the same", nil,
			func(d *double) { d.steps(having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55))) },
			"0 lines, digest", "1 lines, digest: " + sql, true, digestOf(setBalance(1, 10, 5), setTotal(60, 55))},
		{"an intent that did something else", func(o *double) { o.steps(take(1, 1)) },
			func(d *double) { d.steps(having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55))) },
			"0 lines, digest", "1 lines, digest: " + sql, false, digestOf(setBalance(1, 9, 4), setTotal(59, 54))},
		{"steps that take more room than the changes", nil,
			func(d *double) {
				d.steps(having(intent("UPDATE memo SET text = 'new' WHERE id = 1 /* "+strings.Repeat("long ", 50)+"*/ AND id = 1"), memo()))
			},
			"0 lines, digest", "1 changes: update memo [1]", true, digestOf(memo())},
		{"one without effect", nil,
			func(d *double) { d.steps(affecting(0, having(take(5, 99)))) },
			"0 lines, digest", "0 changes", true, digestOf()},
		{"row statements between them", nil,
			func(d *double) {
				d.steps(putMemo(7, "x"), affecting(3, having(longer, setMemo(1, "old", "old"+long), setMemo(2, "old", "old"+long), setMemo(7, "x", "x"+long))), putMemo(8, "y"))
			},
			"0 lines, digest", "3 lines, digest: insert memo [7]; " + longer.SQL + "; insert memo [8]", true,
			digestOf(putMemo(7, "x"+long), setMemo(2, "old", "old"+long), setMemo(1, "old", "old"+long), putMemo(8, "y"))},
		{"row statements that take more room than their net effect", nil,
			func(d *double) {
				d.steps(putMemo(7, "x"), having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55)), setMemo(7, "x", "y"), memo())
			},
			"0 lines, digest", "4 changes: insert memo [7]; update account [1]; update total [1]; update memo [1]", true,
			digestOf(putMemo(7, "y"), setBalance(1, 10, 5), setTotal(60, 55), memo())},
		{"a row statement that was there already", func(o *double) { o.record(putMemo(7, "x")) },
			func(d *double) {
				d.steps(putMemo(7, "x"), having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55)))
			},
			"2 changes: update account [1]; update total [1]", "2 changes: update account [1]; update total [1]", false, replog.Digest{}},
		{"a row statement that found another value", func(o *double) { o.clock -= 500; o.record(setMemo(1, "old", "other")) },
			func(d *double) { d.steps(memo(), having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55))) },
			"3 changes: update memo [1]; update account [1]; update total [1]", "3 changes: update memo [1]; update account [1]; update total [1]", false, replog.Digest{}},
		{"one that was left out", nil,
			func(d *double) {
				d.steps(having(take(5, 1), setBalance(1, 10, 5), setTotal(60, 55)), optional(take(99, 2)))
			},
			"2 changes: update account [1]; update total [1]", "2 changes: update account [1]; update total [1]", false, replog.Digest{}},
		{"several rows in a line", nil,
			func(d *double) { d.steps(affecting(2, having(intent("UPDATE memo SET text = text || 'x'"), all...))) },
			"0 lines, digest", "1 lines, digest: UPDATE memo SET text = text || 'x'", true, digestOf(all...)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			h.publish("bank", bankSchema)
			d, other := h.enrol("bank"), h.enrol("bank")
			if tc.before != nil {
				tc.before(other)
			}
			other.sync()
			tc.record(d)
			a := d.sync()
			if got := a.verdicts[0]; got.Outcome != replog.Applied || got.AsRecorded != tc.asRecorded {
				t.Errorf("%s, as recorded %t", describeVerdict(&got), got.AsRecorded)
			}
			own := a.entries[len(a.entries)-1]
			theirs := other.sync().entries[0]
			if own.describe() != tc.own || theirs.describe() != tc.other {
				t.Errorf("own: %s\nwant %s\nother: %s\nwant %s", own.describe(), tc.own, theirs.describe(), tc.other)
			}
			for _, e := range []download{own, theirs} {
				if e.Digest != nil && *e.Digest != tc.digest {
					t.Errorf("another digest")
				}
			}
			h.sameRebuilt("bank")
			e, err := h.srv.opened("bank").log.Entry(t.Context(), own.Revision)
			h.must(err)
			defer e.Close()
			h.must(replog.EachChange(e.Made(), func(_ int, c *replog.Change) error {
				if c.Table != "memo" && c.Time != d.clock {
					t.Errorf("%s at %d, the intent at %d", c.Row(), c.Time, d.clock)
				}
				return nil
			}))
		})
	}
}

// A row statement carries along a column that another device has changed since, and
// an intent changes that column.
func TestStepsOnOneRowWhereOthersChangedWhatIsCarriedAlong(t *testing.T) {
	h := newHarness(t)
	h.publish("hall", "CREATE TABLE seat (id INTEGER PRIMARY KEY, room INTEGER, n INTEGER, UNIQUE (room, n)); INSERT INTO seat VALUES (1, 1, 1);")
	set := func(column string, from, to int64) replog.Change {
		c := rowChange(replog.Update, "seat", 1)
		c.Columns, c.Old, c.New = []string{column}, []replog.Value{replog.Integer(from)}, []replog.Value{replog.Integer(to)}
		return c
	}
	d, other := h.enrol("hall"), h.enrol("hall")
	other.record(set("n", 1, 5))
	other.sync()
	move := set("room", 1, 2)
	move.Context = &replog.Context{Columns: []string{"n"}, Values: []replog.Value{replog.Integer(1)}}
	d.steps(move, having(intent("UPDATE seat SET n = n + 1 WHERE id = 1"), set("n", 1, 2)))
	a := d.sync()
	if got := a.verdicts[0]; got.Outcome != replog.Applied || got.AsRecorded {
		t.Errorf("%s, as recorded %t", describeVerdict(&got), got.AsRecorded)
	}
	if got, want := h.replicaRows("hall", "SELECT * FROM seat"), "[1,2,6]\n"; got != want {
		t.Errorf("the server has %swant %s", got, want)
	}
	h.sameRebuilt("hall")
	made := a.entries[1]
	if got, want := made.describe(), "1 changes: update seat [1]"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	for column, want := range map[string]replog.Value{"room": replog.Integer(1), "n": replog.Integer(5)} {
		if was, ok := made.List[0].Before(column); !ok || was != want {
			t.Errorf("%s was %v, want %v", column, was, want)
		}
	}
}

func TestADeviceOnWhichIntentsDifferedGetsTheChanges(t *testing.T) {
	var logged bytes.Buffer
	h := newHarness(t, func(c *Config) {
		c.Logger = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	for range 3 {
		a.steps(having(take(1, 1), setBalance(1, 10, 9), setTotal(60, 59)))
	}
	a.sync()
	start := b.header
	forms := func(differed ...replog.Revision) (got []string) {
		b.header = start
		b.header.Differed = differed
		for _, e := range b.sync().entries {
			got = append(got, strings.Split(e.describe(), ":")[0])
		}
		return got
	}
	for _, tc := range []struct {
		differed []replog.Revision
		want     string
	}{
		{nil, "[1 lines, digest 1 lines, digest 1 lines, digest]"},
		{[]replog.Revision{2}, "[1 lines, digest 2 changes 1 lines, digest]"},
		{[]replog.Revision{3, 1}, "[2 changes 1 lines, digest 2 changes]"},
		{make([]replog.Revision, maxDiffered+1), "[2 changes 2 changes 2 changes]"},
	} {
		if got := fmt.Sprint(forms(tc.differed...)); got != tc.want {
			t.Errorf("%d differed: %s, want %s", len(tc.differed), got, tc.want)
		}
	}
	text := logged.String()
	if n := strings.Count(text, "intents made other changes on a device"); n != 3 || !strings.Contains(text, string(b.header.Device)) || !strings.Contains(text, `revisions="[3 1]"`) {
		t.Errorf("%d warnings: %s", n, text)
	}
	r := h.do("GET", "/metrics", "", nil)
	h.ok(r, http.StatusOK)
	if want := fmt.Sprintf("\nreplog_intents_differed_total %d\n", 3+maxDiffered+1); !strings.Contains(string(r.body), want) {
		t.Errorf("%s", r.body)
	}
	// It may want all as changes.
	start.AsChanges = true
	if got, want := fmt.Sprint(forms()), "[2 changes 2 changes 2 changes]"; got != want {
		t.Errorf("all: %s, want %s", got, want)
	}
	// Its own, too, where it had to run it again.
	a.header.SyncPoint, a.header.Chain, a.header.Differed = 0, "", []replog.Revision{1}
	if got := a.sync().entries; got[0].describe() != "2 changes: update account [1]; update total [1]" || got[1].describe() != "0 lines, digest" {
		t.Errorf("own: %s, %s", got[0].describe(), got[1].describe())
	}
}

package applier

import (
	"slices"
	"testing"

	"replog/replog"
)

// rowStep is an effect on node(id 1, up, v): up and v before and after, nil where
// the row is absent; carried names the columns that an update carries.
type rowStep struct {
	old, new []int64
	carried  string // of "uv"; "" for all
}

func historyOf(t *Table, steps []rowStep, after []int64) *history {
	full := func(rest []int64) []replog.Value {
		if rest == nil {
			return nil
		}
		return append(ints(1), ints(rest...)...)
	}
	h := &history{table: t, key: ints(1), after: full(after)}
	for i, s := range steps {
		e := effect{old: full(s.old), new: full(s.new), time: replog.Millis(i + 1)}
		if s.carried != "" {
			e.carried = []bool{false, s.carried != "v", s.carried != "u"}
			for c, carried := range e.carried {
				if !carried && c > 0 {
					e.old[c], e.new[c] = replog.Value{}, replog.Value{}
				}
			}
		}
		h.effect = append(h.effect, e)
	}
	return h
}

func TestTheStateBeforeFollowsFromAllEffectsInAnyOrder(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", related)).Schema.Table("node")
	row := func(u, v int64) []int64 { return []int64{u, v} }
	for _, tc := range []struct {
		name   string
		steps  []rowStep
		after  []int64
		before []int64
	}{
		{"one insert", []rowStep{{nil, row(1, 1), ""}}, row(1, 1), nil},
		{"one delete", []rowStep{{row(1, 1), nil, ""}}, nil, row(1, 1)},
		{"one update", []rowStep{{row(1, 0), row(2, 0), "u"}}, row(2, 5), row(1, 5)},
		{"an insert, then an update by a trigger", []rowStep{{nil, row(1, 1), ""}, {row(1, 0), row(2, 0), "u"}}, row(2, 1), nil},
		{"the trigger's update logged before the insert", []rowStep{{row(1, 0), row(2, 0), "u"}, {nil, row(1, 1), ""}}, row(2, 1), nil},
		{"an update logged after the trigger's, of the same column", []rowStep{{row(2, 0), row(3, 0), "u"}, {row(1, 0), row(2, 0), "u"}}, row(3, 9), row(1, 9)},
		{"of other columns", []rowStep{{row(0, 1), row(0, 2), "v"}, {row(5, 0), row(6, 0), "u"}}, row(6, 2), row(5, 1)},
		{"deleted by a trigger before its insert was logged", []rowStep{{row(1, 1), nil, ""}, {nil, row(1, 1), ""}}, nil, nil},
		{"deleted and inserted again", []rowStep{{row(1, 1), nil, ""}, {nil, row(2, 2), ""}}, row(2, 2), row(1, 1)},
		{"there and back", []rowStep{{row(1, 0), row(2, 0), "u"}, {row(2, 0), row(1, 0), "u"}}, row(1, 3), row(1, 3)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := historyOf(table, tc.steps, tc.after)
			if mended := h.reconcile(99); mended != nil {
				t.Errorf("something was missing: %+v", mended)
			}
			var want []replog.Value
			if tc.before != nil {
				want = append(ints(1), ints(tc.before...)...)
			}
			if (h.before == nil) != (want == nil) || !slices.Equal(h.before, want) {
				t.Errorf("before it was %v, want %v", h.before, want)
			}
		})
	}
}

func TestWhatWentPastCaptureIsMadeUpFor(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", related)).Schema.Table("node")
	for _, tc := range []struct {
		name  string
		step  rowStep
		after []int64
		op    int
	}{
		{"an update after an insert", rowStep{nil, []int64{1, 1}, ""}, []int64{1, 2}, opUpdate},
		{"a delete after an insert", rowStep{nil, []int64{1, 1}, ""}, nil, opDelete},
		{"an insert after a delete", rowStep{[]int64{1, 1}, nil, ""}, []int64{1, 2}, opInsert},
		{"an update after an update", rowStep{[]int64{1, 0}, []int64{2, 0}, "u"}, []int64{3, 0}, opUpdate},
		{"a delete after an update", rowStep{[]int64{1, 0}, []int64{2, 0}, "u"}, nil, opDelete},
	} {
		h := historyOf(table, []rowStep{tc.step}, tc.after)
		mended := h.reconcile(99)
		if mended == nil || mended.op != tc.op || mended.time != 99 {
			t.Errorf("%s: %+v", tc.name, mended)
		}
		if !slices.Equal(h.replay(), h.after) {
			t.Errorf("%s: what is recorded leads to %v, not to %v", tc.name, h.replay(), h.after)
		}
	}
}

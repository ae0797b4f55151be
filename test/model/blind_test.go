package model

import (
	"testing"

	"replog/replog"
)

// childUpdate is a recorded UPDATE of n of child 1.
func childUpdate(from, to int) Recorded {
	old, now := replog.Integer(int64(from)), replog.Integer(int64(to))
	return Recorded{Net: []replog.Change{{
		Table: "child", Op: replog.Update, Key: []Value{replog.Integer(1)}, KeyColumns: []string{"id"},
		Columns: []string{"n"}, Old: []Value{old}, New: []Value{now}, Time: 5,
	}}}
}

func TestWhatIsRecordedOfUnseenRowsMustLeadToWhatIsThere(t *testing.T) {
	label := "order 17"
	marked := func(x Recorded) Recorded {
		x.Marked, x.Label = true, label
		return x
	}
	for name, tc := range map[string]struct {
		recorded []Recorded
		ok       bool
	}{
		"what was missed after what was marked": {[]Recorded{marked(childUpdate(0, 1)), childUpdate(1, 2)}, true},
		"what was marked has all of it":         {[]Recorded{marked(childUpdate(0, 2))}, true},
		"all of it was missed":                  {[]Recorded{childUpdate(0, 2)}, true},
		"it is lost":                            {nil, false},
		"a part of it is lost":                  {[]Recorded{marked(childUpdate(0, 1))}, false},
		"it is there twice":                     {[]Recorded{marked(childUpdate(0, 2)), childUpdate(0, 2)}, false},
		"it was never so":                       {[]Recorded{marked(childUpdate(0, 3)), childUpdate(3, 2)}, false},
		"it was another before":                 {[]Recorded{childUpdate(1, 2)}, false},
	} {
		_, d, _ := newPair(db{"child": {row(1, nil, 0)}})
		d.Mark(&label)
		d.write(db{"child": {row(1, nil, 1)}})
		d.Blind("child", SeesNothing)
		d.write(db{"child": {row(1, nil, 2)}})
		closed, err := d.CloseBlind(tc.recorded, Span{})
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (len(closed) != len(tc.recorded) || d.IsBlind()) {
			t.Errorf("%s: %d transactions, blind: %v", name, len(closed), d.IsBlind())
		}
	}
}

func TestRowsThatDidNotChangeSinceAreAsTheyWereSeen(t *testing.T) {
	_, d, _ := newPair(db{"child": {row(1, nil, 0), row(2, nil, 0)}})
	d.write(db{"child": {row(1, nil, 2), row(2, nil, 0)}})
	d.Blind("child", SeesNothing)
	d.write(db{"child": {row(1, nil, 2), row(2, nil, 7)}})
	if _, err := d.CloseBlind([]Recorded{childUpdate(0, 2)}, Span{}); err == nil {
		t.Error("a missed row was not asked for")
	}
}

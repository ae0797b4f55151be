package model

import (
	"slices"
	"testing"

	"replog/replog"
)

// shop is a small schema for examples: parent(id, code UNIQUE NOCASE, n) and
// child(id, parent -> parent.id, n).
func shop() *Schema {
	return &Schema{Tables: []*Table{
		{Name: "parent", Key: []int{0},
			Columns: []Column{{Name: "id", Collation: Binary}, {Name: "code", Collation: NoCase}, {Name: "n", Collation: Binary}},
			Unique:  []Index{{Columns: []int{1}, Collations: []string{NoCase}}}},
		{Name: "child", Key: []int{0},
			Columns:     []Column{{Name: "id", Collation: Binary}, {Name: "parent", Collation: Binary}, {Name: "n", Collation: Binary}},
			ForeignKeys: []ForeignKey{{Columns: []int{1}, Parent: "parent", ParentColumns: []int{0}}}},
	}}
}

const (
	low  replog.DeviceID = "a"
	high replog.DeviceID = "b"
)

// row makes a Row of Go values.
func row(values ...any) Row {
	var r Row
	for _, v := range values {
		switch x := v.(type) {
		case nil:
			r = append(r, Value{})
		case int:
			r = append(r, replog.Integer(int64(x)))
		case float64:
			r = append(r, replog.Real(x))
		case string:
			r = append(r, replog.Text(x))
		}
	}
	return r
}

// content makes a state of rows by table.
func content(s *Schema, tables map[string][]Row) State {
	state := State{}
	for name, rows := range tables {
		for _, r := range rows {
			state[s.Table(name).ID(r)] = r
		}
	}
	return state
}

// example is a server and the transactions that arrive at it.
type example struct {
	*Server
	seqs map[replog.DeviceID]replog.Seq
}

func newExample(tables map[string][]Row) *example {
	s := shop()
	return &example{Server: NewServer(s, content(s, tables)), seqs: map[replog.DeviceID]replog.Seq{}}
}

// arrive sends a transaction that turned the content at base into another, at
// one time. edit may alter it before it is judged.
func (x *example) arrive(d replog.DeviceID, base replog.Revision, at replog.Millis, tables map[string][]Row, moves []Move, edit func(*Txn)) *Entry {
	x.seqs[d]++
	t := &Txn{Device: d, Seq: x.seqs[d], Base: base, Seen: x.seqs[d] - 1}
	t.Net = x.Schema.NetChanges(x.States[base], content(x.Schema, tables), moves)
	for _, n := range t.Net {
		n.Time, n.Times = at, map[int]replog.Millis{}
		for c := range n.Table.Columns {
			n.Times[c] = at
		}
	}
	if edit != nil {
		edit(t)
	}
	return x.Process(t)
}

func want(t *testing.T, e *Entry, outcome replog.Outcome, reason string) {
	t.Helper()
	if e.Outcome != outcome || e.Reason != reason {
		t.Errorf("revision %d: got %s %q, want %s %q", e.Revision, e.Outcome, e.Reason, outcome, reason)
	}
}

func (x *example) wantContent(t *testing.T, tables map[string][]Row) {
	t.Helper()
	for _, line := range x.States[x.Head()].Difference(content(x.Schema, tables)) {
		t.Error(line)
	}
}

type db = map[string][]Row

func TestColumnsOfOneRowMerge(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	want(t, x.arrive(low, 0, 10, db{"parent": {row(1, "b", 0)}}, nil, nil), replog.Applied, "")
	want(t, x.arrive(high, 0, 5, db{"parent": {row(1, "a", 7)}}, nil, nil), replog.Applied, "")
	x.wantContent(t, db{"parent": {row(1, "b", 7)}})
}

func TestTheNewerWriteOfAColumnWinsAndTiesGoToTheHigherDevice(t *testing.T) {
	for _, c := range []struct {
		device  replog.DeviceID
		at      replog.Millis
		outcome replog.Outcome
		reason  string
	}{
		{high, 10, replog.Applied, ""},
		{high, 9, replog.Ignored, replog.ReasonStale},
		{high, 11, replog.Applied, ""},
	} {
		x := newExample(db{"parent": {row(1, "a", 0)}})
		x.arrive(low, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
		want(t, x.arrive(c.device, 0, c.at, db{"parent": {row(1, "a", 2)}}, nil, nil), c.outcome, c.reason)
	}
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(high, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
	want(t, x.arrive(low, 0, 10, db{"parent": {row(1, "a", 2)}}, nil, nil), replog.Ignored, replog.ReasonStale)
}

func TestPartlyStaleIsAppliedUnmarkedAndAConflictMarked(t *testing.T) {
	for _, marked := range []bool{false, true} {
		x := newExample(db{"parent": {row(1, "a", 0)}})
		x.arrive(low, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
		e := x.arrive(high, 0, 5, db{"parent": {row(1, "z", 2)}}, nil, func(t *Txn) { t.Marked = marked })
		if marked {
			want(t, e, replog.Conflict, replog.ReasonPartlyStale)
			x.wantContent(t, db{"parent": {row(1, "a", 1)}})
		} else {
			want(t, e, replog.Applied, replog.ReasonStale)
			x.wantContent(t, db{"parent": {row(1, "z", 1)}})
		}
	}
}

func TestANewerUpdateBringsADeletedRowBack(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 10, db{}, nil, nil)
	e := x.arrive(high, 0, 11, db{"parent": {row(1, "a", 5)}}, nil, nil)
	want(t, e, replog.Applied, "")
	if !e.Effects[0].Restored || !slices.Equal(e.Effects[0].Columns, []int{2}) {
		t.Errorf("got %+v, want a restoring INSERT that wrote column 2", e.Effects[0])
	}
	x.wantContent(t, db{"parent": {row(1, "a", 5)}})
	want(t, x.arrive("c", 0, 9, db{"parent": {row(1, "c", 0)}}, nil, nil), replog.Applied, "")
	x.wantContent(t, db{"parent": {row(1, "c", 5)}})
}

func TestAnOlderUpdateOfADeletedRowIsStale(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 10, db{}, nil, nil)
	want(t, x.arrive(high, 0, 9, db{"parent": {row(1, "a", 5)}}, nil, nil), replog.Ignored, replog.ReasonStale)
}

func TestDeleteIsStaleAgainstANewerChange(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
	want(t, x.arrive(high, 0, 9, db{}, nil, nil), replog.Ignored, replog.ReasonStale)
	want(t, x.arrive(high, 0, 11, db{}, nil, nil), replog.Applied, "")
	want(t, x.arrive("c", 0, 12, db{}, nil, nil), replog.Applied, "")
	x.wantContent(t, db{})
}

func TestInsertNeverOverwrites(t *testing.T) {
	x := newExample(db{})
	x.arrive(low, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
	want(t, x.arrive(high, 0, 20, db{"parent": {row(1, "a", 2)}}, nil, nil), replog.Conflict, replog.ReasonExists)
	e := x.arrive("c", 0, 5, db{"parent": {row(1, "a", 1)}}, nil, nil)
	want(t, e, replog.Applied, "")
	if len(e.Effects) != 0 {
		t.Error("an identical INSERT has an effect")
	}
}

func TestUpdateOfAReplacedRowIsAConflict(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 10, db{}, nil, nil)
	x.arrive(low, 1, 11, db{"parent": {row(1, "b", 1)}}, nil, nil)
	want(t, x.arrive(high, 0, 20, db{"parent": {row(1, "a", 2)}}, nil, nil), replog.Conflict, replog.ReasonReplaced)
}

func TestKeyChangesMeetOthersAsConflicts(t *testing.T) {
	start := db{"parent": {row(1, "a", 0)}}
	x := newExample(start)
	move := []Move{{replog.RowID{Table: "parent", Key: "[1]"}, replog.RowID{Table: "parent", Key: "[2]"}}}
	want(t, x.arrive(low, 0, 10, db{"parent": {row(2, "a", 0)}}, move, nil), replog.Applied, "")
	want(t, x.arrive(high, 0, 20, db{"parent": {row(1, "a", 1)}}, nil, nil), replog.Conflict, replog.ReasonMoved)
	want(t, x.arrive("c", 0, 20, db{}, nil, nil), replog.Conflict, replog.ReasonMoved)

	x = newExample(start)
	x.arrive(high, 0, 20, db{"parent": {row(1, "a", 1)}}, nil, nil)
	want(t, x.arrive(low, 0, 10, db{"parent": {row(2, "a", 0)}}, move, nil), replog.Conflict, replog.ReasonStale)

	x = newExample(start)
	x.arrive(high, 0, 20, db{}, nil, nil)
	want(t, x.arrive(low, 0, 30, db{"parent": {row(2, "a", 0)}}, move, nil), replog.Conflict, replog.ReasonAbsent)
}

func TestAnUnmarkedTransactionIsDividedAndAMarkedOneIsNot(t *testing.T) {
	for _, marked := range []bool{false, true} {
		x := newExample(db{})
		x.arrive(low, 0, 10, db{"parent": {row(1, "a", 1)}}, nil, nil)
		e := x.arrive(high, 0, 20, db{"parent": {row(1, "x", 2), row(2, "y", 2)}}, nil, func(t *Txn) { t.Marked = marked })
		if marked {
			want(t, e, replog.Conflict, replog.ReasonExists)
			x.wantContent(t, db{"parent": {row(1, "a", 1)}})
			continue
		}
		want(t, e, replog.Applied, replog.ReasonExists)
		x.wantContent(t, db{"parent": {row(1, "a", 1), row(2, "y", 2)}})
	}
}

func TestGroupsAreJoinedByParentsAndUniqueValues(t *testing.T) {
	s := shop()
	nets := s.NetChanges(
		content(s, db{"parent": {row(1, "a", 0), row(2, "b", 0)}}),
		content(s, db{"parent": {row(1, "B", 0), row(2, "A", 0), row(3, "c", 0)}, "child": {row(1, 3, 0), row(2, nil, 0)}}), nil)
	if got := len(groups(s, nets)); got != 3 {
		t.Errorf("got %d groups, want 3: the swap, the new parent with its child, the orphan", got)
	}
}

func TestUniqueValuesCanBeSwapped(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0), row(2, "b", 0)}})
	want(t, x.arrive(low, 0, 1, db{"parent": {row(1, "b", 0), row(2, "a", 0)}}, nil, nil), replog.Applied, "")
}

func TestConstraintsAreJudgedUnderTheIndexCollation(t *testing.T) {
	x := newExample(db{})
	x.arrive(low, 0, 1, db{"parent": {row(1, "a", 0)}}, nil, nil)
	want(t, x.arrive(high, 0, 1, db{"parent": {row(2, "A", 0)}}, nil, nil), replog.Rejected, replog.ReasonConstraint)
}

func TestForeignKeysAreCheckedOnTheResult(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 1, db{"parent": {row(1, "a", 0)}, "child": {row(1, 1, 0)}}, nil, nil)
	want(t, x.arrive(high, 0, 9, db{}, nil, nil), replog.Rejected, replog.ReasonForeignKey)
	x = newExample(db{"parent": {row(1, "a", 0)}})
	x.arrive(low, 0, 1, db{}, nil, nil)
	want(t, x.arrive(high, 0, 9, db{"parent": {row(1, "a", 0)}, "child": {row(1, 1.0, 0)}}, nil, nil), replog.Rejected, replog.ReasonForeignKey)
}

func TestWhatBuildsOnAnUnappliedTransactionIsHeldUntilItIsSeen(t *testing.T) {
	x := newExample(db{})
	x.arrive(low, 0, 1, db{"parent": {row(1, "a", 0)}}, nil, nil)
	want(t, x.arrive(high, 0, 1, db{"parent": {row(1, "h", 1)}}, nil, nil), replog.Conflict, replog.ReasonExists)
	child := db{"parent": {row(1, "a", 0)}, "child": {row(1, 1, 0)}}
	want(t, x.arrive(high, 1, 2, child, nil, func(t *Txn) { t.Seen = 0 }), replog.Held, replog.ReasonBuildsOnUnsure)
	want(t, x.arrive(high, 1, 2, child, nil, func(t *Txn) { t.Seen = 2 }), replog.Applied, "")
}

func TestWithoutReleasesAndAppliedAfterAllHolds(t *testing.T) {
	x := newExample(db{})
	x.arrive(high, 0, 1, db{"parent": {row(1, "a", 0)}}, nil, nil)
	want(t, x.arrive(high, 1, 2, db{"parent": {row(1, "a", 5)}}, nil, func(t *Txn) {
		t.Seen, t.Without = 0, []replog.Seq{1}
	}), replog.Held, replog.ReasonBuildsOnUnsure)
}

package model

import (
	"testing"

	"replog/replog"
)

// adding is a Run of statements that add their argument to n of parent 1, with a
// trigger that notes it in child 1. Without the row they change nothing.
func adding(s *Schema) Run {
	return func(from State, in *Intent) Ran {
		after := from.Clone()
		affected := int64(0)
		parent := replog.RowID{Table: "parent", Key: "[1]"}
		if r := from[parent]; r != nil {
			affected = 1
			n := r[2].Int64() + in.Args[0].Int64()
			after[parent] = row(1, "a", int(n))
			after[replog.RowID{Table: "child", Key: "[1]"}] = row(1, nil, int(n))
		}
		return Ran{After: after, Affected: affected}
	}
}

func (x *example) runs() *example {
	x.Run = adding(x.Schema)
	x.Reach = func(*Intent) []string { return []string{"child", "parent"} }
	return x
}

// add makes an intent that changed a row on its device.
func add(n int) Step {
	return Step{Intent: &Intent{SQL: "add", Args: row(n), Affected: 1, Time: 5, Named: []string{"parent"}}}
}

// steps sends a transaction of steps.
func (x *example) steps(d replog.DeviceID, edit func(*Txn), steps ...Step) *Entry {
	return x.arrive(d, 0, 5, nil, nil, func(t *Txn) {
		t.Marked, t.Steps, t.Net = true, steps, nil
		for _, s := range steps {
			t.Net = append(t.Net, s.Net...)
		}
		if edit != nil {
			edit(t)
		}
	})
}

func TestIntentsAddUpWhereRowsWouldNot(t *testing.T) {
	x := newExample(db{"parent": {row(1, "a", 0)}, "child": {row(1, nil, 0)}}).runs()
	want(t, x.steps(low, nil, add(2), add(3)), replog.Applied, "")
	e := x.steps(high, nil, add(4))
	want(t, e, replog.Applied, "")
	x.wantContent(t, db{"parent": {row(1, "a", 9)}, "child": {row(1, nil, 9)}})
	if len(e.Effects) != 2 || len(x.Log[0].Effects) != 2 {
		t.Errorf("%d and %d effects, want those on two rows", len(x.Log[0].Effects), len(e.Effects))
	}
}

func TestAnIntentThatFindsNoRowIsAConflictUnlessItIsOptional(t *testing.T) {
	x := newExample(db{}).runs()
	want(t, x.steps(low, nil, add(1)), replog.Conflict, replog.ReasonAffected)
	optional := add(1)
	optional.Intent.Optional = true
	e := x.steps(high, nil, optional)
	want(t, e, replog.Applied, replog.ReasonOptional)
	if len(e.Left) != 1 || e.Left[0] != (Left{0, replog.ReasonAffected}) || len(e.Effects) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestWhatBuildsOnIntentsIsHeldByTable(t *testing.T) {
	x := newExample(db{}).runs()
	unseen := func(t *Txn) { t.Seen = 0 }
	want(t, x.steps(low, unseen, add(1)), replog.Conflict, replog.ReasonAffected)
	want(t, x.steps(low, unseen, add(1)), replog.Held, replog.ReasonBuildsOnUnsure)
	want(t, x.arrive(low, 0, 6, db{"child": {row(7, nil, 0)}}, nil, unseen), replog.Held, replog.ReasonBuildsOnUnsure)
	want(t, x.steps(low, nil, add(1)), replog.Conflict, replog.ReasonAffected)
	want(t, x.arrive(high, 0, 6, db{"child": {row(7, nil, 0)}}, nil, unseen), replog.Applied, "")
}

func TestEffectsOneAfterAnotherComposeToWhatTheyDo(t *testing.T) {
	s := shop()
	states := []State{
		content(s, db{"parent": {row(1, "a", 0), row(2, "b", 0)}}), content(s, db{"parent": {row(1, "x", 0)}}),
		content(s, db{"parent": {row(1, "x", 5), row(2, "b", 0), row(3, "c", 0)}}), content(s, db{"parent": {row(1, "a", 5), row(2, "b", 0)}}),
	}
	var m composition
	for i := range states[1:] {
		in := Intent{Time: replog.Millis(i + 1)}
		m.add(in.effects(s, states[i], &Ran{After: states[i+1]}))
	}
	effects := m.effects()
	if len(effects) != 1 || effects[0].text() != `update parent [1] (in a unit: false, restored: false) n from 0 to 5 at 2` {
		for _, e := range effects {
			t.Error(e.text())
		}
	}
}

package replog

import "testing"

func TestNetChangesAreDistinctWhereAnyStepHasItsOwn(t *testing.T) {
	change := Change{Table: "t", Op: Insert, Key: []Value{Integer(1)}, KeyColumns: []string{"id"}, Columns: []string{"id"}, New: []Value{Integer(1)}}
	one := ChangeList{change}
	ran := Step{Intent: &Intent{SQL: "DELETE FROM t"}}
	for _, tc := range []struct {
		name       string
		t          Transaction
		statements int
		net        int // -1: the same
	}{
		{"row statements", Transaction{Statements: []Statement{{Change: change}}}, 1, -1},
		{"row statements that cancel out", Transaction{Statements: []Statement{{Change: change}}, Net: []Change{}}, 1, 0},
		{"an intent", Transaction{Steps: []Step{ran}}, 1, -1},
		{"intents and rows", Transaction{Steps: []Step{{Statements: one}, ran, ran, {Statements: one}}}, 4, -1},
		{"a step that cancels out", Transaction{Steps: []Step{{Statements: one}, ran, {Statements: one, Net: ChangeList{}}}}, 3, 1},
		{"a step with its own", Transaction{Steps: []Step{{Statements: ChangeList{change, change}, Net: one}, ran, {Statements: one}}}, 4, 2},
	} {
		n, err := tc.t.CountStatements()
		if n != tc.statements || err != nil {
			t.Errorf("%s: %d statements, %v", tc.name, n, err)
		}
		net, err := tc.t.DistinctNet()
		got := -1
		if net != nil {
			got = net.Len()
		}
		if got != tc.net || err != nil {
			t.Errorf("%s: %d net changes, %v", tc.name, got, err)
		}
	}
}

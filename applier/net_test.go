package applier

import (
	"fmt"
	"slices"
	"testing"

	"replog/replog"
)

// TestWhatARowWasFollowsFromItsFacts is about node(id 1, up, v): each fact gives
// up and v, nil where the row is absent; only names the columns that opUpdate
// carries.
func TestWhatARowWasFollowsFromItsFacts(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", related)).Schema.Table("node")
	full := func(rest []int64) []replog.Value {
		if rest == nil {
			return nil
		}
		return append(ints(1), ints(rest...)...)
	}
	row := func(u, v int64) []int64 { return []int64{u, v} }
	type told struct {
		op   int
		is   []int64
		only string
	}
	insert, found, remove := told{op: opInsert}, func(is []int64) told { return told{opFound, is, ""} }, func(is []int64) told { return told{opDelete, is, ""} }
	update := func(is []int64, only string) told { return told{opUpdate, is, only} }
	for _, tc := range []struct {
		name       string
		facts      []told
		after      []int64
		before     []int64
		statements string
	}{
		{"one insert", []told{insert}, row(1, 1), nil, "[insert]"},
		{"one that was ignored", []told{found(row(2, 2)), insert}, row(2, 2), row(2, 2), "[]"},
		{"one that was ignored long before another", []told{found(row(2, 2)), insert, update(row(2, 0), "u"), remove(row(5, 2)), insert}, row(1, 1), row(2, 2), "[update delete insert]"},
		{"one that failed", []told{insert}, nil, nil, "[]"},
		{"one that replaced", []told{found(row(2, 2)), insert}, row(1, 1), row(2, 2), "[delete insert]"},
		{"one that was evicted", []told{found(row(2, 2))}, nil, row(2, 2), "[delete]"},
		{"found twice and evicted", []told{found(row(2, 2)), found(row(2, 2))}, nil, row(2, 2), "[delete]"},
		{"an UPSERT", []told{found(row(2, 2)), insert, update(row(2, 0), "u")}, row(1, 2), row(2, 2), "[update]"},
		{"one delete", []told{remove(row(1, 1))}, nil, row(1, 1), "[delete]"},
		{"one delete that was refused", []told{remove(row(1, 1))}, row(1, 1), row(1, 1), "[]"},
		{"one update", []told{update(row(1, 0), "u")}, row(2, 5), row(1, 5), "[update]"},
		{"an insert, then an update by a trigger", []told{insert, update(row(1, 0), "u")}, row(2, 1), nil, "[insert update]"},
		{"updates of several columns", []told{update(row(0, 1), "v"), update(row(5, 0), "u")}, row(6, 2), row(5, 1), "[update update]"},
		{"inserted and deleted", []told{insert, remove(row(1, 1))}, nil, nil, "[insert delete]"},
		{"deleted and inserted again", []told{remove(row(1, 1)), insert}, row(2, 2), row(1, 1), "[delete insert]"},
		{"there and back", []told{update(row(1, 0), "u"), update(row(2, 0), "u")}, row(1, 3), row(1, 3), "[update update]"},
		{"inserted before its facts", []told{update(row(1, 0), "u"), {op: opInserted}}, row(2, 2), nil, "[insert update]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var records []*record
			for _, f := range tc.facts {
				e := &record{table: table, op: f.op, image: full(f.is)}
				if f.is == nil {
					e.image = append(ints(1), replog.Value{}, replog.Value{})
				}
				if f.only != "" {
					e.carried = []bool{false, f.only == "u", f.only == "v"}
				}
				records = append(records, e)
			}
			h := historiesOf(records)
			h.rows[0].after = full(tc.after)
			if h.rows[0].resolve() {
				t.Error("it vanished")
			}
			if got := h.rows[0].before; !sameImage(got, full(tc.before)) {
				t.Errorf("before it was %v, want %v", got, full(tc.before))
			}
			g := &Gathered{}
			g.build(h, records)
			var ops []replog.Op
			for _, s := range g.Statements {
				ops = append(ops, s.Op)
			}
			if fmt.Sprint(ops) != tc.statements {
				t.Errorf("statements %v, want %s", ops, tc.statements)
			}
			if net := len(g.Net) > 0; net == slices.Equal(tc.before, tc.after) && (tc.before == nil) == (tc.after == nil) {
				t.Errorf("net changes %v", g.Net)
			}
		})
	}
}

func TestARowThatVanishesWithoutATraceIsSaidToHave(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", related)).Schema.Table("node")
	h := historiesOf([]*record{{table: table, op: opUpdate, image: ints(1, 2, 3), carried: []bool{false, true, false}}})
	if !h.rows[0].resolve() {
		t.Error("it is not said")
	}
}

// Each fact has a time of its own here: 100, 200 …
func TestAColumnHasTheTimeOfTheLastStatementThatWroteIt(t *testing.T) {
	for _, tc := range []struct {
		name, sql string
		at        replog.Millis
		times     []replog.Millis
	}{
		{"one update", "UPDATE node SET up = NULL, v = 5 WHERE id = 2", 100, nil},
		{"another update of one column", "UPDATE node SET up = NULL, v = 5 WHERE id = 2; UPDATE node SET v = 6 WHERE id = 2", 200, []replog.Millis{100, 200}},
		{"another update to the same value", "UPDATE node SET up = NULL, v = 5 WHERE id = 2; UPDATE node SET up = NULL, v = 6 WHERE id = 2", 200, []replog.Millis{100, 200}},
		{"a row that was deleted between", "UPDATE node SET v = 5 WHERE id = 2; DELETE FROM node WHERE id = 2; INSERT INTO node VALUES(2,NULL,6)", 300, nil},
		{"an insert", "INSERT INTO node VALUES(9,1,0); UPDATE node SET v = 1 WHERE id = 9", 200, nil},
		{"a delete", "UPDATE node SET v = 1 WHERE id = 3; DELETE FROM node WHERE id = 3", 200, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			changes := net(t, r, tc.sql+"; UPDATE replog_change SET time = id * 100")
			if len(changes) != 1 || changes[0].Time != tc.at || !slices.Equal(changes[0].Times, tc.times) {
				t.Errorf("%+v", changes)
			}
		})
	}
}

package applier

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// What was gathered of single statements, composed, is what is gathered of all of
// them as one transaction. What REPLACE wrote again as it was is taken for the row
// that was there, so that it has an older time, and belongs to another unit. Units
// may be smaller: a row that a statement moved and made again as it was is not part
// of what it did, so that it joins nothing to what others did to the row.
func TestComposingIsGatheringAsOne(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := writer{r, rapid.SampledFrom(scenes).Draw(r, "scene")}
		triggers := w.triggers("newer", "")
		var fill []string
		for range rapid.IntRange(0, 8).Draw(r, "rows") {
			table := w.table()
			fill = append(fill, "INSERT OR IGNORE INTO "+table.name+"("+strings.Join(table.columns, ", ")+") VALUES"+w.values(table, nil))
		}
		each := sceneReplica(r, w.scene.schema, "", fill, nil)
		defer each.Close()
		w.scene.keepRowIDs(r, each)
		each.in(r, "install", each.Install)
		for _, sql := range triggers {
			each.script(r, sql)
		}
		each.script(r, "BEGIN")
		var ran []string
		for range rapid.IntRange(1, 8).Draw(r, "statements") {
			each.script(r, mark)
			sql := w.statement(nil)
			ran = append(ran, sql)
			_ = each.Script("SAVEPOINT s; " + sql + "; RELEASE s") // may be refused
			if !each.conn.AutoCommit() {
				continue
			}
			each.script(r, "BEGIN")
		}
		each.script(r, "COMMIT")
		whole := each.duplicate(r)
		defer whole.Close()
		whole.script(r, "DELETE FROM replog_change WHERE op = 5 AND id > (SELECT min(id) FROM replog_change)")
		replaces := strings.Contains(w.scene.schema+strings.Join(slices.Concat(triggers, ran), ""), "REPLACE")
		mustCompose(r, each, mustGather(r, whole), !replaces)
		if r.Failed() {
			r.Logf("%s\n%s\n%s\n%s", w.scene.schema, strings.Join(fill, "\n"), strings.Join(triggers, "\n"), strings.Join(ran, "\n"))
		}
	})
}

// mustCompose checks that what a replica has gathered, composed, is want, with the
// units that it was gathered with, and no others than want has if these count.
func mustCompose(t testingT, r *testReplica, want []*Gathered, units bool) {
	t.Helper()
	restore := replog.SetMemory(400, 400) // some of it is on disk
	defer restore()
	m := NewComposition(r.Schema)
	var lists []string
	var parts [][]replog.Change
	for _, g := range mustGather(t, r) {
		lists = append(lists, describeChanges(g.NetChanges()))
		parts = append(parts, mustMemory(t, g.NetChanges()))
		if err := m.Add(g.NetChanges()); err != nil {
			t.Fatalf("%v after\n%s", err, strings.Join(lists, "\n--\n"))
		}
	}
	got := mustMemory(t, m.List())
	if again := mustMemory(t, m.List()); !reflect.DeepEqual(got, again) {
		t.Errorf("composed again: %v", again)
	}
	var of []*Gathered
	if len(got) > 0 {
		of = []*Gathered{{Marked: true, Label: "m", Net: got}}
	}
	for _, g := range want {
		g.Time, g.Net = 0, mustMemory(t, g.NetChanges())
	}
	joined := []*Gathered{{Net: joinedBy(parts, got)}}
	same := joins(of, joined) && joins(joined, of) && (!units || joins(want, of)) && noLater(of, want)
	for _, g := range slices.Concat(of, want) {
		g.Net = bare(g.Net)
	}
	if !same || !sameNets(of, want) {
		t.Errorf("composed\n%s\ngathered as one\n%s\nof\n%s", describeChanges(m.List()), describeGathered(want), strings.Join(lists, "\n--\n"))
	}
	if err := m.Close(); err != nil {
		t.Errorf("%v", err)
	}
}

// noLater tells whether no column has a later time in a than in b.
func noLater(a, b []*Gathered) bool {
	times := map[string]replog.Millis{}
	for _, g := range b {
		for _, c := range g.Net {
			for i, column := range c.Columns {
				times[c.Row().String()+column] = c.TimeOf(i)
			}
		}
	}
	for _, g := range a {
		for _, c := range g.Net {
			for i, column := range c.Columns {
				if c.TimeOf(i) > times[c.Row().String()+column] {
					return false
				}
			}
		}
	}
	return true
}

func bare(list []replog.Change) []replog.Change {
	list = slices.Clone(list)
	for i := range list {
		list[i].Time, list[i].Times, list[i].Unit = 0, nil, 0
	}
	return list
}

// mustGather gathers in one batch.
func mustGather(t testingT, r *testReplica) []*Gathered {
	t.Helper()
	list, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func mustMemory(t testingT, l replog.Changes) []replog.Change {
	list, err := replog.InMemory(l)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// joins tells whether rows that are a unit in b are one in a.
func joins(a, b []*Gathered) bool {
	of := map[replog.RowID]int{}
	for _, g := range a {
		for _, c := range g.Net {
			of[c.Row()] = c.Unit
		}
	}
	units := map[int]int{}
	for _, g := range b {
		for _, c := range g.Net {
			if c.Unit == 0 {
				continue
			}
			if units[c.Unit] == 0 {
				units[c.Unit] = of[c.Row()]
			}
			if u := of[c.Row()]; u == 0 || u != units[c.Unit] {
				return false
			}
		}
	}
	return true
}

// joinedBy gives net changes the units of the parts that they are composed of,
// joined where these share a row.
func joinedBy(parts [][]replog.Change, net []replog.Change) []replog.Change {
	units := map[replog.RowID]int{}
	last := 0
	for _, part := range parts {
		before := last
		for _, c := range part {
			if c.Unit == 0 {
				continue
			}
			unit := before + c.Unit
			last = max(last, unit)
			if old := units[c.Row()]; old != 0 {
				for row, u := range units {
					if u == old {
						units[row] = unit
					}
				}
			}
			units[c.Row()] = unit
		}
	}
	rows := map[int]int{}
	for _, c := range net {
		rows[units[c.Row()]]++
	}
	net = slices.Clone(net)
	for i := range net {
		if net[i].Unit = units[net[i].Row()]; rows[net[i].Unit] == 1 {
			net[i].Unit = 0
		}
	}
	return net
}

func describeChanges(l replog.Changes) string {
	var lines []string
	err := replog.EachChange(l, func(_ int, c *replog.Change) error {
		lines = append(lines, string(c.AppendJSON(nil)))
		return nil
	})
	if err != nil {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

func TestASingleListIsComposedAsItIs(t *testing.T) {
	r := newTestReplica(t, scripted(t, "one", "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"))
	m := NewComposition(r.Schema)
	if m.List().Len() != 0 {
		t.Error("nothing is something")
	}
	list := replog.ChangeList{{Table: "t", Op: replog.Update, Key: []replog.Value{replog.Integer(1)}, KeyColumns: []string{"id"},
		Columns: []string{"a"}, Old: []replog.Value{{}}, New: []replog.Value{replog.Integer(2)}, Time: 5, Unit: 7}}
	for _, l := range []replog.Changes{replog.ChangeList{}, list, replog.ChangeList(nil)} {
		if err := m.Add(l); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.List(); fmt.Sprintf("%p", got) != fmt.Sprintf("%p", replog.Changes(list)) || got.Len() != 1 {
		t.Errorf("the list became %v", got)
	}
}

func TestChangesThatDoNotFollowEachOtherAreNotComposed(t *testing.T) {
	r := newTestReplica(t, scripted(t, "odd", "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"))
	change := func(op replog.Op) replog.Change {
		c := replog.Change{Table: "t", Op: op, Key: []replog.Value{replog.Integer(1)}, KeyColumns: []string{"id"}, Columns: []string{"id", "a"}, Time: 1}
		values := []replog.Value{replog.Integer(1), replog.Integer(2)}
		if op == replog.Update {
			c.Columns, values = []string{"a"}, values[1:]
		}
		if op != replog.Insert {
			c.Old = values
		}
		if op != replog.Delete {
			c.New = values
		}
		return c
	}
	for _, pair := range [][2]replog.Op{
		{replog.Insert, replog.Insert}, {replog.Update, replog.Insert}, {replog.Delete, replog.Delete}, {replog.Delete, replog.Update},
	} {
		m := NewComposition(r.Schema)
		err := m.Add(replog.ChangeList{change(pair[0])})
		if err == nil {
			err = m.Add(replog.ChangeList{change(pair[1])})
		}
		if err == nil {
			t.Errorf("%s after %s is composed", pair[1], pair[0])
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

package applier

import (
	"reflect"
	"slices"
	"testing"

	"replog/replog"
)

const (
	low  replog.DeviceID = "11111111-0000-4000-8000-000000000000"
	mine replog.DeviceID = "55555555-0000-4000-8000-000000000000"
	high replog.DeviceID = "99999999-0000-4000-8000-000000000000"
)

// The tests' row is t(id 1, a, b); a and b name its columns, values are integers.

func ints(list ...int64) []replog.Value {
	out := make([]replog.Value, len(list))
	for i, n := range list {
		out[i] = replog.Integer(n)
	}
	return out
}

func baseChange(op replog.Op, at replog.Millis) replog.Change {
	return replog.Change{Table: "t", Op: op, Key: ints(1), KeyColumns: []string{"id"}, Time: at}
}

func insertAt(at replog.Millis, a, b int64) replog.Change {
	c := baseChange(replog.Insert, at)
	c.Columns, c.New = []string{"id", "a", "b"}, ints(1, a, b)
	return c
}

func deleteAt(at replog.Millis, a, b int64) replog.Change {
	c := baseChange(replog.Delete, at)
	c.Columns, c.Old = []string{"id", "a", "b"}, ints(1, a, b)
	return c
}

func setA(at replog.Millis, from, to int64) replog.Change {
	c := baseChange(replog.Update, at)
	c.Columns, c.Old, c.New = []string{"a"}, ints(from), ints(to)
	return c
}

func setB(at replog.Millis, from, to int64) replog.Change {
	c := setA(at, from, to)
	c.Columns = []string{"b"}
	return c
}

// setBoth sets a to 7 at one time and b to 8 at another, both from 0.
func setBoth(atA, atB replog.Millis) replog.Change {
	c := baseChange(replog.Update, max(atA, atB))
	c.Columns, c.Old, c.New, c.Times = []string{"a", "b"}, ints(0, 0), ints(7, 8), []replog.Millis{atA, atB}
	return c
}

func moving(c replog.Change) replog.Change {
	c.Unit = 1
	return c
}

// restoring is the INSERT by which the server brings a row back: only a has a
// time.
func restoring(at replog.Millis, a, b int64) replog.Change {
	c := insertAt(at, a, b)
	c.Times, c.Restored = []replog.Millis{0, at, 0}, true
	return c
}

// by makes a list of what devices did, at revisions 1, 2 …
func by(device replog.DeviceID, changes ...replog.Change) []replog.PastChange {
	var list []replog.PastChange
	for i, c := range changes {
		list = append(list, replog.PastChange{Revision: replog.Revision(i + 1), Device: device, Change: c})
	}
	return list
}

// ruleCase is a clause of docs/rules.md, "Judging a group", step 2.
type ruleCase struct {
	name       string
	row        []replog.Value // a and b as they are; nil: absent
	change     replog.Change
	concurrent []replog.PastChange
	want       string // written, no effect, stale; or conflict and the reason
	after      []replog.Value
	stale      []string
}

var ruleCases = []ruleCase{
	{name: "INSERT, absent", change: insertAt(5, 1, 2), want: "written", after: ints(1, 2)},
	{name: "INSERT, present with the same values", row: ints(1, 2), change: insertAt(5, 1, 2), concurrent: by(high, insertAt(9, 1, 2)), want: "no effect"},
	{name: "INSERT, present with other values", row: ints(1, 3), change: insertAt(5, 1, 2), want: "conflict " + replog.ReasonExists},
	{name: "INSERT, present with other values, though newer", row: ints(1, 3), change: insertAt(5, 1, 2), concurrent: by(low, insertAt(1, 1, 3)), want: "conflict " + replog.ReasonExists},
	{name: "INSERT, deleted concurrently and later", change: insertAt(5, 1, 2), concurrent: by(high, deleteAt(9, 0, 0)), want: "written", after: ints(1, 2)},
	{name: "INSERT, moved away concurrently", change: insertAt(5, 1, 2), concurrent: by(high, moving(deleteAt(9, 0, 0))), want: "written", after: ints(1, 2)},

	{name: "DELETE, absent", change: deleteAt(5, 0, 0), want: "no effect"},
	{name: "DELETE, absent, deleted concurrently", change: deleteAt(5, 0, 0), concurrent: by(high, deleteAt(9, 0, 0)), want: "no effect"},
	{name: "DELETE, absent, updated by others before", change: deleteAt(5, 0, 0), concurrent: by(high, setA(8, 0, 1), deleteAt(9, 1, 0)), want: "no effect"},
	{name: "DELETE, absent, moved concurrently", change: deleteAt(5, 0, 0), concurrent: by(high, moving(deleteAt(1, 0, 0))), want: "conflict " + replog.ReasonMoved},
	{name: "key change, absent", change: moving(deleteAt(5, 0, 0)), want: "conflict " + replog.ReasonAbsent},
	{name: "key change, absent, deleted concurrently", change: moving(deleteAt(5, 0, 0)), concurrent: by(low, deleteAt(1, 0, 0)), want: "conflict " + replog.ReasonAbsent},
	{name: "key change, absent, moved concurrently", change: moving(deleteAt(5, 0, 0)), concurrent: by(low, moving(deleteAt(1, 0, 0))), want: "conflict " + replog.ReasonMoved},
	{name: "DELETE, present", row: ints(0, 0), change: deleteAt(5, 0, 0), want: "written"},
	{name: "DELETE, present with other values", row: ints(3, 4), change: deleteAt(5, 0, 0), concurrent: by(low, setA(1, 0, 3), setB(2, 0, 4)), want: "written"},
	{name: "DELETE, present, a newer UPDATE", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, setA(6, 0, 1)), want: "stale"},
	{name: "DELETE, present, an older UPDATE after a newer one", row: ints(1, 1), change: deleteAt(5, 0, 0), concurrent: by(low, setA(6, 0, 1), setB(1, 0, 1)), want: "stale"},
	{name: "DELETE, present, an UPDATE of its time by a lower device", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, setA(5, 0, 1)), want: "written"},
	{name: "DELETE, present, an UPDATE of its time by a higher device", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(high, setA(5, 0, 1)), want: "stale"},
	{name: "DELETE, present, a newer INSERT", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, deleteAt(6, 0, 0), insertAt(7, 1, 0)), want: "stale"},
	{name: "DELETE, present, an older INSERT after a newer DELETE", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, deleteAt(9, 0, 0), insertAt(2, 1, 0)), want: "written"},
	{name: "DELETE, present, moved and inserted again", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, moving(deleteAt(1, 0, 0)), insertAt(2, 1, 0)), want: "conflict " + replog.ReasonMoved},
	{name: "DELETE, present, a newer restoring INSERT", row: ints(1, 0), change: deleteAt(5, 0, 0), concurrent: by(low, deleteAt(1, 0, 0), restoring(6, 1, 0)), want: "stale"},
	{name: "key change, present", row: ints(0, 0), change: moving(deleteAt(5, 0, 0)), concurrent: by(low, setA(4, 1, 0)), want: "written"},
	{name: "key change, present, a newer UPDATE", row: ints(1, 0), change: moving(deleteAt(5, 0, 0)), concurrent: by(low, setA(6, 0, 1)), want: "conflict " + replog.ReasonStale},

	{name: "UPDATE, absent, nobody deleted it", change: setA(5, 0, 7), want: "conflict " + replog.ReasonAbsent},
	{name: "UPDATE, absent, others only updated it", change: setA(5, 0, 7), concurrent: by(high, setA(4, 0, 1)), want: "conflict " + replog.ReasonAbsent},
	{name: "UPDATE, absent, moved", change: setA(5, 0, 7), concurrent: by(low, moving(deleteAt(1, 0, 0))), want: "conflict " + replog.ReasonMoved},
	{name: "UPDATE, absent, moved, then inserted and deleted", change: setA(5, 0, 7), concurrent: by(low, moving(deleteAt(1, 0, 0)), insertAt(2, 1, 1), deleteAt(3, 1, 1)), want: "conflict " + replog.ReasonMoved},
	{name: "UPDATE, absent, an older DELETE", change: setA(5, 0, 7), concurrent: by(high, deleteAt(4, 3, 4)), want: "written", after: ints(7, 4)},
	{name: "UPDATE, absent, a newer DELETE", change: setA(5, 0, 7), concurrent: by(low, deleteAt(6, 3, 4)), want: "stale"},
	{name: "UPDATE, absent, a DELETE of its time by a lower device", change: setA(5, 0, 7), concurrent: by(low, deleteAt(5, 3, 4)), want: "written", after: ints(7, 4)},
	{name: "UPDATE, absent, a DELETE of its time by a higher device", change: setA(5, 0, 7), concurrent: by(high, deleteAt(5, 3, 4)), want: "stale"},
	{name: "UPDATE, absent, only one column newer than the DELETE", change: setBoth(3, 5), concurrent: by(low, deleteAt(4, 3, 4)), want: "written", after: ints(3, 8), stale: []string{"a"}},
	{name: "UPDATE, absent, the last DELETE counts", change: setA(5, 0, 7), concurrent: by(low, deleteAt(9, 1, 1), insertAt(2, 5, 6), deleteAt(4, 5, 6)), want: "written", after: ints(7, 6)},
	{name: "UPDATE, absent, an INSERT before the DELETE is newer", change: setA(5, 0, 7), concurrent: by(low, deleteAt(1, 1, 1), insertAt(6, 5, 6), deleteAt(4, 5, 6)), want: "stale"},
	{name: "UPDATE, absent, the column updated later before the DELETE", change: setBoth(5, 5), concurrent: by(low, setA(6, 0, 3), deleteAt(4, 3, 0)), want: "written", after: ints(3, 8), stale: []string{"a"}},

	{name: "UPDATE, present, nobody else", row: ints(0, 0), change: setA(5, 0, 7), want: "written", after: ints(7, 0)},
	{name: "UPDATE, present, others changed another column later", row: ints(0, 4), change: setA(5, 0, 7), concurrent: by(high, setB(9, 0, 4)), want: "written", after: ints(7, 4)},
	{name: "UPDATE, present, an older UPDATE", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(high, setA(4, 0, 3)), want: "written", after: ints(7, 0)},
	{name: "UPDATE, present, a newer UPDATE", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(low, setA(6, 0, 3)), want: "stale"},
	{name: "UPDATE, present, one of its time by a lower device", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(low, setA(5, 0, 3)), want: "written", after: ints(7, 0)},
	{name: "UPDATE, present, one of its time by a higher device", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(high, setA(5, 0, 3)), want: "stale"},
	{name: "UPDATE, present, a newer one before an older one", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(low, setA(6, 0, 2), setA(1, 2, 3)), want: "stale"},
	{name: "UPDATE, present, one column each", row: ints(3, 4), change: setBoth(5, 5), concurrent: by(low, setA(6, 0, 3), setB(4, 0, 4)), want: "written", after: ints(3, 8), stale: []string{"a"}},
	{name: "UPDATE, present, times of its own for each column", row: ints(3, 4), change: setBoth(7, 5), concurrent: by(low, setA(6, 0, 3), setB(6, 0, 4)), want: "written", after: ints(7, 4), stale: []string{"b"}},
	{name: "UPDATE, present, columns that keep their times", row: ints(0, 0), change: setBoth(5, 7), want: "written", after: ints(7, 8)},
	{name: "UPDATE, present, a column that keeps its earlier time", row: ints(0, 4), change: setBoth(5, 7), concurrent: by(low, setB(9, 0, 4)), want: "written", after: ints(7, 4), stale: []string{"b"}},
	{name: "UPDATE, present, the value is there already", row: ints(7, 0), change: setA(5, 0, 7), concurrent: by(low, setA(4, 0, 7)), want: "no effect"},
	{name: "UPDATE, present, the value is there by a newer UPDATE", row: ints(7, 0), change: setA(5, 0, 7), concurrent: by(low, setA(6, 0, 7)), want: "stale"},
	{name: "UPDATE, present, there already in one column, stale in the other", row: ints(7, 1), change: setBoth(5, 5), concurrent: by(low, setB(6, 0, 1)), want: "no effect", stale: []string{"b"}},
	{name: "UPDATE, present, moved and another inserted", row: ints(1, 1), change: setA(5, 0, 7), concurrent: by(low, moving(deleteAt(1, 0, 0)), insertAt(2, 1, 1)), want: "conflict " + replog.ReasonMoved},
	{name: "UPDATE, present, replaced", row: ints(1, 1), change: setA(5, 0, 7), concurrent: by(low, deleteAt(1, 0, 0), insertAt(2, 1, 1)), want: "conflict " + replog.ReasonReplaced},
	{name: "UPDATE, present, replaced with the same values", row: ints(0, 0), change: setA(5, 0, 7), concurrent: by(low, deleteAt(9, 0, 0), insertAt(9, 0, 0)), want: "conflict " + replog.ReasonReplaced},
	{name: "UPDATE, present, restored after an older DELETE", row: ints(3, 0), change: setB(5, 0, 8), concurrent: by(low, deleteAt(1, 0, 0), restoring(2, 3, 0)), want: "written", after: ints(3, 8)},
	{name: "UPDATE, present, restored after a newer DELETE", row: ints(3, 0), change: setB(5, 0, 8), concurrent: by(low, deleteAt(9, 0, 0), restoring(10, 3, 0)), want: "written", after: ints(3, 8)},
	{name: "UPDATE, present, of the column that restored it, older", row: ints(3, 0), change: setA(5, 0, 7), concurrent: by(low, deleteAt(1, 0, 0), restoring(6, 3, 0)), want: "stale"},
	{name: "UPDATE, present, of the column that restored it, newer", row: ints(3, 0), change: setA(7, 0, 7), concurrent: by(low, deleteAt(1, 0, 0), restoring(6, 3, 0)), want: "written", after: ints(7, 0)},
	{name: "UPDATE, present, restored, deleted and inserted", row: ints(1, 1), change: setA(7, 0, 7), concurrent: by(low, deleteAt(1, 0, 0), restoring(2, 3, 0), deleteAt(3, 3, 0), insertAt(4, 1, 1)), want: "conflict " + replog.ReasonReplaced},
	{name: "UPDATE, present, an INSERT alone competes with all columns", row: ints(3, 4), change: setA(5, 0, 7), concurrent: by(low, insertAt(6, 3, 4)), want: "stale"},
	{name: "UPDATE, present, an older INSERT alone", row: ints(3, 4), change: setA(5, 0, 7), concurrent: by(low, insertAt(4, 3, 4)), want: "written", after: ints(7, 4)},
}

func TestTheRuleDecidesAsWritten(t *testing.T) {
	for _, tc := range ruleCases {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)"))
			if tc.row != nil {
				r.in(t, "row", func() error { return r.Exec("INSERT INTO t VALUES(1, ?, ?)", tc.row...) })
			}
			ruling, err := r.Rule(&tc.change, mine, tc.concurrent)
			if err != nil {
				t.Fatal(err)
			}
			got := map[Fate]string{Write: "written", NoEffect: "no effect", Stale: "stale", Contested: "conflict " + ruling.Reason.Code}[ruling.Fate]
			if got != tc.want || !slices.Equal(ruling.StaleColumns, tc.stale) {
				t.Fatalf("%s, stale %q; want %s, stale %q", got, ruling.StaleColumns, tc.want, tc.stale)
			}
			if ruling.Fate == Write {
				checkEffect(t, r, &tc, ruling)
			}
		})
	}
}

// checkEffect checks that what is written is what the log will say.
func checkEffect(t *testing.T, r *testReplica, tc *ruleCase, ruling *Ruling) {
	t.Helper()
	var want []replog.Value
	if tc.after != nil {
		want = append(ints(1), tc.after...)
	}
	if !slices.Equal(ruling.Image.After, want) {
		t.Errorf("writes %v, want %v", ruling.Image.After, want)
	}
	if err := ruling.Effect.Validate(); err != nil {
		t.Error(err)
	}
	for i, name := range ruling.Effect.Columns {
		n := slices.Index(tc.change.Columns, name)
		if at := ruling.Effect.TimeOf(i); ruling.Effect.Op == replog.Update && at != tc.change.TimeOf(n) {
			t.Errorf("column %s has the time %d, want %d", name, at, tc.change.TimeOf(n))
		}
	}
	r.in(t, "apply what the log says", func() error { return r.Apply(replog.ChangeList{ruling.Effect}) })
	now, err := r.Row(r.Schema.Table("t"), ints(1))
	if err != nil || !slices.Equal(now, want) {
		t.Errorf("the log's change leaves %v, want %v (%v)", now, want, err)
	}
}

func TestARestoredRowKeepsTheTimesOfWhatWasNotWritten(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)"))
	change := setBoth(5, 3)
	ruling, err := r.Rule(&change, mine, by(low, deleteAt(4, 1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	e := ruling.Effect
	if e.Op != replog.Insert || !e.Restored || !slices.Equal(e.Times, []replog.Millis{0, 5, 0}) || !slices.Equal(e.New, ints(1, 7, 2)) {
		t.Fatalf("%+v", e)
	}
}

// What others did to columns that an UPDATE does not write has to show in what it
// carries along of them: what follows it in the transaction is composed with that.
func TestWhatAnUpdateCarriesAlongIsOfTheRowAsItIs(t *testing.T) {
	carrying := func(c replog.Change, column string, value int64) replog.Change {
		c.Context = &replog.Context{Columns: []string{column}, Values: ints(value)}
		return c
	}
	for _, tc := range []struct {
		name       string
		row        []replog.Value
		change     replog.Change
		concurrent []replog.PastChange
		want       *replog.Context
	}{
		{"as the device saw it", ints(0, 3), carrying(setA(5, 0, 7), "b", 3), nil, &replog.Context{Columns: []string{"b"}, Values: ints(3)}},
		{"as others made it", ints(0, 4), carrying(setA(5, 0, 7), "b", 3), by(high, setB(9, 3, 4)), &replog.Context{Columns: []string{"b"}, Values: ints(4)}},
		{"a column that is stale", ints(0, 4), setBoth(5, 5), by(low, setB(9, 0, 4)), &replog.Context{Columns: []string{"b"}, Values: ints(4)}},
		{"a column that is there already", ints(0, 8), setBoth(5, 5), by(low, setB(4, 0, 8)), &replog.Context{Columns: []string{"b"}, Values: ints(8)}},
		{"all columns are written", ints(0, 0), setBoth(5, 5), nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, UNIQUE(a, b))"))
			r.in(t, "row", func() error { return r.Exec("INSERT INTO t VALUES(1, ?, ?)", tc.row...) })
			ruling, err := r.Rule(&tc.change, mine, tc.concurrent)
			if err != nil {
				t.Fatal(err)
			}
			if got := ruling.Effect.Context; ruling.Fate != Write || !reflect.DeepEqual(got, tc.want) {
				t.Errorf("%v carries %v, want %v", ruling.Effect.Columns, got, tc.want)
			}
		})
	}
}

func TestAChangeThatDoesNotFitTheSchemaIsRefused(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)"))
	for name, alter := range map[string]func(*replog.Change){
		"another table":             func(c *replog.Change) { c.Table = "u" },
		"the table in another case": func(c *replog.Change) { c.Table = "T" },
		"a column that is not there": func(c *replog.Change) {
			c.Columns = []string{"id", "a", "c"}
		},
		"a column in another case": func(c *replog.Change) { c.Columns = []string{"id", "a", "B"} },
		"a column twice":           func(c *replog.Change) { c.Columns = []string{"id", "a", "a"} },
		"without its key":          func(c *replog.Change) { c.Columns, c.New = c.Columns[1:], c.New[1:] },
		"another key":              func(c *replog.Change) { c.KeyColumns = []string{"a"} },
		"a key that is not its own": func(c *replog.Change) {
			c.Key = ints(2)
		},
		"NULL for a key": func(c *replog.Change) { c.Key = []replog.Value{{}} },
	} {
		c := insertAt(5, 1, 2)
		alter(&c)
		if _, err := r.Rule(&c, mine, nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

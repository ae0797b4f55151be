package applier

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"replog/replog"
)

// The table has more columns than the device, whose rows are (id, a).
func TestADeviceWithAnOlderSchemaIsUnderstood(t *testing.T) {
	const newer = `CREATE TABLE t(b TEXT DEFAULT 7, id INTEGER PRIMARY KEY, a, "C" REAL NOT NULL DEFAULT 1, d, g AS (a)); INSERT INTO t(id, a, b) VALUES(2, 5, 'x')`
	short := func(op replog.Op, id, a int64) replog.Change {
		c := baseChange(op, 5)
		c.Key, c.Columns = ints(id), []string{"id", "a"}
		if op == replog.Insert {
			c.New = ints(id, a)
		} else {
			c.Old = ints(id, a)
		}
		return c
	}
	gone := short(replog.Delete, 1, 3)
	odd := short(replog.Delete, 1, 3) // from before another column was dropped
	odd.Columns, odd.Old = []string{"gone", "id", "a"}, ints(9, 1, 3)
	update := setA(5, 3, 4)
	for _, tc := range []struct {
		name   string
		change replog.Change
		past   *replog.Change
		fate   Fate
		effect string
	}{
		{"an INSERT", short(replog.Insert, 1, 3), nil, Write, `insert [id a b C d] [] [1,3,"7",1.0,null]`},
		{"an INSERT of a row that is there, and has more", short(replog.Insert, 2, 5), nil, NoEffect, ""},
		{"an INSERT of a row that is there with other values", short(replog.Insert, 2, 6), nil, Contested, ""},
		{"a DELETE", short(replog.Delete, 2, 5), nil, Write, `delete [b id a C d] ["x",2,5,1.0,null] []`},
		{"a DELETE of a row that has changed", short(replog.Delete, 2, 4), nil, Write, `delete [b id a C d] ["x",2,5,1.0,null] []`},
		{"a row that is brought back", update, &gone, Write, `insert [b id a C d] [] ["7",1,4,1.0,null]`},
		{"a row of other columns that is brought back", update, &odd, Write, `insert [b id a C d] [] ["7",1,4,1.0,null]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", newer))
			var past []replog.PastChange
			if tc.past != nil {
				tc.past.Time = 4
				past = by(low, *tc.past)
			}
			ruling, err := r.Rule(&tc.change, mine, past)
			if err != nil || ruling.Fate != tc.fate {
				t.Fatalf("%+v, %v", ruling, err)
			}
			if ruling.Fate != Write {
				return
			}
			e := &ruling.Effect
			if got := fmt.Sprintf("%s %v %s %s", e.Op, e.Columns, replog.KeyString(e.Old), replog.KeyString(e.New)); got != tc.effect {
				t.Errorf("%s\nwant %s", got, tc.effect)
			}
			r.in(t, "apply what the log says", func() error { return r.Apply(replog.ChangeList{*e}) })
		})
	}
}

func TestWhatHasNoConstantDefaultCannotBeLeftOut(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, at DEFAULT CURRENT_TIMESTAMP, b)"))
	c := insertAt(5, 1, 2)
	if _, err := r.RuleAbsent(&c); !errors.Is(err, ErrSchema) {
		t.Errorf("%v", err)
	}
}

func TestAKeyChangeCarriesWhatTheDeviceDoesNotKnow(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b DEFAULT 7); INSERT INTO t VALUES(1, 2, 3)"))
	c := baseChange(replog.Insert, 5)
	c.Key, c.Columns, c.New = ints(9), []string{"id", "a"}, ints(9, 4)
	from := deleteAt(5, 2, 0)
	if !r.Lacks(&c) || r.Lacks(&from) {
		t.Error("it does not lack a column")
	}
	for _, tc := range []struct {
		from *replog.Change
		want []replog.Value
	}{{&from, ints(9, 4, 3)}, {nil, ints(9, 4)}} {
		if got, err := r.Carry(&c, tc.from); err != nil || !slices.Equal(got.New, tc.want) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if len(c.Columns) != 2 {
		t.Error("the change itself was widened")
	}
}

func TestTheTablesOfSchemaStatementsAreRead(t *testing.T) {
	objects := []Object{{Type: "table", Name: "Person", Table: "Person"}, {Type: "index", Name: "i", Table: "Person"}, {Type: "trigger", Name: "tr", Table: "v"}}
	for sql, want := range map[string]string{
		"CREATE TABLE IF NOT EXISTS main.a(b)": "[a]", "ALTER TABLE person RENAME TO people": "[Person people]", "DROP INDEX i": "[Person]",
		"ALTER TABLE person RENAME a TO b": "[Person]", "CREATE INDEX j ON main.person(a)": "[Person]", "DROP TRIGGER tr": "[v]", "DROP INDEX j": "[]",
		"CREATE TRIGGER t AFTER INSERT ON PERSON BEGIN SELECT 1; END": "[Person]", "DROP TABLE q": "[q]", "SELECT 1": "[]", "": "[]",
	} {
		if got := fmt.Sprint(SchemaTables(sql, objects)); got != want {
			t.Errorf("%s: %s, want %s", sql, got, want)
		}
	}
}

package applier

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// units renders net changes as "OP KEY unit".
func units(list []*Gathered) (out []string) {
	for _, g := range list {
		for _, c := range g.Net {
			out = append(out, fmt.Sprintf("%s %s %d", c.Op, replog.KeyString(c.Key), c.Unit))
		}
	}
	return out
}

func TestAKeyChangeMakesAUnitWhateverHappensOnTheWay(t *testing.T) {
	const tree = `PRAGMA foreign_keys=ON; CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id) ON DELETE SET NULL, v);
		INSERT INTO t VALUES(2,NULL,'b'),(3,NULL,'c'),(1,2,'a');`
	for _, tc := range []struct {
		name, sql  string
		want       []string
		statements string
	}{
		{"nothing", "UPDATE t SET id = 9 WHERE id = 1", []string{"delete [1] 1", "insert [9] 1"},
			"update [1]"},
		{"a row is evicted, and its children lose it", "UPDATE OR REPLACE t SET id = 2 WHERE id = 1", []string{"update [2] 1", "delete [1] 1"},
			"delete [2], update [1]"},
		{"a row is evicted, and its trigger fires", "PRAGMA recursive_triggers=ON; UPDATE OR REPLACE t SET id = 3 WHERE id = 1", []string{"update [3] 1", "delete [1] 1"},
			"delete [3], update [1]"},
		{"an attempt was ignored before", "UPDATE OR IGNORE t SET id = 3 WHERE id = 1; UPDATE OR REPLACE t SET id = 2 WHERE id = 1", []string{"update [2] 1", "delete [1] 1"},
			"delete [2], update [1]"},
		{"it is ignored, and the row deleted", "UPDATE OR IGNORE t SET id = 3 WHERE id = 1; DELETE FROM t WHERE id = 1", []string{"delete [1] 0"},
			"delete [1]"},
		{"it is ignored, and the rows deleted and inserted", "UPDATE OR IGNORE t SET id = 3 WHERE id = 1; DELETE FROM t WHERE id <> 2; INSERT INTO t VALUES(3,NULL,'d')", []string{"delete [1] 0", "update [3] 0"},
			"delete [1], delete [3], insert [3]"},
		{"the row moves on", "UPDATE t SET id = 9 WHERE id = 1; UPDATE t SET id = 10 WHERE id = 9", []string{"delete [1] 1", "insert [10] 1"},
			"update [1], update [9]"},
		{"the row moves back", "UPDATE t SET id = 9 WHERE id = 1; UPDATE t SET id = 1, v = 'x' WHERE id = 9", []string{"update [1] 0"},
			"update [1], update [9]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			list := gatherAfter(t, tree, tc.sql)
			got := units(list)
			slices.Sort(got)
			slices.Sort(tc.want)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
			var statements []string
			for _, s := range list[0].Statements {
				statements = append(statements, fmt.Sprintf("%s %s", s.Op, replog.KeyString(s.Key)))
			}
			if got := strings.Join(statements, ", "); got != tc.statements {
				t.Errorf("statements %s, want %s", got, tc.statements)
			}
		})
	}
}

func TestEachTransactionBeginsWhereTheOneBeforeEnded(t *testing.T) {
	const mark = "INSERT INTO replog_transaction VALUES(%s);"
	list := gatherAfter(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,0)",
		"UPDATE t SET v = 1;"+fmt.Sprintf(mark, "'a'")+"UPDATE t SET v = 2; INSERT INTO t VALUES(2,5);"+fmt.Sprintf(mark, "NULL")+
			"DELETE FROM t WHERE id = 2; UPDATE t SET v = 3; UPDATE replog_change SET time = 1000 - id")
	var got []string
	for i, text := range []string{"update t [1] [0] [1]", "update t [1] [1] [2], insert t [2] [] [2 5]", "delete t [2] [2 5] [], update t [1] [2] [3]"} {
		if i >= len(list) {
			t.Fatalf("%d transactions", len(list))
		}
		want := fmt.Sprintf("marked %t: %s", i == 1, text)
		is := fmt.Sprintf("marked %t: ", list[i].Marked)
		for n, change := range summarize(list[i : i+1]) {
			if n > 0 {
				is += ", "
			}
			is += change
		}
		if is != want {
			t.Errorf("%s, want %s", is, want)
		}
		got = append(got, fmt.Sprint(list[i].Time))
	}
	if !slices.IsSorted(got) {
		t.Errorf("the times go back: %s", got)
	}
}

package applier

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// gatherAfter captures a database, runs SQL on it, and gathers.
func gatherAfter(t *testing.T, before, after string) []*Gathered {
	t.Helper()
	r := installed(t, before, "")
	if err := r.Script(after); err != nil && !IsConstraint(err) { // RAISE(FAIL)
		t.Fatal(err)
	}
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	return gathered
}

// summarize renders net changes as "OP TABLE KEY".
func summarize(list []*Gathered) (out []string) {
	for _, g := range list {
		for _, c := range g.Net {
			out = append(out, fmt.Sprintf("%s %s %s %v %v", c.Op, c.Table, replog.KeyString(c.Key), c.Old, c.New))
		}
	}
	return out
}

// Triggers that the application makes after capture was installed run their
// AFTER part before any of ours would.
func TestTriggersNewerThanCaptureHideNothing(t *testing.T) {
	for _, tc := range []struct {
		name, before, after string
		want                []string
	}{
		{
			"a row that OR FAIL leaves though the trigger failed",
			`CREATE TABLE t(id INTEGER PRIMARY KEY, v)`,
			`CREATE TRIGGER late AFTER INSERT ON t WHEN NEW.v = 2 BEGIN SELECT RAISE(FAIL, 'no'); END;
			INSERT OR IGNORE INTO t VALUES(1, 1); INSERT INTO t(v) VALUES(2)`,
			[]string{"insert t [1] [] [1 1]", "insert t [2] [] [2 2]"},
		},
		{
			"a row that fails at a key that AUTOINCREMENT gives",
			`CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v); INSERT INTO t VALUES(7, 1); DELETE FROM t`,
			`CREATE TRIGGER late AFTER INSERT ON t BEGIN SELECT RAISE(FAIL, 'no'); END;
			INSERT INTO t(v) VALUES(2)`,
			[]string{"insert t [8] [] [8 2]"},
		},
		{
			"two nested OR REPLACE on one row",
			`CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v); INSERT INTO t VALUES(1, 'a', 0)`,
			`CREATE TRIGGER late AFTER INSERT ON t WHEN NEW.v = 1 BEGIN REPLACE INTO t VALUES(1, 'b', 2); END;
			REPLACE INTO t VALUES(1, 'c', 1)`,
			[]string{"update t [1] ['a' 0] ['b' 2]"},
		},
		{
			"a new row that the trigger deletes",
			`CREATE TABLE u(k, l, a, PRIMARY KEY(k, l DESC)) WITHOUT ROWID; INSERT INTO u VALUES(x'61', 1, 1)`,
			`CREATE TRIGGER late AFTER INSERT ON u BEGIN DELETE FROM u; END;
			INSERT OR REPLACE INTO u VALUES(x'61', 1, 'b')`,
			[]string{"delete u [{\"blob\":\"YQ==\"},1] [x'61' 1 1] []"},
		},
		{
			"a row at a key that was drawn",
			`CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(9223372036854775807, 0)`,
			`CREATE TABLE drawn(id INTEGER PRIMARY KEY);
			CREATE TRIGGER late AFTER INSERT ON t BEGIN UPDATE t SET id = 5, v = 'moved' WHERE id = NEW.id; END;
			INSERT INTO t(v) VALUES(1)`,
			[]string{"insert t [5] [] [5 'moved']"},
		},
		{
			"a key by a default that nobody foresees",
			`CREATE TABLE t(k TEXT NOT NULL DEFAULT (iif(random() IS NULL, 1, 'X')) PRIMARY KEY, v)`,
			`CREATE TRIGGER late AFTER INSERT ON t BEGIN UPDATE t SET v = v + 1; END;
			INSERT INTO t(v) VALUES(1); REPLACE INTO t VALUES('y', 5); REPLACE INTO t VALUES(NULL, 8)`,
			[]string{`insert t ["X"] [] ['X' 9]`, `insert t ["y"] [] ['y' 7]`},
		},
		{
			"a row evicted at a key that a default stands for",
			`CREATE TABLE t(k TEXT, l REAL NOT NULL DEFAULT 2, v, PRIMARY KEY(k, l)); INSERT INTO t VALUES('a', 2, 'old')`,
			`CREATE TRIGGER late AFTER INSERT ON t BEGIN UPDATE t SET v = v || '!'; END;
			REPLACE INTO t VALUES('a', NULL, 'new')`,
			[]string{`update t ["a",2.0] ['old'] ['new!']`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := summarize(gatherAfter(t, tc.before, tc.after)); !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestTriggersCallNoFunctionsOfTheApplication(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", `CREATE TABLE t(k TEXT NOT NULL DEFAULT (house('x')) PRIMARY KEY, v NOT NULL DEFAULT (upper(house('y'))) UNIQUE)`))
	for _, sql := range captureTriggers(1, r.Schema.Table("t")) {
		if strings.Contains(sql, "house") {
			t.Error(sql)
		}
	}
}

func TestWhatGoesPastCaptureInAColumnThatWasWrittenIsInTheLog(t *testing.T) {
	got := summarize(gatherAfter(t, `CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1, 'a')`,
		`UPDATE t SET v = 'b'; UPDATE replog_control SET recording = 0; UPDATE t SET v = 'c'`))
	if want := []string{"update t [1] ['a'] ['c']"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestARowThatOnlyStoodInTheWayIsNotTakenForEvicted(t *testing.T) {
	// The trigger's update is captured before the one that fired it, and finds
	// the row at its new key in the way.
	gathered := gatherAfter(t,
		`CREATE TABLE t(c0 INTEGER, c1 TEXT COLLATE NOCASE, c2 TEXT, c3, PRIMARY KEY(c1, c0), UNIQUE(c3));
		CREATE UNIQUE INDEX u ON t(c2);
		INSERT INTO t VALUES(9, 'A', '', x'31'), (1, 'e', 'A', 0.0)`,
		`CREATE TRIGGER app AFTER UPDATE ON t BEGIN UPDATE OR IGNORE t SET c3 = 0.0 WHERE c1 = 'A'; END;
		UPDATE t SET c1 = 'G' WHERE c1 = 'e'`)
	var ops []replog.Op
	for _, change := range gathered[0].Net {
		ops = append(ops, change.Op)
	}
	if len(gathered) != 1 || len(ops) != 2 || ops[0] != replog.Delete || ops[1] != replog.Insert || gathered[0].Vanished != 0 {
		t.Fatalf("%d transactions, first %v, %d rows vanished", len(gathered), ops, gathered[0].Vanished)
	}
}

func TestAnEvictionIsCapturedThoughItsCascadeTakesTheNewRowAway(t *testing.T) {
	gathered := gatherAfter(t,
		`CREATE TABLE o(c0 BLOB NOT NULL, c1, c2 BLOB, PRIMARY KEY(c0) ON CONFLICT REPLACE,
			FOREIGN KEY(c2) REFERENCES o(c0) ON DELETE CASCADE);
		INSERT INTO o VALUES(x'01', '1', NULL)`,
		`PRAGMA foreign_keys=ON;
		INSERT INTO o VALUES(x'61', 1.0, x'01');
		UPDATE o SET c0 = x'01' WHERE c0 = x'61'`)
	if len(gathered) != 1 || len(gathered[0].Net) != 1 || gathered[0].Net[0].Op != replog.Delete || gathered[0].Net[0].Old[1] != replog.Text("1") {
		t.Fatalf("%+v", gathered)
	}
}

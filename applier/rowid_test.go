package applier

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

const (
	keyless  = "CREATE TABLE t(v, w)"
	threeRow = "INSERT INTO t(rowid, v, w) VALUES(1,'a','x'),(5,'b','y'),(9,'c','z')"
)

var rowIDMatrix = []matrixCase{
	{name: "insert, update, delete", rowids: true, schema: keyless, rows: threeRow,
		run: stmts("INSERT INTO t VALUES('d','n'),('e','n')", "UPDATE t SET v = v || '!' WHERE w <> 'n'", "DELETE FROM t WHERE rowid = 5"), net: 5},
	{name: "alike rows are several", rowids: true, schema: keyless, run: stmts("INSERT INTO t VALUES(1,1),(1,1),(1,1)", "DELETE FROM t WHERE rowid = 2"), net: 2},
	{name: "rowids that the application gives", rowids: true, schema: keyless, rows: threeRow,
		run: stmts("INSERT INTO t(rowid, v) VALUES(7,'n'),(-3,'m')", "UPDATE t SET rowid = rowid + 100 WHERE rowid > 4", "INSERT OR REPLACE INTO t(_rowid_, v) VALUES(1,'r')", "UPDATE OR REPLACE t SET oid = 107 WHERE v = 'c'"), net: -1},
	{name: "unique columns without a key", rowids: true, schema: "CREATE TABLE t(u UNIQUE, v, w NOT NULL DEFAULT 'd' UNIQUE); CREATE UNIQUE INDEX i ON t(lower(v)) WHERE v <> ''", rows: "INSERT INTO t VALUES('a','A','x'),('b','B','y'),('c','C','z')",
		run: stmts("REPLACE INTO t VALUES('a','b','n')", "UPDATE OR REPLACE t SET u = 'c' WHERE w = 'n'", "INSERT OR IGNORE INTO t VALUES('n','B','q')", "REPLACE INTO t(u) VALUES('p')", "INSERT INTO t VALUES('q','Q','r') ON CONFLICT(u) DO UPDATE SET v = 1"), net: -1},
	{name: "columns that are named like the rowid", rowids: true, schema: "CREATE TABLE t(rowid, v); CREATE TABLE u(oid, _rowid_, v); CREATE TABLE x(ROWID, oid, _rowid_)",
		run: stmts("INSERT INTO t VALUES('a',1)", "INSERT INTO u VALUES('b','c',1)", "UPDATE t SET rowid = 'z'", "UPDATE u SET v = 2, oid = 3", "INSERT INTO x VALUES(1,2,3)"), net: 2, skipped: []string{"x"}},
	{name: "children without a key, parents with a unique column", rowids: true, schema: "CREATE TABLE p(code UNIQUE); CREATE TABLE c(p REFERENCES p(code) ON DELETE CASCADE ON UPDATE CASCADE, v)", rows: "INSERT INTO p VALUES('a'),('b'); INSERT INTO c VALUES('a',1),('a',2),('b',3)",
		pragmas: enforce, run: stmts("UPDATE p SET code = 'A' WHERE code = 'a'", "DELETE FROM p WHERE code = 'b'"), net: 5},
	{name: "triggers, older and newer", rowids: true, schema: keyless + "; CREATE TABLE l(what); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO l VALUES(NEW.v); END", later: "CREATE TRIGGER h AFTER INSERT ON l BEGIN UPDATE t SET w = NEW.rowid WHERE v = NEW.what; END",
		run: stmts("INSERT INTO t(v) VALUES('a'),('b')", "INSERT INTO t(rowid, v) VALUES(50,'c')", "INSERT INTO t(v) SELECT v || '2' FROM t"), net: 12},
	{name: "STRICT, generated columns and odd names", rowids: true, schema: `CREATE TABLE t("a b" INT, g INT AS ("a b" * 2), "x""y" ANY) STRICT; CREATE UNIQUE INDEX i ON t(g)`, rows: `INSERT INTO t VALUES(1,'p'),(2,'q')`,
		run: stmts("REPLACE INTO t VALUES(1,NULL)", `UPDATE OR REPLACE t SET "a b" = 2, "x""y" = x'00' WHERE "a b" = 1`), net: -1},
	{name: "keyed tables beside them", rowids: true, schema: keyless + ";" + logTable, rows: threeRow, run: stmts("INSERT INTO log(what) SELECT v FROM t", "DELETE FROM t"), net: 6},
}

func TestCaptureByRowID(t *testing.T) { checkMatrix(t, rowIDMatrix) }

func rowIDReplica(t *testing.T, script string) *testReplica {
	t.Helper()
	r := newTestReplica(t, scripted(t, "db", script))
	r.in(t, "install", func() error {
		if err := r.KeepRowIDs(); err != nil {
			return err
		}
		return r.Install()
	})
	return r
}

func TestVacuumKeepsTheRowIDsOfCapturedTables(t *testing.T) {
	vacuum := map[string]func(*testReplica) error{
		"our SQLite":        func(r *testReplica) error { return r.Script("VACUUM") },
		"the sqlite3 shell": func(r *testReplica) error { return exec.Command("sqlite3", r.Path(), "VACUUM").Run() },
	}
	for name, f := range vacuum {
		t.Run(name, func(t *testing.T) {
			r := rowIDReplica(t, keyless+";"+threeRow+"; CREATE TABLE g(x AS (y), y); INSERT INTO g(rowid, y) VALUES(4, 4)")
			r.script(t, "UPDATE t SET v = 'n' WHERE rowid = 9; DELETE FROM t WHERE rowid = 1")
			if err := f(r); err != nil {
				t.Fatal(err)
			}
			if got := contentOf(t, r, "SELECT rowid FROM t UNION ALL SELECT rowid FROM g"); got != "[5][9][4]" {
				t.Errorf("rowids after VACUUM: %s", got)
			}
			if moved, err := r.RowIDsMoved(); err != nil || moved {
				t.Errorf("moved: %t, %v", moved, err)
			}
			if got, want := summarize(r.gather(t)), []string{"update t [9] ['c'] ['n']", "delete t [1] ['a' 'x' 1] []"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestAFileMadeFromADumpIsKnown(t *testing.T) {
	r := rowIDReplica(t, keyless+";"+threeRow)
	dump, err := exec.Command("sqlite3", r.Path(), ".dump").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := r.Path() + ".again"
	shell := exec.Command("sqlite3", path)
	shell.Stdin = strings.NewReader(string(dump))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	again := openReplica(t, path)
	if moved, err := again.RowIDsMoved(); err != nil || !moved {
		t.Errorf("moved: %t, %v", moved, err)
	}
}

func TestAGuardThatIsGoneIsMended(t *testing.T) {
	r := rowIDReplica(t, keyless+";"+threeRow)
	r.script(t, "DROP INDEX replog_1_keep")
	for _, want := range []bool{true, false} {
		r.in(t, "mend", func() error {
			mended, err := r.MendCapture()
			if mended != want {
				t.Errorf("mended: %t, want %t", mended, want)
			}
			return err
		})
	}
}

func TestRowIDsAreComparedWhereBothAreReplicatedByThem(t *testing.T) {
	a, b := scripted(t, "a", keyless+";"+threeRow), scripted(t, "b", keyless+"; INSERT INTO t VALUES('a','x'),('b','y'),('c','z')")
	for _, tc := range []struct {
		what string
		mark []*Conn
		want TableComparison
	}{
		{"neither", nil, TableComparison{Table: "t"}},
		{"one", []*Conn{a}, TableComparison{Table: "t"}},
		{"both", []*Conn{b}, TableComparison{Table: "t", OnlyA: 2, OnlyB: 2}},
	} {
		for _, c := range tc.mark {
			r := newTestReplica(t, c)
			r.in(t, "mark", r.KeepRowIDs)
		}
		c, err := Compare(a, b, CompareOptions{Row: func(d RowDifference) error {
			if len(d.Key) != 1 || d.Columns[d.Key[0]] != "rowid" {
				t.Errorf("key %v of %q", d.Key, d.Columns)
			}
			return nil
		}})
		if err != nil || len(c.Tables) != 1 || c.Tables[0] != tc.want {
			t.Errorf("%s: %+v, %v", tc.what, c, err)
		}
	}
}

func TestTheSchemaSaysWhatIsReplicatedByRowID(t *testing.T) {
	plain, kept := newTestReplica(t, scripted(t, "plain", keyless)), rowIDReplica(t, keyless)
	if len(plain.Schema.Tables) != 0 || len(kept.Schema.Tables) != 1 || plain.Schema.Describe() == kept.Schema.Describe() {
		t.Errorf("%s\n%s", plain.Schema.Describe(), kept.Schema.Describe())
	}
	table := kept.Schema.Table("t")
	if got := table.KeyColumns(); !slices.Equal(got, []string{"rowid"}) {
		t.Errorf("key %q", got)
	}
	image := []replog.Value{replog.Text("v"), {}, replog.Integer(77)}
	kept.write(t, "write", func() error {
		return kept.Write(imagesOf(t, kept.Replica, RowImage{Table: table, Key: table.KeyOf(image), After: image}))
	})
	if got := contentOf(t, kept, "SELECT rowid, v FROM t"); got != `[77,"v"]` {
		t.Error(got)
	}
}

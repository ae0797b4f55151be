package applier

import (
	"fmt"
	"strings"
	"testing"

	"replog/replog"
)

// wideTable is a table t with columns c0, c1 …, of which some have a clause.
func wideTable(columns int, clauses map[int]string, constraint string) string {
	var names []string
	for i := range columns {
		names = append(names, fmt.Sprintf("c%d %s", i, clauses[i]))
	}
	if constraint != "" {
		names = append(names, constraint)
	}
	return "CREATE TABLE t(" + strings.Join(names, ", ") + ")"
}

// someColumns lists c0, c1 … of the first columns, each in a format.
func someColumns(columns int, format string) string {
	var list []string
	for i := range columns {
		list = append(list, fmt.Sprintf(format, i))
	}
	return strings.Join(list, ", ")
}

var keyFirst = map[int]string{0: "INTEGER PRIMARY KEY", 1: "UNIQUE"}

var wideMatrix = []matrixCase{
	{name: "one column more than a part has", schema: wideTable(partColumns+1, keyFirst, "") + "; CREATE TABLE u(id INTEGER PRIMARY KEY, v)", rows: "INSERT INTO t(c0, c1, c62) VALUES(1,1,1),(2,2,2); INSERT INTO u VALUES(1,1)",
		run: stmts("UPDATE t SET c62 = 'x' WHERE c0 = 1", "UPDATE u SET v = 2", "INSERT INTO t(c0, c1) VALUES(3,3)", "REPLACE INTO t(c0, c1, c62) VALUES(9,2,9)", "UPDATE t SET c0 = 4 WHERE c0 = 3"), net: 5},
	{name: "a key beyond the first part", schema: wideTable(200, map[int]string{199: "TEXT COLLATE NOCASE", 70: "UNIQUE"}, "PRIMARY KEY(c199, c130)"), rows: "INSERT INTO t(c199, c130, c70) VALUES('a',1,1),('b',1,2)",
		run: stmts("UPDATE t SET c199 = 'A' WHERE c199 = 'a'", "REPLACE INTO t(c199, c130, c70, c5) VALUES('c',1,2,'n')", "UPDATE OR REPLACE t SET c70 = 1, c90 = 'm' WHERE c199 = 'c'"), net: 3},
	{name: "to and from NULL in every part", schema: wideTable(300, keyFirst, ""), rows: "INSERT INTO t(c0, c60, c100, c200, c299) VALUES(1,1,1,1,1)",
		run: stmts("UPDATE t SET c60 = NULL, c61 = 0, c100 = NULL, c101 = 0, c299 = NULL, c298 = 'x'", "UPDATE t SET c298 = NULL, c299 = 2"), net: 1},
	{name: "many rows of several parts", schema: wideTable(150, map[int]string{100: "TEXT NOT NULL PRIMARY KEY"}, ""), rows: "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t(c100, c0, c149) SELECT i, -i, i FROM n",
		run: stmts("UPDATE t SET c149 = c149 + 1, c120 = 'x' WHERE c149 > 50", "DELETE FROM t WHERE c149 % 7 = 0"), net: -1},
	{name: "2,000 columns", schema: wideTable(2000, map[int]string{1999: "INTEGER PRIMARY KEY", 0: "UNIQUE"}, ""), rows: "INSERT INTO t(c1999, c0, c1, c1998) VALUES(1,1,1,1),(2,2,2,2)",
		run: stmts("UPDATE t SET c1998 = 'x', c450 = 'y' WHERE c1999 = 1", "INSERT INTO t(c1999, c0) VALUES(3,3)", "REPLACE INTO t(c1999, c0) VALUES(9,2)", "UPDATE t SET c1999 = 4 WHERE c1999 = 3"), net: 4},
	{name: "2,000 columns, all at once", schema: wideTable(2000, keyFirst, ""), rows: "INSERT INTO t(c0, c7) VALUES(1,7)",
		run: stmts("UPDATE t SET "+someColumns(2000, "c%[1]d = %[1]d + 5"), "INSERT INTO t VALUES("+someColumns(2000, "'%d'")+")", "DELETE FROM t WHERE c0 = 5"), net: 2},
	{name: "a partial index and one on an expression of 2,000 columns", schema: wideTable(2000, keyFirst, "") + "; CREATE UNIQUE INDEX i ON t(lower(c1500)) WHERE c1600 > 0", rows: "INSERT INTO t(c0, c1500, c1600) VALUES(1,'a',1),(2,'b',1)",
		run: stmts("REPLACE INTO t(c0, c1500, c1600) VALUES(3,'A',1)", "UPDATE OR REPLACE t SET c1500 = 'B' WHERE c0 = 3"), net: 3},
	{name: "a key wider than a part", schema: wideTable(200, nil, "PRIMARY KEY("+someColumns(80, "c%d")+")") + " WITHOUT ROWID", rows: "INSERT INTO t VALUES(" + someColumns(200, "%d") + ")",
		run: stmts("UPDATE t SET c150 = 0", "UPDATE t SET c79 = 'n'"), net: 2},
	{name: "1,999 columns by rowid", rowids: true, schema: wideTable(1999, nil, ""), rows: "INSERT INTO t(c0) VALUES(1)", run: stmts("UPDATE t SET c1998 = 5", "INSERT INTO t(c1000) VALUES(2)"), net: 2},
	{name: "2,000 columns leave none for the rowid", rowids: true, schema: wideTable(2000, nil, "") + ";" + logTable, run: stmts("INSERT INTO t(c0) VALUES(1)", "INSERT INTO log(what) VALUES(1)"), net: 1, skipped: []string{"t"}},
}

func TestCaptureOfWideTables(t *testing.T) { checkMatrix(t, wideMatrix, "shell", "driver") }

func TestAWideTableCostsTheOthersNothing(t *testing.T) {
	narrow := newTestReplica(t, scripted(t, "narrow", plainT))
	both := newTestReplica(t, scripted(t, "both", plainT+"; "+strings.Replace(wideTable(2000, keyFirst, ""), "TABLE t", "TABLE w", 1)))
	for _, r := range []*testReplica{narrow, both} {
		r.in(t, "install", r.Install)
		r.script(t, "INSERT INTO t VALUES(1, 1, 1)")
	}
	if got := contentOf(t, both, "SELECT max(cid) <= 70 FROM pragma_table_info('replog_change')"); got != "[1]" {
		t.Error("a fact about a narrow table is as wide as one about the other")
	}
	if got, want := contentOf(t, both, "SELECT tbl > 0, op, v1 FROM replog_change"), contentOf(t, narrow, "SELECT tbl > 0, op, v1 FROM replog_change"); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestWideTablesWithoutAKeyAreCompared(t *testing.T) {
	script := wideTable(2000, nil, "") + "; INSERT INTO t(c0, c1999) VALUES(1, 2), (1, 2), (3, 4)"
	a, b := scripted(t, "a", script), scripted(t, "b", script+"; DELETE FROM t WHERE c0 = 3; INSERT INTO t(c1998) VALUES(1)")
	c, err := Compare(a, b, CompareOptions{})
	if err != nil || c.Tables[0] != (TableComparison{Table: "t", OnlyA: 1, OnlyB: 1}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWideRowsAreFoundAndWritten(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", wideTable(2000, map[int]string{1999: "PRIMARY KEY"}, "")+"; INSERT INTO t(c1999, c5) VALUES('k', 5)"))
	table := r.Schema.Table("t")
	key := []replog.Value{replog.Text("k")}
	image, err := r.Row(table, key)
	if err != nil || image[5] != replog.Integer(5) {
		t.Fatalf("%v, %v", image, err)
	}
	after := append([]replog.Value{}, image...)
	for i := range 1999 {
		after[i] = replog.Integer(int64(i))
	}
	r.in(t, "write", func() error {
		return r.Write(imagesOf(t, r.Replica, RowImage{Table: table, Key: key, Before: image, After: after}))
	})
	if got := contentOf(t, r, "SELECT c0, c1000, c1998, c1999 FROM t"); got != `[0,1000,1998,"k"]` {
		t.Error(got)
	}
}

package applier

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// compareCase is two scripts, each run on an empty database, and the
// differences between the two, as describe renders them.
type compareCase struct {
	name   string
	schema string // run on both sides, before
	a, b   string
	want   []string
}

var compareCases = []compareCase{
	{"equal empty databases", "", "", "", nil},
	{"rows in another order of insertion", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'a'),(2,'b')", "INSERT INTO t VALUES(2,'b'),(1,'a')", nil},
	{"a row only at the start", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'a'),(2,'b')", "INSERT INTO t VALUES(2,'b')", []string{"t a [1 'a']"}},
	{"a row only at the end", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'a')", "INSERT INTO t VALUES(1,'a'),(2,'b')", []string{"t b [2 'b']"}},
	{"one side empty", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'a'),(2,'b')", "", []string{"t a [1 'a']", "t a [2 'b']"}},
	{"a changed cell", "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w)",
		"INSERT INTO t VALUES(1,'a',NULL)", "INSERT INTO t VALUES(1,'b',NULL)", []string{"t <> [1 'a' NULL] [1 'b' NULL]"}},
	{"1 and 1.0", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,1)", "INSERT INTO t VALUES(1,1.0)", []string{"t <> [1 1] [1 1.0]"}},
	{"1 and '1'", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,1)", "INSERT INTO t VALUES(1,'1')", []string{"t <> [1 1] [1 '1']"}},
	{"text and blob of the same bytes", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'ab')", "INSERT INTO t VALUES(1,x'6162')", []string{"t <> [1 'ab'] [1 x'6162']"}},
	{"NULL, empty text and empty blob", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,NULL),(2,'')", "INSERT INTO t VALUES(1,''),(2,x'')", []string{"t <> [1 NULL] [1 '']", "t <> [2 ''] [2 x'']"}},
	{"2^63-1 and its neighbour", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,9223372036854775807)", "INSERT INTO t VALUES(1,9223372036854775806)",
		[]string{"t <> [1 9223372036854775807] [1 9223372036854775806]"}},
	{"infinities", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,9e999)", "INSERT INTO t VALUES(1,-9e999)", []string{"t <> [1 9e999] [1 -9e999]"}},
	{"text that differs after NUL", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,CAST(x'610062' AS TEXT))", "INSERT INTO t VALUES(1,CAST(x'610063' AS TEXT))",
		[]string{"t <> [1 'a\x00b'] [1 'a\x00c']"}},
	{"text that is not UTF-8", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,CAST(x'ff' AS TEXT))", "INSERT INTO t VALUES(1,CAST(x'fe' AS TEXT))",
		[]string{"t <> [1 '\xff'] [1 '\xfe']"}},
	{"a date column is compared as stored", "CREATE TABLE t(id INTEGER PRIMARY KEY, v DATETIME, w BOOLEAN)",
		"INSERT INTO t VALUES(1,'2026-01-01',1)", "INSERT INTO t VALUES(1,'2026-01-01 00:00:00',1)",
		[]string{"t <> [1 '2026-01-01' 1] [1 '2026-01-01 00:00:00' 1]"}},
	{"a NOCASE key in another case is another row", "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v)",
		"INSERT INTO t VALUES('b',1),('A',2)", "INSERT INTO t VALUES('B',1),('A',2)",
		[]string{"t b ['B' 1]", "t a ['b' 1]"}},
	{"NOCASE keys stream in one order", "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID",
		"INSERT INTO t VALUES('a',1),('B',2),('c',3),('_',4)", "INSERT INTO t VALUES('a',1),('B',2),('c',3),('_',5)",
		[]string{"t <> ['_' 4] ['_' 5]"}},
	{"keys 1 and 1.0 are two rows", "CREATE TABLE t(k PRIMARY KEY, v)",
		"INSERT INTO t VALUES(1,'x')", "INSERT INTO t VALUES(1.0,'x')", []string{"t a [1 'x']", "t b [1.0 'x']"}},
	{"composite keys that mix 1 and 1.0", "CREATE TABLE t(a, b, v, PRIMARY KEY(a, b))",
		"INSERT INTO t VALUES(1,'y',0),(1.0,'x',0)", "INSERT INTO t VALUES(1.0,'y',0),(1.0,'x',0)",
		[]string{"t a [1 'y' 0]", "t b [1.0 'y' 0]"}},
	{"keys of every class, DESC and mixed", "CREATE TABLE t(a, b, PRIMARY KEY(a DESC, b)) WITHOUT ROWID",
		"INSERT INTO t VALUES(1,2),('a',2),(x'61',2),(-9e999,2),(9223372036854775807,1),(9.3e18,1)",
		"INSERT INTO t VALUES(1,2),('a',3),(x'61',2),(-9e999,2),(9223372036854775807,1),(9.3e18,1)",
		[]string{"t a ['a' 2]", "t b ['a' 3]"}},
	{"NULL in a key, several times", "CREATE TABLE t(a TEXT, b, PRIMARY KEY(a, b))",
		"INSERT INTO t VALUES(NULL,1),(NULL,1),(NULL,2),('x',1)", "INSERT INTO t VALUES(NULL,1),('x',1),(NULL,3)",
		[]string{"t a [NULL 1]", "t a [NULL 2]", "t b [NULL 3]"}},
	{"without a primary key, as a multiset", "CREATE TABLE t(a, b)",
		"INSERT INTO t VALUES(1,1),(1,1),(1,1),(2,2)", "INSERT INTO t VALUES(2,2),(1,1),(3,3)",
		[]string{"t a x2 [1 1]", "t b [3 3]"}},
	{"without a primary key, 1 and 1.0", "CREATE TABLE t(a, b)",
		"INSERT INTO t VALUES(1,1.0),(1.0,1),(1,1)", "INSERT INTO t VALUES(1,1),(1.0,1.0),(1,1.0)",
		[]string{"t b [1.0 1.0]", "t a [1.0 1]"}},
	{"a table with a column named rowid", "CREATE TABLE t(rowid TEXT, _rowid_ TEXT, oid TEXT PRIMARY KEY)",
		"INSERT INTO t VALUES('b','x','1'),('a','y','2')", "INSERT INTO t VALUES('a','y','2'),('b','x','3')",
		[]string{"t a ['b' 'x' '1']", "t b ['b' 'x' '3']"}},
	{"odd identifiers", `CREATE TABLE "se""lect 'x' ;--"("group by" INTEGER PRIMARY KEY, "a""b", [c d], ` + "`ü`" + `)`,
		`INSERT INTO "se""lect 'x' ;--" VALUES(1,2,3,4)`, `INSERT INTO "se""lect 'x' ;--" VALUES(1,2,3,5)`,
		[]string{`se"lect 'x' ;-- <> [1 2 3 4] [1 2 3 5]`}},
	{"generated columns: the stored one", "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w AS (v+1) STORED, x AS (v+2))",
		"INSERT INTO t VALUES(1,1)", "INSERT INTO t VALUES(1,2)", []string{"t <> [1 1 2] [1 2 3]"}},
	{"our tables and SQLite's are left out", "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)",
		"CREATE TABLE replog_x(a); INSERT INTO t DEFAULT VALUES; INSERT INTO t DEFAULT VALUES; DELETE FROM t",
		"CREATE TABLE Replog_Y(b); INSERT INTO t DEFAULT VALUES; DELETE FROM t; ANALYZE", nil},
	{"a table on one side", "CREATE TABLE t(id INTEGER PRIMARY KEY)",
		"CREATE TABLE u(a); INSERT INTO u VALUES(1),(1)", "CREATE TABLE w(a)",
		[]string{"u a x2 [1]", "schema table u only in A", "schema table w only in B"}},
	{"names of tables and columns in another case", "",
		"CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES(1,2)",
		"CREATE TABLE T(ID integer primary key, V); INSERT INTO t VALUES(1,2)", nil},
	{"the same schema written otherwise", "",
		"CREATE TABLE t(id INTEGER PRIMARY KEY, \"v\" TEXT /* c */ DEFAULT 'x', CONSTRAINT one UNIQUE(v)) STRICT, WITHOUT ROWID",
		"CREATE TABLE IF NOT EXISTS [t] (id INTEGER PRIMARY KEY,\n v TEXT DEFAULT 'x', -- c\n UNIQUE ( v )) WITHOUT ROWID, STRICT", nil},
	{"columns and constraints that differ", "",
		"CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT, w, CHECK (w > 0)); INSERT INTO t VALUES(1,'x',1)",
		"CREATE TABLE t(id INTEGER PRIMARY KEY, v INT, x ANY, UNIQUE (x)) STRICT", nil},
	{"a key that differs: the rows as a multiset", "",
		"CREATE TABLE t(a INT, b INT, PRIMARY KEY(a)); INSERT INTO t VALUES(1,1),(2,1)",
		"CREATE TABLE t(a INT, b INT, PRIMARY KEY(a, b)); INSERT INTO t VALUES(2,1),(1,1)",
		[]string{"schema t: constraint only in A: PRIMARY KEY(a)", "schema t: constraint only in B: PRIMARY KEY(a, b)"}},
	{"unique indexes are constraints, others are notes", "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w)",
		"CREATE UNIQUE INDEX i ON t(v); CREATE INDEX j ON t(w)", "CREATE UNIQUE INDEX k ON t(v); CREATE UNIQUE INDEX l ON t(w) WHERE w > 0",
		[]string{"schema t: constraint only in B: CREATE UNIQUE INDEX l ON t(w) WHERE w > 0", "note t: index j only in A: CREATE INDEX j ON t(w)"}},
	{"triggers and views are notes", "CREATE TABLE t(id INTEGER PRIMARY KEY)",
		"CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", "CREATE VIEW v AS SELECT 1",
		[]string{"note t: trigger g only in A: CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END", "note view v only in B: CREATE VIEW v AS SELECT 1"}},
	{"the order of columns is a note", "",
		"CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES(1,2,3)", "CREATE TABLE t(id INTEGER PRIMARY KEY, b, a); INSERT INTO t VALUES(1,3,2)",
		[]string{"note t: column order differs: A id, a, b, B id, b, a"}},
	{"virtual tables and their content are not compared", "CREATE VIRTUAL TABLE f USING fts4(x); CREATE VIRTUAL TABLE r USING rtree(id, a, b)",
		"INSERT INTO f VALUES('one'); INSERT INTO r VALUES(1,1,2)", "", []string{
			"not compared f, f_content, f_docsize, f_segdir, f_segments, f_stat, r, r_node, r_parent, r_rowid"}},
}

func TestCompareTellsEveryDifference(t *testing.T) {
	for _, tc := range compareCases {
		t.Run(tc.name, func(t *testing.T) {
			a := scripted(t, "a", tc.schema, tc.a)
			b := scripted(t, "b", tc.schema, tc.b)
			got, c := describeComparison(t, a, b)
			if tc.want == nil && tc.name == "columns and constraints that differ" {
				tc.want = differingSchema
			}
			if !slices.Equal(got, tc.want) {
				t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			noted := func(line string) bool {
				return strings.HasPrefix(line, "note ") || strings.HasPrefix(line, "not compared ")
			}
			if equal := !slices.ContainsFunc(got, func(l string) bool { return !noted(l) }); equal != c.Equal {
				t.Fatalf("Equal is %t with %q", c.Equal, got)
			}
			same := !slices.ContainsFunc(c.Tables, func(t TableComparison) bool { return !t.Same() })
			if len(c.Schema) == 0 && same != (digestOf(t, a) == digestOf(t, b)) {
				t.Fatal("the digests do not agree with the comparison")
			}
		})
	}
}

var differingSchema = []string{
	"t a [1 'x']",
	"schema t: column v differs: A v TEXT, B v INT",
	"schema t: column w only in A: w",
	"schema t: column x only in B: x ANY",
	"schema t: constraint only in A: CHECK (w > 0)",
	"schema t: constraint only in B: UNIQUE (x)",
	"schema t: options only in B: STRICT",
}

func TestCompareTellsMinusZero(t *testing.T) {
	for _, schema := range []string{"CREATE TABLE t(id INTEGER PRIMARY KEY, v)", "CREATE TABLE t(id, v)", "CREATE TABLE t(id, v, PRIMARY KEY(v))"} {
		a, b := scripted(t, "a", schema), scripted(t, "b", schema)
		// SQL text cannot say -0.0; a bound value can.
		zero, minus := replog.Real(0), replog.Real(math.Copysign(0, -1))
		for i, v := range []replog.Value{zero, minus} {
			c := []*Conn{a, b}[i]
			if err := c.Exec("INSERT INTO t VALUES(1, ?)", v); err != nil {
				t.Fatal(err)
			}
		}
		if _, c := describeComparison(t, a, b); c.Equal {
			t.Errorf("%s: 0.0 and -0.0 compare equal", schema)
		}
	}
}

func TestCompareOrdersUTF16AsUTF8(t *testing.T) {
	schema := "CREATE TABLE t(k TEXT PRIMARY KEY, v); CREATE TABLE u(k TEXT, v)"
	rows := "INSERT INTO t VALUES('z',1),('é',2),('￮',3),('😀',4),('a',5),(char(65,0,66),6); INSERT INTO u SELECT * FROM t"
	for _, encoding := range []string{"UTF-8", "UTF-16le", "UTF-16be"} {
		a := scripted(t, "a", schema, rows)
		b := scripted(t, "b", "PRAGMA encoding = '"+encoding+"';"+schema, rows, "UPDATE t SET v = 0 WHERE k = '😀'; DELETE FROM u WHERE k = 'é'")
		got, _ := describeComparison(t, a, b)
		want := []string{"t <> ['😀' 4] ['😀' 0]", "u a ['é' 2]"}
		if encoding != "UTF-8" {
			want = append(want, "note encoding differs: A UTF-8, B "+encoding)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", encoding, got)
		}
	}
}

func TestCompareKnowsShadowTablesOfModulesItLacks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fts5.db")
	out, err := exec.Command("sqlite3", path, "CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE f USING fts5(x); INSERT INTO f VALUES('one')").CombinedOutput()
	if err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
	a, b := reopened(t, path), reopened(t, path)
	got, c := describeComparison(t, a, b)
	if want := []string{"not compared f, f_config, f_content, f_data, f_docsize, f_idx"}; !slices.Equal(got, want) || len(c.Tables) != 1 {
		t.Fatalf("%q, %v", got, c.Tables)
	}
}

func TestCompareGivesTheErrorOfTheCallback(t *testing.T) {
	schema := "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"
	many := "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, 'x' FROM n"
	a, b := scripted(t, "a", schema, many), scripted(t, "b", schema, many, "UPDATE t SET v = i FROM (SELECT id AS i FROM t) WHERE id = i")
	stop := errors.New("enough")
	seen := 0
	_, err := Compare(a, b, CompareOptions{Row: func(RowDifference) error {
		if seen++; seen == 3 {
			return stop
		}
		return nil
	}})
	if !errors.Is(err, stop) || seen != 3 {
		t.Fatalf("%v after %d", err, seen)
	}
	if _, c := describeComparison(t, a, b); c.Tables[0].Different != 5000 {
		t.Fatalf("after an early end: %+v", c.Tables[0])
	}
}

func TestComparisonPrintsTheAgreedJSON(t *testing.T) {
	schema := "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"
	a, b := scripted(t, "a", schema, "INSERT INTO t VALUES(1,1),(2,2)"), scripted(t, "b", schema, "INSERT INTO t VALUES(1,2),(3,3)")
	c, err := Compare(a, b, CompareOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"equal":false,"tables":[{"table":"t","only_a":1,"only_b":1,"different":1}]}`; string(got) != want {
		t.Fatalf("got %s", got)
	}
}

func TestCompareLeavesOutWhatItIsTold(t *testing.T) {
	a := scripted(t, "a", "CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE u(x UNIQUE); CREATE INDEX j ON u(x)")
	b := scripted(t, "b", "CREATE TABLE t(id INTEGER PRIMARY KEY)")
	c, err := Compare(a, b, CompareOptions{Skip: func(name string) bool { return name == "u" }})
	if err != nil || !c.Equal || len(c.Tables) != 1 || len(c.Notes) != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
}

// describeComparison renders all that Compare tells, a line a fact.
func describeComparison(t *testing.T, a, b *Conn) ([]string, *Comparison) {
	t.Helper()
	var lines []string
	c, err := Compare(a, b, CompareOptions{Row: func(d RowDifference) error {
		times := ""
		if d.Count != 1 {
			times = fmt.Sprintf("x%d ", d.Count)
		}
		switch {
		case d.B == nil:
			lines = append(lines, fmt.Sprintf("%s a %s%v", d.Table, times, d.A))
		case d.A == nil:
			lines = append(lines, fmt.Sprintf("%s b %s%v", d.Table, times, d.B))
		default:
			lines = append(lines, fmt.Sprintf("%s <> %v %v", d.Table, d.A, d.B))
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range c.Schema {
		lines = append(lines, "schema "+d.String())
	}
	for _, d := range c.Notes {
		lines = append(lines, "note "+d.String())
	}
	if c.NotCompared != nil {
		lines = append(lines, "not compared "+strings.Join(c.NotCompared, ", "))
	}
	return lines, c
}

func digestOf(t *testing.T, c *Conn) Digest {
	t.Helper()
	d, err := DigestDatabase(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// scripted is a new database that scripts were run on.
func scripted(t testing.TB, name string, scripts ...string) *Conn {
	t.Helper()
	c, err := Open(filepath.Join(t.TempDir(), name+".db"), OpenOptions{Create: true, Pragmas: []string{"synchronous=OFF"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	for _, script := range scripts {
		if err := c.Script(script); err != nil {
			t.Fatalf("%v in %s", err, script)
		}
	}
	return c
}

func reopened(t testing.TB, path string) *Conn {
	t.Helper()
	c, err := Open(path, OpenOptions{Pragmas: []string{"synchronous=OFF"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

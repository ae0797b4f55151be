package applier

import (
	"regexp"
	"strings"
	"testing"

	"replog/replog"
)

// searchCases are tables whose BEFORE triggers look for evicted rows.
var searchCases = []struct{ name, schema string }{
	{"an integer key", "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"},
	{"an integer key in descending order", "CREATE TABLE t(id INTEGER PRIMARY KEY DESC, v)"},
	{"a text key", "CREATE TABLE t(k TEXT PRIMARY KEY, v)"},
	{"a text key that is never NULL", "CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY, v)"},
	{"a NOCASE key", "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v)"},
	{"a NOCASE column under a BINARY key", "CREATE TABLE t(k TEXT COLLATE NOCASE, v, PRIMARY KEY(k COLLATE BINARY))"},
	{"a composite key", "CREATE TABLE t(a, b TEXT, v, PRIMARY KEY(b, a))"},
	{"a composite key WITHOUT ROWID", "CREATE TABLE t(a, b TEXT, v, PRIMARY KEY(b DESC, a)) WITHOUT ROWID"},
	{"several unique indexes", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b UNIQUE, c, UNIQUE(c, a)); CREATE UNIQUE INDEX i ON t(b COLLATE RTRIM, c)"},
	{"several unique indexes WITHOUT ROWID", "CREATE TABLE t(k TEXT PRIMARY KEY, a TEXT UNIQUE, b INT UNIQUE) WITHOUT ROWID"},
	{"a text key and several unique indexes", "CREATE TABLE t(k TEXT PRIMARY KEY, a NOT NULL DEFAULT 'x' UNIQUE, b INT NOT NULL DEFAULT 1 UNIQUE)"},
	{"a partial index", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, live); CREATE UNIQUE INDEX i ON t(a) WHERE live"},
	{"a partial index whose condition names its table", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, live); CREATE UNIQUE INDEX i ON t(a) WHERE main.t.live > 0 AND t.a <> ''"},
	{"an expression index", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE UNIQUE INDEX i ON t(lower(a), b % 10)"},
	{"a generated column", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a % 10) UNIQUE)"},
	{"an expression of a key that SQLite assigns", "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (id % 3) UNIQUE); CREATE UNIQUE INDEX i ON t(id / 2, a)"},
	{"an expression of an AUTOINCREMENT key", "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE UNIQUE INDEX i ON t(id % 3)"},
	{"generated columns with affinities, of a default", "CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 7, g TEXT AS (a) UNIQUE, h REAL AS (g) UNIQUE, n INT AS (h || g) STORED UNIQUE COLLATE NOCASE)"},
	{"an expression with an affinity", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INT); CREATE UNIQUE INDEX i ON t(CAST(b AS TEXT), CAST(a AS REAL)); CREATE UNIQUE INDEX j ON t(+a)"},
	{"expressions that compare", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b INT); CREATE UNIQUE INDEX i ON t(a = b, a < 'x' COLLATE RTRIM, a || 'x' COLLATE NOCASE); CREATE UNIQUE INDEX j ON t(a = 'x' COLLATE RTRIM, (a || b) COLLATE NOCASE)"},
	{"computed defaults", "CREATE TABLE t(k TEXT NOT NULL DEFAULT (abs(-3)) PRIMARY KEY, a NOT NULL DEFAULT (lower('A')) UNIQUE)"},
	{"collations within expressions", "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT); CREATE UNIQUE INDEX i ON t(a = b COLLATE NOCASE, a || 'x' COLLATE NOCASE); CREATE UNIQUE INDEX j ON t(a = 'x' COLLATE RTRIM, (a || b) COLLATE NOCASE)"},
	{"STRICT", "CREATE TABLE t(k ANY PRIMARY KEY, a TEXT UNIQUE) STRICT"},
}

// A row is looked for at every INSERT: a scan there makes bulk loads quadratic.
func TestLookingForEvictedRowsNeverScansTheTable(t *testing.T) {
	for _, tc := range searchCases {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", tc.schema))
			for _, query := range evictionQueries(t, r.Schema.Table("t")) {
				for _, step := range queryPlan(t, r.Conn, query) {
					if strings.HasPrefix(step, "SCAN "+evictee) {
						t.Errorf("%s:\n%s", step, query)
					}
				}
			}
		})
	}
}

var rowReference = regexp.MustCompile(`\b(NEW|OLD)\.("[^"]*"|rowid)`)

// evictionQueries are the SELECTs of the BEFORE triggers, with literals for the
// columns of NEW and OLD.
func evictionQueries(t *testing.T, table *Table) []string {
	t.Helper()
	var queries []string
	for _, sql := range captureTriggers(1, table) {
		_, body, _ := strings.Cut(sql, " BEGIN ")
		for _, statement := range strings.Split(strings.TrimSuffix(body, "; END"), "; INSERT INTO ") {
			if _, query, found := strings.Cut(statement, ") SELECT "); found && strings.Contains(query, evictee) {
				queries = append(queries, "SELECT "+rowReference.ReplaceAllString(query, "'x'"))
			}
		}
	}
	if len(queries) < 2*len(table.Unique) {
		t.Fatalf("%d queries for %d unique indexes", len(queries), len(table.Unique))
	}
	return queries
}

func queryPlan(t *testing.T, c *Conn, query string) []string {
	t.Helper()
	var steps []string
	err := c.Query("EXPLAIN QUERY PLAN "+query, func(row []replog.Value) error {
		steps = append(steps, row[3].Bytes())
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	return steps
}

// Whatever a unique index says, the triggers made from it must not stop the
// application's own statements.
func TestCaptureNeverMakesTheApplicationsWritesFail(t *testing.T) {
	for _, tc := range searchCases {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", tc.schema))
			table := r.Schema.Table("t")
			plain := newTestReplica(t, scripted(t, "plain", tc.schema))
			r.in(t, "install", r.Install)
			columns := strings.Join(table.ColumnNames(), ", ")
			name := replog.QuoteName(table.Columns[len(table.Columns)-1].Name)
			for _, statement := range []string{
				"INSERT INTO t(" + columns + ") VALUES(" + strings.Repeat("1, ", len(table.Columns)-1) + "2)",
				"REPLACE INTO t(" + columns + ") VALUES(" + strings.Repeat("1, ", len(table.Columns)-1) + "3)",
				"UPDATE t SET " + name + " = 4", "DELETE FROM t",
			} {
				if want := plain.Script(statement); want == nil {
					r.script(t, statement)
				}
			}
			if list := r.gather(t); len(list) > 0 {
				t.Errorf("inserted and deleted leaves %s", describeGathered(list))
			}
		})
	}
}

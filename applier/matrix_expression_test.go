package applier

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// expressionScene draws a table with unique indexes on expressions and generated
// columns of columns with affinities, collations and defaults.
func expressionScene(r *rapid.T) scene {
	w := writer{r: r}
	columns := []string{"id", "a", "b", "c"}
	definitions := []string{"id INTEGER PRIMARY KEY" + w.pick("key", "", " AUTOINCREMENT")}
	if w.chance(20, "another key") {
		definitions[0] = "id " + w.pick("key type", "TEXT", "INT") + w.collation() + " NOT NULL" + w.def() + " PRIMARY KEY"
	}
	for _, name := range columns[1:] {
		c := name + " " + w.affinity() + w.collation()
		if w.chance(60, "not null") {
			c += " NOT NULL" + w.def()
		}
		definitions = append(definitions, c)
	}
	names := columns
	for _, name := range []string{"g", "h"}[:rapid.IntRange(0, 2).Draw(r, "generated")] {
		c := name + " " + w.affinity() + " AS (" + w.expression(names, 2) + ")" + w.pick("kind", "", " STORED") + w.collation()
		definitions = append(definitions, c)
		names = append(names[:len(names):len(names)], name)
	}
	sql := "CREATE TABLE t(" + strings.Join(rapid.Permutation(definitions).Draw(r, "order"), ", ") + ");"
	for i := range rapid.IntRange(1, 3).Draw(r, "indexes") {
		part := w.operation(names, 3) + w.collation()
		if w.chance(40, "two parts") {
			part += ", " + w.operation(names, 2) + w.collation()
		}
		sql += fmt.Sprintf("CREATE UNIQUE INDEX i%d ON t(%s);", i, part)
	}
	return scene{name: "expressions", schema: sql, tables: []sceneTable{{"t", columns, []string{"id"}}}}
}

// affinity leaves REAL to the indexes: in a virtual column that another is
// generated from, versions of SQLite differ in what they make of it.
func (w writer) affinity() string { return w.pick("affinity", "", "INT", "TEXT", "NUMERIC", "BLOB") }

func (w writer) collation() string {
	return w.pick("collation", "", "", " COLLATE NOCASE", " COLLATE RTRIM", " COLLATE BINARY")
}

func (w writer) def() string {
	return " DEFAULT " + w.pick("default", "1", "'1'", "'A'", "'a '", "2.0", "(abs(-2))", "(lower('A'))", "(1 || '')", "x'61'", "bare")
}

func (w writer) expression(names []string, depth int) string {
	if depth == 0 || w.chance(20, "leaf") {
		if w.chance(20, "literal") {
			// Of a part of an index, SQLite would take a string for a name.
			return w.pick("constant", "(1 + 0)", "('1' || '')", "('a' || '')", "('A ' || '')", "(2.0 + 0)")
		}
		return w.pick("name", names...)
	}
	return w.operation(names, depth)
}

func (w writer) operation(names []string, depth int) string {
	e := func() string { return w.expression(names, depth-1) }
	switch form := w.pick("operation", "compare", "compare", "compare", "in", "between", "case", "call", "call", "||", "%", "cast", "collate", "+"); form {
	case "compare":
		return "(" + e() + w.pick("comparison", " = ", " < ", " IS ", " >= ") + e() + ")"
	case "in":
		return "(" + e() + " IN (" + e() + ", " + e() + "))"
	case "between":
		return "(" + e() + " BETWEEN " + e() + " AND " + e() + ")"
	case "case":
		return "CASE " + e() + " WHEN " + e() + " THEN " + e() + " ELSE " + e() + " END"
	case "call":
		return w.pick("function", "nullif", "min", "max", "ifnull") + "(" + e() + ", " + e() + ")"
	case "cast":
		return "CAST(" + e() + " AS " + w.pick("type", "INT", "TEXT", "NUMERIC", "REAL") + ")"
	case "collate":
		return "(" + e() + " COLLATE " + w.pick("explicit", "NOCASE", "RTRIM", "BINARY") + ")"
	case "+":
		return w.pick("unary", "+", "-", "lower", "typeof") + "(" + e() + ")"
	default:
		return "(" + e() + " " + form + " " + e() + ")"
	}
}

func TestCaptureHoldsForRandomExpressions(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) { checkWrites(writer{r, expressionScene(r)}) })
}

// Another version of SQLite reads the triggers, too. REPLOG_EXPRESSION_CASES is how
// many cases there are; each has its seed for a name.
func TestCaptureHoldsForRandomExpressionsOfForeignWriters(t *testing.T) {
	cases := 20
	if s := os.Getenv("REPLOG_EXPRESSION_CASES"); s != "" {
		var err error
		if cases, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	p := startPython(t)
	draw := rapid.Custom(drawExpressionCase)
	for seed := range cases {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			tc := draw.Example(seed)
			made := filepath.Join(t.TempDir(), "made.db")
			makeFile(t, made, tc.schema)
			p.run(t, made, nil, stmts(strings.Split(tc.rows, ";")...))
			checkCapture(t, &tc, made, p)
			if t.Failed() {
				t.Logf("%s\n%s\n%v", tc.schema, tc.rows, tc.run)
			}
		})
	}
}

func drawExpressionCase(r *rapid.T) matrixCase {
	w := writer{r, expressionScene(r)}
	table := w.scene.tables[0]
	replace := func() string {
		return "REPLACE INTO t(" + strings.Join(table.columns, ", ") + ") VALUES" + w.values(table, nil)
	}
	var rows []string
	for range 8 {
		rows = append(rows, replace())
	}
	tc := matrixCase{schema: w.scene.schema, rows: strings.Join(rows, ";"), fails: -1, net: -2}
	for range 12 {
		sql := replace()
		if w.chance(40, "update") {
			// One row, as the order in which they are visited is open.
			sql = "UPDATE OR REPLACE t SET " + w.set(table, nil) + " WHERE id = " + w.value(nil)
		}
		tc.run = append(tc.run, step{sql: sql})
	}
	return tc
}

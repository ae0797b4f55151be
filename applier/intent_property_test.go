package applier

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// intentScenes are schemas with few values, so that statements meet rows.
var intentScenes = []scene{
	{name: "keys", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b, c TEXT);
		CREATE TABLE u(k TEXT NOT NULL PRIMARY KEY, a INTEGER, b);
		CREATE TABLE w(k NOT NULL, l INTEGER NOT NULL DEFAULT 1, a, b, PRIMARY KEY(k, l)) WITHOUT ROWID;`,
		tables: []sceneTable{{"t", []string{"id", "a", "b", "c"}, []string{"id", "a"}}, {"u", []string{"k", "a", "b"}, []string{"k"}}, {"w", []string{"k", "l", "a", "b"}, []string{"k, l"}}}},
	{name: "collations, checks and conflict clauses", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a COLLATE NOCASE, b NOT NULL DEFAULT 1, CHECK(b IS NOT 4));
		CREATE TABLE u(k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, a UNIQUE ON CONFLICT REPLACE, b);
		CREATE TABLE w(k INT NOT NULL PRIMARY KEY, a TEXT, b REAL) STRICT;
		CREATE UNIQUE INDEX i ON t(a) WHERE b = 1;`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id"}}, {"u", []string{"k", "a", "b"}, []string{"k", "a"}}, {"w", []string{"k", "a", "b"}, []string{"k"}}}},
	{name: "foreign keys", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);
		CREATE TABLE u(id INTEGER PRIMARY KEY, a INTEGER REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE, b REFERENCES t(a) ON DELETE SET NULL);
		CREATE TABLE w(id INTEGER PRIMARY KEY, a INTEGER REFERENCES w(id) ON DELETE CASCADE, b DEFAULT 1 REFERENCES u(id) ON DELETE RESTRICT);`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id"}}, {"u", []string{"id", "a", "b"}, []string{"id"}}, {"w", []string{"id", "a", "b"}, []string{"id"}}}},
	{name: "triggers and views", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a, b);
		CREATE TABLE u(id INTEGER PRIMARY KEY, a, b);
		CREATE TABLE w(id INTEGER PRIMARY KEY, a, b);
		CREATE TRIGGER x AFTER UPDATE ON t BEGIN UPDATE u SET a = NEW.a WHERE id = NEW.id; UPDATE u SET b = ifnull(b, 0) + 1 WHERE a = NEW.b; END;
		CREATE TRIGGER y AFTER INSERT ON t BEGIN INSERT OR IGNORE INTO u(id, a) VALUES(NEW.id, NEW.a); END;
		CREATE TRIGGER z BEFORE DELETE ON u BEGIN DELETE FROM w WHERE id = OLD.id; END;
		CREATE VIEW v AS SELECT id, a, b FROM w WHERE a IS NOT NULL;`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id"}}, {"u", []string{"id", "a", "b"}, []string{"id"}}, {"w", []string{"id", "a", "b"}, []string{"id"}}, {"v", []string{"id", "a", "b"}, nil}}},
}

// expr draws an expression over a table's columns, of which some are open.
func (w writer) expr(t sceneTable, depth int) string {
	if depth == 0 || w.chance(40, "leaf") {
		return w.pick("leaf", w.pick("column", t.columns...), w.pick("value", sceneValues...))
	}
	a, b := w.expr(t, depth-1), w.expr(t, depth-1)
	forms := []string{
		a + " + " + b, a + " || " + b, "coalesce(" + a + ", " + b + ")", "max(" + a + ", " + b + ")", "abs(" + a + ")",
		"CASE WHEN " + a + " > " + b + " THEN " + a + " ELSE 1 END", "upper(" + a + ")", "typeof(" + a + ")", "CAST(" + a + " AS INTEGER)",
		w.scalar(t), w.scalar(t), "rowid", "(" + a + " IN (" + w.rows(1) + "))", "EXISTS (" + w.rows(0) + ")",
	}
	return w.pick("form", forms...)
}

// scalar draws a query for one value, which may have several rows.
func (w writer) scalar(outer sceneTable) string {
	t := w.table()
	c := w.pick("of", t.columns...)
	what := w.pick("what", c, "count(*)", "max("+c+")", "min("+c+")", "sum("+c+")", "total("+c+")", "group_concat("+c+")", "json_group_array("+c+")", c+" + max("+c+")")
	where := w.pick("pin", "", " WHERE s."+t.columns[0]+" = "+outer.name+"."+w.pick("outer", outer.columns...),
		" WHERE s."+t.columns[0]+" = "+w.pick("key", sceneValues...), " WHERE "+w.pick("by", t.columns...)+" = 1 AND "+w.pick("and", t.columns...)+" = 1")
	return "(SELECT " + what + " FROM " + t.name + " AS s" + where + w.order(t) + ")"
}

func (w writer) order(t sceneTable) string {
	return w.pick("order", "", "", "", " ORDER BY "+w.pick("term", t.columns...), " ORDER BY "+w.pick("term", t.columns...)+" DESC, "+t.columns[0]+" LIMIT 1", " LIMIT 1")
}

// rows draws a query for some columns, or, of 0, for any.
func (w writer) rows(columns int) string {
	t := w.table()
	list := "*"
	if columns > 0 {
		var names []string
		for range columns {
			names = append(names, "r."+w.pick("column", t.columns...))
		}
		list = w.pick("distinct", "", "", "DISTINCT ") + strings.Join(names, ", ")
	}
	query := "SELECT " + list + " FROM " + t.name + " AS r" + w.pick("join", "", "", ", t", " LEFT JOIN u ON u.a = r."+t.columns[0])
	if w.chance(60, "where") {
		query += " WHERE r." + w.pick("column", t.columns...) + w.pick("operator", " = ", " > ", " IS NOT ") + w.pick("value", sceneValues...)
	}
	query += w.order(sceneTable{t.name, []string{"r." + t.columns[0], "r." + t.columns[1]}, nil})
	if columns > 0 && w.chance(10, "union") {
		return "SELECT * FROM (" + query + ") UNION ALL " + w.rows(columns)
	}
	return query
}

// intent draws a statement.
func (w writer) intent() string {
	t := w.table()
	or := w.pick("or", "", "", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL")
	where := ""
	switch w.pick("where", "key", "key", "expression", "none") {
	case "key":
		where = " WHERE " + t.columns[0] + " = " + w.pick("value", sceneValues...)
		if t.columns[1] == "l" {
			where += " AND l = 1"
		}
	case "expression":
		where = " WHERE " + w.expr(t, 2)
	}
	switch w.pick("kind", "insert", "select", "update", "update", "delete") {
	case "insert":
		var rows []string
		for range rapid.IntRange(1, 2).Draw(w.r, "rows") {
			var values []string
			for range t.columns {
				values = append(values, w.pick("given", w.pick("value", sceneValues...), w.pick("value", sceneValues...), w.scalar(t)))
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		sql := "INSERT" + or + " INTO " + t.name + "(" + strings.Join(t.columns, ", ") + ") VALUES" + strings.Join(rows, ", ")
		if t.targets != nil && w.chance(30, "upsert") {
			sql += " ON CONFLICT(" + w.pick("target", t.targets...) + ") DO UPDATE SET " + w.pick("column", t.columns...) + " = " + w.pick("new", "excluded."+t.columns[0], "1", "ifnull(excluded."+t.columns[0]+", 1)")
		}
		return sql
	case "select":
		return "INSERT" + or + " INTO " + t.name + "(" + strings.Join(t.columns, ", ") + ") " + w.rows(len(t.columns))
	case "delete":
		return "DELETE FROM " + t.name + where
	}
	return "UPDATE" + or + " " + t.name + " SET " + w.pick("column", t.columns...) + " = " + w.expr(t, 2) + where
}

// Statements that are called safe do the same on two replicas that hold the same
// rows, however these lie in their files.
func TestSafeIntentsDoTheSameOnEveryReplica(t *testing.T) {
	made, safe := 0, map[string]int{}
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		made++
		s := rapid.SampledFrom(intentScenes).Draw(rt, "scene")
		w := writer{rt, s}
		a, b := sameRows(rt, w, filepath.Join(dir, fmt.Sprint(made)))
		defer a.Close()
		defer b.Close()
		x := NewIntents(a.Replica, IntentOptions{Live: true})
		for range 12 {
			sql := w.intent()
			i, err := x.Inspect(sql)
			if err != nil {
				rt.Fatalf("%s: %v", sql, err)
			}
			if i.Unsafe != nil {
				safe[string(i.Unsafe.Class)]++
				continue
			}
			safe["safe "+string(i.Kind)]++
			failedA, failedB := a.Script(i.SQL), b.Script(i.SQL)
			if (failedA == nil) != (failedB == nil) {
				rt.Fatalf("%s\n  fails differently: %v / %v", sql, failedA, failedB)
			}
			if failedA == nil {
				safe["done"]++
			}
			if !mustEqual(rt, sql, a.Conn, b.Conn, nil) {
				rt.FailNow()
			}
		}
	})
	t.Logf("%d schemas: %v", made, safe)
}

// sameRows makes two databases with the same rows.
func sameRows(t *rapid.T, w writer, path string) (a, b *testReplica) {
	open := func(name string, script string) *testReplica {
		c, err := Open(path+name, OpenOptions{Create: true, Pragmas: []string{"synchronous=OFF", "journal_mode=MEMORY", "foreign_keys=OFF"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Script(w.scene.schema + script); err != nil {
			t.Fatalf("%v in %s", err, script)
		}
		return newTestReplica(t, c)
	}
	a, b = open("a", "PRAGMA foreign_keys=ON"), open("b", "")
	for range 12 {
		x := w.table()
		if x.targets == nil {
			continue
		}
		sql := "INSERT OR IGNORE INTO " + x.name + "(" + strings.Join(x.columns, ", ") + ") VALUES" + w.values(x, nil)
		if strings.HasPrefix(x.columns[0], "id") && strings.Contains(sql, "VALUES(NULL") {
			continue
		}
		if a.Script("BEGIN; "+sql) != nil || a.Script("COMMIT") != nil {
			a.script(t, "ROLLBACK")
			continue
		}
	}
	// The rows as they came to be, in another order.
	theirs, err := a.triggersOfTables()
	if err == nil {
		err = b.dropTriggers(theirs)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range a.Schema.Tables {
		n := 0
		copyRows(t, a, b, x, &n, rapid.Bool().Draw(t, "backwards"))
	}
	for _, x := range theirs {
		b.script(t, x.sql)
	}
	b.script(t, w.pick("index", "", "CREATE INDEX extra1 ON t(b)", "CREATE INDEX extra2 ON u(a DESC, b)"))
	b.script(t, w.pick("tidy", "", "ANALYZE", "VACUUM; ANALYZE"))
	b.script(t, "PRAGMA foreign_keys=ON; PRAGMA reverse_unordered_selects=ON; PRAGMA recursive_triggers=ON")
	return a, b
}

func copyRows(t *rapid.T, a, b *testReplica, x *Table, n *int, backwards bool) {
	var images [][]replog.Value
	if err := a.Query(x.sql.selectAll, func(row []replog.Value) error {
		images = append(images, row)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range images {
		row := images[i]
		if backwards {
			row = images[len(images)-1-i]
		}
		if *n++; !x.WithoutRowID && !x.rowidAlias() {
			// Another rowid than where it came from.
			marks := strings.Repeat(", ?", len(row))
			insert := fmt.Sprintf("INSERT INTO %s(rowid, %s) VALUES(%d%s)", x.Name, strings.Join(x.ColumnNames(), ", "), 1000-7**n, marks)
			if err := b.Exec(insert, row...); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := b.Exec(x.sql.insert, row...); err != nil {
			t.Fatal(err)
		}
	}
}

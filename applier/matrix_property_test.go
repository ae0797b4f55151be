package applier

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"
	"pgregory.net/rapid"
)

// scene is a schema that random statements are written against.
type scene struct {
	name   string
	schema string
	tables []sceneTable
	// rowids: the tables have no key and are captured by rowid.
	rowids bool
}

type sceneTable struct {
	name    string
	columns []string
	// targets are the conflict targets of an UPSERT.
	targets []string
}

var scenes = []scene{
	{name: "no keys", rowids: true, schema: `
		CREATE TABLE t(a UNIQUE, b, c);
		CREATE TABLE u(rowid, a, b UNIQUE ON CONFLICT REPLACE, UNIQUE(rowid, a));`,
		tables: []sceneTable{{"t", []string{"rowid", "a", "b", "c"}, []string{"a"}}, {"u", []string{"_rowid_", "rowid", "a", "b"}, []string{"b", "rowid, a"}}}},
	{name: "unique columns", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b, c);
		CREATE TABLE u(id INTEGER PRIMARY KEY, a, b UNIQUE, c, UNIQUE(a, c));`,
		tables: []sceneTable{{"t", []string{"id", "a", "b", "c"}, []string{"id", "a"}}, {"u", []string{"id", "a", "b", "c"}, []string{"id", "b", "a, c"}}}},
	{name: "keys of other kinds", schema: `
		CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, a, b UNIQUE);
		CREATE TABLE u(k, l, a, PRIMARY KEY(k, l DESC)) WITHOUT ROWID;
		CREATE UNIQUE INDEX i ON u(a) WHERE a > 1;`,
		tables: []sceneTable{{"t", []string{"k", "a", "b"}, []string{"k", "b"}}, {"u", []string{"k", "l", "a"}, []string{"k, l"}}}},
	{name: "conflict clauses", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, a UNIQUE ON CONFLICT REPLACE, b NOT NULL ON CONFLICT REPLACE DEFAULT 2 UNIQUE);
		CREATE TABLE u(k PRIMARY KEY ON CONFLICT IGNORE NOT NULL, a UNIQUE ON CONFLICT REPLACE, b CHECK (b IS NULL OR b <> 3)) WITHOUT ROWID;`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id", "a", "b"}}, {"u", []string{"k", "a", "b"}, []string{"k", "a"}}}},
	{name: "foreign keys", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);
		CREATE TABLE u(id INTEGER PRIMARY KEY, a REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE, b REFERENCES t(a) ON DELETE SET NULL ON UPDATE SET NULL);
		CREATE TABLE w(id INTEGER PRIMARY KEY, a REFERENCES w(id) ON DELETE CASCADE ON UPDATE CASCADE, b DEFAULT 1 REFERENCES u(id) ON DELETE SET DEFAULT);`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id", "a"}}, {"u", []string{"id", "a", "b"}, []string{"id"}}, {"w", []string{"id", "a", "b"}, []string{"id"}}}},
	{name: "keys under other collations, defaults in keys", schema: `
		CREATE TABLE t(k TEXT COLLATE NOCASE NOT NULL, a, b UNIQUE, PRIMARY KEY(k COLLATE BINARY));
		CREATE TABLE u(k TEXT NOT NULL DEFAULT 1, l REAL NOT NULL DEFAULT 2, a TEXT NOT NULL DEFAULT 'a' COLLATE NOCASE, b INT, PRIMARY KEY(k, l));
		CREATE UNIQUE INDEX i ON u(b) WHERE a = 'a' OR b = '1';`,
		tables: []sceneTable{{"t", []string{"k", "a", "b"}, []string{"k COLLATE BINARY", "b"}}, {"u", []string{"k", "l", "a", "b"}, []string{"k, l"}}}},
	{name: "rowids", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE, b);
		CREATE TABLE u(k NOT NULL PRIMARY KEY, a UNIQUE, b);`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id", "a"}}, {"u", []string{"rowid", "k", "a"}, []string{"k", "a"}}}},
	{name: "expressions", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, g AS (ifnull(a, 0) || 'g') STORED UNIQUE);
		CREATE TABLE u(id ANY PRIMARY KEY, a ANY, b ANY, c ANY COLLATE NOCASE) STRICT;
		CREATE UNIQUE INDEX i ON u(abs(a), lower(c));`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id", "g"}}, {"u", []string{"id", "a", "b", "c"}, []string{"id"}}}},
	{name: "expressions of keys that SQLite assigns", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, g AS (id % 3) UNIQUE);
		CREATE TABLE u(h TEXT AS (g || a), id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT NOT NULL DEFAULT 1 COLLATE NOCASE, b, g INT AS (id / 2) STORED);
		CREATE UNIQUE INDEX i ON u(h COLLATE NOCASE);
		CREATE UNIQUE INDEX j ON u(abs(id), b);`,
		tables: []sceneTable{{"t", []string{"id", "a", "b"}, []string{"id", "g"}}, {"u", []string{"id", "a", "b"}, []string{"id"}}}},
	{name: "defaults in what others are computed from", schema: `
		CREATE TABLE t(y TEXT AS (x || g), id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 1 COLLATE NOCASE, b NUMERIC NOT NULL DEFAULT '2', c NOT NULL ON CONFLICT REPLACE DEFAULT (abs(-2)), g NUMERIC AS (a), h TEXT AS (g || typeof(c)) UNIQUE, x AS (b = a));
		CREATE UNIQUE INDEX i ON t(x, c = '2', y);
		CREATE TABLE u(k TEXT NOT NULL DEFAULT (upper('a')) PRIMARY KEY, a INT NOT NULL DEFAULT '1', b REAL NOT NULL DEFAULT 2, g REAL AS (a) UNIQUE, h INT AS (b || '') STORED) WITHOUT ROWID;
		CREATE UNIQUE INDEX j ON u(lower(k), h);`,
		tables: []sceneTable{{"t", []string{"id", "a", "b", "c"}, []string{"id", "h"}}, {"u", []string{"k", "a", "b"}, []string{"k", "g"}}}},
	{name: "comparisons in expressions", schema: `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT COLLATE NOCASE, c, d TEXT NOT NULL DEFAULT 'A' COLLATE RTRIM);
		CREATE UNIQUE INDEX i ON t(a < '2', b = c, c IN (a, d), nullif(b, d) COLLATE NOCASE, a = b);
		CREATE TABLE u(k TEXT COLLATE NOCASE NOT NULL PRIMARY KEY, a BLOB NOT NULL DEFAULT 'a', b NUMERIC, g TEXT AS (a) COLLATE NOCASE);
		CREATE UNIQUE INDEX j ON u(CASE k WHEN 'a' THEN 1 WHEN b THEN 2 END, g = k, max(k, g) COLLATE NOCASE);
		CREATE UNIQUE INDEX n ON u(k = 'a' COLLATE BINARY, g BETWEEN a AND b, min(g, b));`,
		tables: []sceneTable{{"t", []string{"id", "a", "b", "c", "d"}, []string{"id"}}, {"u", []string{"k", "a", "b"}, []string{"k"}}}},
}

var sceneValues = []string{"1", "2", "3", "4", "1.0", "'a'", "'A'", "'b'", "NULL", "x'61'", "'1'", "-0.5", "-1", "0.0", "-0.0"}

// writer draws SQL.
type writer struct {
	r     *rapid.T
	scene scene
}

func (w writer) pick(what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(w.r, what)
}

func (w writer) chance(percent int, what string) bool {
	return rapid.IntRange(0, 99).Draw(w.r, what) < percent
}

func (w writer) table() sceneTable { return rapid.SampledFrom(w.scene.tables).Draw(w.r, "table") }

// value is a literal, or, within a trigger, what the row at hand has.
func (w writer) value(images []string) string {
	if len(images) > 0 && w.chance(50, "use the row") {
		return w.pick("image", images...)
	}
	return w.pick("value", sceneValues...)
}

func (w writer) values(t sceneTable, images []string) string {
	var list []string
	for range t.columns {
		list = append(list, w.value(images))
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (w writer) where(t sceneTable, images []string) string {
	if w.chance(20, "all rows") {
		return ""
	}
	return " WHERE " + w.pick("where column", t.columns...) + w.pick("operator", " = ", " IS ", " > ", " < ") + w.value(images)
}

func (w writer) set(t sceneTable, images []string) string {
	n := rapid.IntRange(1, 2).Draw(w.r, "assignments")
	var list []string
	for _, c := range rapid.Permutation(t.columns).Draw(w.r, "columns")[:n] {
		value := w.value(images)
		if w.chance(30, "from a column") {
			value = w.pick("from", t.columns...)
		}
		list = append(list, c+" = "+value)
	}
	return strings.Join(list, ", ")
}

// statement draws a statement on a table; within a trigger with images such as
// NEW.a.
func (w writer) statement(images []string) string {
	t := w.table()
	clauses := []string{"", "", " OR REPLACE", " OR REPLACE", " OR IGNORE", " OR FAIL"}
	forms := []string{"insert", "insert", "update", "update", "delete", "upsert"}
	or := w.pick("or", clauses...)
	columns := "(" + strings.Join(t.columns, ", ") + ")"
	switch w.pick("form", forms...) {
	case "insert":
		rows := []string{w.values(t, images)}
		for w.chance(30, "another row") {
			rows = append(rows, w.values(t, images))
		}
		return "INSERT" + or + " INTO " + t.name + columns + " VALUES" + strings.Join(rows, ", ")
	case "upsert":
		target := w.pick("target", t.targets...)
		if w.chance(30, "do nothing") {
			return "INSERT INTO " + t.name + columns + " VALUES" + w.values(t, images) + " ON CONFLICT(" + target + ") DO NOTHING"
		}
		return "INSERT INTO " + t.name + columns + " VALUES" + w.values(t, images) + " ON CONFLICT(" + target + ") DO UPDATE SET " + w.set(t, images)
	case "update":
		return "UPDATE" + or + " " + t.name + " SET " + w.set(t, images) + w.where(t, images)
	}
	return "DELETE FROM " + t.name + w.where(t, images)
}

// trigger draws an application trigger.
func (w writer) trigger(name, schema, time string) string {
	t := w.table()
	event := w.pick("event", "INSERT", "UPDATE", "DELETE")
	var images []string
	for _, c := range t.columns {
		if event != "DELETE" {
			images = append(images, "NEW."+c)
		}
		if event != "INSERT" {
			images = append(images, "OLD."+c)
		}
	}
	when := ""
	if w.chance(50, "when") {
		when = " WHEN " + w.pick("condition", images...) + w.pick("comparison", " = ", " > ", " IS NOT ") + w.value(images)
	}
	body := w.statement(images)
	if w.chance(30, "two statements") {
		body += "; " + w.statement(images)
	}
	if time == "BEFORE" && event != "INSERT" {
		// SQLite leaves undefined what happens where such a trigger writes to
		// the row at hand.
		body = w.logging(images)
	}
	return fmt.Sprintf("CREATE %sTRIGGER %s %s %s ON %s%s BEGIN %s; END", schema, name, time, event, t.name, when, body)
}

// mark begins a marked transaction. It writes to capture's view, but only where
// there is one.
const mark = "INSERT INTO replog_transaction(label) VALUES('m')"

// recordStatement is what the driver does after a statement; gathering makes
// nothing of it.
const recordStatement = `INSERT INTO replog_statement(body) VALUES('{"sql":"","affected":0}')`

// markNothing takes marks and statements where there is no capture.
const markNothing = `
	CREATE VIEW replog_transaction AS SELECT NULL AS label;
	CREATE VIEW replog_statement AS SELECT NULL AS body;
	CREATE TRIGGER replog_mark INSTEAD OF INSERT ON replog_transaction BEGIN SELECT 1; END;
	CREATE TRIGGER replog_record INSTEAD OF INSERT ON replog_statement BEGIN SELECT 1; END`

// steps draws what an application runs.
func (w writer) steps() []step {
	var list []step
	for range rapid.IntRange(1, 6).Draw(w.r, "steps") {
		text := w.statement(nil)
		if w.chance(20, "control") {
			text = w.pick("control", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", mark, mark, recordStatement, recordStatement)
		}
		list = append(list, step{sql: text})
	}
	return list
}

func TestCaptureHoldsForRandomStatementsAndTriggers(t *testing.T) {
	rapid.Check(t, checkRandomWrites)
}

func checkRandomWrites(r *rapid.T) {
	checkWrites(writer{r, rapid.SampledFrom(scenes).Draw(r, "scene")})
}

func checkWrites(w writer) {
	r := w.r
	older, newer, temp := w.triggers("older", ""), w.triggers("newer", ""), w.triggers("temp", "TEMP ")
	var fill []string
	for range rapid.IntRange(0, 8).Draw(r, "rows") {
		table := w.table()
		fill = append(fill, "INSERT OR IGNORE INTO "+table.name+"("+strings.Join(table.columns, ", ")+") VALUES"+w.values(table, nil))
	}
	pragmas := fmt.Sprintf("PRAGMA foreign_keys = %d; PRAGMA recursive_triggers = %d", rapid.IntRange(0, 1).Draw(r, "foreign keys"), rapid.IntRange(0, 1).Draw(r, "recursive triggers"))
	rounds := [][]step{w.steps(), w.steps()}

	ordered := rowOrderMatters(slices.Concat(texts(rounds...), older, newer, temp)...)
	live := sceneReplica(r, w.scene.schema, pragmas, fill, older)
	defer live.Close()
	w.scene.keepRowIDs(r, live)
	live.in(r, "install", live.Install)
	for _, trigger := range newer {
		live.script(r, trigger)
	}
	for _, steps := range rounds {
		checkRound(r, live, pragmas, temp, steps, ordered)
		if r.Failed() {
			describeRandom(r, pragmas, w.scene.schema, fill, older, append(newer, temp...), rounds)
			r.FailNow()
		}
		// From here on ours are the newer triggers.
		live.in(r, "mend", func() error { _, err := live.MendCapture(); return err })
	}
}

func checkRound(r *rapid.T, live *testReplica, pragmas string, temp []string, steps []step, ordered bool) {
	plain, before := live.duplicate(r), live.duplicate(r)
	defer plain.Close()
	defer before.Close()
	plain.in(r, "uninstall", plain.Uninstall)
	plain.script(r, markNothing)
	var seen [2]outcome
	for i, c := range []*testReplica{live, plain} {
		c.conn.(*sqlite3.SQLiteConn).SetLimit(sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 50)
		// The insert makes last_insert_rowid() and changes() the same; after a
		// failure SQLite does not promise anything of them.
		c.script(r, pragmas+"; CREATE TEMP TABLE same(x); INSERT INTO same VALUES(1);"+strings.Join(temp, ";"))
		seen[i] = runSteps(r, c.Conn, steps, "INSERT INTO same VALUES(1)")
		if !c.conn.AutoCommit() {
			c.script(r, "COMMIT")
		}
		c.script(r, "PRAGMA foreign_keys = 0; PRAGMA recursive_triggers = 0; DROP TABLE temp.same; DROP TRIGGER IF EXISTS temp.temp0")
	}
	// Of OR FAIL, SQLite may leave a part of what it did where triggers call each
	// other without end.
	if strings.Contains(strings.Join(seen[1].results, ""), "too many levels of trigger recursion") {
		ordered = true
	}
	if !slices.Equal(seen[0].results, seen[1].results) && !ordered {
		r.Errorf("with capture the application sees\n%s\nwithout\n%s", strings.Join(seen[0].results, "\n"), strings.Join(seen[1].results, "\n"))
	}
	if !ordered {
		mustEqual(r, "with and without capture", live.Conn, plain.Conn, nil)
	}
	after := live.duplicate(r)
	defer after.Close()
	checkGathered(r, live, after, before, &matrixCase{net: -2})
}

// rowOrderMatters tells of statements whose result depends on the order in which
// they come upon their rows, which SQLite leaves open and which triggers of any
// kind may change, as they need other columns than the statement itself.
func rowOrderMatters(texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(text, "UPDATE OR ") || strings.Contains(text, "INSERT OR ") && strings.Contains(text, "BEGIN UPDATE")
	})
}

// duplicate copies a database in memory, page by page.
func (r *testReplica) duplicate(t testingT) *testReplica {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.conn.(*sqlite3.SQLiteConn).Backup("main", r.conn.(*sqlite3.SQLiteConn), "main")
	if err == nil {
		_, err = b.Step(-1)
	}
	if err == nil {
		err = b.Finish()
	}
	if err != nil {
		t.Fatal(err)
	}
	return newTestReplica(t, c)
}

func texts(rounds ...[]step) (list []string) {
	for _, steps := range rounds {
		for _, s := range steps {
			list = append(list, s.sql)
		}
	}
	return list
}

func (w writer) triggers(what, schema string) []string {
	var list []string
	most := 2
	if schema != "" {
		most = 1
	}
	for range rapid.IntRange(0, most).Draw(w.r, what) {
		list = append(list, w.trigger(fmt.Sprintf("%s%d", what, len(list)), schema, w.pick("time", "BEFORE", "AFTER", "AFTER")))
	}
	return list
}

// logging writes to a table that nothing else writes to.
func (w writer) logging(images []string) string {
	return "INSERT INTO l(x, y) VALUES(" + w.value(images) + ", " + w.value(images) + ")"
}

// keepRowIDs makes tables without a key replicated, where the scene has them.
func (s *scene) keepRowIDs(r *rapid.T, live *testReplica) {
	if s.rowids {
		live.in(r, "keep rowids", live.KeepRowIDs)
	}
}

func sceneReplica(r *rapid.T, schema, pragmas string, rows, triggers []string) *testReplica {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		r.Fatal(err)
	}
	if err := c.Script(schema + "CREATE TABLE l(id INTEGER PRIMARY KEY, x, y);" + pragmas); err != nil {
		r.Fatal(err)
	}
	for _, row := range rows {
		// Rows that do not fit are left out.
		_ = c.Script(row)
	}
	if err := c.Script("PRAGMA foreign_keys = 0"); err != nil {
		r.Fatal(err)
	}
	for _, trigger := range triggers {
		if err := c.Script(trigger); err != nil {
			r.Fatalf("%v in %s", err, trigger)
		}
	}
	return newTestReplica(r, c)
}

func describeRandom(r *rapid.T, pragmas, schema string, rows, older, newer []string, rounds [][]step) {
	r.Logf("%s\n%s\n%s\n-- older than capture\n%s\n-- newer\n%s", pragmas, schema, strings.Join(rows, "\n"), strings.Join(older, "\n"), strings.Join(newer, "\n"))
	for i, steps := range rounds {
		for _, s := range steps {
			r.Logf("%d: %s", i+1, s.sql)
		}
	}
}

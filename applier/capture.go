package applier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// The operations in replog_change.
const (
	opInsert = 1
	opUpdate = 2
	opDelete = 3
	// opCopy is a copy of a row that the INSERT at hand may evict, in n1 … the
	// row that is to be inserted: REPLACE fires no DELETE triggers.
	opCopy = 4
	// opMark begins a marked transaction, whose label is in o1, or, where that
	// is NULL, ends one.
	opMark = 5
	// opCopyUpdate is opCopy for an UPDATE.
	opCopyUpdate = 6
)

// The tables that capture needs. None has a constraint but its rowid: an OR
// clause of the application's statement would apply to it.
const captureTables = `
CREATE TABLE replog_control(
  recording INTEGER  -- 0 while replog itself writes
);
INSERT INTO replog_control VALUES(1);
CREATE TABLE replog_table(
  id INTEGER PRIMARY KEY,
  name TEXT,
  columns TEXT  -- JSON array: the columns behind o1, o2 … and n1, n2 …
);
CREATE VIEW replog_transaction AS
  SELECT o1 AS label FROM replog_change
  WHERE id = (SELECT max(id) FROM replog_change WHERE op = 5) AND o1 IS NOT NULL;
CREATE TRIGGER replog_transaction_mark INSTEAD OF INSERT ON replog_transaction
BEGIN
  INSERT INTO replog_change(tbl, op, time, o1) VALUES(0, 5, ` + nowMillis + `, NEW.label);
END;`

// nowMillis is the time of the running statement in milliseconds since 1970,
// by functions that every SQLite has.
const nowMillis = `CAST((julianday('now') - 2440587.5) * 86400000.0 + 0.5 AS INTEGER)`

// Install puts capture on every table of the schema: the change table, as wide
// as the widest of them, the view that marks boundaries, and the triggers. The
// caller holds a transaction in which none of it exists yet.
//
// The triggers use nothing but SQLite's built-ins, so that any program in any
// language may write. They copy the key and the changed columns, old and new,
// into undeclared columns, which keep every value as it is.
func (r *Replica) Install() error {
	width := 1
	for _, t := range r.Schema.Tables {
		width = max(width, len(t.Columns))
	}
	columns := []string{"id INTEGER PRIMARY KEY", "tbl INTEGER", "op INTEGER", "time INTEGER"}
	for _, side := range []string{"o", "n"} {
		for i := range width {
			columns = append(columns, fmt.Sprintf("%s%d", side, i+1))
		}
	}
	if err := r.Script("CREATE TABLE replog_change(" + strings.Join(columns, ", ") + ");" + captureTables); err != nil {
		return err
	}
	for i, t := range r.Schema.Tables {
		names, err := json.Marshal(t.ColumnNames())
		if err != nil {
			return err
		}
		err = r.Exec("INSERT INTO replog_table VALUES(?, ?, ?)",
			replog.Integer(int64(i+1)), replog.Text(t.Name), replog.Text(string(names)))
		if err != nil {
			return err
		}
	}
	_, err := r.MendCapture()
	return err
}

// Uninstall takes every trace of replog out, in the caller's transaction.
func (r *Replica) Uninstall() error {
	for _, kind := range []string{"trigger", "view", "table"} {
		var names []string
		err := r.Query("SELECT name FROM main.sqlite_schema WHERE type = ? AND lower(name) GLOB 'replog_*'", func(row []replog.Value) error {
			names = append(names, row[0].Bytes())
			return nil
		}, replog.Text(kind))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := r.Script("DROP " + kind + " main." + replog.QuoteName(name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Recording switches capture on and off for everybody; off only within a
// transaction that switches it on again before it ends.
func (r *Replica) Recording(on bool) error {
	value := int64(0)
	if on {
		value = 1
	}
	return r.Exec("UPDATE main.replog_control SET recording = ?", replog.Integer(value))
}

// captureEvents name the triggers of a table in the order in which they are
// created; the first beforeTriggers of them fire before the event.
var captureEvents = [...]string{"before_insert", "before_update", "insert", "delete", "update"}

const beforeTriggers = 2

// captureTriggers renders the triggers that capture a table, in the order of
// captureEvents.
func captureTriggers(id int, t *Table) []string {
	g := triggerText{id: id, t: t}
	// A row is not evicted by its own update.
	other := " AND NOT (" + g.each(t.Key, "%[1]s IS OLD.%[1]s", " AND ") + ")"
	return []string{
		g.trigger("before_insert", "BEFORE INSERT", "", g.copyEvicted(opCopy, "")),
		g.trigger("before_update", "BEFORE UPDATE", g.uniqueChanged(), g.copyEvicted(opCopyUpdate, other)),
		g.trigger("insert", "AFTER INSERT", g.hasKey("NEW"), g.log(opInsert, nil, g.images("NEW"))),
		g.trigger("delete", "AFTER DELETE", g.hasKey("OLD"), g.log(opDelete, g.images("OLD"), nil)),
		g.trigger("update", "AFTER UPDATE", g.anyChanged(), g.log(opUpdate, g.changedImages("OLD"), g.changedImages("NEW"))),
	}
}

// triggerName names a trigger of ours for one of captureEvents.
func triggerName(id int, event string) string { return fmt.Sprintf("%s%d_%s", ownPrefix, id, event) }

// triggerText renders SQL for one table's triggers. Within a trigger, a bare
// column name is the table's in a SELECT on it; OLD. and NEW. are the row's.
type triggerText struct {
	id int
	t  *Table
}

func (g *triggerText) name(i int) string { return replog.QuoteName(g.t.Columns[i].Name) }

// each renders format, with the quoted name as %[1]s, for some columns.
func (g *triggerText) each(columns []int, format, separator string) string {
	var parts []string
	for _, i := range columns {
		parts = append(parts, fmt.Sprintf(format, g.name(i)))
	}
	return strings.Join(parts, separator)
}

func (g *triggerText) trigger(name, event, when, body string) string {
	condition := "(SELECT recording FROM replog_control)"
	if when != "" {
		condition += " AND (" + when + ")"
	}
	return fmt.Sprintf("CREATE TRIGGER main.%s %s ON %s WHEN %s BEGIN %s; END",
		replog.QuoteName(triggerName(g.id, name)), event, replog.QuoteName(g.t.Name), condition, body)
}

// log renders an INSERT into the change table with some images; nil for none.
func (g *triggerText) log(op int, old, now []string) string {
	columns, values := g.head(op)
	add := func(side string, image []string) {
		for i, expr := range image {
			columns = append(columns, fmt.Sprintf("%s%d", side, i+1))
			values = append(values, expr)
		}
	}
	add("o", old)
	add("n", now)
	return "INSERT INTO replog_change(" + strings.Join(columns, ", ") + ") VALUES(" + strings.Join(values, ", ") + ")"
}

func (g *triggerText) head(op int) (columns, values []string) {
	return []string{"tbl", "op", "time"}, []string{fmt.Sprint(g.id), fmt.Sprint(op), nowMillis}
}

func (g *triggerText) images(side string) []string {
	out := make([]string, len(g.t.Columns))
	for i := range out {
		out[i] = side + "." + g.name(i)
	}
	return out
}

// changedImages are the key and, of the other columns, what changed; all of
// them where the key did. NULL stands for "did not change": where a column
// changed, its two values are not both NULL.
func (g *triggerText) changedImages(side string) []string {
	out := g.images(side)
	keyChanged := g.tree(g.changedTests(g.t.Key))
	for i, expr := range out {
		if !g.t.isKey(i) {
			out[i] = fmt.Sprintf("CASE WHEN %s OR %s THEN %s END", g.changed(i), keyChanged, expr)
		}
	}
	return out
}

// changed tests one column, by class and bytes: IS NOT alone would follow the
// column's collation and take 1 for 1.0. SQL cannot tell 0.0 from -0.0, which
// only a column without affinity keeps apart: there zeros count as changed, and
// the values decide when the transaction is closed.
func (g *triggerText) changed(i int) string {
	test := fmt.Sprintf("(OLD.%[1]s COLLATE BINARY IS NOT NEW.%[1]s OR typeof(OLD.%[1]s) <> typeof(NEW.%[1]s)", g.name(i))
	if g.t.Columns[i].Affinity == AffinityBlob {
		test += fmt.Sprintf(" OR (typeof(NEW.%[1]s) = 'real' AND NEW.%[1]s = 0.0)", g.name(i))
	}
	return test + ")"
}

func (g *triggerText) changedTests(columns []int) []string {
	var tests []string
	for _, i := range columns {
		tests = append(tests, g.changed(i))
	}
	return tests
}

// tree joins tests by OR in a balanced tree: SQLite bounds the depth of an
// expression to 1,000.
func (g *triggerText) tree(tests []string) string {
	if len(tests) == 1 {
		return tests[0]
	}
	middle := len(tests) / 2
	return "(" + g.tree(tests[:middle]) + " OR " + g.tree(tests[middle:]) + ")"
}

func (g *triggerText) allColumns() []int {
	all := make([]int, len(g.t.Columns))
	for i := range all {
		all[i] = i
	}
	return all
}

func (g *triggerText) anyChanged() string {
	when := g.tree(g.changedTests(g.allColumns()))
	if g.t.nullableKey() {
		when += " AND (" + g.hasKey("OLD") + " OR " + g.hasKey("NEW") + ")"
	}
	return when
}

// hasKey tests that no key column is NULL, where one can be: such a row has no
// identity and is not captured.
func (g *triggerText) hasKey(side string) string {
	if !g.t.nullableKey() {
		return ""
	}
	return g.each(g.t.Key, side+".%[1]s IS NOT NULL", " AND ")
}

// uniqueChanged tests whether an UPDATE may evict another row.
func (g *triggerText) uniqueChanged() string {
	var columns []int
	for i := range g.t.Unique {
		x := &g.t.Unique[i]
		if x.Where != "" || !x.Plain() {
			return g.tree(g.changedTests(g.allColumns()))
		}
		for _, p := range x.Parts {
			if !slices.Contains(columns, p.Column) {
				columns = append(columns, p.Column)
			}
		}
	}
	tests := g.changedTests(columns)
	if rowid := g.t.hiddenRowID(); rowid != "" {
		tests = append(tests, "OLD."+rowid+" IS NOT NEW."+rowid)
	}
	return g.tree(tests)
}

// evictee is the alias of the table in which rows are looked for, so that a table
// named new or old does not hide the NEW and OLD of the trigger.
const evictee = ownPrefix + "evictee"

// copyEvicted copies the rows that NEW clashes with through a unique index, each
// with NEW, or through the rowid, without it: a change of the rowid alone is not
// captured, so that nothing would show that NEW was written. A key that SQLite
// will assign reads as -1 here.
func (g *triggerText) copyEvicted(op int, more string) string {
	columns, values := g.head(op)
	for i := range g.t.Columns {
		columns = append(columns, fmt.Sprintf("o%d", i+1))
		values = append(values, g.name(i))
	}
	// The plus keeps SQLite from searching by this test, which all rows pass,
	// instead of by the index.
	if key := g.hasKey("+" + evictee); key != "" {
		more += " AND " + key
	}
	// A statement for each index: of an OR over several, SQLite may scan the
	// table. A row that is copied twice counts once (see confirmEvictions).
	copying := func(clash string) string {
		return "INSERT INTO replog_change(" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") +
			" FROM " + replog.QuoteName(g.t.Name) + " AS " + evictee + " WHERE " + clash + more
	}
	var list []string
	if rowid := g.t.hiddenRowID(); rowid != "" {
		list = append(list, copying(rowid+" = NEW."+rowid))
	}
	for i, image := range g.images("NEW") {
		columns = append(columns, fmt.Sprintf("n%d", i+1))
		values = append(values, image)
	}
	for i := range g.t.Unique {
		list = append(list, copying(g.clash(&g.t.Unique[i])))
	}
	return strings.Join(list, "; ")
}

// clash tests a row of the table against NEW under one unique index.
func (g *triggerText) clash(x *Index) string {
	var terms []string
	for _, p := range x.Parts {
		if p.Column >= 0 {
			terms = append(terms, fmt.Sprintf("%s = %s COLLATE %s", g.name(p.Column), g.ofNewColumn(p.Column), p.Collation))
		} else {
			terms = append(terms, fmt.Sprintf("(%s) = %s COLLATE %s", p.Expr, g.ofNew(p.Expr), p.Collation))
		}
	}
	if x.Where != "" {
		terms = append(terms, "("+x.Where+")", g.ofNew(x.Where))
	}
	return "(" + strings.Join(terms, " AND ") + ")"
}

// ofNewColumn is a column of NEW as it will be stored: REPLACE puts the default
// where NULL is not allowed, but only after the BEFORE triggers.
func (g *triggerText) ofNewColumn(i int) string {
	c := &g.t.Columns[i]
	if !c.NotNull || g.t.rowidAlias() && g.t.isKey(i) {
		return "NEW." + g.name(i)
	}
	literal, ok := literalDefault(c.Default)
	if !ok {
		return "NEW." + g.name(i)
	}
	return fmt.Sprintf("ifnull(NEW.%s, %s)", g.name(i), literal)
}

// ofNew evaluates an expression of an index on NEW, whose columns it sees under
// their own names through a subquery.
func (g *triggerText) ofNew(expr string) string {
	var columns []string
	for i := range g.t.Columns {
		columns = append(columns, fmt.Sprintf("%s AS %s", g.ofNewColumn(i), g.name(i)))
	}
	for _, name := range g.t.Generated {
		columns = append(columns, fmt.Sprintf("NEW.%[1]s AS %[1]s", replog.QuoteName(name)))
	}
	return "(SELECT " + expr + " FROM (SELECT " + strings.Join(columns, ", ") + "))"
}

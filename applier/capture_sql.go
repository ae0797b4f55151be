package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// captureEvents name the triggers of a table in the order in which they are
// created; the first beforeTriggers of them fire before the event.
var captureEvents = [...]string{"before_insert", "before_update", "before_delete", "insert", "update"}

const beforeTriggers = 3

// captureTriggers renders the triggers that capture a table, along captureEvents;
// "" for one that it does not need.
func captureTriggers(id int, t *Table) [len(captureEvents)]string {
	g := triggerText{id: id, t: t, order: t.changeOrder()}
	triggers := [len(captureEvents)]string{
		g.trigger("before_insert", "BEFORE INSERT", "", g.beforeInsert()),
		g.trigger("before_update", "BEFORE UPDATE", "", g.beforeUpdate()),
		g.trigger("before_delete", "BEFORE DELETE", g.hasKey("OLD"), []string{g.fact(factText{op: fmt.Sprint(opDelete), image: g.images("OLD")})}),
	}
	inserted := []string{g.fact(factText{op: fmt.Sprint(opInserted), image: g.keyImage(g.images("NEW"))})}
	if t.assignsKeys() {
		triggers[3] = g.trigger("insert", "AFTER INSERT", g.unknown(), inserted)
	}
	if t.computesKeys() {
		triggers[4] = g.trigger("update", "AFTER UPDATE", g.keyChanged()+" AND "+g.unknown(), inserted)
	}
	return triggers
}

// triggerName names a trigger of ours for one of captureEvents.
func triggerName(id int, event string) string { return fmt.Sprintf("%s%d_%s", ownPrefix, id, event) }

// assignsKeys tells whether a BEFORE INSERT trigger may not see the key of the
// new row as it will be.
func (t *Table) assignsKeys() bool { return t.rowidAlias() || t.computesKeys() }

// computesKeys tells whether REPLACE may put a default into the key that nobody
// can foresee.
func (t *Table) computesKeys() bool {
	return !t.rowidAlias() && slices.ContainsFunc(t.Key, func(k int) bool {
		c := &t.Columns[k]
		return c.NotNull && c.Default != "" && c.foreseen == ""
	})
}

// triggerText renders SQL for one table's triggers. Within a trigger, a bare
// column name is the table's in a SELECT on it; OLD. and NEW. are the row's.
type triggerText struct {
	id    int
	t     *Table
	order []int // see changeOrder
}

func (g *triggerText) name(i int) string { return replog.QuoteName(g.t.Columns[i].Name) }

// all renders a test, with the quoted name as %[1]s, that must hold for each of
// some columns.
func (g *triggerText) all(columns []int, format string) string {
	var tests []string
	for _, i := range columns {
		tests = append(tests, fmt.Sprintf(format, g.name(i)))
	}
	return tree(tests, " AND ")
}

func (g *triggerText) trigger(name, event, when string, body []string) string {
	condition := "(SELECT recording FROM replog_control)"
	if when != "" {
		condition += " AND (" + when + ")"
	}
	return fmt.Sprintf("CREATE TRIGGER main.%s %s ON %s WHEN %s BEGIN %s; END",
		replog.QuoteName(triggerName(g.id, name)), event, replog.QuoteName(g.t.Name), condition, strings.Join(body, "; "))
}

func (g *triggerText) images(side string) []string {
	out := make([]string, len(g.t.Columns))
	for i := range out {
		out[i] = side + "." + g.name(i)
	}
	return out
}

// newImages are the columns of NEW as they will be stored, as far as a BEFORE
// trigger can tell.
func (g *triggerText) newImages() []string {
	out := make([]string, len(g.t.Columns))
	for i := range out {
		out[i] = g.ofNewColumn(i)
	}
	return out
}

// keyImage leaves only the key in an image.
func (g *triggerText) keyImage(image []string) []string {
	out := make([]string, len(image))
	for _, k := range g.t.Key {
		out[k] = image[k]
	}
	return out
}

// beforeInsert tells of the rows in the way, and of the new one.
func (g *triggerText) beforeInsert() []string {
	list := g.found("", func(*Index) string { return "" })
	op, key := fmt.Sprint(opInsert), g.keyImage(g.newImages())
	if g.t.rowidAlias() {
		list = append(list, g.foundByAssigned()...)
		k := g.t.Key[0]
		isAssigned := key[k] + " = -1"
		op = fmt.Sprintf("CASE WHEN %s THEN %d ELSE %d END", isAssigned, opAssign, opInsert)
		key[k] = fmt.Sprintf("CASE WHEN %s THEN %s ELSE %s END", isAssigned, g.nextRowID(), key[k])
	}
	return append(list, g.fact(factText{op: op, image: key, where: g.hasKeyIn(key)}))
}

// nextRowID is the rowid that SQLite will assign, but where the largest is taken
// (https://www.sqlite.org/autoinc.html).
func (g *triggerText) nextRowID() string {
	table := replog.QuoteName(g.t.Name)
	next := fmt.Sprintf("(SELECT ifnull(max(%s) + 1, 1) FROM %s)", g.name(g.t.Key[0]), table)
	if g.t.Autoincrement {
		return fmt.Sprintf("max(%s, ifnull((SELECT seq FROM sqlite_sequence WHERE name = %s), 0) + 1)", next, quoteText(g.t.Name))
	}
	return next
}

// beforeUpdate tells of the rows in the way, and of the row itself; where its key
// changes, of where it goes as well.
func (g *triggerText) beforeUpdate() []string {
	// A row is not in its own way. The key may tell rows apart that its columns'
	// collations do not.
	other := " AND NOT (" + g.all(g.t.Key, "%[1]s COLLATE BINARY IS OLD.%[1]s") + ")"
	list := g.found(other, func(x *Index) string {
		if x == nil {
			return "OLD." + g.t.hiddenRowID() + " IS NOT NEW." + g.t.hiddenRowID() + " AND "
		}
		return "(" + g.indexChanged(x) + ") AND "
	})
	leaves := fmt.Sprint(opMove)
	target := fmt.Sprint(opTarget)
	key := g.keyImage(g.newImages())
	if g.t.nullableKey() {
		leaves = fmt.Sprintf("CASE WHEN %s THEN %d ELSE %d END", g.hasKeyIn(key), opMove, opDelete)
		target = fmt.Sprintf("CASE WHEN %s THEN %d ELSE %d END", g.hasKey("OLD"), opTarget, opInsert)
	}
	keyChanged := g.keyChanged()
	list = append(list,
		g.fact(factText{op: target, image: key, where: and(keyChanged, g.hasKeyIn(key))}),
		g.fact(factText{op: leaves, image: g.images("OLD"), where: and(keyChanged, g.hasKey("OLD"))}))
	if len(g.t.Columns) > len(g.t.Key) {
		list = append(list, g.updateFact(and("NOT "+keyChanged, g.hasKey("OLD"))))
	}
	return list
}

// changed tests one column, by class and bytes: IS NOT alone would follow the
// column's collation and, but where a column holds one class of number or none,
// take 1 for 1.0. SQL cannot tell 0.0 from -0.0, which only a column without
// affinity keeps apart: there zeros count as changed, and the values decide when
// the transaction is closed.
func (g *triggerText) changed(i int) string {
	test := fmt.Sprintf("(OLD.%[1]s COLLATE BINARY IS NOT NEW.%[1]s", g.name(i))
	switch g.t.Columns[i].Affinity {
	case AffinityText, AffinityReal:
	case AffinityBlob:
		test += fmt.Sprintf(" OR typeof(OLD.%[1]s) <> typeof(NEW.%[1]s) OR (typeof(NEW.%[1]s) = 'real' AND NEW.%[1]s COLLATE BINARY = 0.0)", g.name(i))
	default:
		test += fmt.Sprintf(" OR typeof(OLD.%[1]s) <> typeof(NEW.%[1]s)", g.name(i))
	}
	return test + ")"
}

func (g *triggerText) changedAny(columns []int) string {
	var tests []string
	for _, i := range columns {
		tests = append(tests, g.changed(i))
	}
	return tree(tests, " OR ")
}

func (g *triggerText) keyChanged() string { return g.changedAny(g.t.Key) }

// tree joins expressions by an operator in a balanced tree: SQLite bounds the
// depth of an expression to 1,000.
func tree(list []string, operator string) string {
	if len(list) == 1 {
		return list[0]
	}
	middle := len(list) / 2
	return "(" + tree(list[:middle], operator) + operator + tree(list[middle:], operator) + ")"
}

// indexChanged tests whether an UPDATE may change what an index holds of the
// row.
func (g *triggerText) indexChanged(x *Index) string {
	text := x.Where
	columns := map[int]bool{}
	for _, p := range x.Parts {
		text += " " + p.Expr
		columns[p.Column] = true
	}
	// A generated column may depend on any other.
	all := slices.ContainsFunc(g.t.Generated, func(c Generated) bool { return mentions(text, c.Name) })
	var tests []string
	for i, c := range g.t.Columns {
		if all || columns[i] || mentions(text, c.Name) {
			tests = append(tests, g.changed(i))
		}
	}
	if tests == nil {
		return "0" // the same for all rows
	}
	return tree(tests, " OR ")
}

// hasKey tests that no key column is NULL, where one can be: such a row has no
// identity and is not captured.
func (g *triggerText) hasKey(side string) string { return g.hasKeyIn(g.images(side)) }

func (g *triggerText) hasKeyIn(image []string) string {
	if !g.t.nullableKey() {
		return ""
	}
	var tests []string
	for _, k := range g.t.Key {
		tests = append(tests, image[k]+" IS NOT NULL")
	}
	return tree(tests, " AND ")
}

// unknown tests, after an event, whether the last fact does not tell of the new
// row: its key was assigned otherwise than expected, or other triggers have run.
func (g *triggerText) unknown() string {
	columns, key := []string{"tbl", fmt.Sprintf("op IN (%d, %d, %d)", opInsert, opAssign, opTarget)}, []string{fmt.Sprint(g.id), "1"}
	for _, k := range g.t.Key {
		columns = append(columns, imageColumn(slices.Index(g.order, k)))
		key = append(key, "NEW."+g.name(k)+" COLLATE BINARY")
	}
	test := fmt.Sprintf("(%s) IS NOT (SELECT %s FROM replog_change ORDER BY id DESC LIMIT 1)", strings.Join(key, ", "), strings.Join(columns, ", "))
	return and(test, g.hasKey("NEW"))
}

// evictee is the alias of the table in which rows are looked for, so that a table
// named new or old does not hide the NEW and OLD of the trigger.
const evictee = ownPrefix + "evictee"

// found tells of the rows that NEW clashes with through a unique index, or
// through the rowid where that is not the key (a nil index), and that pass more;
// each index may be guarded by a test that comes first. A key that SQLite will
// assign reads as -1 here.
func (g *triggerText) found(more string, guard func(*Index) string) []string {
	// The plus keeps SQLite from searching by this test, which all rows pass,
	// instead of by the index.
	if g.t.nullableKey() {
		more += " AND " + g.all(g.t.Key, "+"+evictee+".%[1]s IS NOT NULL")
	}
	// A statement for each index: of an OR over several, SQLite may scan the
	// table.
	var list []string
	if rowid := g.t.hiddenRowID(); rowid != "" {
		list = append(list, g.find(guard(nil)+rowid+" = NEW."+rowid+more))
	}
	for i := range g.t.Unique {
		x := &g.t.Unique[i]
		list = append(list, g.find(guard(x)+g.clash(x, false)+more))
	}
	return list
}

// foundByAssigned tells of the rows that NEW clashes with once SQLite has assigned
// its key, which it does where that reads as -1.
func (g *triggerText) foundByAssigned() []string {
	var list []string
	for i := range g.t.Unique {
		x := &g.t.Unique[i]
		if clash := g.clash(x, true); clash != g.clash(x, false) {
			list = append(list, g.find("NEW."+g.name(g.t.Key[0])+" = -1 AND "+clash))
		}
	}
	return list
}

func (g *triggerText) find(where string) string {
	image := make([]string, len(g.t.Columns))
	for i := range image {
		image[i] = g.name(i)
	}
	return g.fact(factText{op: fmt.Sprint(opFound), image: image, from: " FROM " + replog.QuoteName(g.t.Name) + " AS " + evictee, where: where})
}

// clash tests a row of the table against NEW under one unique index. Whether a
// partial index will hold NEW is not asked: a row that is found but not in the way
// does no harm. assigned: SQLite is going to assign the key.
func (g *triggerText) clash(x *Index, assigned bool) string {
	var terms []string
	for _, p := range x.Parts {
		if p.Column >= 0 {
			terms = append(terms, fmt.Sprintf("%s = %s COLLATE %s", g.name(p.Column), g.ofNewColumn(p.Column), p.Collation))
		} else {
			terms = append(terms, fmt.Sprintf("(%s) COLLATE %s = %s", g.t.quoteStrings(p.Expr), p.Collation, g.ofNew(p.Expr, assigned)))
		}
	}
	if x.Where != "" {
		terms = append(terms, "("+g.t.quoteStrings(x.Where)+")")
	}
	return "(" + tree(terms, " AND ") + ")"
}

// ofNewColumn is a column of NEW as it will be stored: REPLACE puts the default
// where NULL is not allowed, but only after the BEFORE triggers.
func (g *triggerText) ofNewColumn(i int) string {
	if !g.t.defaults(i) {
		return "NEW." + g.name(i)
	}
	return fmt.Sprintf("ifnull(NEW.%s, %s)", g.name(i), g.t.Columns[i].foreseen)
}

// defaults tells whether REPLACE may put a default that can be foreseen into a
// column.
func (t *Table) defaults(i int) bool {
	c := &t.Columns[i]
	return c.NotNull && c.foreseen != "" && !(t.rowidAlias() && t.isKey(i))
}

// mentions tells whether SQL text may name a column: it does if it holds the name,
// or if the name can be written in several ways.
func mentions(expr, column string) bool {
	return strings.ContainsAny(column, "\"`]") || strings.Contains(foldName(expr), foldName(column))
}

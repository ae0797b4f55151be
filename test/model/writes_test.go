package model

import (
	"fmt"
	"strings"
)

// step is one thing that an application does on its connection.
type step struct {
	sql  string
	mark bool    // a mark, in place of sql
	text *string // its label; nil for the NULL mark
	// must: where it is refused, the application gives up and rolls back.
	must bool
	// look: the test reads what there is now, in place of sql; since it did
	// before, capture has been blind to a table as blind says.
	look  bool
	blind *blindness
}

// local is what an application does from one autocommit state to the next.
type local struct {
	steps       []step
	foreignKeys bool
	recursive   bool // recursive_triggers
}

// newLocal draws a local transaction.
func newLocal(g generator, f *family) local {
	l := local{foreignKeys: !g.chance(15, "foreign keys off"), recursive: g.chance(10, "recursive triggers")}
	add := func(sql string) { l.steps = append(l.steps, step{sql: sql}) }
	if !g.chance(35, "explicit transaction") {
		if g.chance(15, "mark alone") {
			l.mark(g)
		}
		for _, sql := range statements(g, f)[:1] {
			add(sql)
		}
		return l
	}
	add("BEGIN")
	open := false
	for range 1 + g.upTo(4, "steps") {
		switch n := g.upTo(100, "step"); {
		case n < 70:
			for _, sql := range statements(g, f) {
				add(sql)
			}
		case n < 85:
			l.mark(g)
		case !open:
			add("SAVEPOINT app")
			open = true
		default:
			add(pickOne(g, []string{"ROLLBACK TO app", "RELEASE app"}, "savepoint ends"))
			open = l.steps[len(l.steps)-1].sql != "RELEASE app"
		}
	}
	add(pickOne(g, []string{"COMMIT", "COMMIT", "COMMIT", "COMMIT", "COMMIT", "ROLLBACK"}, "end"))
	return l
}

func (l *local) mark(g generator) {
	s := step{mark: true}
	if !g.chance(40, "mark ends") {
		label := pickOne(g, []string{"order 17", "", "ü"}, "label")
		s.text = &label
	}
	l.steps = append(l.steps, s)
}

// statements draws one statement, or a few that belong together (a swap), first
// one alone sensible.
func statements(g generator, f *family) []string {
	t := pickOne(g, f.open(), "table")
	switch n := g.upTo(100, "statement"); {
	case n < 35:
		return []string{t.update(g)}
	case n < 65:
		return []string{t.insert(g)}
	case n < 75:
		return []string{t.remove(g)}
	case n < 85:
		return []string{t.changeKey(g)}
	case n < 93:
		return t.swap(g)
	case n < 97:
		c := pickOne(g, t.columns, "column")
		return []string{"UPDATE " + t.quoted + " SET " + c.name + " = " + c.name}
	default:
		return []string{t.change(g)}
	}
}

func (t *familyTable) set(g generator) string {
	first := len(t.Key)
	var out []string
	for i := range 1 + g.upTo(2, "columns to set") {
		c := t.columns[first+(g.upTo(len(t.columns)-first, "column to set")+i)%(len(t.columns)-first)]
		text := c.name + " = " + c.literal(g)
		if len(out) == 0 || !strings.HasPrefix(out[0], c.name+" ") {
			out = append(out, text)
		}
	}
	return strings.Join(out, ", ")
}

// where selects one row, a few, or all.
func (t *familyTable) where(g generator) string {
	key := t.columns[t.Key[0]]
	switch n := g.upTo(100, "where"); {
	case n < 60:
		return fmt.Sprintf(" WHERE %[1]s = (SELECT %[1]s FROM %[2]s ORDER BY %[1]s LIMIT 1 OFFSET %[3]d)", key.name, t.quoted, g.upTo(4, "which row"))
	case n < 80:
		return " WHERE " + key.name + " = " + pickOne(g, domains[key.kind], "key")
	case n < 95:
		c := pickOne(g, t.columns, "column")
		return " WHERE " + c.name + pickOne(g, []string{" < ", " = ", " IS NOT "}, "operator") + c.literal(g)
	}
	return ""
}

func (t *familyTable) or(g generator) string {
	return pickOne(g, []string{"", "", "", "OR REPLACE ", "OR REPLACE ", "OR IGNORE ", "OR FAIL ", "OR ROLLBACK "}, "or")
}

func (t *familyTable) update(g generator) string {
	text := "UPDATE " + t.or(g) + t.quoted + " SET " + t.set(g) + t.where(g)
	if g.chance(5, "returning") {
		text += " RETURNING *"
	}
	return text
}

func (t *familyTable) insert(g generator) string {
	var rows []string
	for range 1 + g.upTo(3, "rows")*g.upTo(2, "many rows") {
		rows = append(rows, "("+strings.Join(t.literals(g), ", ")+")")
	}
	values := t.quoted + t.columnList() + " VALUES" + strings.Join(rows, ", ")
	if !g.chance(20, "upsert") {
		text := "INSERT " + t.or(g) + "INTO " + values
		if g.chance(5, "returning") {
			text += " RETURNING *"
		}
		return text
	}
	if g.chance(30, "do nothing") {
		return "INSERT INTO " + values + " ON CONFLICT DO NOTHING"
	}
	var key []string
	for _, k := range t.Key {
		key = append(key, t.columns[k].name)
	}
	c := pickOne(g, t.columns[len(t.Key):], "column to set")
	return "INSERT INTO " + values + " ON CONFLICT(" + strings.Join(key, ", ") + ") DO UPDATE SET " + c.name + " = excluded." + c.name
}

func (t *familyTable) remove(g generator) string { return "DELETE FROM " + t.quoted + t.where(g) }

// changeKey assigns, shifts, or changes the case of a primary key.
func (t *familyTable) changeKey(g generator) string {
	k := t.columns[t.Key[g.upTo(len(t.Key), "key column")]]
	value := pickOne(g, domains[k.kind], "new key")
	if g.chance(30, "computed") {
		switch k.kind {
		case kindInteger:
			value = k.name + " + 1"
		case kindText, kindFolded:
			value = pickOne(g, []string{"upper(", "lower("}, "case") + k.name + ")"
		}
	}
	return "UPDATE " + t.or(g) + t.quoted + " SET " + k.name + " = " + value + t.where(g)
}

// change alters a value without changing what it equals: its class or its case.
func (t *familyTable) change(g generator) string {
	c := pickOne(g, t.columns[len(t.Key):], "column to change")
	expr := "upper(" + c.name + ")"
	if c.kind == kindAny || c.kind == kindInteger {
		expr = "CASE typeof(" + c.name + ") WHEN 'integer' THEN " + c.name + " + 0.0 WHEN 'real' THEN CAST(" + c.name + " AS INTEGER) ELSE " + c.name + " END"
	}
	return "UPDATE " + t.quoted + " SET " + c.name + " = " + expr + t.where(g)
}

// swap exchanges the values of two rows in a unique column, or their keys, by
// way of a third value.
func (t *familyTable) swap(g generator) []string {
	c := t.columns[t.Key[0]]
	if len(t.unique) > 0 && g.chance(60, "swap unique values") {
		c = t.columns[pickOne(g, t.unique, "unique column")]
	}
	a, b := pickOne(g, domains[c.kind], "one"), pickOne(g, domains[c.kind], "other")
	aside := map[columnKind]string{
		kindInteger: "-99", kindText: "'aside'", kindFolded: "'aside'", kindReal: "-99.5", kindAny: "'aside'", kindBlob: "x'99'",
	}[c.kind]
	move := func(from, to string) string {
		return "UPDATE " + t.quoted + " SET " + c.name + " = " + to + " WHERE " + c.name + " = " + from
	}
	return []string{move(a, aside), move(b, a), move(aside, b)}
}

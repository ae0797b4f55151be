package model

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// call is a statement that an application runs through the driver, or one that
// controls the transaction.
type call struct {
	sql  string
	args []Value
	// safe: it has to be recorded as an intent, and unsafe: it must not be. Of others
	// nothing is said.
	safe, unsafe bool
	// open: what it does depends on the moment, or is not the same without capture.
	// moves: it may change keys.
	open, moves    bool
	control        bool
	must           bool // where it is refused, the application rolls back
	optional, rows bool
	expect         *int64
	kinds          []string // for the tally
}

// driven is what an application does through the driver from one autocommit state to
// the next.
type driven struct {
	calls                 []call
	label                 string
	explicit, foreignKeys bool
	rollsBack             bool
	open                  bool // some call is
}

func newDriven(g generator, f *family) *driven {
	l := &driven{foreignKeys: !g.chance(10, "foreign keys off"), label: pickOne(g, []string{"", "order 17", "ü"}, "label")}
	if !g.chance(55, "explicit transaction") {
		l.add(newCall(g, f, l))
		return l
	}
	l.explicit = true
	savepoint := false
	for range 1 + g.upTo(4, "steps") {
		switch k := g.upTo(100, "step"); {
		case k < 25 && f.hasBank():
			for _, c := range transfer(g) {
				l.add(c)
			}
		case k < 85:
			l.add(newCall(g, f, l))
		case !savepoint:
			l.add(call{sql: "SAVEPOINT app", control: true})
			savepoint = true
		default:
			sql := pickOne(g, []string{"ROLLBACK TO app", "RELEASE app"}, "savepoint ends")
			l.add(call{sql: sql, control: true})
			savepoint = sql != "RELEASE app"
		}
	}
	l.rollsBack = g.chance(10, "it is rolled back")
	return l
}

// add adds a call, unless it cannot be followed beside the others: a twin tells which
// keys change, and of what is open there is none.
func (l *driven) add(c call) {
	moves := slices.ContainsFunc(l.calls, func(c call) bool { return c.moves })
	if c.open && moves || c.moves && l.open || c.open && c.moves {
		return
	}
	l.open = l.open || c.open
	l.calls = append(l.calls, c)
}

func (l *driven) String() string {
	text := fmt.Sprintf("label %q, foreign keys %v, explicit %v, rolls back %v:", l.label, l.foreignKeys, l.explicit, l.rollsBack)
	for _, c := range l.calls {
		text += "\n  " + c.sql + " " + replog.KeyString(c.args)
		if c.optional || c.rows || c.expect != nil {
			text += fmt.Sprintf(" optional %v, as rows %v", c.optional, c.rows)
		}
		if c.expect != nil {
			text += fmt.Sprintf(", expect %d", *c.expect)
		}
	}
	return text
}

func (f *family) hasBank() bool {
	return slices.ContainsFunc(f.tables, func(t *familyTable) bool { return t.driven })
}

// transfer moves money between two accounts.
func transfer(g generator) []call {
	amount, one := replog.Integer(int64(1+g.upTo(6, "amount"))), int64(1)
	from := 1 + g.upTo(3, "from")
	to := 1 + (from+g.upTo(2, "to"))%3
	calls := []call{
		{sql: `UPDATE "account" SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1`, args: []Value{amount, replog.Integer(int64(from))}, expect: &one},
		{sql: `UPDATE "account" SET balance = balance + ? WHERE id = ?`, args: []Value{amount, replog.Integer(int64(to))}},
	}
	for i := range calls {
		calls[i].must, calls[i].safe = true, true
		calls[i].kinds = []string{"transfers"}
	}
	return calls
}

// newCall draws a statement.
func newCall(g generator, f *family, l *driven) call {
	var c call
	switch k := g.upTo(100, "call"); {
	case k < 20 && f.hasBank():
		c = note(g)
	case k < 45:
		c = anyCall(g, f)
	default:
		c = pickOne(g, []func(generator, *family) call{counter, counter, guarded, bulk, fromSelect, byPredicate, upsertCounter, volatile, literal}, "form")(g, f)
	}
	upserts := strings.Contains(c.sql, "DO UPDATE")
	c.open = c.open || upserts && l.foreignKeys
	switch k := g.upTo(100, "option"); {
	case k < 10:
		c.rows, c.safe = true, false
		c.unsafe = true
		c.kinds = append(c.kinds, "statements AsRows")
	case k < 30:
		c.optional = true
		c.kinds = append(c.kinds, "statements Optional")
	case k < 40:
		any := int64(-1)
		c.expect = &any
		c.kinds = append(c.kinds, "statements that Expect any number")
	case k < 45:
		n := int64(g.upTo(3, "expected"))
		c.expect = &n
		c.kinds = append(c.kinds, "statements that Expect a number")
	}
	return c
}

// anyCall is one that any program may run.
func anyCall(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := call{kinds: []string{"statements of any form"}}
	switch k := g.upTo(100, "statement"); {
	case k < 30:
		c.sql = t.update(g)
	case k < 60:
		c.sql = t.insert(g)
	case k < 75:
		c.sql = t.remove(g)
	case k < 90:
		c.sql, c.moves = t.changeKey(g), true
	default:
		c.sql = t.change(g)
	}
	c.sql = strings.Replace(c.sql, "OR ROLLBACK ", "", 1) // as the transaction goes with it
	return c
}

// note writes notes, which a trigger counts.
func note(g generator) call {
	id, n := replog.Integer(int64(1+g.upTo(6, "note"))), replog.Integer(int64(g.upTo(5, "n")))
	switch g.upTo(7, "note's form") {
	case 0, 1:
		return call{sql: `UPDATE "note" SET n = n + ?1 WHERE id = ?2`, args: []Value{n, id}, safe: true, kinds: []string{"counters"}}
	case 2:
		return call{sql: `INSERT INTO "note"(id, n, at) VALUES(?, ?, 'then')`, args: []Value{id, n}, safe: true, kinds: []string{"notes"}}
	case 3:
		return call{sql: `INSERT INTO "note"(id, n) VALUES(?, ?)`, args: []Value{id, n}, unsafe: true, open: true, kinds: []string{"DEFAULT CURRENT_TIMESTAMP"}}
	case 4:
		return call{sql: `INSERT INTO "note"(n, at) VALUES(?, 'then')`, args: []Value{n}, unsafe: true, open: true, kinds: []string{"keys that SQLite chooses"}}
	case 5:
		return call{sql: `DELETE FROM "note" WHERE n > ?`, args: []Value{n}, safe: true, kinds: []string{"deletes by predicate"}}
	}
	return call{sql: `INSERT INTO "note"(id, n, at) VALUES(?, ?, 'x') ON CONFLICT(id) DO UPDATE SET n = n + excluded.n`, args: []Value{id, n}, safe: true, kinds: []string{"UPSERT"}}
}

// number picks a column that counts.
func (t *familyTable) number(g generator) string {
	var names []string
	for _, c := range t.columns[len(t.Key):] {
		if c.parent == nil && (c.kind == kindInteger || c.kind == kindReal || c.kind == kindAny) {
			names = append(names, c.name)
		}
	}
	if names == nil {
		return t.columns[len(t.Key)].name
	}
	return pickOne(g, names, "number")
}

func smallNumber(g generator) Value { return replog.Integer(int64(1 + g.upTo(4, "small"))) }

func counter(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.number(g)
	return call{sql: fmt.Sprintf("UPDATE %s SET %s = %s + ?%s", t.quoted, c, c, t.pinned(g)), args: []Value{smallNumber(g)}, kinds: []string{"counters"}}
}

// pinned selects a row by its key.
func (t *familyTable) pinned(g generator) string {
	var terms []string
	for _, k := range t.Key {
		terms = append(terms, t.columns[k].name+" = "+pickOne(g, domains[t.columns[k].kind][:6], "key"))
	}
	return " WHERE " + strings.Join(terms, " AND ")
}

func guarded(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.number(g)
	one := int64(1)
	return call{sql: fmt.Sprintf("UPDATE %s SET %s = %s - ?1%s AND %s >= ?1", t.quoted, c, c, t.pinned(g), c), args: []Value{smallNumber(g)}, expect: &one, kinds: []string{"guarded updates"}}
}

func bulk(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.number(g)
	return call{sql: fmt.Sprintf("UPDATE %s SET %s = %s + ?%s", t.quoted, c, c, pickOne(g, []string{"", " WHERE " + c + " IS NOT NULL", " WHERE " + c + " < 5"}, "where")),
		args: []Value{smallNumber(g)}, kinds: []string{"bulk updates"}}
}

func byPredicate(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.columns[g.upTo(len(t.columns), "column")]
	return call{sql: "DELETE FROM " + t.quoted + " WHERE " + c.name + pickOne(g, []string{" < ", " = ", " > "}, "operator") + c.literal(g), kinds: []string{"deletes by predicate"}}
}

// fromSelect fills a table from another.
func fromSelect(g generator, f *family) call {
	t, from := pickOne(g, f.open(), "table"), pickOne(g, f.open(), "source")
	var values []string
	for i, c := range t.columns {
		value := c.literal(g)
		if j := slices.IndexFunc(from.columns, func(o familyColumn) bool { return o.kind == c.kind }); j >= 0 && (i == t.Key[0] || g.chance(50, "of the source")) {
			if value = from.columns[j].name; c.kind == kindInteger && i == t.Key[0] {
				value += " + 5"
			}
		}
		values = append(values, value)
	}
	where := pickOne(g, []string{"", " WHERE " + from.columns[0].name + " > " + pickOne(g, domains[from.columns[0].kind], "key")}, "where")
	return call{sql: "INSERT " + pickOne(g, []string{"", "", "OR IGNORE "}, "or") + "INTO " + t.quoted + t.columnList() + " SELECT " + strings.Join(values, ", ") + " FROM " + from.quoted + where,
		kinds: []string{"INSERT … SELECT"}}
}

func upsertCounter(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.number(g)
	var key []string
	for _, k := range t.Key {
		key = append(key, t.columns[k].name)
	}
	return call{sql: "INSERT INTO " + t.quoted + t.columnList() + " VALUES(" + strings.Join(t.literals(g), ", ") + ") ON CONFLICT(" +
		strings.Join(key, ", ") + ") DO UPDATE SET " + c + " = " + t.quoted + "." + c + " + 1", kinds: []string{"UPSERT"}}
}

// volatile is what nobody can run again.
func volatile(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	c := t.columns[len(t.columns)-1]
	value := pickOne(g, []string{"random()", "CURRENT_TIMESTAMP", "strftime('%f', 'now')", "hex(randomblob(4))", "random() % 5", "julianday('now')"}, "what")
	return call{sql: "UPDATE " + t.quoted + " SET " + c.name + " = " + value + t.where(g), unsafe: true, open: true, kinds: []string{"random() and times"}}
}

// literal sets a value by key.
func literal(g generator, f *family) call {
	t := pickOne(g, f.open(), "table")
	return call{sql: "UPDATE " + t.quoted + " SET " + t.set(g) + t.pinned(g), kinds: []string{"values set by key"}}
}

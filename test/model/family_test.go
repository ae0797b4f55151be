package model

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"replog/replog"
)

// family is one schema of the family: what the model knows of it, and what
// SQLite and the generator of writes need besides.
type family struct {
	schema *Schema
	tables []*familyTable
	ddl    []string
	// triggers are the application's: first those made before capture, then
	// those that each device makes after it.
	before, after []string
	triggers      []appTrigger
	first         []string // rows that are there from the beginning
}

// appTrigger is one of the application's triggers: what fires it, and what it does to
// which table. late: it is made after capture, so that the server does not have it.
type appTrigger struct {
	name, on, event, by, writes string
	late                        bool
}

// familyTable is a table with what the generator needs.
type familyTable struct {
	*Table
	quoted  string
	columns []familyColumn
	unique  []int // single columns with a unique index
	// driven: nobody writes it but by way of the driver.
	driven bool
	// hasRowid: rows have a rowid that is not the key.
	hasRowid bool
	// defs, clauses and options are the parts of its CREATE TABLE, indexes what
	// follows it.
	defs, clauses []string
	options       string
	indexes       []string
}

// create renders its CREATE TABLE under a name, with columns as given.
func (t *familyTable) create(name string, defs []string) string {
	return "CREATE TABLE " + name + "(" + strings.Join(slices.Concat(defs, t.clauses), ", ") + ") " + t.options
}

type familyColumn struct {
	name    string // quoted
	kind    columnKind
	notNull bool
	parent  *familyColumn // the column that a foreign key refers to
}

// columnKind is the kind of values a column gets.
type columnKind int

const (
	kindInteger columnKind = iota
	kindText
	kindFolded // TEXT COLLATE NOCASE
	kindReal
	kindAny
	kindBlob
)

// domains are the literals that a column of a kind gets: few, so that devices
// meet on the same values.
var domains = map[columnKind][]string{
	kindInteger: {"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "-1", "0", "9223372036854775807"},
	kindText:    {"'a'", "'A'", "'b'", "'ab'", "''", "'é'", "'x '", "'x'", "'Zz'", "'1'", "CAST(x'610062' AS TEXT)", "CAST(x'ff41' AS TEXT)"},
	kindFolded:  {"'a'", "'A'", "'b'", "'B'", "'cd'", "'cD'", "'é'", "'e'", "'f'", "'G'", "'h'", "''"},
	kindReal:    {"0.5", "1", "2.5", "-0.0", "0.0", "1e300", "0.1", "123456789.12345679", "9e999", "-9e999"},
	kindAny:     {"1", "1.0", "'1'", "x'31'", "'a'", "'A'", "0.0", "-0.0", "x''", "''", "9007199254740993", "9007199254740992.0"},
	kindBlob:    {"x'01'", "x'0102'", "x''", "x'00'", "x'ff'", "x'41'", "x'61'", "x'02'"},
}

func (k columnKind) decl(strict bool) string {
	if k == kindAny && strict {
		return "ANY"
	}
	return [...]string{"INTEGER", "TEXT", "TEXT COLLATE NOCASE", "REAL", "", "BLOB"}[k]
}

func (k columnKind) collation() string {
	if k == kindFolded {
		return NoCase
	}
	return Binary
}

// generator draws from rapid with short names.
type generator struct{ t *rapid.T }

// upTo draws from 0 to n-1, each as likely as the other: rapid's own integers
// prefer small ones.
func (g generator) upTo(n int, what string) int {
	if n == 1 {
		return 0
	}
	return rapid.Custom(func(t *rapid.T) int {
		v := 0
		for range bits.Len(uint(n)) + 3 {
			v *= 2
			if rapid.Bool().Draw(t, "bit") {
				v++
			}
		}
		return v % n
	}).Draw(g.t, what)
}

// chance is true in n of 100 cases, and false where rapid simplifies.
func (g generator) chance(n int, what string) bool { return g.upTo(100, what) >= 100-n }

func pickOne[T any](g generator, list []T, what string) T { return list[g.upTo(len(list), what)] }

var tableNames = []string{"t", `odd "name"`, "order"}

// newFamily draws a schema.
func newFamily(g generator) *family {
	f := &family{schema: &Schema{}}
	for i := range 1 + g.upTo(3, "tables") {
		f.addTable(g, tableNames[i])
	}
	f.addTriggers(g)
	if g.chance(60, "a bank") {
		f.addBank(g)
	}
	return f
}

// open are the tables that anybody writes.
func (f *family) open() []*familyTable {
	return slices.DeleteFunc(slices.Clone(f.tables), func(t *familyTable) bool { return t.driven })
}

// tableDraft gathers the text of one CREATE TABLE.
type tableDraft struct {
	t       *familyTable
	g       generator
	strict  bool
	columns []string
	clauses []string
	indexes []string
}

func (f *family) addTable(g generator, name string) {
	d := &tableDraft{g: g, t: &familyTable{Table: &Table{Name: name}, quoted: replog.QuoteName(name)}}
	d.strict = g.chance(15, "strict")
	d.addKey()
	for range 1 + g.upTo(3, "columns") {
		kind := pickOne(g, []columnKind{kindInteger, kindText, kindFolded, kindReal, kindAny}, "column kind")
		d.addColumn(kind, g.chance(20, "not null"), "")
	}
	d.addUnique()
	d.addExpression()
	f.schema.Tables = append(f.schema.Tables, d.t.Table)
	f.tables = append(f.tables, d.t)
	f.addForeignKey(d)
	d.addCheck()
	if g.chance(20, "generated") {
		d.columns = append(d.columns, "gen GENERATED ALWAYS AS (typeof("+d.t.columns[len(d.t.Key)].name+")) "+
			pickOne(g, []string{"VIRTUAL", "STORED"}, "generated kind"))
		if d.strict {
			d.columns[len(d.columns)-1] = strings.Replace(d.columns[len(d.columns)-1], "gen ", "gen TEXT ", 1)
		}
	}
	var options []string
	if d.strict {
		options = append(options, "STRICT")
	}
	if g.chance(25, "without rowid") {
		options = append(options, "WITHOUT ROWID")
	} else {
		d.t.hasRowid = len(d.t.Key) > 1 || d.t.columns[0].kind != kindInteger
	}
	d.t.defs, d.t.clauses, d.t.options, d.t.indexes = d.columns, d.clauses, strings.Join(options, ", "), d.indexes
	f.ddl = append(append(f.ddl, d.t.create(d.t.quoted, d.t.defs)), d.indexes...)
}

func (d *tableDraft) addColumn(kind columnKind, notNull bool, more string) int {
	i := len(d.t.columns)
	c := familyColumn{name: replog.QuoteName(fmt.Sprintf("c%d", i)), kind: kind, notNull: notNull}
	text := c.name + " " + kind.decl(d.strict)
	if notNull {
		text += " NOT NULL"
		if d.g.chance(50, "default") {
			text += " DEFAULT " + domains[kind][0]
		}
	}
	d.columns = append(d.columns, text+" "+more)
	d.t.columns = append(d.t.columns, c)
	d.t.Columns = append(d.t.Columns, Column{Name: fmt.Sprintf("c%d", i), Collation: kind.collation(), NotNull: notNull})
	return i
}

func (d *tableDraft) addKey() {
	kinds := pickOne(d.g, [][]columnKind{
		{kindInteger}, {kindText}, {kindFolded}, {kindBlob}, {kindAny}, {kindInteger, kindFolded}, {kindText, kindInteger},
	}, "key")
	var names []string
	for _, kind := range kinds {
		d.t.Key = append(d.t.Key, d.addColumn(kind, true, ""))
	}
	if len(kinds) > 1 && d.g.chance(50, "key in other order") {
		slices.Reverse(d.t.Key)
	}
	for _, k := range d.t.Key {
		names = append(names, d.t.columns[k].name)
	}
	d.clauses = append(d.clauses, "PRIMARY KEY("+strings.Join(names, ", ")+")"+d.onConflict())
	if len(kinds) == 1 && kinds[0] == kindInteger {
		// NULL means "assign one".
		d.columns[0] = d.t.columns[0].name + " INTEGER"
		d.t.columns[0].notNull = true
	}
}

func (d *tableDraft) onConflict() string {
	return pickOne(d.g, []string{"", "", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE"}, "conflict clause")
}

// addUnique adds unique indexes: constraints and CREATE UNIQUE INDEX, on one
// column or two, under a collation of their own, partial.
func (d *tableDraft) addUnique() {
	first := len(d.t.Key)
	for n := range d.g.upTo(3, "unique indexes") {
		columns := []int{first + d.g.upTo(len(d.t.columns)-first, "unique column")}
		if d.g.chance(25, "on two columns") {
			if c := d.g.upTo(len(d.t.columns), "second unique column"); c != columns[0] {
				columns = append(columns, c)
			}
		}
		if slices.ContainsFunc(d.t.Unique, func(x Index) bool { return slices.Equal(x.Columns, columns) }) {
			continue // two conflict clauses would contradict each other
		}
		index := Index{Columns: columns}
		var parts []string
		for _, c := range columns {
			index.Collations = append(index.Collations, d.t.Columns[c].Collation)
			parts = append(parts, d.t.columns[c].name)
		}
		if len(columns) == 1 {
			d.t.unique = append(d.t.unique, columns[0])
		}
		if d.g.chance(50, "as constraint") {
			d.clauses = append(d.clauses, "UNIQUE("+strings.Join(parts, ", ")+")"+d.onConflict())
		} else {
			d.addIndex(n, &index, parts)
		}
		d.t.Unique = append(d.t.Unique, index)
	}
}

// addExpression adds a unique index on an expression.
func (d *tableDraft) addExpression() {
	c := slices.IndexFunc(d.t.columns, func(c familyColumn) bool { return c.kind == kindInteger })
	if c < len(d.t.Key) || !d.g.chance(15, "index on an expression") {
		return
	}
	d.t.Unique = append(d.t.Unique, Index{Collations: []string{Binary}, Expr: func(r Row) Value {
		switch v := r[c]; v.Kind() {
		case replog.KindInteger:
			return replog.Integer(max(v.Int64(), -v.Int64()))
		case replog.KindReal:
			return replog.Real(math.Abs(v.Float64()))
		default:
			return v
		}
	}})
	d.indexes = append(d.indexes, "CREATE UNIQUE INDEX "+replog.QuoteName("expression of "+d.t.Name)+" ON "+d.t.quoted+"(abs("+d.t.columns[c].name+"))")
}

func (d *tableDraft) addIndex(n int, index *Index, parts []string) {
	if d.g.chance(20, "collation of the index") {
		collation := pickOne(d.g, []string{NoCase, Binary}, "which collation")
		index.Collations[0] = collation
		parts[0] += " COLLATE " + collation
	}
	where := ""
	if d.g.chance(20, "partial") {
		c := index.Columns[0]
		where = " WHERE typeof(" + d.t.columns[c].name + ") <> 'integer' OR " + d.t.columns[c].name + " > 2"
		index.Where = func(r Row) bool { return r[c].Kind() != replog.KindInteger || r[c].Int64() > 2 }
	}
	name := replog.QuoteName(fmt.Sprintf("u%d of %s", n, d.t.Name))
	d.indexes = append(d.indexes, "CREATE UNIQUE INDEX "+name+" ON "+d.t.quoted+"("+strings.Join(parts, ", ")+")"+where)
}

var actions = []string{"NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"}

// addForeignKey lets the table refer to an earlier one, or to itself, by its
// key or by a unique constraint's column.
func (f *family) addForeignKey(d *tableDraft) {
	if !d.g.chance(60, "foreign key") {
		return
	}
	parent := pickOne(d.g, f.tables, "parent")
	referenced := parent.Key
	var names, own []string
	fk := ForeignKey{Parent: parent.Name}
	for _, p := range referenced {
		more := ""
		if d.g.chance(30, "default of the reference") {
			more = "DEFAULT " + domains[parent.columns[p].kind][0]
		}
		c := d.addColumn(parent.columns[p].kind, false, more)
		d.t.columns[c].parent = &parent.columns[p]
		fk.Columns, fk.ParentColumns = append(fk.Columns, c), append(fk.ParentColumns, p)
		own, names = append(own, d.t.columns[c].name), append(names, parent.columns[p].name)
	}
	fk.OnDelete, fk.OnUpdate = pickOne(d.g, actions, "on delete"), pickOne(d.g, actions, "on update")
	d.t.ForeignKeys = append(d.t.ForeignKeys, fk)
	clause := "FOREIGN KEY(" + strings.Join(own, ", ") + ") REFERENCES " + parent.quoted + "(" + strings.Join(names, ", ") + ")" +
		" ON DELETE " + fk.OnDelete + " ON UPDATE " + fk.OnUpdate
	if d.g.chance(30, "deferred") {
		clause += " DEFERRABLE INITIALLY DEFERRED"
	}
	d.clauses = append(d.clauses, clause)
}

func (d *tableDraft) addCheck() {
	if !d.g.chance(25, "check") {
		return
	}
	c := len(d.t.Key)
	d.clauses = append(d.clauses, "CHECK(typeof("+d.t.columns[c].name+") <> 'integer' OR "+d.t.columns[c].name+" < 12)")
	d.t.Check = func(r Row) bool { return r[c].Kind() != replog.KindInteger || r[c].Int64() < 12 }
}

func (t *familyTable) columnList() string {
	var names []string
	for _, c := range t.columns {
		names = append(names, c.name)
	}
	return "(" + strings.Join(names, ", ") + ")"
}

// literals draws a row.
func (t *familyTable) literals(g generator) []string {
	var out []string
	for _, c := range t.columns {
		out = append(out, c.literal(g))
	}
	return out
}

func (c *familyColumn) literal(g generator) string {
	if !c.notNull && g.chance(20, "null") {
		return "NULL"
	}
	return pickOne(g, domains[c.kind], "value")
}

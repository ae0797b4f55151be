package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// plan is how one table is compared: in which columns, and by which order.
type plan struct {
	name    string
	columns []string
	// key holds indexes into columns; nil: by all columns, as a multiset.
	key []int
	// nullable: rows may have NULL in their key.
	nullable bool
	a, b     *tableShape // nil where a side has no such table
}

// planTable works out how to compare ta and tb, of which one may be nil.
func planTable(ta, tb *tableShape) *plan {
	one := ta
	if one == nil {
		one = tb
	}
	p := &plan{name: one.name, a: ta, b: tb}
	common := func(name string) bool { return true }
	if ta != nil && tb != nil {
		common = func(name string) bool { return tb.stored(name) }
	}
	for _, c := range one.columns {
		if c.stored && common(c.name) {
			p.columns = append(p.columns, c.name)
		}
	}
	if ta != nil && tb != nil && !sameKey(ta.key, tb.key) {
		return p
	}
	if ta != nil && tb != nil && ta.rowid != "" && ta.rowid == tb.rowid {
		p.key = []int{len(p.columns)}
		p.columns = append(p.columns, ta.rowid)
	}
	for _, name := range one.key {
		for i, column := range p.columns {
			if foldName(column) == foldName(name) {
				p.key = append(p.key, i)
			}
		}
	}
	p.nullable = ta != nil && ta.nullableKey || tb != nil && tb.nullableKey
	return p
}

func sameKey(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if foldName(a[i]) != foldName(b[i]) {
			return false
		}
	}
	return true
}

// pass is one run over the rows of a table that meet a condition.
type pass struct {
	where string
	order []int // indexes into the plan's columns
	keyed bool
}

func (p *plan) passes() []pass {
	if p.key == nil {
		return []pass{{order: p.all()}}
	}
	if !p.nullable {
		return []pass{{order: p.key, keyed: true}}
	}
	var without, with []string
	for _, i := range p.key {
		without = append(without, replog.QuoteName(p.columns[i])+" IS NOT NULL")
		with = append(with, replog.QuoteName(p.columns[i])+" IS NULL")
	}
	return []pass{
		{where: " WHERE " + tree(without, " AND "), order: p.key, keyed: true},
		{where: " WHERE " + tree(with, " OR "), order: p.all()},
	}
}

func (p *plan) all() []int {
	order := make([]int, len(p.columns))
	for i := range order {
		order[i] = i
	}
	return order
}

// query reads a side in the order of compareLoosely. Every collation is set
// aside, as a key's own (NOCASE) would order the two sides differently. Rows that
// are stored in the order of their key are read as they lie; others are sorted
// (the plus keeps SQLite from following the key's index): that takes space in
// temporary files, but half the time of fetching each row through an index.
func (p *plan) query(t *tableShape, s *shape, run pass) string {
	var columns, order []string
	for _, name := range p.columns {
		columns = append(columns, "+t."+replog.QuoteName(name))
	}
	sorted := "+"
	if t.clustered && run.keyed {
		sorted = ""
	}
	for _, i := range run.order {
		order = append(order, sorted+"t."+replog.QuoteName(p.columns[i])+" COLLATE "+s.collation())
	}
	return fmt.Sprintf("SELECT %s FROM main.%s AS t%s ORDER BY %s",
		strings.Join(columns, ", "), replog.QuoteName(t.name), run.where, strings.Join(order, ", "))
}

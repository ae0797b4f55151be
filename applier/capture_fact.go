package applier

import (
	"fmt"
	"slices"
	"strings"
)

// partColumns is how many columns of a row a row of the change table holds at
// most. Each one that a fact leaves empty costs it a byte all the same, and time:
// in a change table of 2,000 columns a fact about a narrow table takes 2 kB and
// four times as long. So a wider row is told of in several parts, each with few
// enough columns that an integer has a bit for each.
const partColumns = 62

// maxColumns is SQLite's bound (https://www.sqlite.org/limits.html).
const maxColumns = 2000

// maxKeyColumns bounds the primary key, which one part must hold.
const maxKeyColumns = maxColumns - changeHead

// changeHead is how many columns come before v1 in the change table.
const changeHead = 5

// changeWidth is how many columns of a row a row of the change table is to hold.
func (s *Schema) changeWidth() int {
	width := 1
	for _, t := range s.Tables {
		width = max(width, min(len(t.Columns), partColumns), len(t.Key))
	}
	return width
}

// changeOrder lists the table's columns in the order in which the change table
// holds them: as they are or, where one part is not enough, the key first, so that
// it is in the first part.
func (t *Table) changeOrder() []int {
	var order []int
	if len(t.Columns) > partColumns {
		order = slices.Clone(t.Key)
	}
	for i := range t.Columns {
		if len(t.Columns) <= partColumns || !t.isKey(i) {
			order = append(order, i)
		}
	}
	return order
}

// partBounds cuts a list of columns into parts, of which the first holds the key:
// what it returns are the ends of the parts.
func partBounds(columns, key int) []int {
	ends := []int{min(columns, max(key, partColumns))}
	for end := ends[0]; end < columns; {
		end = min(columns, end+partColumns)
		ends = append(ends, end)
	}
	return ends
}

// factText is a fact that a trigger is to record.
type factText struct {
	op string // an expression
	// image runs along the table's columns, with an expression for each, "" for
	// those that the fact leaves out.
	image []string
	// from and where say for which rows of a SELECT, if any.
	from, where string
}

// fact renders INSERTs into the change table. The parts beyond the first come
// before it; a part without anything in it is left out.
func (g *triggerText) fact(f factText) string {
	return g.eachPart(func(part int, columns []int) string {
		p := partText{image: f.image, from: f.from, where: f.where, columns: columns, op: f.op}
		if part > 0 {
			if !slices.ContainsFunc(columns, func(i int) bool { return f.image[i] != "" }) {
				return ""
			}
			p.op, p.part = fmt.Sprint(opMore), part
		}
		return g.render(&p)
	})
}

// updateFact renders the fact of an UPDATE, with the columns that it may change
// alone. Whether it does is asked once, in a subquery, as c1, c2 …
func (g *triggerText) updateFact(where string) string {
	return g.eachPart(func(part int, columns []int) string {
		p := partText{image: make([]string, len(g.t.Columns)), columns: columns, op: fmt.Sprint(opUpdate)}
		if part > 0 {
			p.op, p.part = fmt.Sprint(opMore), part
		}
		var tests, bits, any []string
		for i, c := range columns {
			if g.t.isKey(c) {
				p.image[c] = "OLD." + g.name(c)
				continue
			}
			flag := fmt.Sprintf("c%d", i+1)
			tests = append(tests, g.changed(c)+" AS "+flag)
			bits, any = append(bits, fmt.Sprintf("%s*%d", flag, int64(1)<<i)), append(any, flag)
			p.image[c] = fmt.Sprintf("CASE WHEN %s THEN OLD.%s END", flag, g.name(c))
		}
		p.changed = strings.Join(bits, "+")
		if tests != nil {
			p.from = " FROM (SELECT " + strings.Join(tests, ", ") + ")"
		}
		if part == 0 { // it comes with any other part
			for _, c := range g.order[len(columns):] {
				any = append(any, g.changed(c))
			}
		}
		if any == nil {
			return ""
		}
		p.where = and(where, tree(any, " OR "))
		return g.render(&p)
	})
}

// eachPart joins what f renders for each part of the columns, the first one last.
func (g *triggerText) eachPart(f func(part int, columns []int) string) string {
	var list []string
	begin := 0
	for part, end := range partBounds(len(g.order), len(g.t.Key)) {
		if sql := f(part, g.order[begin:end]); sql != "" {
			list = append(list, sql)
		}
		begin = end
	}
	slices.Reverse(list)
	return strings.Join(list, "; ")
}

// partText is one row of the change table; part is 0 for the first of a fact.
type partText struct {
	op, changed, from, where string
	part                     int
	columns                  []int
	image                    []string
}

func (g *triggerText) render(p *partText) string {
	names, values := "tbl, op", fmt.Sprintf("%d, %s", g.id, p.op)
	if p.part > 0 {
		names, values = names+", time", fmt.Sprintf("%s, %d", values, p.part)
	}
	if p.changed != "" {
		names, values = names+", changed", values+", "+p.changed
	}
	for i, c := range p.columns {
		if p.image[c] != "" {
			names, values = names+", "+imageColumn(i), values+", "+p.image[c]
		}
	}
	sql := "INSERT INTO replog_change(" + names + ") SELECT " + values + p.from
	if p.where != "" {
		sql += " WHERE " + p.where
	}
	return sql
}

// imageColumn names a column of the change table that holds one of a row.
func imageColumn(i int) string { return fmt.Sprintf("v%d", i+1) }

// and joins two conditions, either of which may be "".
func and(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return "(" + a + ") AND (" + b + ")"
}

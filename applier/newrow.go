package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// newRow renders an expression of an index over the row NEW as it will be stored.
// A BEFORE trigger sees that row with -1 for a key that SQLite is going to assign,
// with NULL where REPLACE will put a default, with generated columns that were
// computed from those, and, to comparisons, without the affinities of its columns.
type newRow struct {
	g *triggerText
	// assigned: SQLite is going to assign the key.
	assigned bool
	// values and names are, side by side, the columns that are needed and that
	// do not have to be computed.
	values, names []string
	// computed are the generated columns to compute anew, each after those that
	// it is computed from.
	computed []*Generated
	needed   map[string]bool
}

// newRowName names the subqueries in which the row is put together.
const newRowName = ownPrefix + "new"

// ofNew renders an expression of an index over NEW.
func (g *triggerText) ofNew(expr string, assigned bool) string {
	r := newRow{g: g, assigned: assigned, needed: map[string]bool{}}
	r.need(expr)
	expr = g.t.quoteStrings(expr)
	if r.names == nil {
		return "(" + expr + ")"
	}
	// One after the other: SQLite's parser would run out of stack by nesting.
	// OFFSET keeps SQLite from putting one into the next, again wherever that
	// names it.
	with := []string{fmt.Sprintf("%s0 AS (SELECT %s)", newRowName, selectList(r.values, r.names))}
	for i, c := range r.computed {
		value := r.typed(stored(c.Affinity, g.t.quoteStrings(c.expr)), c.Name, c.collation)
		names := append(slices.Clone(r.names), replog.QuoteName(c.Name))
		with = append(with, fmt.Sprintf("%[1]s%[2]d AS (SELECT %[4]s FROM %[1]s%[3]d LIMIT 1 OFFSET 0)", newRowName, i+1, i, selectList(append(slices.Clone(r.names), value), names)))
		r.names = names
	}
	return fmt.Sprintf("(WITH %s SELECT %s FROM %s%d)", strings.Join(with, ", "), expr, newRowName, len(r.computed))
}

// selectList names the columns, as pragmas can change the names that they have of
// their own.
func selectList(values, names []string) string {
	var list []string
	for i, name := range names {
		list = append(list, values[i]+" AS "+name)
	}
	return strings.Join(list, ", ")
}

// need adds the columns that an expression names.
func (r *newRow) need(expr string) {
	t := r.g.t
	names := namesIn(expr)
	for i := range t.Columns {
		if c := &t.Columns[i]; r.isNew(names, c.Name) {
			r.add(r.typed(r.value(i), c.Name, c.collation), c.Name)
		}
	}
	for i := range t.Generated {
		c := &t.Generated[i]
		if !r.isNew(names, c.Name) {
			continue
		}
		if !r.changes(c.expr, nil) {
			r.add(r.typed("NEW."+replog.QuoteName(c.Name), c.Name, c.collation), c.Name)
			continue
		}
		r.need(c.expr)
		r.computed = append(r.computed, c)
	}
}

// isNew tells whether a column is named that was not needed yet.
func (r *newRow) isNew(names map[string]bool, column string) bool {
	column = foldName(column)
	if !names[column] || r.needed[column] {
		return false
	}
	r.needed[column] = true
	return true
}

func (r *newRow) add(value, name string) {
	r.values, r.names = append(r.values, value), append(r.names, replog.QuoteName(name))
}

// value is a column as it will be stored.
func (r *newRow) value(i int) string {
	switch {
	case r.assigned && r.g.t.isKey(i):
		return r.g.nextRowID()
	case r.g.t.defaults(i):
		c := &r.g.t.Columns[i]
		return fmt.Sprintf("ifnull(NEW.%s, %s)", r.g.name(i), stored(c.Affinity, c.foreseen))
	}
	return "NEW." + r.g.name(i)
}

// changes tells whether an expression names a column that will be stored otherwise
// than the trigger sees it, by itself or through generated columns. within are
// those that were followed.
func (r *newRow) changes(expr string, within []string) bool {
	t := r.g.t
	names := namesIn(expr)
	for i, c := range t.Columns {
		if names[foldName(c.Name)] && (t.defaults(i) || r.assigned && t.isKey(i)) {
			return true
		}
	}
	return slices.ContainsFunc(t.Generated, func(c Generated) bool {
		return names[foldName(c.Name)] && !slices.Contains(within, c.Name) && r.changes(c.expr, append(within, c.Name))
	})
}

// typed gives a value the affinity and the collation of a column, for comparisons.
// A scalar subquery has the affinity of the last SELECT of its compound, and here
// the value of the first. (In FROM, which SELECT counts is up to the version of
// SQLite.)
func (r *newRow) typed(value, column, collation string) string {
	sql := fmt.Sprintf("(SELECT %s UNION ALL SELECT %s FROM %s WHERE 0)", value, replog.QuoteName(column), replog.QuoteName(r.g.t.Name))
	if isBuiltinCollation(collation) { // where it matters, the table is left out otherwise
		sql += " COLLATE " + collation
	}
	return sql
}

// stored renders what a column of an affinity stores of an expression
// (https://www.sqlite.org/datatype3.html#type_affinity). CAST alone would convert
// what does not look like a number, too; the comparison with its result does not.
func stored(a Affinity, expr string) string {
	const v = ownPrefix + "value"
	const number, whole = "CAST(" + v + " AS NUMERIC)", "CAST(" + v + " AS INTEGER)"
	const looksNumeric = "typeof(" + v + ") = 'text' AND +" + v + " = " + number
	var when string
	switch a {
	case AffinityBlob:
		return "(" + expr + ")"
	case AffinityText:
		when = "WHEN typeof(" + v + ") IN ('integer', 'real') THEN CAST(" + v + " AS TEXT)"
	case AffinityReal:
		when = "WHEN typeof(" + v + ") = 'integer' THEN CAST(" + v + " AS REAL) WHEN " + looksNumeric + " THEN CAST(" + number + " AS REAL)"
	default:
		when = "WHEN typeof(" + v + ") = 'real' AND +" + v + " = " + whole + " AND " + whole + " NOT IN (-9223372036854775808, 9223372036854775807) THEN " + whole +
			" WHEN " + looksNumeric + " THEN " + number
	}
	return "(SELECT CASE " + when + " ELSE " + v + " END FROM (SELECT +(" + expr + ") AS " + v + "))"
}

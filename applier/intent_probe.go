package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// probe renders a query that reads what the statement reads, and counts the rows
// that it would write; "" where both are little.
func (x *Intents) probe(d *dml, tokens []token, sql string) string {
	base := tokens[0].from
	text := func(part []token) string { return sql[part[0].from-base : part[len(part)-1].to-base] }
	hasQuery := func(part []token) bool {
		return slices.ContainsFunc(part, func(t token) bool { return t.is("select", "in") })
	}
	where := ""
	if d.where != nil {
		where = " WHERE " + text(d.where)
	}
	switch {
	case d.kind == IntentInsert && d.source != nil:
		return countEach(len(d.columns), text(d.source))
	case d.kind == IntentInsert:
		var rows []string
		queries := false
		for _, row := range d.values {
			if hasQuery(row) {
				queries = true
			}
			rows = append(rows, "("+text(row)+")")
		}
		if !queries {
			return ""
		}
		return countEach(len(d.columns), "VALUES"+strings.Join(rows, ", "))
	}
	t := x.r.Schema.Table(d.table)
	if t == nil {
		return ""
	}
	k := &checker{catalog: x.catalog}
	set := slices.Concat(d.set...)
	if !k.severalRows(d, t) && !hasQuery(set) && !hasQuery(d.where) {
		return ""
	}
	counts := []string{"count(*)"}
	for _, s := range d.set {
		if len(s) > 2 && s[1].is("=") {
			counts = append(counts, "count("+text(s[2:])+")")
		}
	}
	as := ""
	if d.alias != d.table {
		as = " AS " + replog.QuoteName(d.alias)
	}
	return "SELECT " + strings.Join(counts, ", ") + " FROM main." + replog.QuoteName(t.Name) + as + where
}

// countEach counts the rows of a query. Each column is counted too, as SQLite does
// not compute what nobody asks for.
func countEach(columns int, query string) string {
	names, counts := make([]string, columns), "count(*)"
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
		counts += fmt.Sprintf(", count(c%d)", i)
	}
	return fmt.Sprintf("WITH probe(%s) AS (%s) SELECT %s FROM probe", strings.Join(names, ", "), query, counts)
}

package applied

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"replog/replog"
)

// Mapping puts the rows of one SQLite table into a PostgreSQL table that exists.
type Mapping struct {
	Table string // in SQLite
	// Schema and Name are those of the table in PostgreSQL.
	Schema, Name string
	// Columns gives the column in PostgreSQL for a column in SQLite. One that is not in
	// it is not carried; nil stands for all columns that have the same name there, in
	// upper or lower case.
	Columns map[string]string
	// Merge: rows may be there already. Those whose keys the replica lacks are deleted,
	// and the others updated.
	Merge bool
}

// Map keeps a table of SQLite's in an existing table from now on, and loads it from
// content, which is at the revision of the tables. The table that was made for it is
// dropped. It refuses with a *MapError, and has changed nothing then.
func (t *Tables) Map(ctx context.Context, c Conn, m Mapping, content replog.Content) error {
	shapes, err := content.Tables()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(shapes, func(s replog.Table) bool { return s.Name == m.Table })
	refused := &MapError{Table: m.Table, Target: quote(m.Schema, m.Name)}
	if i < 0 {
		refused.Problems = []string{"the replica has no such table"}
		return refused
	}
	made := newTable(shapes[i])
	made.schema, made.name, made.mapped = m.Schema, m.Name, true
	made.indexes, made.references = make([]string, len(made.shape.Indexes)), make([]string, len(made.shape.References))
	target, err := readTarget(ctx, c, made)
	if err != nil {
		return err
	}
	refused.Problems = target.problems(made, m)
	taken, err := t.taken(ctx, c, m)
	if err != nil {
		return err
	}
	refused.Problems = append(refused.Problems, taken...)
	if len(refused.Problems) > 0 {
		return refused
	}
	return t.remake(ctx, c, m.Table, made, content)
}

// taken says why the target cannot be had: it is replog's, or holds other rows. A table
// may be mapped anew to where it is mapped.
func (t *Tables) taken(ctx context.Context, c Conn, m Mapping) (problems []string, err error) {
	if m.Schema == "replog" {
		return []string{"it is replog's own"}, nil
	}
	const holders = `SELECT database, table_name, mapped FROM replog.applied_table WHERE schema_name = $1 AND pg_table = $2`
	err = query(ctx, c, holders, []any{m.Schema, m.Name}, func(scan func(...any) error) error {
		var database int
		var name string
		var mapped bool
		err := scan(&database, &name, &mapped)
		switch {
		case database != t.database:
			problems = append(problems, "it holds the rows of "+name+" of another database")
		case name != m.Table:
			problems = append(problems, "it holds the rows of "+name)
		case !mapped:
			problems = append(problems, "it is the table that replog made for it")
		}
		return err
	})
	return problems, err
}

// Unmap has replog make a table of its own again for a mapped table of SQLite's, and
// loads it from content. What stands in the table that was mapped to stays.
func (t *Tables) Unmap(ctx context.Context, c Conn, table string, content replog.Content) error {
	old := t.tables[table]
	if old == nil || !old.mapped {
		return &MapError{Table: table, Target: "a table", Problems: []string{"it is not mapped"}}
	}
	return t.remake(ctx, c, table, nil, content)
}

// remake puts another table, or nil for one of replog's, in the place of the one that
// holds a table's rows, and loads it.
func (t *Tables) remake(ctx context.Context, c Conn, name string, made *table, content replog.Content) error {
	if err := t.Flush(ctx, c); err != nil {
		return err
	}
	return t.unit(ctx, c, true, func(w *writer) error {
		about := func(table string) bool { return table == name }
		r, err := w.plan(content, about)
		if err != nil {
			return err
		}
		if err := r.makeSchema(ctx); err != nil {
			return err
		}
		if err := r.dropConstraints(ctx); err != nil {
			return err
		}
		if old := t.tables[name]; old != nil {
			if err := r.dropTable(ctx, old); err != nil {
				return err
			}
			delete(t.tables, name)
		}
		if made != nil {
			t.tables[name] = made
		}
		if err := r.makeTables(ctx); err != nil {
			return err
		}
		return r.finish(ctx, content, nil)
	})
}

// target is what the catalog says of a table that is to be mapped to.
type target struct {
	exists  bool
	isEmpty bool
	columns map[string]targetColumn
	unique  [][]string // the columns of unique indexes, sorted
}

type targetColumn struct {
	name       string
	needsValue bool // it takes no NULL and has no default
	isClosed   bool // it is generated
}

const selectTarget = `
SELECT a.attname, a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> '' OR a.attidentity = 'a'
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`

const selectUnique = `
SELECT i.indexrelid, a.attname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisunique AND i.indimmediate AND i.indisvalid
    AND i.indpred IS NULL AND i.indexprs IS NULL`

func readTarget(ctx context.Context, c Conn, made *table) (*target, error) {
	found := &target{columns: map[string]targetColumn{}}
	const kind = `SELECT coalesce((SELECT relkind IN ('r', 'p') FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)), false)`
	err := c.QueryRowContext(ctx, kind, made.target()).Scan(&found.exists)
	if err != nil || !found.exists {
		return found, err
	}
	err = c.QueryRowContext(ctx, "SELECT NOT EXISTS (SELECT FROM "+made.target()+")").Scan(&found.isEmpty)
	if err != nil {
		return nil, err
	}
	err = query(ctx, c, selectTarget, []any{made.target()}, func(scan func(...any) error) error {
		var col targetColumn
		err := scan(&col.name, &col.needsValue, &col.isClosed)
		found.columns[col.name] = col
		return err
	})
	if err != nil {
		return nil, err
	}
	indexes := map[int64][]string{}
	err = query(ctx, c, selectUnique, []any{made.target()}, func(scan func(...any) error) error {
		var index int64
		var name string
		err := scan(&index, &name)
		indexes[index] = append(indexes[index], name)
		return err
	})
	for _, columns := range indexes {
		sort.Strings(columns)
		found.unique = append(found.unique, columns)
	}
	return found, err
}

// problems sets the columns of made, and says what the target lacks.
func (x *target) problems(made *table, m Mapping) []string {
	if !x.exists {
		return []string{"there is no such table"}
	}
	made.columns, made.cols = make([]string, len(made.shape.Columns)), make([]*column, len(made.shape.Columns))
	var found []string
	used := map[string]bool{}
	for i, c := range made.shape.Columns {
		name, ok := x.columnFor(c.Name, m)
		if !ok {
			continue
		}
		col, is := x.columns[name]
		switch {
		case !is:
			found = append(found, fmt.Sprintf("it has no column %s", quote(name)))
		case col.isClosed:
			found = append(found, fmt.Sprintf("its column %s is generated", quote(name)))
		case used[name]:
			found = append(found, fmt.Sprintf("its column %s is named twice", quote(name)))
		default:
			made.columns[i] = name
			used[name] = true
		}
	}
	for name := range m.Columns {
		if _, ok := made.number[name]; !ok {
			found = append(found, fmt.Sprintf("%s has no column %s", m.Table, quote(name)))
		}
	}
	found = append(found, x.keyProblems(made)...)
	for name, col := range x.columns {
		if col.needsValue && !used[name] {
			found = append(found, fmt.Sprintf("its column %s takes no NULL, has no default, and nothing is mapped to it", quote(name)))
		}
	}
	if !x.isEmpty && !m.Merge {
		found = append(found, "it has rows; ask for a merge to delete and update them")
	}
	sort.Strings(found)
	return found
}

// columnFor is the column in PostgreSQL for one in SQLite.
func (x *target) columnFor(name string, m Mapping) (string, bool) {
	if m.Columns != nil {
		to, ok := m.Columns[name]
		return to, ok
	}
	if _, ok := x.columns[name]; ok {
		return name, true
	}
	for there := range x.columns {
		if strings.EqualFold(there, name) {
			return there, true
		}
	}
	return "", false
}

func (x *target) keyProblems(made *table) []string {
	key := made.names(made.shape.Key)
	for i, name := range key {
		if name == "" {
			return []string{fmt.Sprintf("no column is mapped for %s of the key", quote(made.shape.Columns[made.shape.Key[i]].Name))}
		}
	}
	sort.Strings(key)
	for _, columns := range x.unique {
		if slices.Equal(columns, key) {
			return nil
		}
	}
	return []string{"it has no unique index on (" + quoteList("", key) + ")"}
}

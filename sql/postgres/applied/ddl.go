package applied

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// present is a column as it stands in the catalog.
type present struct {
	typeName string
	notNull  bool
}

// makeTable makes the table for a shape, of one that is there where it can.
func (r *reshaping) makeTable(ctx context.Context, shape replog.Table) (*table, error) {
	made := newTable(shape)
	old := r.t.tables[shape.Name]
	made.indexes, made.references = make([]string, len(shape.Indexes)), make([]string, len(shape.References))
	made.columns = make([]string, len(shape.Columns))
	if old != nil && old.mapped {
		made.schema, made.name, made.mapped = old.schema, old.name, true
		for i, c := range shape.Columns {
			if n, ok := old.number[c.Name]; ok {
				made.columns[i] = old.columns[n]
			}
		}
		return made, nil
	}
	for i := range shape.Columns {
		made.columns[i] = made.wanted(i).name
	}
	made.schema = r.t.Schema()
	if old != nil && old.name != "" {
		made.name = old.name
		is, err := r.exists(ctx, made.target())
		if err != nil {
			return nil, err
		}
		if is {
			return made, r.alter(ctx, made, old.columns)
		}
		return made, r.create(ctx, made)
	}
	name, isLeft, err := r.freeName(ctx, shape.Name)
	if err != nil {
		return nil, err
	}
	made.name = name
	if isLeft {
		return made, r.alter(ctx, made, nil)
	}
	return made, r.create(ctx, made)
}

// freeName is the name for a new table. isLeft: it is that of a table which could not
// be dropped when it went.
func (r *reshaping) freeName(ctx context.Context, table string) (name string, isLeft bool, err error) {
	const left = `SELECT name FROM replog.left_out WHERE database = $1 AND table_name = $2 AND kind = 'table' AND name <> ''`
	err = r.c.QueryRowContext(ctx, left, r.t.database, table).Scan(&name)
	if err == nil {
		return name, true, r.t.found(ctx, r.c, table, "table", name)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return "", false, err
	}
	name, err = r.free(ctx, fitName(table))
	return name, false, err
}

// free is a name that nothing in the schema has.
func (r *reshaping) free(ctx context.Context, name string) (string, error) {
	wish := name
	for {
		if is, err := r.exists(ctx, quote(r.t.Schema(), name)); err != nil || !is {
			return name, err
		}
		wish += "#"
		name = hashedName(wish)
	}
}

// exists tells whether there is a table or an index of that name.
func (r *reshaping) exists(ctx context.Context, name string) (is bool, err error) {
	return is, r.c.QueryRowContext(ctx, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", name).Scan(&is)
}

func (r *reshaping) create(ctx context.Context, made *table) error {
	var parts []string
	for i := range made.shape.Columns {
		parts = append(parts, definition(made.wanted(i)))
	}
	parts = append(parts, "PRIMARY KEY ("+quoteList("", made.names(made.shape.Key))+")")
	text := fmt.Sprintf("CREATE TABLE %s (%s)", made.target(), strings.Join(parts, ", "))
	err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "%s", text) })
	if err == nil || !refusedObject(err) {
		return err
	}
	made.name = ""
	return r.t.record(ctx, r.c, leftOut{made.shape.Name, "table", "", text, err.Error()})
}

func definition(c column) string {
	text := quote(c.name) + " " + c.base
	if c.notNull {
		text += " NOT NULL"
	}
	return text
}

// refusedObject tells whether the server does not take an object, for what it is or
// for the data.
func refusedObject(err error) bool {
	e := serverError(err)
	return e != nil && slices.Contains([]string{"0A", "22", "23", "42", "54"}, string(e.Code[:2]))
}

// dropTables drops the tables that are gone. Where something of somebody's depends on
// one, it is emptied.
func (r *reshaping) dropTables(ctx context.Context) error {
	for _, old := range r.t.sorted() {
		name := old.shape.Name
		if _, stays := r.shapes[name]; stays {
			continue
		}
		if err := r.dropTable(ctx, old); err != nil {
			return fmt.Errorf("dropping the table of %s: %w", name, err)
		}
		const forget = `DELETE FROM replog.applied_table WHERE database = $1 AND table_name = $2`
		if _, err := r.c.ExecContext(ctx, forget, r.t.database, name); err != nil {
			return err
		}
		delete(r.t.tables, name)
	}
	return nil
}

func (r *reshaping) dropTable(ctx context.Context, old *table) error {
	if old.mapped || old.name == "" {
		return nil
	}
	err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "DROP TABLE IF EXISTS %s", old.target()) })
	if !dependsOn(err) {
		return err
	}
	if empty := r.t.empty(ctx, r.c, old.target()); empty != nil {
		return empty
	}
	return r.t.record(ctx, r.c, leftOut{old.shape.Name, "table", old.name, "DROP TABLE " + old.target(), err.Error()})
}

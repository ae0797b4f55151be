package applied

import (
	"context"
	"encoding/json"
	"fmt"
)

// selectTables reads what is kept of the database's tables.
const selectTables = `
SELECT table_name, schema_name, pg_table, mapped, shape, columns, indexes, foreign_keys
FROM replog.applied_table
WHERE database = $1
ORDER BY table_name`

// selectColumns reads what the columns of the database's tables are, a domain as the
// type below it.
const selectColumns = `
WITH RECURSIVE found AS (
    SELECT t.table_name, a.attname, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null
    FROM replog.applied_table t
    JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema_name
    JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = t.pg_table
    JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.database = $1
    UNION ALL
    SELECT f.table_name, f.attname, d.typbasetype, d.typtypmod, f.not_null OR d.typnotnull
    FROM found f
    JOIN pg_catalog.pg_type d ON d.oid = f.type AND d.typtype = 'd'
)
SELECT f.table_name, f.attname, pg_catalog.format_type(f.type, -1), f.modifier, f.not_null
FROM found f
JOIN pg_catalog.pg_type p ON p.oid = f.type AND p.typtype <> 'd'`

// selectTouchy reads the columns of unique indexes besides the primary key; all of a
// table's columns where such an index has an expression or a condition.
const selectTouchy = `
SELECT DISTINCT t.table_name, a.attname
FROM replog.applied_table t
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema_name
JOIN pg_catalog.pg_class r ON r.relnamespace = n.oid AND r.relname = t.pg_table
JOIN pg_catalog.pg_index i ON i.indrelid = r.oid AND NOT i.indisprimary AND (i.indisunique OR i.indisexclusion)
JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attnum = ANY (i.indkey) OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
WHERE t.database = $1`

// load reads everything that is cached.
func (t *Tables) load(ctx context.Context, c Conn) error {
	t.tables = map[string]*table{}
	err := query(ctx, c, selectTables, []any{t.database}, func(scan func(...any) error) error {
		made, err := scanTable(scan)
		if err == nil {
			t.tables[made.shape.Name] = made
		}
		return err
	})
	if err == nil {
		err = t.loadColumns(ctx, c)
	}
	if err == nil {
		err = t.loadMisfits(ctx, c)
	}
	if err == nil {
		err = t.recordUnusable(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("reading what the applied tables of %s are: %w", t.name, err)
	}
	t.loaded = true
	return nil
}

func scanTable(scan func(...any) error) (*table, error) {
	var made table
	var shape, columns, indexes, references []byte
	var name string
	err := scan(&name, &made.schema, &made.name, &made.mapped, &shape, &columns, &indexes, &references)
	for _, part := range []struct {
		text []byte
		into any
	}{{shape, &made.shape}, {columns, &made.columns}, {indexes, &made.indexes}, {references, &made.references}} {
		if err == nil {
			err = json.Unmarshal(part.text, part.into)
		}
	}
	made.index()
	return &made, err
}

func (t *Tables) loadColumns(ctx context.Context, c Conn) error {
	err := query(ctx, c, selectColumns, []any{t.database}, func(scan func(...any) error) error {
		var name, typeName string
		var col column
		var modifier int
		if err := scan(&name, &col.name, &typeName, &modifier, &col.notNull); err != nil {
			return err
		}
		col.sized(typeName, modifier)
		t.tables[name].place(col)
		return nil
	})
	if err != nil {
		return err
	}
	return query(ctx, c, selectTouchy, []any{t.database}, func(scan func(...any) error) error {
		var name, column string
		err := scan(&name, &column)
		made := t.tables[name]
		for i, n := range made.columns {
			made.touchy[i] = made.touchy[i] || n == column
		}
		return err
	})
}

// place puts a column of PostgreSQL's where it stands for one of SQLite's.
func (t *table) place(col column) {
	for i, name := range t.columns {
		if name != col.name {
			continue
		}
		// jsonb is for two mappings, which only the declared type tells apart.
		if col.kind == kindJSON && !t.mapped && t.wanted(i).kind == kindWire {
			col.kind = kindWire
		}
		col.notNull = col.notNull || t.isKey(i)
		t.cols[i] = &col
		return
	}
	t.extras = t.mapped
}

func (t *Tables) loadMisfits(ctx context.Context, c Conn) error {
	const read = `
		SELECT table_name FROM replog.applied_table t
		WHERE database = $1
			AND EXISTS (SELECT FROM replog.misfit m WHERE m.database = t.database AND m.table_name = t.table_name)`
	err := query(ctx, c, read, []any{t.database}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		if made := t.tables[name]; made != nil {
			made.misfits = true
		}
		return err
	})
	if err != nil {
		return err
	}
	const torn = `SELECT table_name FROM replog.left_out WHERE database = $1 AND kind = 'rows'`
	return query(ctx, c, torn, []any{t.database}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		if made := t.tables[name]; made != nil {
			made.torn = true
		}
		return err
	})
}

// recordUnusable records tables that go on without their rows, since somebody dropped
// them, or a column that the key needs.
func (t *Tables) recordUnusable(ctx context.Context, c Conn) error {
	const recorded = `
		SELECT EXISTS (SELECT FROM replog.left_out WHERE database = $1 AND table_name = $2 AND kind = 'rows')`
	for _, made := range t.sorted() {
		if made.name == "" || made.usable() {
			continue
		}
		var is bool
		err := c.QueryRowContext(ctx, recorded, t.database, made.shape.Name).Scan(&is)
		if err == nil && !is {
			reason := "the table is gone, or a column of its key"
			err = t.record(ctx, c, leftOut{made.shape.Name, "rows", made.target(), "", reason})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

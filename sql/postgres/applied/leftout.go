package applied

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/lib/pq"
)

// leftOut is what the tables go without.
type leftOut struct {
	table, kind, name, definition, reason string
}

// record keeps what is left out.
func (t *Tables) record(ctx context.Context, c Conn, l leftOut) error {
	const insert = `
		INSERT INTO replog.left_out (database, table_name, kind, name, definition, reason, revision)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`
	_, err := c.ExecContext(ctx, insert, t.database, l.table, l.kind, l.name, l.definition, l.reason, int64(t.revision))
	return err
}

// found forgets that something was left out: it is of use again.
func (t *Tables) found(ctx context.Context, c Conn, table, kind, name string) error {
	const forget = `DELETE FROM replog.left_out WHERE database = $1 AND table_name = $2 AND kind = $3 AND name = $4`
	_, err := c.ExecContext(ctx, forget, t.database, table, kind, name)
	return err
}

// save keeps what is known of a table.
func (t *Tables) save(ctx context.Context, c Conn, made *table) error {
	const upsert = `
		INSERT INTO replog.applied_table
			(database, table_name, schema_name, pg_table, mapped, shape, columns, indexes, foreign_keys)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (database, table_name) DO UPDATE
		SET schema_name = excluded.schema_name, pg_table = excluded.pg_table, mapped = excluded.mapped,
			shape = excluded.shape, columns = excluded.columns, indexes = excluded.indexes,
			foreign_keys = excluded.foreign_keys`
	args := []any{t.database, made.shape.Name, made.schema, made.name, made.mapped}
	for _, part := range []any{made.shape, names(made.columns), names(made.indexes), names(made.references)} {
		text, err := json.Marshal(part)
		if err != nil {
			return err
		}
		args = append(args, string(text))
	}
	_, err := c.ExecContext(ctx, upsert, args...)
	return err
}

// names is a list that is never null in JSON.
func names(list []string) []string { return append([]string{}, list...) }

// fault is a constraint that the data violate.
type fault struct {
	schema, table, name string
	isIndex             bool
	unique              bool // it is an index, and could stand without being unique
	err                 *pq.Error
}

func (f *fault) Error() string { return f.err.Error() }
func (f *fault) Unwrap() error { return f.err }

// maxIndexed is how long a value may be for an index, about, where it is not compressed.
const maxIndexed = 2600

// tooLong tells, of a row that is too long for the server, whether that is so for an
// index that can be left out: PostgreSQL does not name it.
func (t *Tables) tooLong(made *table, cells []cell, err error) error {
	e := serverError(err)
	if e == nil || e.Code != "54000" || made.mapped {
		return nil
	}
	for i, name := range made.indexes {
		length := 0
		for _, n := range made.shape.Indexes[i].Columns {
			length += len(cells[n].text)
		}
		if name != "" && length > maxIndexed {
			return &fault{schema: made.schema, table: made.name, name: name, isIndex: true, err: e}
		}
	}
	return nil
}

// fault tells which constraint can be left out for an error, nil if none can: a unique
// index or a foreign key of ours, or somebody's foreign key to one of our tables.
func (t *Tables) fault(err error) *fault {
	var found *fault
	if errors.As(err, &found) {
		return found
	}
	e := serverError(err)
	if e == nil || e.Constraint == "" {
		return nil
	}
	f := &fault{schema: e.Schema, table: e.Table, name: e.Constraint, err: e}
	made := t.at(e.Schema, e.Table)
	switch e.Code {
	case "23505", "54000":
		f.isIndex, f.unique = true, e.Code == "23505"
		if made == nil || made.mapped || !slices.Contains(made.indexes, e.Constraint) {
			return nil
		}
		return f
	case "23503":
		if made != nil && (made.mapped || !slices.Contains(made.references, e.Constraint)) {
			return nil
		}
		return f
	}
	return nil
}

// deferredFault tells which constraint is violated at the end of a unit: there is no
// telling by which row, so that somebody's has to be left out too.
func deferredFault(err error) *fault {
	e := serverError(err)
	if e == nil || e.Constraint == "" || e.Code[:2] != "23" {
		return nil
	}
	return &fault{schema: e.Schema, table: e.Table, name: e.Constraint, err: e}
}

// at finds a table by its place in PostgreSQL.
func (t *Tables) at(schema, name string) *table {
	for _, made := range t.tables {
		if made.schema == schema && made.name == name {
			return made
		}
	}
	return nil
}

// leaveOut drops the constraint, and records it.
func (t *Tables) leaveOut(ctx context.Context, c Conn, f *fault) error {
	if !f.isIndex {
		return t.dropConstraint(ctx, c, f.schema, f.table, f.name, f.err.Error())
	}
	made := t.at(f.schema, f.table)
	if err := t.dropDependents(ctx, c, f.schema, f.name, f.err.Error()); err != nil {
		return err
	}
	const read = `SELECT pg_catalog.pg_get_indexdef($1::regclass)`
	var definition string
	err := c.QueryRowContext(ctx, read, quote(f.schema, f.name)).Scan(&definition)
	if err == nil {
		err = execAll(ctx, c, "DROP INDEX %s", quote(f.schema, f.name))
	}
	if err != nil {
		return err
	}
	i := slices.Index(made.indexes, f.name)
	made.indexes[i] = ""
	if f.unique {
		plain := func() error { return t.createIndex(ctx, c, made, i, f.name, false) }
		if err := guard(ctx, c, plain); err == nil {
			made.indexes[i] = f.name
		} else if !isRowFault(err) {
			return err
		}
	}
	if err := t.save(ctx, c, made); err != nil {
		return err
	}
	return t.record(ctx, c, leftOut{made.shape.Name, "unique index", f.name, definition, f.err.Error()})
}

// selectDependents reads the foreign keys that need a unique index.
const selectDependents = `
SELECT n.nspname, r.relname, f.conname
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class r ON r.oid = f.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE f.contype = 'f' AND f.conindid = pg_catalog.to_regclass($1)`

// dropDependents leaves out the foreign keys, whosoever's, that need a unique index.
func (t *Tables) dropDependents(ctx context.Context, c Conn, schema, index, reason string) error {
	return t.dropFound(ctx, c, selectDependents, quote(schema, index), reason)
}

// dropFound leaves out the foreign keys that a query finds.
func (t *Tables) dropFound(ctx context.Context, c Conn, find, of, reason string) error {
	var found [][3]string
	err := query(ctx, c, find, []any{of}, func(scan func(...any) error) error {
		var f [3]string
		err := scan(&f[0], &f[1], &f[2])
		found = append(found, f)
		return err
	})
	for _, f := range found {
		if err == nil {
			err = t.dropConstraint(ctx, c, f[0], f[1], f[2], reason)
		}
	}
	return err
}

// dropConstraint leaves out a constraint: a foreign key, or one of somebody's.
func (t *Tables) dropConstraint(ctx context.Context, c Conn, schema, name, constraint, reason string) error {
	const read = `
		SELECT pg_catalog.pg_get_constraintdef(oid), CASE contype WHEN 'f' THEN 'foreign key' ELSE 'constraint' END
		FROM pg_catalog.pg_constraint
		WHERE conrelid = pg_catalog.to_regclass($1) AND conname = $2`
	var definition, kind string
	err := c.QueryRowContext(ctx, read, quote(schema, name), constraint).Scan(&definition, &kind)
	if err == nil {
		err = execAll(ctx, c, "ALTER TABLE %s DROP CONSTRAINT %s", quote(schema, name), quote(constraint))
	}
	if err != nil {
		return err
	}
	// What is somebody's is recorded by its table: a rebuild does not make it again.
	of := schema + "." + name
	if made := t.at(schema, name); made != nil && !made.mapped {
		of = made.shape.Name
		if i := slices.Index(made.references, constraint); i >= 0 {
			made.references[i] = ""
		}
		if err := t.save(ctx, c, made); err != nil {
			return err
		}
	}
	return t.record(ctx, c, leftOut{of, kind, constraint, definition, reason})
}

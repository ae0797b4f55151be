package applied

import (
	"context"
	"fmt"
	"slices"
)

// alter changes a table in place to what is wanted of it. Somebody's views on it
// survive: what they use stays, and is recorded. old are the columns that it had, nil
// for a table that could not be dropped when it went.
func (r *reshaping) alter(ctx context.Context, made *table, old []string) error {
	there, err := r.presentColumns(ctx, made)
	if err != nil {
		return err
	}
	if err := r.makeRoom(ctx, made, there); err != nil {
		return err
	}
	for name, p := range there {
		isOurs := slices.Contains(old, name)
		if slices.Contains(made.columns, name) || !isOurs && old != nil {
			continue
		}
		if err := r.dropColumn(ctx, made, name, p, isOurs); err != nil {
			return err
		}
	}
	for i := range made.shape.Columns {
		if err := r.alterColumn(ctx, made, made.wanted(i), there); err != nil {
			return err
		}
	}
	return r.alterKey(ctx, made)
}

const selectPresent = `
SELECT attname, pg_catalog.format_type(atttypid, atttypmod), attnotnull
FROM pg_catalog.pg_attribute
WHERE attrelid = pg_catalog.to_regclass($1) AND attnum > 0 AND NOT attisdropped`

func (r *reshaping) presentColumns(ctx context.Context, made *table) (map[string]present, error) {
	there := map[string]present{}
	err := query(ctx, r.c, selectPresent, []any{made.target()}, func(scan func(...any) error) error {
		var name string
		var p present
		err := scan(&name, &p.typeName, &p.notNull)
		there[name] = p
		return err
	})
	return there, err
}

// makeRoom empties a table whose rows would be in the way of what has to be altered.
func (r *reshaping) makeRoom(ctx context.Context, made *table, there map[string]present) error {
	key, err := r.presentKey(ctx, made)
	if err != nil {
		return err
	}
	inTheWay := !slices.Equal(key, made.names(made.shape.Key))
	for i := range made.shape.Columns {
		c := made.wanted(i)
		p, is := there[c.name]
		inTheWay = inTheWay || is && p.typeName != c.base || c.notNull && !p.notNull
	}
	isShared, err := r.shared(ctx, made)
	if err != nil || isShared && !inTheWay {
		return err
	}
	if isShared {
		if err := r.t.dropFound(ctx, r.c, selectReferring, made.target(), "the table it refers to was altered"); err != nil {
			return err
		}
	}
	return r.t.empty(ctx, r.c, made.target())
}

// selectReferring reads the foreign keys that refer to a table.
const selectReferring = `
SELECT n.nspname, r.relname, f.conname
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class r ON r.oid = f.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE f.contype = 'f' AND f.confrelid = pg_catalog.to_regclass($1)`

const selectKey = `
SELECT a.attname
FROM pg_catalog.pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
WHERE i.indrelid = pg_catalog.to_regclass($1) AND i.indisprimary
ORDER BY k.n`

// presentKey are the columns of the primary key as it stands.
func (r *reshaping) presentKey(ctx context.Context, made *table) ([]string, error) {
	var key []string
	err := query(ctx, r.c, selectKey, []any{made.target()}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		key = append(key, name)
		return err
	})
	return key, err
}

// dropColumn drops a column of ours. One that something of somebody's uses stays, and
// takes NULL from now on, as does any column of a table that could not be dropped.
func (r *reshaping) dropColumn(ctx context.Context, made *table, name string, p present, ours bool) error {
	if ours {
		text := fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", made.target(), quote(name))
		err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "%s", text) })
		if !dependsOn(err) {
			return err
		}
		err = r.t.record(ctx, r.c, leftOut{made.shape.Name, "column", name, text, err.Error()})
		if err != nil {
			return err
		}
	}
	if !p.notNull {
		return nil
	}
	return r.dropNotNull(ctx, made, name)
}

// alterColumn adds a column, or gives it the type that is wanted; where something of
// somebody's uses it, the type stays.
func (r *reshaping) alterColumn(ctx context.Context, made *table, c column, there map[string]present) error {
	p, is := there[c.name]
	if !is {
		return execAll(ctx, r.c, "ALTER TABLE %s ADD COLUMN %s", made.target(), definition(c))
	}
	if err := r.t.found(ctx, r.c, made.shape.Name, "column", c.name); err != nil {
		return err
	}
	if p.typeName != c.base {
		text := fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s USING NULL", made.target(), quote(c.name), c.base)
		err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "%s", text) })
		if dependsOn(err) {
			err = r.t.record(ctx, r.c, leftOut{made.shape.Name, "type", c.name, text, err.Error()})
		}
		if err != nil {
			return err
		}
	}
	if p.notNull == c.notNull {
		return nil
	}
	if !c.notNull {
		return r.dropNotNull(ctx, made, c.name)
	}
	return execAll(ctx, r.c, "ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", made.target(), quote(c.name))
}

// alterKey gives the table its primary key, or, where the old one has to stay, a unique
// index.
func (r *reshaping) alterKey(ctx context.Context, made *table) error {
	key, err := r.presentKey(ctx, made)
	wanted := made.names(made.shape.Key)
	if err != nil || slices.Equal(key, wanted) {
		return err
	}
	if len(key) > 0 {
		if err := r.dropKey(ctx, made); err != nil {
			return err
		}
		if key, err = r.presentKey(ctx, made); err != nil {
			return err
		}
	}
	if len(key) > 0 {
		return execAll(ctx, r.c, "CREATE UNIQUE INDEX ON %s (%s)", made.target(), quoteList("", wanted))
	}
	return execAll(ctx, r.c, "ALTER TABLE %s ADD PRIMARY KEY (%s)", made.target(), quoteList("", wanted))
}

// dropKey drops the primary key with the foreign keys that need it. It stays where
// something else of somebody's uses it.
func (r *reshaping) dropKey(ctx context.Context, made *table) error {
	const read = `SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = pg_catalog.to_regclass($1) AND contype = 'p'`
	var name string
	if err := r.c.QueryRowContext(ctx, read, made.target()).Scan(&name); err != nil {
		return err
	}
	if err := r.t.dropDependents(ctx, r.c, made.schema, name, "the key of "+made.shape.Name+" changed"); err != nil {
		return err
	}
	text := fmt.Sprintf("ALTER TABLE %s DROP CONSTRAINT %s", made.target(), quote(name))
	err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "%s", text) })
	if dependsOn(err) {
		err = r.t.record(ctx, r.c, leftOut{made.shape.Name, "primary key", name, text, err.Error()})
	}
	return err
}

// dropNotNull lets a column take NULL, unless it is in a primary key that has to stay.
func (r *reshaping) dropNotNull(ctx context.Context, made *table, name string) error {
	inKey := func() (bool, error) {
		key, err := r.presentKey(ctx, made)
		return slices.Contains(key, name), err
	}
	is, err := inKey()
	if err == nil && is {
		if err = r.dropKey(ctx, made); err == nil {
			is, err = inKey()
		}
	}
	if err != nil || is {
		return err
	}
	return execAll(ctx, r.c, "ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", made.target(), quote(name))
}

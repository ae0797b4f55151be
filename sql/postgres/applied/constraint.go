package applied

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// dropConstraints drops, for the time, the indexes and foreign keys of the tables that
// are touched, and the foreign keys that refer to them.
func (r *reshaping) dropConstraints(ctx context.Context) error {
	for _, made := range r.t.sorted() {
		if made.mapped {
			if r.touches(made.shape.Name) {
				if err := r.forget(ctx, made); err != nil {
					return err
				}
			}
			continue
		}
		for i, name := range made.references {
			if name == "" || !r.touches(made.shape.Name) && !r.touches(made.shape.References[i].Parent) {
				continue
			}
			if err := execAll(ctx, r.c, "ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %s", made.target(), quote(name)); err != nil {
				return err
			}
			made.references[i] = ""
			if !r.touches(made.shape.Name) {
				r.back[made.shape.Name] = append(r.back[made.shape.Name], i)
			}
		}
		if err := r.t.save(ctx, r.c, made); err != nil {
			return err
		}
	}
	for _, made := range r.t.sorted() {
		if made.mapped || !r.touches(made.shape.Name) {
			continue
		}
		if err := r.dropIndexes(ctx, made); err != nil {
			return err
		}
		if err := r.forget(ctx, made); err != nil {
			return err
		}
	}
	return nil
}

func (r *reshaping) dropIndexes(ctx context.Context, made *table) error {
	for i, name := range made.indexes {
		if name == "" {
			continue
		}
		if err := r.t.dropDependents(ctx, r.c, made.schema, name, "the index was made again"); err != nil {
			return err
		}
		if err := execAll(ctx, r.c, "DROP INDEX IF EXISTS %s", quote(made.schema, name)); err != nil {
			return err
		}
		made.indexes[i] = ""
	}
	return nil
}

// forget forgets the misfits of a table, and what was left out of it, but for tables
// and columns that could not be dropped.
func (r *reshaping) forget(ctx context.Context, made *table) error {
	for _, text := range []string{
		`DELETE FROM replog.misfit WHERE database = $1 AND table_name = $2`,
		`DELETE FROM replog.left_out WHERE database = $1 AND table_name = $2 AND (kind NOT IN ('table', 'column') OR name = '')`,
	} {
		if _, err := r.c.ExecContext(ctx, text, r.t.database, made.shape.Name); err != nil {
			return err
		}
	}
	return nil
}

// makeConstraints makes the indexes, and then the foreign keys, that the data allow.
func (r *reshaping) makeConstraints(ctx context.Context) error {
	for _, name := range r.order {
		made := r.t.tables[name]
		if !r.again[name] || made.mapped || !made.usable() {
			continue
		}
		for i := range made.shape.Indexes {
			if err := r.makeIndex(ctx, made, i); err != nil {
				return fmt.Errorf("an index of %s: %w", name, err)
			}
		}
	}
	for _, name := range r.order {
		made := r.t.tables[name]
		if made.mapped || !made.usable() {
			continue
		}
		for i := range made.shape.References {
			if !r.again[name] && !slices.Contains(r.back[name], i) {
				continue
			}
			if err := r.makeReference(ctx, made, i); err != nil {
				return fmt.Errorf("a foreign key of %s: %w", name, err)
			}
		}
		if err := r.t.save(ctx, r.c, made); err != nil {
			return err
		}
	}
	return nil
}

func (r *reshaping) makeIndex(ctx context.Context, made *table, i int) error {
	index := made.shape.Indexes[i]
	wish := index.Name
	if wish == "" {
		wish = made.name + "_" + strings.Join(made.names(index.Columns), "_") + "_key"
	}
	name, err := r.free(ctx, fitName(wish))
	if err != nil {
		return err
	}
	isUnique := index.Unique
	for {
		err := guard(ctx, r.c, func() error { return r.t.createIndex(ctx, r.c, made, i, name, isUnique) })
		if err == nil {
			made.indexes[i] = name
			return nil
		}
		if !refusedObject(err) {
			return err
		}
		kind := map[bool]string{true: "unique index", false: "index"}[isUnique]
		err = r.t.record(ctx, r.c, leftOut{made.shape.Name, kind, name, made.indexText(i, name, isUnique), err.Error()})
		if err != nil || !isUnique {
			return err
		}
		isUnique = false
	}
}

func (t *table) indexText(i int, name string, isUnique bool) string {
	unique := ""
	if isUnique {
		unique = "UNIQUE "
	}
	return fmt.Sprintf("CREATE %sINDEX %s ON %s (%s)", unique, quote(name), t.target(), quoteList("", t.names(t.shape.Indexes[i].Columns)))
}

func (t *Tables) createIndex(ctx context.Context, c Conn, made *table, i int, name string, isUnique bool) error {
	return execAll(ctx, c, "%s", made.indexText(i, name, isUnique))
}

func (r *reshaping) makeReference(ctx context.Context, made *table, i int) error {
	reference := made.shape.References[i]
	parent := r.t.tables[reference.Parent]
	if parent == nil || parent.name == "" {
		return nil
	}
	referenced := make([]string, len(reference.Referenced))
	for n, name := range reference.Referenced {
		for at, c := range parent.shape.Columns {
			if strings.EqualFold(c.Name, name) {
				referenced[n] = parent.columns[at]
			}
		}
	}
	columns := made.names(reference.Columns)
	name := fitName(made.name + "_" + strings.Join(columns, "_") + "_fkey")
	for slices.Contains(made.references, name) {
		name = hashedName(name)
	}
	text := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s FOREIGN KEY (%s) REFERENCES %s (%s) DEFERRABLE INITIALLY DEFERRED",
		made.target(), quote(name), quoteList("", columns), parent.target(), quoteList("", referenced))
	err := guard(ctx, r.c, func() error { return execAll(ctx, r.c, "%s", text) })
	if err == nil {
		made.references[i] = name
		return nil
	}
	if !refusedObject(err) {
		return err
	}
	return r.t.record(ctx, r.c, leftOut{made.shape.Name, "foreign key", name, text, err.Error()})
}

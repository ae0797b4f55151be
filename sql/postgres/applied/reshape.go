package applied

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	"replog/replog"
)

// Publish makes the schema and the tables of a database and loads its content. It is
// Rebuild of a database that has no tables yet.
func (t *Tables) Publish(ctx context.Context, c Conn, content replog.Content) error {
	return t.Rebuild(ctx, c, 0, content)
}

// Rebuild makes everything again from a replica at a revision, and forgets what is
// buffered. What was left out is tried again. Tables that business views use stay the
// same tables. In mapped tables, rows that the replica lacks are deleted, and the
// others updated or inserted; their other columns stay.
func (t *Tables) Rebuild(ctx context.Context, c Conn, at replog.Revision, content replog.Content) error {
	t.buffer = buffer{}
	t.revision = at
	return t.unit(ctx, c, true, func(w *writer) error {
		return w.reshape(ctx, content, func(string) bool { return true }, nil)
	})
}

// applySchema applies an entry with schema statements.
func (t *Tables) applySchema(ctx context.Context, c Conn, e *replog.Entry) error {
	if e.Schema.Content == nil {
		return fmt.Errorf("an entry with schema statements comes without content")
	}
	about := func(name string) bool { return slices.Contains(e.Tables, name) }
	return t.unit(ctx, c, true, func(w *writer) error {
		return w.reshape(ctx, e.Schema.Content, about, func(touched func(string) bool) error {
			return w.steps(ctx, e, touched)
		})
	})
}

// steps writes the changes of tables that are not loaded again, one step after the other.
func (w *writer) steps(ctx context.Context, e *replog.Entry, skip func(string) bool) error {
	from := 0
	made := e.Made()
	for _, to := range append(slices.Clone(e.StepEnds), made.Len()) {
		if err := w.long(ctx, made, e.Revision, from, to, skip); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// reshaping is what one change of the schema is about.
type reshaping struct {
	*writer
	shapes map[string]replog.Table
	order  []string        // of the shapes
	again  map[string]bool // tables that are loaded again
	// back are the foreign keys of other tables that were dropped for the time.
	back map[string][]int
}

// reshape makes the tables those of content. It loads the new ones, those whose shape
// changed, and those that about tells; then others writes what else there is.
func (w *writer) reshape(ctx context.Context, content replog.Content, about func(string) bool, others func(touched func(string) bool) error) error {
	r, err := w.plan(content, about)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		r.makeSchema, r.dropConstraints, r.dropTables, r.makeTables,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.finish(ctx, content, others)
}

// finish loads what was made, and makes indexes and foreign keys.
func (r *reshaping) finish(ctx context.Context, content replog.Content, others func(touched func(string) bool) error) error {
	if err := r.loadTables(ctx, content); err != nil {
		return err
	}
	if others != nil {
		if err := others(r.touches); err != nil {
			return err
		}
	}
	if err := check(ctx, r.c, ""); err != nil {
		return err
	}
	if err := r.makeConstraints(ctx); err != nil {
		return err
	}
	if err := r.t.changed(ctx, r.c); err != nil {
		return err
	}
	return r.t.load(ctx, r.c)
}

func (w *writer) plan(content replog.Content, about func(string) bool) (*reshaping, error) {
	shapes, err := content.Tables()
	if err != nil {
		return nil, err
	}
	r := &reshaping{writer: w, shapes: map[string]replog.Table{}, again: map[string]bool{}, back: map[string][]int{}}
	for _, s := range shapes {
		r.shapes[s.Name] = s
		r.order = append(r.order, s.Name)
		old := w.t.tables[s.Name]
		r.again[s.Name] = about(s.Name) || old == nil || !sameShape(old.shape, s)
	}
	return r, nil
}

func sameShape(a, b replog.Table) bool {
	return a.ByRowID == b.ByRowID && slices.Equal(a.Columns, b.Columns) && slices.Equal(a.Key, b.Key) &&
		len(a.Indexes) == len(b.Indexes) && len(a.References) == len(b.References) &&
		(len(a.Indexes) == 0 || reflect.DeepEqual(a.Indexes, b.Indexes)) &&
		(len(a.References) == 0 || reflect.DeepEqual(a.References, b.References))
}

// touches tells whether a table is new, gone, or loaded again.
func (r *reshaping) touches(name string) bool {
	_, stays := r.shapes[name]
	return !stays || r.again[name]
}

func (r *reshaping) makeSchema(ctx context.Context) error {
	return execAll(ctx, r.c, "CREATE SCHEMA IF NOT EXISTS %s", quote(r.t.Schema()))
}

// makeTables makes or alters tables, and reads them as they are then.
func (r *reshaping) makeTables(ctx context.Context) error {
	for _, name := range r.order {
		if !r.again[name] {
			continue
		}
		made, err := r.makeTable(ctx, r.shapes[name])
		if err == nil {
			err = r.t.save(ctx, r.c, made)
		}
		if err != nil {
			return fmt.Errorf("making the table for %s: %w", name, err)
		}
	}
	return r.t.load(ctx, r.c)
}

func (r *reshaping) loadTables(ctx context.Context, content replog.Content) error {
	for _, name := range r.order {
		made := r.t.tables[name]
		if !r.again[name] || !made.usable() {
			continue
		}
		isShared, err := r.shared(ctx, made)
		if err == nil && (made.mapped || isShared) {
			err = r.mergeRows(ctx, made, content)
		} else if err == nil {
			err = r.t.empty(ctx, r.c, made.target())
			if err == nil {
				err = r.loadRows(ctx, made, content, opInsert)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shared tells whether somebody's foreign key refers to a table, so that its rows must
// not be deleted only to come back.
func (r *reshaping) shared(ctx context.Context, made *table) (is bool, err error) {
	const exists = `SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = pg_catalog.to_regclass($1))`
	return is, r.c.QueryRowContext(ctx, exists, made.target()).Scan(&is)
}

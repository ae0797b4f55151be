package applier

import (
	"errors"
	"fmt"
	"slices"

	"replog/replog"
)

// Replica is a connection to a database with the schema of that database. It
// reads rows, writes row images and checks foreign keys. It writes with the
// application's triggers out of the way only if the caller saw to that (see
// WithoutTriggers); foreign-key actions never fire, as foreign keys are off.
type Replica struct {
	*Conn
	Schema *Schema
	// Clock tells when what capture missed was found; nil for SQLite's clock.
	Clock func() replog.Millis
	// version is SQLite's count of schema changes when Schema was read.
	version int64
	// derived is what WithoutTriggers keeps right while it runs, and written are
	// the tables that were written since it began.
	derived *derived
	// aside are the application's triggers, in order of creation, while
	// WithoutTriggers runs, and putBack is that of keepLocal.
	aside   []trigger
	putBack func() error
	written map[*Table]bool
	// captured is what capturedTables returns while it is certain to stay so, or nil.
	captured *captured
	// schemaComes: see SetAside.
	schemaComes, openFacts bool
}

// NewReplica reads the schema of the connection's database.
func NewReplica(c *Conn) (*Replica, error) {
	r := &Replica{Conn: c, version: -1, written: map[*Table]bool{}}
	if err := r.Refresh(); err != nil {
		return nil, err
	}
	return r, nil
}

// Refresh reads the schema again, if it has changed: the application may alter
// tables whenever no transaction of ours is open.
func (r *Replica) Refresh() error {
	row, err := r.QueryRow("PRAGMA main.schema_version")
	if err != nil || row[0].Int64() == r.version {
		return err
	}
	s, err := ReadSchema(r.Conn)
	if err != nil {
		return err
	}
	r.Schema, r.version = s, row[0].Int64()
	r.forget() // a SELECT * has more columns than the driver took it to have
	return nil
}

// RowImage is one row before and after something: full images in the order of
// the table's columns, nil where the row is absent.
type RowImage struct {
	Table         *Table
	Key           []replog.Value
	Before, After []replog.Value
	// instead says of what capture missed that nothing which it gathered of the
	// row counts.
	instead bool
}

// ID identifies the row.
func (i *RowImage) ID() replog.RowID {
	return replog.RowID{Table: i.Table.Name, Key: replog.KeyString(i.Key)}
}

// ErrSchema says that a change names a table or a column that the database does
// not have, or leaves columns out that it may not.
var ErrSchema = errors.New("change does not fit the schema")

// Row returns the full image of the row with exactly that key, or nil.
func (r *Replica) Row(t *Table, key []replog.Value) ([]replog.Value, error) {
	var found []replog.Value
	err := r.Query(t.sql.selectRow, func(image []replog.Value) error {
		if slices.Equal(t.KeyOf(image), key) {
			found = image
		}
		return nil
	}, key...)
	return found, err
}

// resolve checks a net change against the schema and returns its table and the
// positions of its columns. Names must be those of the schema to the letter, as
// changes are told apart, and compared, by them.
func (r *Replica) resolve(c *replog.Change) (*Table, []int, error) {
	t, columns, err := r.resolveSome(c)
	if err == nil && c.Op != replog.Update && len(columns) != len(t.Columns) {
		err = misfit(c, "it has %d of %d columns", len(columns), len(t.Columns))
	}
	return t, columns, err
}

func misfit(c *replog.Change, why string, args ...any) error {
	return fmt.Errorf("%w: %s of %q: %s", ErrSchema, c.Op, c.Table, fmt.Sprintf(why, args...))
}

// resolveSome is resolve of a change that may leave columns out.
func (r *Replica) resolveSome(c *replog.Change) (*Table, []int, error) {
	fail := func(why string, args ...any) (*Table, []int, error) { return nil, nil, misfit(c, why, args...) }
	t := r.Schema.Table(c.Table)
	if t == nil || t.Name != c.Table {
		return fail("no such replicated table")
	}
	if !slices.Equal(c.KeyColumns, t.KeyColumns()) {
		return fail("its key is %q, not %q", t.KeyColumns(), c.KeyColumns)
	}
	if slices.ContainsFunc(c.Key, replog.Value.IsNull) {
		return fail("NULL in the primary key")
	}
	columns := make([]int, len(c.Columns))
	seen := make([]bool, len(t.Columns))
	for i, name := range c.Columns {
		n := t.Column(name)
		switch {
		case n < 0 || t.Columns[n].Name != name:
			return fail("no column %q", name)
		case seen[n]:
			return fail("column %q twice", name)
		case c.Op == replog.Update && t.isKey(n):
			return fail("changes the key column %q", name)
		}
		seen[n] = true
		columns[i] = n
	}
	if c.Op != replog.Update && !slices.Equal(t.KeyOf(expand(t, columns, values(c))), c.Key) {
		return fail("its key columns are not its key")
	}
	return t, columns, nil
}

// values are the values of an INSERT or a DELETE.
func values(c *replog.Change) []replog.Value {
	if c.Op == replog.Delete {
		return c.Old
	}
	return c.New
}

// expand spreads the values of some columns over a full image.
func expand(t *Table, columns []int, values []replog.Value) []replog.Value {
	image := make([]replog.Value, len(t.Columns))
	for i, n := range columns {
		image[n] = values[i]
	}
	return image
}

// overlay is image with some columns replaced.
func overlay(image []replog.Value, columns []int, values []replog.Value) []replog.Value {
	image = slices.Clone(image)
	for i, n := range columns {
		image[n] = values[i]
	}
	return image
}

// DivergenceError says that a replica does not hold what the log says it must.
type DivergenceError struct {
	Table string
	Key   []replog.Value
	Why   string
}

func (e *DivergenceError) Error() string {
	return fmt.Sprintf("table %q, row %s: %s", e.Table, replog.KeyString(e.Key), e.Why)
}

// Apply makes net changes exactly as the log says: each old image must be
// present, each new one is written. Anything else is a *DivergenceError, and
// the caller rolls back. Changes that do not fit the schema are ErrSchema.
func (r *Replica) Apply(changes replog.Changes) error {
	images := NewImages(r.Schema)
	defer images.Close()
	if err := r.exactImages(changes, images); err != nil {
		return err
	}
	return divergence(r.Write(images))
}

// ApplyBeside is Apply where other rows may stand in the way: it also checks
// foreign keys, and what is refused is the error of Write or CheckForeignKeys.
func (r *Replica) ApplyBeside(changes replog.Changes) error {
	images := NewImages(r.Schema)
	defer images.Close()
	if err := r.exactImages(changes, images); err != nil {
		return err
	}
	if err := r.Write(images); err != nil {
		return err
	}
	return r.CheckForeignKeys(images)
}

func (r *Replica) exactImages(changes replog.Changes, images *Images) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		image, err := r.exactImage(c)
		if err != nil {
			return err
		}
		return images.Add(*image)
	})
}

// divergence makes a *DivergenceError of a constraint that refused what was once
// in the database.
func divergence(err error) error {
	var refused *ConstraintError
	if errors.As(err, &refused) {
		return &DivergenceError{Table: refused.Table, Key: refused.Key, Why: refused.Err.Error()}
	}
	return err
}

// find resolves a net change and reads the row that it is about.
func (r *Replica) find(c *replog.Change) (t *Table, columns []int, now []replog.Value, err error) {
	if t, columns, err = r.resolve(c); err != nil {
		return nil, nil, nil, err
	}
	now, err = r.Row(t, c.Key)
	return t, columns, now, err
}

// exactImage does not look for the row of an INSERT: where there is one, its key
// refuses another.
func (r *Replica) exactImage(c *replog.Change) (*RowImage, error) {
	if c.Op == replog.Insert {
		t, columns, err := r.resolve(c)
		if err != nil {
			return nil, err
		}
		return &RowImage{Table: t, Key: c.Key, After: expand(t, columns, c.New)}, nil
	}
	t, columns, before, err := r.find(c)
	if err != nil {
		return nil, err
	}
	diverged := func(why string) (*RowImage, error) {
		return nil, &DivergenceError{Table: t.Name, Key: c.Key, Why: why}
	}
	image := &RowImage{Table: t, Key: c.Key, Before: before}
	switch {
	case before == nil:
		return diverged("the log changes it, but it is not there")
	case !slices.Equal(pick(before, columns), c.Old):
		return diverged("its values are not those that the log replaces")
	case c.Op == replog.Update:
		image.After = overlay(before, columns, c.New)
	}
	return image, nil
}

// TablesWithNullKeys names the replicated tables that hold rows with NULL in
// their primary key, which are not captured.
func (r *Replica) TablesWithNullKeys() ([]string, error) {
	var names []string
	for _, t := range r.Schema.Tables {
		if !t.nullableKey() {
			continue
		}
		var tests []string
		for _, name := range t.KeyColumns() {
			tests = append(tests, replog.QuoteName(name)+" IS NULL")
		}
		row, err := r.QueryRow("SELECT 1 FROM main." + replog.QuoteName(t.Name) + " WHERE " + tree(tests, " OR ") + " LIMIT 1")
		if err != nil {
			return nil, err
		}
		if row != nil {
			names = append(names, t.Name)
		}
	}
	return names, nil
}

// LoadFrom replaces the content of the replicated tables by that of another
// database with the same tables, in the caller's transaction.
func (r *Replica) LoadFrom(from *Conn) error {
	// A full-text index that does not show its content, which may be why somebody
	// loads it anew, would be damaged by triggers.
	if r.derived != nil {
		if err := r.rebuild(r.derived, func(x *contentIndex) bool { return x.kept }); err != nil {
			return err
		}
	}
	for _, t := range r.Schema.Tables {
		r.written[t] = true
		if err := r.Exec("DELETE FROM main." + replog.QuoteName(t.Name)); err != nil {
			return err
		}
		err := from.Query(t.sql.selectAll, func(row []replog.Value) error { return r.Exec(t.sql.insert, row...) })
		if err != nil {
			return fmt.Errorf("load table %q: %w", t.Name, err)
		}
	}
	return nil
}

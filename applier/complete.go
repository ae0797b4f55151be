package applier

import (
	"fmt"
	"slices"

	"replog/replog"
)

// Lacks tells whether an INSERT leaves columns of its table out, as one does of a
// device with an older schema.
func (r *Replica) Lacks(c *replog.Change) bool {
	t := r.Schema.Table(c.Table)
	return c.Op == replog.Insert && t != nil && len(c.Columns) < len(t.Columns)
}

// Carry completes an INSERT that Lacks columns and is half of a key change: what it
// leaves out is what the row has whose key it changes, of the DELETE from. Where that
// row is not there, or from is nil, it stays as it is.
func (r *Replica) Carry(c, from *replog.Change) (*replog.Change, error) {
	t := r.Schema.Table(c.Table)
	if from == nil || from.Table != c.Table || t == nil || !slices.Equal(from.KeyColumns, t.KeyColumns()) {
		return c, nil
	}
	row, err := r.Row(t, from.Key)
	if err != nil || row == nil {
		return c, err
	}
	whole := widened(c)
	for i := range t.Columns {
		if name := t.Columns[i].Name; !slices.Contains(c.Columns, name) {
			whole.Columns, whole.New = append(whole.Columns, name), append(whole.New, row[i])
		}
	}
	return whole, nil
}

// widened copies a change to whose columns others will be added.
func widened(c *replog.Change) *replog.Change {
	whole := *c
	whole.Columns, whole.New, whole.Times = slices.Clone(c.Columns), slices.Clone(c.New), nil
	return &whole
}

// complete gives an INSERT the columns that it leaves out, with their defaults. It is
// ErrSchema where one has a default that is not constant.
func (t *Table) complete(c *replog.Change) (*replog.Change, error) {
	if len(c.Columns) == len(t.Columns) {
		return c, nil
	}
	whole := widened(c)
	for i := range t.Columns {
		name := t.Columns[i].Name
		if slices.Contains(c.Columns, name) {
			continue
		}
		value, err := t.defaultOf(i)
		if err != nil {
			return nil, err
		}
		whole.Columns, whole.New = append(whole.Columns, name), append(whole.New, value)
	}
	return whole, nil
}

// imageOf is the row that a whole INSERT makes.
func (t *Table) imageOf(c *replog.Change) []replog.Value {
	image := make([]replog.Value, len(t.Columns))
	for i, name := range c.Columns {
		image[t.Column(name)] = c.New[i]
	}
	return image
}

// imageOfGone is the row that a DELETE took away, perhaps from a table with other
// columns.
func (t *Table) imageOfGone(c *replog.Change) ([]replog.Value, error) {
	image := make([]replog.Value, len(t.Columns))
	for i := range t.Columns {
		n := slices.Index(c.Columns, t.Columns[i].Name)
		if n >= 0 {
			image[i] = c.Old[n]
			continue
		}
		var err error
		if image[i], err = t.defaultOf(i); err != nil {
			return nil, err
		}
	}
	return image, nil
}

// defaultOf is what rows get in a column that they know nothing of.
func (t *Table) defaultOf(column int) (replog.Value, error) {
	if value, ok := t.given[column]; ok {
		return value, nil
	}
	c := &t.Columns[column]
	if t.isKey(column) {
		return replog.Value{}, fmt.Errorf("%w: the key column %q of table %q is left out", ErrSchema, c.Name, t.Name)
	}
	value, err := columnDefault(c, t.Strict)
	if resultCode(err) == sqliteError {
		return value, fmt.Errorf("%w: column %q of table %q is left out, and has no constant default", ErrSchema, c.Name, t.Name)
	}
	if err == nil {
		if t.given == nil {
			t.given = map[int]replog.Value{}
		}
		t.given[column] = value
	}
	return value, err
}

package replog

import "slices"

// SameChanges tells whether two lists of changes are equal in every field.
func SameChanges(a, b []Change) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) > 0 && &a[0] == &b[0] {
		return true // NetChanges may have given both
	}
	for i := range a {
		if !a[i].equal(&b[i]) {
			return false
		}
	}
	return true
}

func (c *Change) equal(d *Change) bool {
	return c.Op == d.Op && c.Time == d.Time && c.Unit == d.Unit && c.Restored == d.Restored &&
		c.Table == d.Table &&
		slices.Equal(c.Key, d.Key) &&
		slices.Equal(c.Old, d.Old) &&
		slices.Equal(c.New, d.New) &&
		slices.Equal(c.Times, d.Times) &&
		slices.Equal(c.KeyColumns, d.KeyColumns) &&
		slices.Equal(c.Columns, d.Columns) &&
		c.Context.equal(d.Context)
}

func (c *Context) equal(d *Context) bool {
	if c == nil || d == nil {
		return c == d
	}
	return slices.Equal(c.Columns, d.Columns) && slices.Equal(c.Values, d.Values)
}

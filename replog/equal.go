package replog

import "slices"

// SameChanges tells whether two lists of changes are equal in every field. It
// fails where a list does.
func SameChanges(a, b Changes) (bool, error) {
	if a.Len() != b.Len() {
		return false, nil
	}
	if isSame(a, b) {
		return true, nil
	}
	for i := range a.Len() {
		c, err := a.At(i)
		if err != nil {
			return false, err
		}
		d, err := b.At(i)
		if err != nil || !c.Equal(d) {
			return false, err
		}
	}
	return true, nil
}

// isSame tells whether two lists are one, on disk.
func isSame(a, b Changes) bool {
	for _, l := range []Changes{a, b} {
		switch l.(type) {
		case ChangeList, statementList: // which cannot be compared
			return false
		}
	}
	return a == b
}

// sameLists is SameChanges of lists in memory.
func sameLists(a statementList, b []Change) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Equal(&b[i]) {
			return false
		}
	}
	return true
}

// Equal tells whether two changes are equal in every field.
func (c *Change) Equal(d *Change) bool {
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

package applier

import "replog/replog"

// Taint is a set of net changes that were not applied, or that were applied
// though a later transaction was recorded without them: what builds on them is
// held.
type Taint struct {
	schema *Schema
	rows   map[replog.RowID]bool
	// Of the rows that hold a unique value, before or after, or that take part
	// in a reference, one is kept for each, to be named.
	unique, child, parent map[string]replog.RowID
}

// NewTaint makes an empty set.
func NewTaint(s *Schema) *Taint {
	return &Taint{
		schema: s, rows: map[replog.RowID]bool{}, unique: map[string]replog.RowID{},
		child: map[string]replog.RowID{}, parent: map[string]replog.RowID{},
	}
}

// Add puts a change into the set.
func (t *Taint) Add(c *replog.Change) {
	f := t.schema.footprintOf(c)
	t.rows[f.row] = true
	note(t.unique, f.before, f.row)
	note(t.unique, f.after, f.row)
	note(t.child, f.child, f.row)
	note(t.parent, f.parent, f.row)
}

// AddAll puts changes into the set. It fails where their list does.
func (t *Taint) AddAll(changes replog.Changes) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		t.Add(c)
		return nil
	})
}

func note(to map[string]replog.RowID, values map[string]bool, row replog.RowID) {
	for v := range values {
		to[v] = row
	}
}

// Touched returns a row of the set that one of the changes touches, and whether
// there is one: the same row, its parent or child, or a row that has, or was to
// free, a unique value that the change takes. It fails where the list does.
func (t *Taint) Touched(changes replog.Changes) (row replog.RowID, touched bool, err error) {
	if len(t.rows) == 0 {
		return replog.RowID{}, false, nil
	}
	for i := 0; i < changes.Len() && !touched; i++ {
		c, err := changes.At(i)
		if err != nil {
			return replog.RowID{}, false, err
		}
		row, touched = t.touchedBy(c)
	}
	return row, touched, nil
}

func (t *Taint) touchedBy(c *replog.Change) (replog.RowID, bool) {
	f := t.schema.footprintOf(c)
	if t.rows[f.row] {
		return f.row, true
	}
	for _, side := range []struct {
		mine   map[string]bool
		theirs map[string]replog.RowID
	}{{f.child, t.parent}, {f.parent, t.child}, {f.after, t.unique}} {
		for v := range side.mine {
			if row, ok := side.theirs[v]; ok {
				return row, true
			}
		}
	}
	return replog.RowID{}, false
}

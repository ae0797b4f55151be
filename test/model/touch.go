package model

// sharesUnique tells whether the two changes have a unique value of one index
// in common, looking at the given sides. What an index on an expression holds is
// not known: all changes of its table share a value.
func sharesUnique(a, b *Net, sidesOfA, sidesOfB []side) bool {
	if a.Table != b.Table {
		return false
	}
	for _, index := range a.Table.indexes() {
		if index.Expr != nil {
			return true
		}
		if !a.changes(index.Columns) || !b.changes(index.Columns) {
			continue
		}
		for _, sa := range sidesOfA {
			for _, sb := range sidesOfB {
				ta, tb := a.tuple(sa, index.Columns), b.tuple(sb, index.Columns)
				if ta != nil && tb != nil && equalTuples(index.Collations, ta, tb) {
					return true
				}
			}
		}
	}
	return false
}

// isChild tells whether c's row is a child of p's.
func isChild(s *Schema, c, p *Net) bool {
	for i := range c.Table.ForeignKeys {
		fk := &c.Table.ForeignKeys[i]
		if fk.Parent != p.Table.Name || !c.changes(fk.Columns) {
			continue
		}
		for _, sc := range sides {
			for _, sp := range sides {
				child, parent := c.tuple(sc, fk.Columns), p.tuple(sp, fk.ParentColumns)
				if child != nil && parent != nil && equalTuples(s.collations(fk), parent, child) {
					return true
				}
			}
		}
	}
	return false
}

// touches tells whether g touches u in the sense of "held".
func touches(s *Schema, g, u *Net) bool {
	return g.ID == u.ID || isChild(s, g, u) || isChild(s, u, g) ||
		sharesUnique(g, u, []side{after}, sides)
}

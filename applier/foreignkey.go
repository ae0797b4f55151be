package applier

import (
	"fmt"
	"slices"

	"replog/replog"
)

// ForeignKeyError says that written rows left a reference without its parent.
type ForeignKeyError struct {
	Child, Parent string
	Key           []replog.Value // of the row that was written or removed
	Orphans       bool           // the parent went; otherwise the child came
}

func (e *ForeignKeyError) Error() string {
	key := replog.KeyString(e.Key)
	if e.Orphans {
		return fmt.Sprintf("table %q, row %s: rows of %q still refer to it", e.Parent, key, e.Child)
	}
	return fmt.Sprintf("table %q, row %s: the row of %q that it refers to is not there", e.Child, key, e.Parent)
}

// CheckForeignKeys looks for violations that writing the images created: it
// looks up the parents of rows that came or changed a reference, and the
// children of rows that went or changed what is referred to; never whole
// tables. What was violated before is not looked at. A violation is a
// *ForeignKeyError.
func (r *Replica) CheckForeignKeys(images *Images) error {
	return images.each(r.checkForeignKeys)
}

func (r *Replica) checkForeignKeys(m *RowImage) error {
	for _, f := range m.Table.ForeignKeys {
		if m.After == nil || !m.differs(f.Columns) {
			continue
		}
		if ok, err := r.hasParent(f, pick(m.After, f.Columns)); err != nil {
			return err
		} else if !ok {
			return &ForeignKeyError{Child: f.Child.Name, Parent: f.Parent.Name, Key: m.Key}
		}
	}
	for _, f := range m.Table.Inbound {
		if m.Before == nil || !m.differs(f.Referenced) {
			continue
		}
		if ok, err := r.leavesOrphans(f, pick(m.Before, f.Referenced)); err != nil {
			return err
		} else if ok {
			return &ForeignKeyError{Child: f.Child.Name, Parent: f.Parent.Name, Key: m.Key, Orphans: true}
		}
	}
	return nil
}

// differs tells whether the row came, went, or changed one of the columns.
func (i *RowImage) differs(columns []int) bool {
	return i.Before == nil || i.After == nil || !slices.Equal(pick(i.Before, columns), pick(i.After, columns))
}

func (r *Replica) hasParent(f *ForeignKey, reference []replog.Value) (bool, error) {
	if slices.ContainsFunc(reference, replog.Value.IsNull) {
		return true, nil
	}
	return r.exists(f.Parent, f.Referenced, f.Collations, reference)
}

func (r *Replica) leavesOrphans(f *ForeignKey, referenced []replog.Value) (bool, error) {
	if slices.ContainsFunc(referenced, replog.Value.IsNull) {
		return false, nil
	}
	if still, err := r.exists(f.Parent, f.Referenced, f.Collations, referenced); err != nil || still {
		return false, err
	}
	return r.exists(f.Child, f.Columns, f.Collations, referenced)
}

func (r *Replica) exists(t *Table, columns []int, collations []string, values []replog.Value) (bool, error) {
	var terms []string
	for i, n := range columns {
		terms = append(terms, replog.QuoteName(t.Columns[n].Name)+" = ? COLLATE "+collations[i])
	}
	row, err := r.QueryRow("SELECT 1 FROM main."+replog.QuoteName(t.Name)+" WHERE "+tree(terms, " AND ")+" LIMIT 1", values...)
	return row != nil, err
}

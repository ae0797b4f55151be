package applier

import (
	"hash/maphash"

	"replog/replog"
)

// Overlap is a set of net changes that tells whether other changes have anything
// to do with it: a row, a unique value, or a reference between the two. It holds
// hashes only, so that it may say yes where there is nothing.
type Overlap struct {
	schema                      *Schema
	seed                        maphash.Seed
	rows, unique, child, parent map[uint64]struct{}
}

// NewOverlap makes an empty set.
func NewOverlap(s *Schema) *Overlap {
	o := &Overlap{schema: s, seed: maphash.MakeSeed()}
	for _, m := range []*map[uint64]struct{}{&o.rows, &o.unique, &o.child, &o.parent} {
		*m = map[uint64]struct{}{}
	}
	return o
}

// Add puts changes into the set. It fails where their list does.
func (o *Overlap) Add(changes replog.Changes) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		f := o.schema.footprintOf(c)
		o.rows[o.hash(f.row.String())] = struct{}{}
		o.put(o.unique, f.before)
		o.put(o.unique, f.after)
		o.put(o.child, f.child)
		o.put(o.parent, f.parent)
		return nil
	})
}

// Meets tells whether one of the changes may have to do with the set. It fails
// where the list does.
func (o *Overlap) Meets(changes replog.Changes) (bool, error) {
	if len(o.rows) == 0 {
		return false, nil
	}
	for i := range changes.Len() {
		c, err := changes.At(i)
		if err != nil {
			return false, err
		}
		f := o.schema.footprintOf(c)
		if _, ok := o.rows[o.hash(f.row.String())]; ok ||
			o.has(o.unique, f.before) || o.has(o.unique, f.after) || o.has(o.parent, f.child) || o.has(o.child, f.parent) {
			return true, nil
		}
	}
	return false, nil
}

func (o *Overlap) hash(s string) uint64 { return maphash.String(o.seed, s) }

func (o *Overlap) put(to map[uint64]struct{}, values map[string]bool) {
	for v := range values {
		to[o.hash(v)] = struct{}{}
	}
}

func (o *Overlap) has(in map[uint64]struct{}, values map[string]bool) bool {
	for v := range values {
		if _, ok := in[o.hash(v)]; ok {
			return true
		}
	}
	return false
}

package applier

import (
	"hash/maphash"
	"slices"

	"replog/replog"
)

// sharedValues tells which unique values several changes hold and which references
// are made as well as answered: of the values of a long transaction, which are as
// many as its rows or more, few join any. It goes by hashes, so that it may name
// one too many.
type sharedValues struct {
	seed   maphash.Seed
	hashes []uint64 // sorted
}

func (v *sharedValues) has(value string) bool {
	_, found := slices.BinarySearch(v.hashes, maphash.String(v.seed, value))
	return found
}

func (s *Schema) sharedValues(changes replog.Changes) (*sharedValues, error) {
	v := &sharedValues{seed: maphash.MakeSeed()}
	holders, err := v.collect(make([]uint64, 0, changes.Len()), changes, func(c *replog.Change, add func(string)) {
		f := s.footprintOf(c)
		for value := range f.before {
			add(value)
		}
		for value := range f.after {
			if !f.before[value] {
				add(value)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	v.hashes = repeated(holders)
	parents, err := v.collect(nil, changes, func(c *replog.Change, add func(string)) {
		for value := range s.footprintOf(c).parent {
			add(value)
		}
	})
	if err != nil || len(parents) == 0 {
		return v, err
	}
	parents = slices.Compact(parents)
	children, err := v.collect(nil, changes, func(c *replog.Change, add func(string)) {
		for value := range s.footprintOf(c).child {
			if _, answered := slices.BinarySearch(parents, maphash.String(v.seed, value)); answered {
				add(value)
			}
		}
	})
	v.hashes = append(v.hashes, slices.Compact(children)...)
	slices.Sort(v.hashes)
	return v, err
}

// collect adds the hashes of values to a list and sorts it.
func (v *sharedValues) collect(hashes []uint64, changes replog.Changes, values func(c *replog.Change, add func(string))) ([]uint64, error) {
	err := replog.EachChange(changes, func(_ int, c *replog.Change) error {
		values(c, func(value string) { hashes = append(hashes, maphash.String(v.seed, value)) })
		return nil
	})
	slices.Sort(hashes)
	return hashes, err
}

// repeated keeps what is in a sorted list more than once, once each.
func repeated(sorted []uint64) []uint64 {
	n := 0
	for i := range sorted {
		if i > 0 && sorted[i] == sorted[i-1] && (n == 0 || sorted[n-1] != sorted[i]) {
			sorted[n] = sorted[i]
			n++
		}
	}
	return slices.Clone(sorted[:n])
}

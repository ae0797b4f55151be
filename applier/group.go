package applier

import (
	"hash/maphash"

	"replog/replog"
)

// Groups divides the net changes of an unmarked transaction into groups: lists
// of indexes, each ascending, ordered by their first. Rows are of one group
// where a key change, a foreign key or a shared unique value joins them. It
// fails where the list of changes does.
func (s *Schema) Groups(changes replog.Changes) ([][]int, error) {
	g := newGrouping(changes.Len())
	err := replog.EachChange(changes, func(i int, c *replog.Change) error {
		if c.Unit > 0 {
			if first, ok := g.units[c.Unit]; ok {
				g.join(first, i)
			}
			g.units[c.Unit] = i
		}
		f := s.footprintOf(c)
		for _, side := range []map[string]bool{f.before, f.after} {
			for v := range side {
				g.join(g.first(g.holders, v, i), i)
			}
		}
		for v := range f.parent {
			g.first(g.parents, v, i)
		}
		for v := range f.child {
			g.first(g.children, v, i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	// A reference joins all who make it and all who answer it, if there are both.
	err = replog.EachChange(changes, func(i int, c *replog.Change) error {
		f := s.footprintOf(c)
		g.joinAcross(g.children, f.parent, i)
		g.joinAcross(g.parents, f.child, i)
		return nil
	})
	return g.groups(), err
}

// grouping is a union-find over changes, by number, with the first change that
// has some unit or value. Values are known by their hash, as there may be
// millions.
type grouping struct {
	parent                     []int
	units                      map[int]int
	seeds                      [2]maphash.Seed
	holders, parents, children map[valueHash]int
}

// valueHash is long enough that two values never share one.
type valueHash [2]uint64

func newGrouping(n int) *grouping {
	g := &grouping{
		parent: make([]int, n), units: map[int]int{}, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		holders: map[valueHash]int{}, parents: map[valueHash]int{}, children: map[valueHash]int{},
	}
	for i := range g.parent {
		g.parent[i] = i
	}
	return g
}

func (g *grouping) hash(v string) valueHash {
	return valueHash{maphash.String(g.seeds[0], v), maphash.String(g.seeds[1], v)}
}

// first is the first change with a value, which is i where there was none.
func (g *grouping) first(of map[valueHash]int, v string, i int) int {
	h := g.hash(v)
	if first, ok := of[h]; ok {
		return first
	}
	of[h] = i
	return i
}

// joinAcross joins a change with those on the other side of its references.
func (g *grouping) joinAcross(other map[valueHash]int, values map[string]bool, i int) {
	for v := range values {
		if first, ok := other[g.hash(v)]; ok {
			g.join(first, i)
		}
	}
}

func (g *grouping) join(a, b int) {
	a, b = g.root(a), g.root(b)
	g.parent[max(a, b)] = min(a, b)
}

func (g *grouping) root(i int) int {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]] // so that a chain is walked once
		i = g.parent[i]
	}
	return i
}

func (g *grouping) groups() [][]int {
	var groups [][]int
	at := map[int]int{}
	for i := range g.parent {
		root := g.root(i)
		n, ok := at[root]
		if !ok {
			n = len(groups)
			at[root] = n
			groups = append(groups, nil)
		}
		groups[n] = append(groups[n], i)
	}
	return groups
}

package applier

import (
	"iter"

	"replog/replog"
)

// Groups are a transaction's net changes divided: each group is a list of
// indexes, ascending, and groups are ordered by their first.
type Groups struct {
	rows []int // of one group after the other
	ends []int32
}

// OneGroup is all of n changes.
func OneGroup(n int) *Groups {
	g := &Groups{rows: make([]int, n), ends: []int32{int32(n)}}
	for i := range g.rows {
		g.rows[i] = i
	}
	return g
}

// Len is the number of groups.
func (g *Groups) Len() int { return len(g.ends) }

// All gives each group in turn.
func (g *Groups) All() iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		begin := int32(0)
		for _, end := range g.ends {
			if !yield(g.rows[begin:end:end]) {
				return
			}
			begin = end
		}
	}
}

// Groups divides the net changes of an unmarked transaction. Rows are of one group
// where a key change, a foreign key or a shared unique value joins them. It
// fails where the list of changes does.
func (s *Schema) Groups(changes replog.Changes) (*Groups, error) {
	shared, err := s.sharedValues(changes)
	if err != nil {
		return nil, err
	}
	g := newGrouping(changes.Len(), shared)
	err = replog.EachChange(changes, func(i int, c *replog.Change) error {
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
// has some unit or value, of the values that join any.
type grouping struct {
	parent                     []int32
	units                      map[int]int
	shared                     *sharedValues
	holders, parents, children map[string]int
}

func newGrouping(n int, shared *sharedValues) *grouping {
	g := &grouping{
		parent: make([]int32, n), units: map[int]int{}, shared: shared,
		holders: map[string]int{}, parents: map[string]int{}, children: map[string]int{},
	}
	for i := range g.parent {
		g.parent[i] = int32(i)
	}
	return g
}

// first is the first change with a value, which is i where there was none.
func (g *grouping) first(of map[string]int, v string, i int) int {
	if !g.shared.has(v) {
		return i
	}
	if first, ok := of[v]; ok {
		return first
	}
	of[v] = i
	return i
}

// joinAcross joins a change with those on the other side of its references.
func (g *grouping) joinAcross(other map[string]int, values map[string]bool, i int) {
	for v := range values {
		if first, ok := other[v]; ok {
			g.join(first, i)
		}
	}
}

func (g *grouping) join(a, b int) {
	x, y := g.root(int32(a)), g.root(int32(b))
	g.parent[max(x, y)] = min(x, y)
}

func (g *grouping) root(i int32) int32 {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]] // so that a chain is walked once
		i = g.parent[i]
	}
	return i
}

// groups sorts the changes by their roots, each of which is the first of its
// group.
func (g *grouping) groups() *Groups {
	size := make([]int32, len(g.parent))
	count := 0
	for i := range g.parent {
		root := g.root(int32(i))
		if size[root]++; size[root] == 1 {
			count++
		}
	}
	out := &Groups{rows: make([]int, len(g.parent)), ends: make([]int32, 0, count)}
	begin := size // from here on, where the next of the group goes
	next := int32(0)
	for i, n := range size {
		if n > 0 {
			begin[i], next = next, next+n
			out.ends = append(out.ends, next)
		}
	}
	for i := range g.parent {
		root := g.root(int32(i))
		out.rows[begin[root]] = i
		begin[root]++
	}
	return out
}

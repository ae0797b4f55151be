package applier

import "replog/replog"

// Groups divides the net changes of an unmarked transaction into groups: lists
// of indexes, each ascending, ordered by their first. Rows are of one group
// where a key change, a foreign key or a shared unique value joins them.
func (s *Schema) Groups(changes []replog.Change) [][]int {
	parent := make([]int, len(changes))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]] // so that a chain is walked once
			i = parent[i]
		}
		return i
	}
	join := func(a, b int) {
		a, b = find(a), find(b)
		parent[max(a, b)] = min(a, b)
	}
	units := map[int]int{}
	holders := map[string]int{}
	parents := map[string][]int{}
	children := map[string][]int{}
	for i := range changes {
		if u := changes[i].Unit; u > 0 {
			if first, ok := units[u]; ok {
				join(first, i)
			}
			units[u] = i
		}
		f := s.footprintOf(&changes[i])
		for _, side := range []map[string]bool{f.before, f.after} {
			for v := range side {
				if first, ok := holders[v]; ok {
					join(first, i)
				}
				holders[v] = i
			}
		}
		for v := range f.parent {
			parents[v] = append(parents[v], i)
		}
		for v := range f.child {
			children[v] = append(children[v], i)
		}
	}
	for v, list := range children {
		for _, p := range parents[v] {
			for _, c := range list {
				join(p, c)
			}
		}
	}
	var groups [][]int
	at := map[int]int{}
	for i := range changes {
		root := find(i)
		g, ok := at[root]
		if !ok {
			g = len(groups)
			at[root] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], i)
	}
	return groups
}

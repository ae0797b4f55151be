package model

// groups divides the net changes of an unmarked transaction, given in recorded
// order, into what has to stand or fall together. A group is a list of
// positions.
func groups(s *Schema, nets []*Net) [][]int {
	group := make([]int, len(nets)) // position -> the least position of its group
	for i := range nets {
		group[i] = i
		for j := range i {
			if group[j] != group[i] && joined(s, nets[i], nets[j]) {
				merge(group, group[i], group[j])
			}
		}
	}
	var out [][]int
	at := map[int]int{}
	for i, g := range group {
		if _, ok := at[g]; !ok {
			at[g] = len(out)
			out = append(out, nil)
		}
		out[at[g]] = append(out[at[g]], i)
	}
	return out
}

func joined(s *Schema, a, b *Net) bool {
	return a.Unit > 0 && a.Unit == b.Unit || isChild(s, a, b) || isChild(s, b, a) ||
		sharesUnique(a, b, sides, sides)
}

func merge(group []int, a, b int) {
	least, other := min(a, b), max(a, b)
	for i := range group {
		if group[i] == other {
			group[i] = least
		}
	}
}

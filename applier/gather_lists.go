package applier

import (
	"slices"

	"replog/replog"
)

// longLists are the lists of a transaction that is too long for memory; net is
// nil where the statements are the net changes.
type longLists struct{ statements, net replog.Changes }

// close lets go of what is on disk.
func (l *longLists) close() {
	if l == nil {
		return
	}
	for _, list := range []replog.Changes{l.statements, l.net} {
		switch list := list.(type) {
		case *backToFront:
			_ = list.of.(*replog.Spill[replog.Change]).Close() // a temporary file; nothing is lost
		case *netList:
			_ = list.own.Close()
		}
	}
}

// backToFront is a list whose parts are stored from the last to the first.
type backToFront struct {
	of   replog.Changes
	ends []int
}

// Len implements replog.Changes.
func (l *backToFront) Len() int { return l.of.Len() }

// At implements replog.Changes.
func (l *backToFront) At(i int) (*replog.Change, error) {
	// What is stored before a part comes after it.
	n := l.of.Len()
	part, _ := slices.BinarySearchFunc(l.ends, n-i, func(end, want int) int {
		if end < want {
			return -1
		}
		return 1
	})
	return l.of.At(beginOf(l.ends, part) + i - (n - l.ends[part]))
}

// netList are the net changes of a long transaction.
type netList struct {
	*longGathered
	order   []int32 // of entries
	numbers map[int32]int
	change  replog.Change
}

// newNetList puts the net changes in order, the oldest batch first, and numbers
// the units of several rows, 1, 2 …, in the order of their first rows.
func newNetList(of *longGathered) *netList {
	l := &netList{longGathered: of, numbers: map[int32]int{}}
	rows := map[int32]int{}
	for i, end := range slices.Backward(of.entryEnds) {
		for at := int32(beginOf(of.entryEnds, i)); at < int32(end); at++ {
			if of.entries[at] != dropped {
				l.order = append(l.order, at)
				rows[of.units.root(of.unit[at])]++
			}
		}
	}
	for _, at := range l.order {
		if root := of.units.root(of.unit[at]); root > 0 && rows[root] > 1 && l.numbers[root] == 0 {
			l.numbers[root] = len(l.numbers) + 1
		}
	}
	return l
}

// Len implements replog.Changes.
func (l *netList) Len() int { return len(l.order) }

// At implements replog.Changes.
func (l *netList) At(i int) (*replog.Change, error) {
	e := l.entries[l.order[i]]
	if e >= 0 {
		return l.statements.At(int(e))
	}
	c, err := l.own.At(int(^e))
	if err != nil {
		return nil, err
	}
	l.change = *c
	l.change.Unit = l.numbers[l.units.root(l.unit[l.order[i]])]
	return &l.change, nil
}

// unitSets is a union-find over numbers from 1 on: the units of a long transaction,
// as far as they are known.
type unitSets []int32

func (u *unitSets) add() int32 {
	n := int32(len(*u))
	*u = append(*u, n)
	return n
}

// join makes one unit of two; 0 is none.
func (u unitSets) join(a, b int32) int32 {
	a, b = u.root(a), u.root(b)
	if a == 0 || b == 0 {
		return max(a, b)
	}
	u[max(a, b)] = min(a, b)
	return min(a, b)
}

func (u unitSets) root(i int32) int32 {
	for u[i] != i {
		u[i] = u[u[i]]
		i = u[i]
	}
	return i
}

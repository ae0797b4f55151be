package applier

import (
	"slices"

	"replog/replog"
)

// longGathered is a transaction that is worked out a batch at a time, from its
// newest batch to its oldest. Its statements and net changes go to disk; in
// memory are a number for each of them and the rows that several batches tell
// of.
type longGathered struct {
	batches    *batches
	statements *replog.Spill[replog.Change]
	// ends says where, in statements, each batch's end, and entryEnds where its
	// net changes do in entries: the newest batch first, its own in order.
	ends, entryEnds []int
	entries         []netEntry
	own             *replog.Spill[replog.Change] // net changes that are not statements
	later           map[replog.RowID]*laterFacts
	units           unitSets
	time            replog.Millis
	vanished        int
}

// netEntry is a net change: a statement, by its number, or, where that is below
// 0, the net change of its complement in own.
type netEntry struct {
	statement int32
	unit      int32 // see unitSets; 0 for none
	dropped   bool  // an older batch tells more of the row
}

// laterFacts is what newer batches tell of a row.
type laterFacts struct {
	after  []replog.Value  // the row after the transaction
	times  []replog.Millis // when each column was written last; 0: it was not
	latest replog.Millis
	entry  int // of entries; -1 for none
	unit   int32
}

func newLongGathered(b *batches) *longGathered {
	return &longGathered{
		batches: b, statements: replog.NewChangeSpill(), own: replog.NewChangeSpill(),
		later: map[replog.RowID]*laterFacts{}, units: unitSets{0},
	}
}

// add takes the next older part of the transaction, whose facts are resolved.
func (l *longGathered) add(g *Gathered, h *histories, records []*record) error {
	b := builder{Gathered: g, histories: h, of: map[*history]int{}}
	for _, e := range records {
		b.add(e)
	}
	unitOf := l.joined(&b)
	first := int32(l.statements.Len())
	for _, row := range b.touched {
		if err := l.addNet(&b, row, first, unitOf[row]); err != nil {
			return err
		}
	}
	for i := range g.Statements {
		if err := l.statements.Add(g.Statements[i].Change); err != nil {
			return err
		}
	}
	l.ends = append(l.ends, l.statements.Len())
	l.entryEnds = append(l.entryEnds, len(l.entries))
	l.time = max(l.time, g.Time)
	l.vanished += g.Vanished
	return nil
}

// joined numbers the units of this part's rows.
func (l *longGathered) joined(b *builder) map[*history]int32 {
	rows := map[int]int{}
	for _, row := range b.touched {
		rows[b.root(row.unit)]++
	}
	numbers, of := map[int]int32{}, map[*history]int32{}
	for _, row := range b.touched {
		root := b.root(row.unit)
		if rows[root] > 1 && numbers[root] == 0 {
			numbers[root] = l.units.add()
		}
		unit := numbers[root]
		if later := l.later[row.id]; later != nil && later.unit > 0 {
			unit = l.units.join(unit, later.unit)
		}
		of[row] = unit
	}
	return of
}

// addNet adds the net change of a row, whose statements are numbered from first
// on, in place of the one that was found before.
func (l *longGathered) addNet(b *builder, row *history, first, unit int32) error {
	if row.later = l.later[row.id]; row.later != nil {
		row.after = row.later.after
		if row.later.entry >= 0 {
			l.entries[row.later.entry].dropped = true
		}
	}
	entry := -1
	if change, ok := row.netChange(); ok {
		e := netEntry{unit: unit}
		if unit == 0 && len(row.effects) == 1 && row.later == nil {
			b.Statements[b.of[row]].Change = change // see Gathered.build
			e.statement = first + int32(b.of[row])
		} else {
			e.statement = ^int32(l.own.Len())
			if err := l.own.Add(change); err != nil {
				return err
			}
		}
		entry = len(l.entries)
		l.entries = append(l.entries, e)
	}
	if l.batches.recurs(row.id) {
		l.later[row.id] = row.tellEarlier(entry, unit)
	}
	return nil
}

// tellEarlier is what older batches have to know of the row.
func (h *history) tellEarlier(entry int, unit int32) *laterFacts {
	l := &laterFacts{after: h.after, times: make([]replog.Millis, len(h.table.Columns)), latest: h.latest(), entry: entry, unit: unit}
	for i := range l.times {
		l.times[i] = h.written(i)
	}
	return l
}

// finish gives the transaction its lists, and what its oldest part, g, does not
// say of the others.
func (l *longGathered) finish(g *Gathered) error {
	g.Statements = nil
	g.Time, g.Vanished = l.time, l.vanished
	statements := &backToFront{of: l.statements, ends: l.ends}
	net := &netList{longGathered: l}
	asStatements := true
	for i, end := range slices.Backward(l.entryEnds) { // the oldest batch first
		statement := beginOf(l.ends, i)
		for at := beginOf(l.entryEnds, i); at < end; at++ {
			if e := l.entries[at]; !e.dropped {
				net.order = append(net.order, int32(at))
				asStatements = asStatements && int(e.statement) == statement
				statement++
			}
		}
		asStatements = asStatements && statement == l.ends[i]
	}
	g.long = &longLists{statements: statements}
	if !asStatements {
		net.number()
		g.long.net = net
	}
	return nil
}

// beginOf is where a part begins, given where all of them end.
func beginOf(ends []int, part int) int {
	if part == 0 {
		return 0
	}
	return ends[part-1]
}

// longLists are the lists of a transaction that is too long for memory; net is
// nil where the statements are the net changes.
type longLists struct{ statements, net replog.Changes }

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

// number numbers the units of several rows, 1, 2 …, in the order of their first
// rows.
func (l *netList) number() {
	rows := map[int32]int{}
	for _, at := range l.order {
		rows[l.units.root(l.entries[at].unit)]++
	}
	l.numbers = map[int32]int{}
	for _, at := range l.order {
		if root := l.units.root(l.entries[at].unit); root > 0 && rows[root] > 1 && l.numbers[root] == 0 {
			l.numbers[root] = len(l.numbers) + 1
		}
	}
}

// Len implements replog.Changes.
func (l *netList) Len() int { return len(l.order) }

// At implements replog.Changes.
func (l *netList) At(i int) (*replog.Change, error) {
	e := l.entries[l.order[i]]
	if e.statement >= 0 {
		return l.statements.At(int(e.statement))
	}
	c, err := l.own.At(int(^e.statement))
	if err != nil {
		return nil, err
	}
	l.change = *c
	l.change.Unit = l.numbers[l.units.root(e.unit)]
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

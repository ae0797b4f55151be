package applier

import (
	"math"

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
	// entries are the net changes: a statement, by its number, or, where that is
	// below 0, the net change of its complement in own; dropped where an older
	// batch tells more of the row.
	entries  []int32
	own      *replog.Spill[replog.Change]
	later    map[replog.RowID]*laterFacts
	units    unitSets
	unit     map[int32]int32 // of an entry; most have none
	time     replog.Millis
	vanished int
	intent   *RanStatement // as in Gathered
	ran      []*RanStatement
}

const dropped = math.MinInt32

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
		later: map[replog.RowID]*laterFacts{}, units: unitSets{0}, unit: map[int32]int32{},
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
	if g.Intent != nil {
		l.intent = g.Intent
	}
	l.ran = append(g.Ran, l.ran...)
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
			l.entries[row.later.entry] = dropped
		}
	}
	entry := -1
	if change, ok := row.netChange(); ok {
		entry = len(l.entries)
		if unit == 0 && len(row.effects) == 1 && row.later == nil {
			b.Statements[b.of[row]].Change = change // see Gathered.build
			l.entries = append(l.entries, first+int32(b.of[row]))
		} else {
			l.entries = append(l.entries, ^int32(l.own.Len()))
			if err := l.own.Add(change); err != nil {
				return err
			}
		}
		if unit > 0 {
			l.unit[int32(entry)] = unit
		}
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
func (l *longGathered) finish(g *Gathered) {
	g.Statements = nil
	g.Time, g.Vanished = l.time, l.vanished
	g.Intent, g.Ran = l.intent, l.ran
	statements := &backToFront{of: l.statements, ends: l.ends}
	g.long = &longLists{statements: statements}
	if !l.asStatements() {
		g.long.net = newNetList(l)
	}
}

// asStatements tells whether the net changes are the statements.
func (l *longGathered) asStatements() bool {
	statement := 0
	for i, end := range l.entryEnds {
		for _, e := range l.entries[beginOf(l.entryEnds, i):end] {
			if e == dropped {
				continue
			}
			if int(e) != statement {
				return false
			}
			statement++
		}
		if statement != l.ends[i] {
			return false
		}
	}
	return true
}

// beginOf is where a part begins, given where all of them end.
func beginOf(ends []int, part int) int {
	if part == 0 {
		return 0
	}
	return ends[part-1]
}

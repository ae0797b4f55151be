package postgres

import (
	"slices"

	"replog/replog"
)

// rowIndex holds what was done to rows after some revision, its floor, in two
// generations: when the younger is full, the older is forgotten, and the floor rises.
type rowIndex struct{ old, young generation }

type generation struct {
	floor replog.Revision
	byRow map[hashed][]past // in order of revision
	bytes int
}

// past is one change.
type past struct {
	revision replog.Revision
	device   replog.DeviceID
	body     string
}

// generationBytes is about how much memory a generation takes.
const generationBytes = 16 << 20

// size is about how much memory it takes in an index.
func (p *past) size() int { return 160 + len(p.body) }

// reset forgets everything: nothing is known of what was done up to a revision.
func (x *rowIndex) reset(floor replog.Revision) {
	x.old = generation{floor: floor}
	x.young = generation{floor: floor, byRow: map[hashed][]past{}}
}

func (x *rowIndex) floor() replog.Revision { return x.old.floor }

// add adds a change, of the newest revision so far. Of several changes of a row at one
// revision the last counts. False where older ones were forgotten for it.
func (x *rowIndex) add(row hashed, p past) bool {
	kept := true
	switch {
	case x.young.bytes < generationBytes:
	case x.young.floor < p.revision-1:
		x.old = x.young
		x.young = generation{floor: p.revision - 1, byRow: map[hashed][]past{}}
		kept = false
	case x.young.bytes >= 2*generationBytes: // one entry alone is too much
		x.reset(p.revision)
		return false
	}
	if p.revision <= x.young.floor {
		return kept // it was too much
	}
	list := x.young.byRow[row]
	if n := len(list); n > 0 && list[n-1].revision == p.revision {
		list[n-1] = p
	} else {
		list = append(list, p)
	}
	x.young.byRow[row] = list
	x.young.bytes += p.size()
	return kept
}

// remove takes back what was done to a row above a revision.
func (x *rowIndex) remove(row hashed, above replog.Revision) {
	for _, g := range []*generation{&x.old, &x.young} {
		list := slices.DeleteFunc(g.byRow[row], func(p past) bool { return p.revision > above })
		if len(list) > 0 {
			g.byRow[row] = list
		} else {
			delete(g.byRow, row)
		}
	}
}

// each calls f for what was done to a row above a revision, in order, of what is known.
func (x *rowIndex) each(row hashed, above replog.Revision, f func(*past) error) error {
	for _, g := range []*generation{&x.old, &x.young} {
		list := g.byRow[row]
		for i := range list {
			if list[i].revision <= above {
				continue
			}
			if err := f(&list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// deepen adds what was done before, from another index, which ends at the floor.
func (x *rowIndex) deepen(before *rowIndex) {
	g := before.young
	for row, list := range x.old.byRow {
		g.byRow[row] = append(g.byRow[row], list...)
	}
	g.bytes += x.old.bytes
	x.old = g
}

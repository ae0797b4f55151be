package applied

import (
	"slices"
	"sort"

	"replog/replog"
)

// maxRows and maxBytes bound what is buffered, and what goes into one statement.
const (
	maxRows  = 10_000
	maxBytes = 4 << 20
)

// op is what becomes of a row.
type op int

const (
	opNothing op = iota
	opInsert
	opUpdate
	opDelete
	opReplace // it stands there, and is written anew
	opMerge   // it may stand there
)

// pending is what has gathered for one row.
type pending struct {
	key  string // as replog.KeyString gives it
	keys []cell
	op   op
	// cols are the columns that an opUpdate writes, by number, sorted; cells run in
	// parallel. For a whole row, cells are by number.
	cols     []int
	cells    []cell
	revision replog.Revision
	lifted   []cell // the row as it was taken out of the table
	refused  error  // the server did not take it
	// elsewhere: of a row that is staged, it is in misfit.
	elsewhere bool
}

// whole tells whether cells are those of a whole row.
func (p *pending) whole() bool {
	return p.op == opInsert || p.op == opReplace || p.op == opMerge
}

// keyFits tells whether the row may stand in its table at all.
func (p *pending) keyFits() bool { return !anyBad(p.keys) }

// onto writes an update's columns over a whole row.
func (p *pending) onto(cells []cell) []cell {
	for i, n := range p.cols {
		cells[n] = p.cells[i]
	}
	return cells
}

// buffer is what was applied and is not written: per table and row, one pending.
type buffer struct {
	tables map[string]*gathered
	rows   int
	bytes  int
}

type gathered struct {
	byKey map[string]*pending
	list  []*pending
}

func (b *buffer) full() bool { return b.rows >= maxRows || b.bytes >= maxBytes }

// names are the tables that have something, sorted.
func (b *buffer) names() []string {
	var names []string
	for name := range b.tables {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// add gathers what becomes of a row.
func (b *buffer) add(t *table, p *pending) error {
	if b.tables == nil {
		b.tables = map[string]*gathered{}
	}
	g := b.tables[t.shape.Name]
	if g == nil {
		g = &gathered{byKey: map[string]*pending{}}
		b.tables[t.shape.Name] = g
	}
	b.bytes += p.size()
	if before := g.byKey[p.key]; before != nil {
		before.revision = p.revision
		return before.then(t, p)
	}
	g.byKey[p.key] = p
	g.list = append(g.list, p)
	b.rows++
	return nil
}

// size is about how much memory it takes.
func (p *pending) size() int {
	const itself, each = 160, 32
	n := itself + len(p.key) + each*(len(p.keys)+len(p.cells))
	for _, c := range p.cells {
		n += len(c.text)
		if c.bad != nil {
			n += len(c.bad.wire)
		}
	}
	return n
}

// then makes one of what became of a row first and what becomes of it now.
func (p *pending) then(t *table, next *pending) error {
	stood := p.op == opUpdate || p.op == opDelete || p.op == opReplace
	stands := p.op != opDelete && p.op != opNothing
	switch {
	case next.op == opInsert && stood:
		p.op, p.cols, p.cells = opReplace, nil, next.cells
	case next.op == opInsert:
		p.op, p.cols, p.cells = opInsert, nil, next.cells
	case !stands:
		return &DivergedError{Table: t.shape.Name, Key: p.key, Target: t.target()}
	case next.op == opDelete && stood:
		p.op, p.cols, p.cells = opDelete, nil, nil
	case next.op == opDelete:
		p.op, p.cols, p.cells = opNothing, nil, nil
	case p.op == opUpdate:
		p.merge(next)
	default:
		p.cells = next.onto(p.cells)
	}
	return nil
}

// merge adds the columns of a later update.
func (p *pending) merge(next *pending) {
	for i, n := range next.cols {
		at, found := slices.BinarySearch(p.cols, n)
		if found {
			p.cells[at] = next.cells[i]
			continue
		}
		p.cols = slices.Insert(p.cols, at, n)
		p.cells = slices.Insert(p.cells, at, next.cells[i])
	}
}

// pend makes of a change what becomes of its row.
func (t *table) pend(c *replog.Change, r replog.Revision) *pending {
	p := &pending{key: replog.KeyString(c.Key), keys: make([]cell, len(c.Key)), revision: r}
	for i, v := range c.Key {
		p.keys[i] = t.cols[t.shape.Key[i]].fit(v)
	}
	switch c.Op {
	case replog.Delete:
		p.op = opDelete
	case replog.Insert:
		p.op = opInsert
		values := make([]replog.Value, len(t.cols))
		for i, name := range c.Columns {
			if n, ok := t.number[name]; ok {
				values[n] = c.New[i]
			}
		}
		p.cells = t.fitRow(values)
	default:
		p.op = opUpdate
		for i, name := range c.Columns {
			n, ok := t.number[name]
			if !ok || t.cols[n] == nil || t.isKey(n) {
				continue
			}
			at, _ := slices.BinarySearch(p.cols, n)
			p.cols = slices.Insert(p.cols, at, n)
			p.cells = slices.Insert(p.cells, at, t.cols[n].fit(c.New[i]))
		}
	}
	return p
}

// pendRow is a row of content that is to be inserted, or merged.
func (t *table) pendRow(row []replog.Value, o op, r replog.Revision) *pending {
	key := make([]replog.Value, len(t.shape.Key))
	p := &pending{op: o, keys: make([]cell, len(key)), revision: r, cells: t.fitRow(row)}
	for i, n := range t.shape.Key {
		key[i], p.keys[i] = row[n], p.cells[n]
	}
	p.key = replog.KeyString(key)
	return p
}

package applier

import (
	"fmt"
	"hash/maphash"
	"slices"

	"replog/replog"
)

// batch is a stretch of the change table.
type batch struct {
	first, upTo int64         // ids
	time        replog.Millis // before which nothing in it was recorded
	// goesOn: it begins within a transaction; most batches hold whole ones. joins:
	// it begins within a step of one.
	goesOn, joins bool
	afterRows     bool // it begins after row statements; see batchCutter
}

// batches divide the change table, and tell which rows are in several of them.
type batches struct {
	list []batch
	seed maphash.Seed
	// seen and again are sets of rows by their hash, so that they may hold one
	// too many.
	seen, again bitset
	// schema are the transactions with schema statements.
	schema spanIDs
}

// bitset is a Bloom filter of 4 MiB with three bits an item: of a million rows
// one in a thousand is taken for another.
type bitset []uint64

const setBits = 1 << 25

func newBitset() bitset { return make(bitset, setBits/64) }

// eachBit gives the three places of an item, from parts of its hash.
func eachBit(h uint64, f func(word, bit uint64) bool) bool {
	for range 3 {
		at := h % setBits
		if !f(at/64, 1<<(at%64)) {
			return false
		}
		h = h>>21 | h<<43
	}
	return true
}

func (s bitset) has(h uint64) bool {
	return eachBit(h, func(word, bit uint64) bool { return s[word]&bit != 0 })
}

func (s bitset) add(h uint64) {
	eachBit(h, func(word, bit uint64) bool {
		s[word] |= bit
		return true
	})
}

// batchSize says how many facts a batch has, about: where a mark comes after
// whole of them, it ends there; after part of them it ends within a transaction.
type batchSize struct{ whole, part int }

var defaultBatch = batchSize{3_000, 4_000}

// SetBatch changes how many facts are worked on at a time, about: after whole of
// them (3,000) only to the end of the transaction, which is in memory until then,
// after part of them (4,000) no longer. It is for tests, which it shows long
// transactions without writing long ones, and is called before anything else.
func SetBatch(whole, part int) { defaultBatch = batchSize{whole, part} }

// readBatches cuts the change table into batches. Between the facts of a statement
// and what is recorded of it there is a cut only where those alone are more than
// size.part, so that a batch has up to twice as many. On both sides of a cut within a
// transaction there are facts of it.
func (r *Replica) readBatches(last replog.Millis, size batchSize) (*batches, error) {
	b := &batches{}
	var err error
	if b.schema, err = r.schemaTransactions(); err != nil {
		return nil, err
	}
	c := batchCutter{size: size, last: last, open: batch{time: last}, before: opMark}
	query := fmt.Sprintf("SELECT id, op, time, CASE op WHEN %d THEN v1 END FROM main.replog_change ORDER BY id", opStatement)
	err = r.Query(query, func(row []replog.Value) error {
		id, op, k := row[0].Int64(), row[1].Int64(), kindRows
		if op == opStatement {
			k = b.schema.kind(id, readRan(row[3]))
		}
		c.add(id, op, replog.Millis(row[2].Int64()), k)
		return nil
	})
	if err != nil || c.facts == 0 {
		return b, err
	}
	c.decide(false)
	b.list = append(c.list, c.open)
	if len(b.list) == 1 {
		return b, nil
	}
	return b, b.findRecurring(r)
}

// batchCutter makes batches of rows of the change table, which come in order.
type batchCutter struct {
	size batchSize
	last replog.Millis
	list []batch
	open batch
	// facts counts the rows of the open batch, and ofStatement those since the last
	// opStatement.
	facts, ofStatement int
	told               bool // a fact since the last mark
	before             int64
	alone              bool // the last opStatement is a step of its own: an intent's, or a schema statement
	// undecided: the open batch begins after row statements, and joins them unless
	// an intent comes first.
	undecided bool
}

// statementKind is what an opStatement is about.
type statementKind int

const (
	kindRows statementKind = iota
	kindIntent
	kindSchema
)

func (c *batchCutter) add(id, op int64, at replog.Millis, kind statementKind) {
	full := c.ofStatement >= c.size.part || c.before == opStatement && c.facts >= c.size.part
	within := full && c.told && endsStatement(c.before, op)
	if c.facts >= c.size.whole && op == opMark || within {
		c.cut(op != opMark)
	}
	if c.facts++; c.facts == 1 {
		c.open.first = id
	}
	c.ofStatement++
	switch op {
	case opStatement:
		c.ofStatement, c.alone = 0, kind != kindRows
		c.decide(kind == kindIntent)
	case opMark:
		c.alone = false
		c.decide(false)
	}
	c.told = op != opMark && (c.told || op != opStatement)
	c.open.upTo, c.before = id, op
	c.last = max(c.last, at)
}

// cut begins a batch, within a transaction or not.
func (c *batchCutter) cut(goesOn bool) {
	after := c.before == opStatement // otherwise within the facts of a statement
	c.list = append(c.list, c.open)
	c.open = batch{time: c.last, goesOn: goesOn, joins: goesOn && (!after || !c.alone)}
	if after && goesOn {
		c.undecided, c.open.afterRows = !c.alone, !c.alone
	}
	c.facts, c.ofStatement, c.told = 0, 0, false
}

// decide notes of which kind the first statement after a cut is.
func (c *batchCutter) decide(intent bool) {
	if !c.undecided {
		return
	}
	c.undecided = false
	if !intent {
		return
	}
	// Of the batches since, the first one begins with the intent's facts.
	for i := len(c.list); i >= 0; i-- {
		b := &c.open
		if i < len(c.list) {
			b = &c.list[i]
		}
		if b.afterRows {
			b.joins, b.afterRows = false, false
			return
		}
	}
}

// findRecurring looks for rows that are in several batches. It reads no more of a
// fact than its row's key.
func (b *batches) findRecurring(r *Replica) error {
	b.seed, b.seen, b.again = maphash.MakeSeed(), newBitset(), newBitset()
	tables, layout, err := r.capturedTables()
	if err != nil {
		return err
	}
	columns := "tbl, op"
	for i := range keyWidth(tables, layout) {
		columns += ", " + imageColumn(i)
	}
	query := fmt.Sprintf("SELECT %s FROM main.replog_change WHERE id BETWEEN ? AND ?", columns)
	for _, part := range b.list {
		var here []uint64
		err := r.Query(query, func(row []replog.Value) error {
			id, op := row[0].Int64(), row[1].Int64()
			t := tables[id]
			if t == nil || op == opMore {
				return nil // a mark, or more of the next fact
			}
			key := make([]replog.Value, len(t.Key))
			for i, k := range t.Key {
				if at := slices.Index(layout[id], k); at >= 0 {
					key[i] = row[2+at]
				}
			}
			h := b.hash(rowID(t, key))
			if b.seen.has(h) {
				b.again.add(h)
			}
			here = append(here, h)
			if op == opAssign {
				b.again.add(b.hash(rowID(t, []replog.Value{replog.Integer(-1)})))
			}
			return nil
		}, replog.Integer(part.first), replog.Integer(part.upTo))
		if err != nil {
			return err
		}
		for _, h := range here {
			b.seen.add(h)
		}
	}
	return nil
}

// keyWidth is how many of the change table's columns hold the keys.
func keyWidth(tables map[int64]*Table, layout map[int64][]int) int {
	width := 0
	for id, t := range tables {
		for _, k := range t.Key {
			width = max(width, slices.Index(layout[id], k)+1)
		}
	}
	return width
}

// endsStatement tells whether, between two facts, all is told of one row and
// nothing yet of the next one. A mark stays with what follows it, and what is
// recorded of a statement with what comes before it.
func endsStatement(before, next int64) bool {
	return before != opMark && before != opFound && before != opTarget && before != opMore && next != opInserted && next != opStatement
}

func (b *batches) hash(row replog.RowID) uint64 { return maphash.Comparable(b.seed, row) }

// recurs tells whether a row may be in another batch too.
func (b *batches) recurs(row replog.RowID) bool { return b.again != nil && b.again.has(b.hash(row)) }

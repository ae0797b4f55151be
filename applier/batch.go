package applier

import (
	"hash/maphash"

	"replog/replog"
)

// batch is a stretch of the change table that holds whole transactions.
type batch struct {
	first, upTo int64         // ids
	time        replog.Millis // before which nothing in it was recorded
}

// batches divide the change table, and tell which rows are in several of them.
type batches struct {
	list []batch
	seed maphash.Seed
	// seen and again are sets of rows by their hash, so that they may hold one
	// too many.
	seen, again bitset
}

// setBits is the size of the sets: one row in ten is taken for another where
// there are some millions.
const setBits = 1 << 25

type bitset []uint64

func (s bitset) has(h uint64) bool { return s[h%setBits/64]&(1<<(h%64)) != 0 }
func (s bitset) add(h uint64)      { s[h%setBits/64] |= 1 << (h % 64) }

// readBatches cuts the change table at marks into batches of about size facts.
func (r *Replica) readBatches(last replog.Millis, size int) (*batches, error) {
	b := &batches{}
	open := batch{time: last}
	facts := 0
	err := r.Query("SELECT id, op, time FROM main.replog_change ORDER BY id", func(row []replog.Value) error {
		id := row[0].Int64()
		if facts >= size && row[1].Int64() == opMark {
			b.list = append(b.list, open)
			open, facts = batch{time: last}, 0
		}
		if facts++; facts == 1 {
			open.first = id
		}
		open.upTo = id
		last = max(last, replog.Millis(row[2].Int64()))
		return nil
	})
	if err != nil || facts == 0 {
		return b, err
	}
	b.list = append(b.list, open)
	if len(b.list) == 1 {
		return b, nil
	}
	return b, b.findRecurring(r)
}

// findRecurring looks for rows that are in several batches.
func (b *batches) findRecurring(r *Replica) error {
	b.seed, b.seen, b.again = maphash.MakeSeed(), make(bitset, setBits/64), make(bitset, setBits/64)
	for _, part := range b.list {
		records, err := r.readRecords(part.first, part.upTo)
		if err != nil {
			return err
		}
		var here []uint64
		for _, e := range records {
			if e.table == nil {
				continue
			}
			h := b.hash(rowID(e.table, e.table.KeyOf(e.image)))
			if b.seen.has(h) {
				b.again.add(h)
			}
			here = append(here, h)
			if e.op == opAssign {
				h := b.hash(rowID(e.table, []replog.Value{replog.Integer(-1)}))
				b.again.add(h)
			}
		}
		for _, h := range here {
			b.seen.add(h)
		}
	}
	return nil
}

func (b *batches) hash(row replog.RowID) uint64 { return maphash.Comparable(b.seed, row) }

// recurs tells whether a row may be in another batch too.
func (b *batches) recurs(row replog.RowID) bool { return b.again != nil && b.again.has(b.hash(row)) }

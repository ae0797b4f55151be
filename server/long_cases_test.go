package server

import (
	"fmt"

	"replog/replog"
)

// longSchema has 20 items with one part each; parts 21 and up are free.
const longSchema = `
	CREATE TABLE item (id INTEGER PRIMARY KEY, name, n);
	CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item(id), code UNIQUE);
	WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20)
	INSERT INTO item SELECT i, 'item ' || i, 0 FROM c;
	INSERT INTO part SELECT id, id, NULL FROM item;`

// each makes a change for every id from one to another, both included.
func each(from, to int64, make func(id int64) replog.Change) (list []replog.Change) {
	for id := from; id <= to; id++ {
		list = append(list, make(id))
	}
	return list
}

func setBoth(id int64) replog.Change {
	c := rowChange(replog.Update, "item", id)
	c.Columns = []string{"name", "n"}
	c.Old = []replog.Value{replog.Text(fmt.Sprint("item ", id)), replog.Integer(0)}
	c.New = []replog.Value{replog.Text("renamed"), replog.Integer(7)}
	return c
}

func setTo(n int64) func(int64) replog.Change {
	return func(id int64) replog.Change { return setN(id, n) }
}

func putItemOf(n int64) func(int64) replog.Change {
	return func(id int64) replog.Change { return putItem(id, n) }
}

func putPartOf(id int64) replog.Change {
	c := putPart(id, id)
	c.Columns, c.New = append(c.Columns, "code"), append(c.New, replog.Text("code"+fmt.Sprint(id)))
	return c
}

func removeItem(id int64) replog.Change {
	c := rowChange(replog.Delete, "item", id)
	c.Columns = []string{"id", "name", "n"}
	c.Old = []replog.Value{replog.Integer(id), replog.Text(fmt.Sprint("item ", id)), replog.Integer(0)}
	return c
}

// removePart deletes the part of an item.
func removePart(id int64) replog.Change {
	c := rowChange(replog.Delete, "part", id)
	c.Columns, c.Old = []string{"id", "item", "code"}, []replog.Value{replog.Integer(id), replog.Integer(id), {}}
	return c
}

// longCases are what devices do to each other with long transactions: first a
// uploads, at a later time, then b does, who knows nothing of it. What is wanted are
// b's outcomes, "as recorded" among them.
var longCases = []struct {
	name  string
	first func(a *double)
	then  func(b *double)
	want  string
}{
	{"as recorded", nil,
		func(b *double) { b.record(each(30, 60, putItemOf(1))...).Marked = true }, "applied as recorded"},
	{"as recorded, unmarked", nil,
		func(b *double) { b.record(append(each(1, 20, setTo(3)), each(30, 60, putSpare)...)...) }, "applied as recorded"},
	{"on other values", func(a *double) { a.record(each(5, 9, setTo(5))...) },
		func(b *double) { b.record(each(1, 20, setBoth)...) }, "applied"},
	{"on another value of the last row", func(a *double) { a.record(setN(20, 5)) },
		func(b *double) { b.record(each(1, 20, setBoth)...) }, "applied"},
	{"on another value of the first row", func(a *double) { a.record(setN(1, 5)) },
		func(b *double) { b.record(each(1, 20, setBoth)...) }, "applied"},
	{"without effect in part", func(a *double) { a.record(each(30, 40, putItemOf(1))...) },
		func(b *double) { b.record(each(28, 50, putItemOf(1))...) }, "applied"},
	{"without effect at the end", func(a *double) { a.record(each(40, 50, putItemOf(1))...) },
		func(b *double) { b.record(each(30, 50, putItemOf(1))...) }, "applied"},
	{"without any effect", func(a *double) { a.record(each(30, 50, putItemOf(1))...) },
		func(b *double) { b.record(each(30, 50, putItemOf(1))...) }, "applied"},
	{"stale in part", func(a *double) { a.record(each(5, 9, setTo(5))...) },
		func(b *double) { b.record(each(1, 20, setTo(3))...) }, "applied"},
	{"stale", func(a *double) { a.record(each(1, 20, setTo(5))...) },
		func(b *double) { b.record(each(1, 20, setTo(3))...) }, "ignored"},
	{"stale in part, marked", func(a *double) { a.record(each(5, 9, setTo(5))...) },
		func(b *double) { b.record(each(1, 20, setTo(3))...).Marked = true }, "conflict"},
	{"in conflict, marked", func(a *double) { a.record(putItem(45, 5)) },
		func(b *double) { b.record(each(30, 60, putItemOf(1))...).Marked = true }, "conflict"},
	{"divided by a conflict", func(a *double) { a.record(putItem(45, 5)) },
		func(b *double) { b.record(each(30, 60, putItemOf(1))...) }, "applied"},
	{"divided by a conflict, stale and merged elsewhere", func(a *double) { a.record(append(each(5, 9, setTo(5)), putItem(45, 5))...) },
		func(b *double) { b.record(append(each(1, 20, setBoth), each(30, 60, putItemOf(1))...)...) }, "applied"},
	{"divided into groups of several rows", func(a *double) { a.record(putItem(45, 5)) },
		func(b *double) { b.record(append(each(30, 60, putItemOf(1)), each(30, 60, putPartOf)...)...) }, "applied"},
	{"divided, nothing applied", func(a *double) { a.record(each(30, 60, putItemOf(2))...) },
		func(b *double) { b.record(each(30, 60, putItemOf(1))...) }, "conflict"},
	{"rejected by a foreign key, marked", nil,
		func(b *double) { b.record(each(15, 30, putAnother)...).Marked = true }, "rejected"},
	{"divided by a foreign key", nil,
		func(b *double) { b.record(each(15, 30, putAnother)...) }, "applied"},
	{"orphans, marked", nil,
		func(b *double) {
			b.record(append(each(2, 20, removePart), each(1, 20, removeItem)...)...).Marked = true
		}, "rejected"},
	{"orphans, divided", nil,
		func(b *double) { b.record(append(each(2, 20, removePart), each(1, 20, removeItem)...)...) }, "applied"},
	{"a constraint", nil,
		func(b *double) { b.record(append(each(30, 60, putSpare), code(61, "code30"))...) }, "applied"},
	{"rows come back", func(a *double) { a.record(append(each(3, 8, removePart), each(3, 8, removeItem)...)...) },
		func(b *double) { b.clock = 9000; b.record(each(1, 20, setBoth)...) }, "applied"},
	{"of a row twice", nil,
		func(b *double) { b.record(append(each(1, 20, setTo(3)), setN(11, 4))...) }, "rejected"},
	{"of a table that is not there", nil,
		func(b *double) {
			c := removeItem(1)
			c.Table = "nothing"
			b.record(append(each(1, 20, setTo(3)), c)...)
		}, "applied"},
	{"with net changes of its own", nil, func(b *double) {
		x := b.record(append(each(1, 20, setTo(3)), each(1, 10, setTo(4))...)...)
		x.SetNet(append(each(1, 10, setTo(4)), each(11, 20, setTo(3))...))
		for i := range x.Net {
			x.Net[i].Time = b.clock
		}
	}, "applied as recorded"},
	{"building on a long conflict", func(a *double) { a.record(putItem(45, 5)) }, func(b *double) {
		b.record(each(30, 60, putItemOf(1))...).Marked = true
		b.record(append(each(1, 20, setTo(3)), setN(60, 4))...)
		b.record(each(1, 20, setTo(5))...)
		b.record(setN(61, 4))
	}, "conflict, applied, applied, conflict"},
	{"building on a long one that was divided", func(a *double) { a.record(putItem(45, 5)) }, func(b *double) {
		b.record(each(30, 60, putItemOf(1))...)
		b.record(setN(44, 4), setN(46, 4))
		b.record(setN(45, 4))
	}, "applied, applied, held"},
	{"without a long one that was applied", nil, func(b *double) {
		b.record(each(1, 20, setTo(3))...)
		b.record(setN(3, 4)).Without = []replog.Seq{1}
	}, "applied as recorded, held"},
	{"without a long conflict", func(a *double) { a.record(putItem(45, 5)) }, func(b *double) {
		b.record(each(40, 60, putItemOf(1))...).Marked = true
		b.record(each(46, 66, putItemOf(2))...).Without = []replog.Seq{1}
	}, "conflict, applied as recorded"},
}

// putSpare is one more part of item 1.
func putSpare(id int64) replog.Change { return code(id, fmt.Sprint("code", id)) }

// code is a part of item 1.
func code(id int64, code string) replog.Change {
	c := putPart(id, 1)
	c.Columns, c.New = append(c.Columns, "code"), append(c.New, replog.Text(code))
	return c
}

// putAnother is one more part of an item that may not be there.
func putAnother(id int64) replog.Change {
	c := putPart(100+id, id)
	c.Columns, c.New = append(c.Columns, "code"), append(c.New, replog.Value{})
	return c
}

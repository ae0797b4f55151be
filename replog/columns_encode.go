package replog

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// columnKind says how the values of a column are written.
type columnKind byte

const (
	// columnText: the length of all that follows: each value and a line feed.
	columnText columnKind = iota
	// columnFixed: the length of each value; the values.
	columnFixed
	// columnConstant: the length of the value that all are, and that.
	columnConstant
	// columnDelta: the length of all that follows: signed varints, each what a
	// decimal number is more than the one before.
	columnDelta
	// columnSame: the number of a column before this. The line has the value there.
	columnSame
	// columnHex: the length of the shape, and that: 0 for two hex digits, and
	// dashes. Then the bytes of which each value is the hex form.
	columnHex
	// columnFields: the length of the shape, and that: what all values have in
	// common, a zero byte for each run of digits in which they differ. Then a column
	// of each such run, of a kind down to columnDelta.
	columnFields
	// columnNulls: a byte for each value, 0 for null; then the column of the others,
	// of a kind above.
	columnNulls

	// columnQuoted is added where all values are in quotes, which are left out.
	columnQuoted columnKind = 0x10
)

const (
	// longColumn is from how many bytes on a column gets blocks of its own from a
	// compressor: for less a Huffman table does not pay.
	longColumn = 2 << 10
	// sameWithin bounds what columnSame looks at: keys come first in a line.
	sameWithin = 16
)

// columnEncoder writes the bodies of blocks.
type columnEncoder struct {
	block  []byte
	out    []byte
	cuts   []int // where a compressor had better begin a block
	values []span
	fields [maxFields][]span
	split  int // how many fields the block has
	deltas []byte
}

// encode writes a block's body and returns its length.
func (e *columnEncoder) encode(b *blockLines) int {
	e.block, e.out, e.cuts, e.split = b.block, e.out[:0], e.cuts[:0], 0
	e.number(len(b.templates) - 1)
	for _, t := range b.templates[1:] {
		e.bytes(t.key)
	}
	e.number(len(b.lines))
	from := len(e.out)
	for _, l := range b.lines {
		e.out = append(e.out, byte(l.template.id))
	}
	e.end(from)
	for _, t := range b.templates {
		if len(t.rows) == 0 {
			continue
		}
		for i := range t.columns() {
			if !e.same(b.values, t, i) {
				e.gather(b.values, t, i)
				e.column()
			}
		}
	}
	return len(e.out)
}

func (e *columnEncoder) kind(k columnKind) { e.out = append(e.out, byte(k)) }
func (e *columnEncoder) number(n int)      { e.out = binary.AppendUvarint(e.out, uint64(n)) }

// bytes writes b after its length.
func (e *columnEncoder) bytes(b []byte) {
	e.number(len(b))
	e.out = append(e.out, b...)
}

// end ends what began at from. A compressor takes it by itself if it is long.
func (e *columnEncoder) end(from int) {
	if len(e.out)-from < longColumn {
		return
	}
	if n := len(e.cuts); n == 0 || e.cuts[n-1] < from {
		e.cuts = append(e.cuts, from)
	}
	e.cuts = append(e.cuts, len(e.out))
}

// same writes column i as one before it, if it is the same.
func (e *columnEncoder) same(values []span, t *template, i int) bool {
	for j := range min(i, sameWithin) {
		if !slices.ContainsFunc(t.rows, func(row uint32) bool {
			return !bytes.Equal(values[int(row)+i].of(e.block), values[int(row)+j].of(e.block))
		}) {
			e.kind(columnSame)
			e.number(j)
			return true
		}
	}
	return false
}

// gather takes the values of column i.
func (e *columnEncoder) gather(values []span, t *template, i int) {
	e.values = e.values[:0]
	for _, row := range t.rows {
		e.values = append(e.values, values[int(row)+i])
	}
}

// column writes the values that were gathered, one at least.
func (e *columnEncoder) column() {
	if e.constant(e.values) {
		return
	}
	if slices.ContainsFunc(e.values, e.isNull) {
		e.nulls()
		if e.constant(e.values) {
			return
		}
	}
	flag := e.unquote()
	if !e.hex(flag) && !e.digitRuns(flag) {
		e.text(flag, e.values)
	}
}

func (e *columnEncoder) isNull(v span) bool { return string(v.of(e.block)) == "null" }

// nulls writes which values are null, and drops those.
func (e *columnEncoder) nulls() {
	e.kind(columnNulls)
	from := len(e.out)
	for _, v := range e.values {
		present := byte(1)
		if e.isNull(v) {
			present = 0
		}
		e.out = append(e.out, present)
	}
	e.end(from)
	e.values = slices.DeleteFunc(e.values, e.isNull)
}

// unquote takes the quotes off if all values have them.
func (e *columnEncoder) unquote() (flag columnKind) {
	for _, v := range e.values {
		if v.end-v.start < 2 || e.block[v.start] != '"' || e.block[v.end-1] != '"' {
			return 0
		}
	}
	for i := range e.values {
		e.values[i].start++
		e.values[i].end--
	}
	return columnQuoted
}

// constant writes values that are all the same. False where they are not.
func (e *columnEncoder) constant(values []span) bool {
	if !e.allSame(values) {
		return false
	}
	e.kind(columnConstant)
	e.bytes(values[0].of(e.block))
	return true
}

func (e *columnEncoder) allSame(values []span) bool {
	first := values[0].of(e.block)
	return !slices.ContainsFunc(values, func(v span) bool { return !bytes.Equal(v.of(e.block), first) })
}

func (e *columnEncoder) text(flag columnKind, values []span) {
	size, width := len(values), values[0].end-values[0].start
	fixed := true
	for _, v := range values {
		size += int(v.end - v.start)
		fixed = fixed && v.end-v.start == width
	}
	if fixed {
		e.kind(columnFixed | flag)
		e.number(int(width))
	} else {
		e.kind(columnText | flag)
		e.number(size)
	}
	from := len(e.out)
	for _, v := range values {
		if e.out = append(e.out, v.of(e.block)...); !fixed {
			e.out = append(e.out, '\n')
		}
	}
	e.end(from)
}

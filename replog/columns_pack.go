package replog

import (
	"bytes"
	"encoding/binary"
)

const (
	// maxFields bounds the fields of a column.
	maxFields = 16
	// minHex is from how many bytes on a string may be taken for their hex form.
	minHex = 8
)

// nibbles are the values of hex digits, 0xff for other characters.
var nibbles = func() (list [256]byte) {
	for c := range list {
		list[c] = 0xff
	}
	for i, c := range []byte(hexDigits) {
		list[c] = byte(i)
	}
	return list
}()

// hex writes a column of UUIDs, hashes and the like. False where it is another.
func (e *columnEncoder) hex(flag columnKind) bool {
	if flag == 0 {
		return false // a number
	}
	shape := hexShape(e.values[0].of(e.block))
	if shape == nil {
		return false
	}
	begun := len(e.out)
	e.kind(columnHex | flag)
	e.bytes(shape)
	from := len(e.out)
	for _, v := range e.values {
		if !e.pack(shape, v.of(e.block)) {
			e.out = e.out[:begun]
			return false
		}
	}
	e.end(from)
	return true
}

// hexShape has 0 for each two hex digits of a string of such and dashes. It is
// nil for any other.
func hexShape(s []byte) []byte {
	var shape []byte
	packed := 0
	for at := 0; at < len(s); at++ {
		if s[at] == '-' {
			shape = append(shape, '-')
			continue
		}
		if at+1 == len(s) || nibbles[s[at]]|nibbles[s[at+1]] == 0xff {
			return nil
		}
		shape = append(shape, '0')
		packed++
		at++
	}
	if packed < minHex {
		return nil
	}
	return shape
}

// pack writes the bytes of which s is the hex form. False where it has another
// shape.
func (e *columnEncoder) pack(shape, s []byte) bool {
	at := 0
	for _, c := range shape {
		if c == '-' {
			if at >= len(s) || s[at] != '-' {
				return false
			}
			at++
			continue
		}
		if at+1 >= len(s) {
			return false
		}
		high, low := nibbles[s[at]], nibbles[s[at+1]]
		if high|low == 0xff {
			return false
		}
		e.out = append(e.out, high<<4|low)
		at += 2
	}
	return at == len(s)
}

// digitRuns writes a column of values that differ in digits only, such as
// numbers, times, or names with a number. False where it is another.
func (e *columnEncoder) digitRuns(flag columnKind) bool {
	shape, runs := digitShape(e.values[0].of(e.block))
	if runs == 0 || runs > maxFields || e.split+runs > maxColumns {
		return false
	}
	for i := range runs {
		e.fields[i] = e.fields[i][:0]
	}
	for _, v := range e.values {
		if !e.splitRuns(shape, v) {
			return false
		}
	}
	if len(shape) == 1 {
		e.digits(flag, e.fields[0])
		return true
	}
	e.kind(columnFields | flag)
	e.bytes(e.common(shape))
	for _, field := range e.fields[:runs] {
		if !e.allSame(field) {
			e.split++
			e.digits(0, field)
		}
	}
	return true
}

// common is a shape with those digits that all values have.
func (e *columnEncoder) common(shape []byte) []byte {
	var common []byte
	field := 0
	for _, c := range shape {
		if c != 0 {
			common = append(common, c)
			continue
		}
		if values := e.fields[field]; e.allSame(values) {
			common = append(common, values[0].of(e.block)...)
		} else {
			common = append(common, 0)
		}
		field++
	}
	return common
}

// digitShape has a zero byte for each run of digits of a value, and tells how many
// there are: none where the value itself has a zero byte.
func digitShape(value []byte) (shape []byte, runs int) {
	for i, c := range value {
		switch {
		case c == 0:
			return nil, 0
		case !isDigit(c):
			shape = append(shape, c)
		case i == 0 || !isDigit(value[i-1]):
			shape = append(shape, 0)
			runs++
		}
	}
	return shape, runs
}

// splitRuns adds a value's runs of digits to the fields. False where it has
// another shape.
func (e *columnEncoder) splitRuns(shape []byte, v span) bool {
	field := 0
	for _, c := range shape {
		from := v.start
		if c != 0 {
			if v.start == v.end || e.block[v.start] != c {
				return false
			}
			v.start++
			continue
		}
		for v.start < v.end && isDigit(e.block[v.start]) {
			v.start++
		}
		if v.start == from {
			return false
		}
		e.fields[field] = append(e.fields[field], span{from, v.start})
		field++
	}
	return v.start == v.end
}

func (e *columnEncoder) digits(flag columnKind, values []span) {
	if !e.delta(flag, values) {
		e.text(flag, values)
	}
}

// delta writes numbers as differences, if that takes a third of the bytes. False
// where it does not.
func (e *columnEncoder) delta(flag columnKind, values []span) bool {
	e.deltas = e.deltas[:0]
	size, last := 0, int64(0)
	for i, v := range values {
		n, ok := decimal(v.of(e.block))
		if !ok {
			return false
		}
		e.deltas = binary.AppendVarint(e.deltas, n-last)
		last = n
		size += int(v.end-v.start) + 1
		if (i == 16 || i == len(values)-1) && 3*len(e.deltas) > size {
			return false
		}
	}
	e.kind(columnDelta | flag)
	e.bytes(e.deltas)
	e.end(len(e.out) - len(e.deltas))
	return true
}

// decimal reads digits that strconv would write the same.
func decimal(digits []byte) (int64, bool) {
	if len(digits) > 18 || digits[0] == '0' && len(digits) > 1 {
		return 0, false
	}
	n := int64(0)
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// unpack appends the hex form of bytes.
func unpack(out, shape, b []byte) []byte {
	at := 0
	for _, c := range shape {
		if c == '-' {
			out = append(out, '-')
			continue
		}
		out = append(out, hexDigits[b[at]>>4], hexDigits[b[at]&15])
		at++
	}
	return out
}

// packedLength is how many bytes a hex shape stands for.
func packedLength(shape []byte) int { return len(shape) - bytes.Count(shape, []byte{'-'}) }

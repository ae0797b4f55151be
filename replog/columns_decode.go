package replog

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// columnDecoder reads the bodies of blocks. The first error ends the reading.
type columnDecoder struct {
	body      []byte // what is left of it
	err       error
	templates []readTemplate
	columns   int    // with fields, as far as they are read
	values    []span // of a line
}

// readTemplate is a template and its columns.
type readTemplate struct {
	parts   [][]byte
	lines   int
	columns []readColumn
}

// readColumn is a column of which values are taken, one after the other.
type readColumn struct {
	kind   columnKind
	quoted bool
	nulls  []byte // a byte for each value that is left; nil where none is null
	common []byte // the constant, or the shape
	data   []byte // of the values that are left
	number int    // of the column that is the same, or the length of each value
	last   int64  // the number before
	fields []readColumn
}

// decode appends to out the size bytes for which a body stands.
func (d *columnDecoder) decode(out, body []byte, size int, unended bool) ([]byte, error) {
	d.body, d.err, d.columns = body, nil, 0
	d.readTemplates()
	lines := d.take(d.number(maxBlockLines))
	for _, id := range lines {
		if int(id) >= len(d.templates) {
			return out, badColumns("template %d of %d", id, len(d.templates))
		}
		d.templates[id].lines++
	}
	d.readColumns()
	if len(d.body) > 0 {
		d.fail("a body that goes on after its end")
	}
	for i, id := range lines {
		if d.err != nil {
			return out, d.err
		}
		out = d.line(out, &d.templates[id], size)
		if !unended || i < len(lines)-1 {
			out = append(out, '\n')
		}
	}
	if len(out) != size {
		d.fail("a block of another length than it says")
	}
	return out, d.err
}

func (d *columnDecoder) fail(what string) {
	if d.err == nil {
		d.err = badColumns("%s", what)
	}
	d.body = nil
}

// number reads one up to a limit.
func (d *columnDecoder) number(limit int) int {
	n, length := binary.Uvarint(d.body)
	if length <= 0 || n > uint64(limit) {
		d.fail("a number is missing or too big")
		return 0
	}
	d.body = d.body[length:]
	return int(n)
}

// take reads n bytes.
func (d *columnDecoder) take(n int) []byte {
	if n > len(d.body) {
		d.fail("a body that is cut")
		return nil
	}
	b := d.body[:n]
	d.body = d.body[n:]
	return b
}

// bytes reads what comes after its length.
func (d *columnDecoder) bytes() []byte { return d.take(d.number(maxBlock)) }

func (d *columnDecoder) kind() columnKind {
	b := d.take(1)
	if b == nil {
		return 0
	}
	return columnKind(b[0])
}

// counted counts columns, and tells whether there may be so many.
func (d *columnDecoder) counted(n int) bool {
	if d.columns += n; d.columns > 2*maxColumns {
		d.fail("too many columns")
	}
	return d.err == nil
}

func (d *columnDecoder) readTemplates() {
	d.templates = append(d.templates[:0], readTemplate{parts: make([][]byte, 2)})
	for range d.number(maxTemplates - 1) {
		key := d.bytes()
		if !d.counted(bytes.Count(key, []byte{0})) {
			return
		}
		d.templates = append(d.templates, readTemplate{parts: bytes.Split(key, []byte{0})})
	}
}

func (d *columnDecoder) readColumns() {
	for i := range d.templates {
		t := &d.templates[i]
		if t.lines == 0 {
			continue
		}
		t.columns = make([]readColumn, len(t.parts)-1)
		for j := range t.columns {
			t.columns[j] = d.column(t.lines, j)
		}
		if len(d.values) < len(t.columns) {
			d.values = make([]span, len(t.columns))
		}
	}
}

// column reads column i of a template with n lines.
func (d *columnDecoder) column(n, i int) (c readColumn) {
	kind := d.kind()
	var nulls []byte
	if kind == columnNulls {
		nulls = d.take(n)
		n = len(nulls) - bytes.Count(nulls, []byte{0})
		kind = d.kind()
	}
	quoted := kind&columnQuoted != 0
	switch kind &^= columnQuoted; kind {
	case columnSame:
		if c.number = d.number(maxColumns); c.number >= i {
			d.fail("a column that is the same as a later one")
		}
	case columnHex:
		c.common = d.bytes()
		c.data = d.times(n, packedLength(c.common))
	case columnFields:
		c.common = d.bytes()
		if fields := bytes.Count(c.common, []byte{0}); d.counted(fields) {
			c.fields = make([]readColumn, fields)
		}
		for j := range c.fields {
			c.fields[j] = d.field(d.kind(), n)
		}
	default:
		c = d.field(kind, n)
	}
	c.kind, c.quoted, c.nulls = kind, quoted, nulls
	return c
}

// field reads a column of n values of one of the kinds that fields have.
func (d *columnDecoder) field(kind columnKind, n int) readColumn {
	c := readColumn{kind: kind}
	switch kind {
	case columnText, columnDelta:
		c.data = d.bytes()
	case columnFixed:
		c.number = d.number(maxBlock)
		c.data = d.times(n, c.number)
	case columnConstant:
		c.common = d.bytes()
	default:
		d.fail("a column of an unknown kind")
	}
	return c
}

// times reads n values of a length.
func (d *columnDecoder) times(n, length int) []byte {
	if n > 0 && length > maxBlock/n {
		d.fail("a body that is cut")
		return nil
	}
	return d.take(n * length)
}

// line appends a line without its line feed.
func (d *columnDecoder) line(out []byte, t *readTemplate, size int) []byte {
	for i, part := range t.parts {
		if i > 0 {
			from := len(out)
			out = d.value(out, &t.columns[i-1])
			d.values[i-1] = span{uint32(from), uint32(len(out))}
		}
		if out = append(out, part...); len(out) > size {
			d.fail("a block that is longer than it says")
		}
		if d.err != nil {
			break
		}
	}
	return out
}

// value appends the next value of a column.
func (d *columnDecoder) value(out []byte, c *readColumn) []byte {
	if c.nulls != nil {
		present := c.nulls[0]
		if c.nulls = c.nulls[1:]; present == 0 {
			return append(out, "null"...)
		}
	}
	if c.quoted {
		out = append(out, '"')
	}
	switch c.kind {
	case columnText:
		n := bytes.IndexByte(c.data, '\n')
		if n < 0 {
			d.fail("a column with too few values")
			return out
		}
		out = append(out, c.data[:n]...)
		c.data = c.data[n+1:]
	case columnFixed:
		out = append(out, c.data[:c.number]...)
		c.data = c.data[c.number:]
	case columnConstant:
		out = append(out, c.common...)
	case columnDelta:
		step, n := binary.Varint(c.data)
		if n <= 0 {
			d.fail("a column with too few values")
			return out
		}
		c.data = c.data[n:]
		c.last += step
		out = strconv.AppendInt(out, c.last, 10)
	case columnSame:
		out = append(out, d.values[c.number].of(out)...)
	case columnHex:
		out = unpack(out, c.common, c.data)
		c.data = c.data[packedLength(c.common):]
	case columnFields:
		out = d.join(out, c)
	}
	if c.quoted {
		out = append(out, '"')
	}
	return out
}

// join appends the next value of a column of fields.
func (d *columnDecoder) join(out []byte, c *readColumn) []byte {
	field := 0
	for _, b := range c.common {
		if b != 0 {
			out = append(out, b)
			continue
		}
		out = d.value(out, &c.fields[field])
		field++
	}
	return out
}

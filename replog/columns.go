package replog

import (
	"encoding/binary"
	"errors"
	"io"
)

// ColumnCoding is the name, as an HTTP content coding, of what a ColumnWriter
// writes.
const ColumnCoding = "replog-columns"

// ColumnsFrom is from how many bytes on columns make a stream smaller, once it is
// compressed.
const ColumnsFrom = 8 << 10

// ColumnWriter puts what lines have in common apart from their values, and the
// values in columns, so that a compressor sees one kind at a time: keys, then
// names, then times. What is written to it comes back byte by byte, whatever it
// is, but only lines of JSON gain. All numbers in its form are unsigned varints:
//
//	stream    blocks, each of which can be read without the others
//	block     size<<2 | unended<<1 | stored, the size being that of what it gives
//	          back. Where it is stored, that follows; else a body, after its length.
//	          unended: the last line has no line feed
//	body      the number of templates, and each of them after its length; the number
//	          of lines, and for each the number of its template, a byte; the columns,
//	          those of the first template first
//	template  a line without its line feed, a zero byte in the place of each value.
//	          Template 0 is not listed: all of its line is a value
//	column    the values in one place of one template, in order (see columnKind)
//
// Values are JSON strings with their quotes, numbers and nulls.
type ColumnWriter struct {
	w     io.Writer
	block []byte
	lines blockLines
	body  columnEncoder
	err   error
}

// The bits beside a block's size.
const (
	blockStored  = 1
	blockUnended = 2
)

// What a block may have at most, so that it can be read in bounded memory.
const (
	maxBlock      = 512 << 10 // bytes, also of its body
	maxBlockLines = 1 << 16   // unless it is stored
	maxTemplates  = 256       // with template 0
	maxColumns    = 1 << 14   // also, of all columns together, fields
)

var errColumnsClosed = errors.New("the column writer is closed")

// NewColumnWriter writes to w. Where w has a Flush method, it is called between
// columns that are long: a compressor then begins a block.
func NewColumnWriter(w io.Writer) *ColumnWriter { return &ColumnWriter{w: w} }

// Write implements io.Writer.
func (c *ColumnWriter) Write(b []byte) (n int, err error) {
	for n < len(b) && c.err == nil {
		part := b[n:min(len(b), n+maxBlock-len(c.block))]
		c.block = append(c.block, part...)
		n += len(part)
		if len(c.block) == maxBlock {
			c.writeBlock(wholeLines(c.block))
		}
	}
	return n, c.err
}

// wholeLines is the length of the lines that are whole, or of all there is where
// the last one takes half of it.
func wholeLines(b []byte) int {
	for n := len(b); n > len(b)/2; n-- {
		if b[n-1] == '\n' {
			return n
		}
	}
	return len(b)
}

// Flush writes what there is so far, as a block, and flushes what it writes to.
func (c *ColumnWriter) Flush() error {
	c.writeBlock(len(c.block))
	c.flush()
	return c.err
}

// Close writes what is left. It does not close what it writes to.
func (c *ColumnWriter) Close() error {
	c.writeBlock(len(c.block))
	err := c.err
	c.err = errColumnsClosed
	return err
}

// writeBlock writes the first n bytes of what there is.
func (c *ColumnWriter) writeBlock(n int) {
	if n == 0 || c.err != nil {
		return
	}
	b := c.block[:n]
	head := uint64(n) << 2
	if b[n-1] != '\n' {
		head |= blockUnended
	}
	if c.lines.split(b) && c.body.encode(&c.lines) < n {
		c.write(binary.AppendUvarint(binary.AppendUvarint(nil, head), uint64(len(c.body.out))))
		c.writeBody()
	} else {
		c.write(binary.AppendUvarint(nil, head|blockStored))
		c.write(b)
	}
	c.block = append(c.block[:0], c.block[n:]...)
}

func (c *ColumnWriter) writeBody() {
	from := 0
	for _, cut := range c.body.cuts {
		c.write(c.body.out[from:cut])
		c.flush()
		from = cut
	}
	c.write(c.body.out[from:])
}

func (c *ColumnWriter) write(b []byte) {
	if c.err == nil {
		_, c.err = c.w.Write(b)
	}
}

func (c *ColumnWriter) flush() {
	if f, ok := c.w.(interface{ Flush() error }); ok && c.err == nil {
		c.err = f.Flush()
	}
}

package replog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// ColumnReader gives back what was written to a ColumnWriter. Errors are those of
// what it reads from, io.ErrUnexpectedEOF where that ends within a block, or wrap
// ErrForm. It takes memory for one block, whatever comes; how much comes out in
// all is for the caller to bound.
type ColumnReader struct {
	r    *bufio.Reader
	body []byte
	out  []byte
	left []byte // of out
	err  error
	dec  columnDecoder
}

// NewColumnReader reads from r.
func NewColumnReader(r io.Reader) *ColumnReader {
	return &ColumnReader{r: bufio.NewReaderSize(r, 4<<10)}
}

// Read implements io.Reader.
func (c *ColumnReader) Read(b []byte) (int, error) {
	if len(c.left) == 0 && c.err == nil {
		c.err = c.readBlock()
	}
	if len(c.left) == 0 {
		return 0, c.err
	}
	n := copy(b, c.left)
	c.left = c.left[n:]
	return n, nil
}

// readBlock reads what the next block gives back.
func (c *ColumnReader) readBlock() error {
	head, err := c.number()
	if err != nil {
		return err
	}
	size := head >> 2
	if size == 0 || size > maxBlock {
		return badColumns("a block of %d bytes", size)
	}
	if head&blockStored != 0 {
		if c.out, err = c.fill(c.out, size); err == nil {
			c.left = c.out
		}
		return err
	}
	length, err := c.number()
	if err != nil {
		return noEOF(err)
	}
	if length > size {
		return badColumns("a body of %d bytes for a block of %d", length, size)
	}
	if c.body, err = c.fill(c.body, length); err != nil {
		return err
	}
	c.out, err = c.dec.decode(c.out[:0], c.body, int(size), head&blockUnended != 0)
	if err == nil {
		c.left = c.out
	}
	return err
}

// fill reads n bytes, into b if it has room.
func (c *ColumnReader) fill(b []byte, n uint64) ([]byte, error) {
	if uint64(cap(b)) < n {
		b = make([]byte, n)
	}
	b = b[:n]
	_, err := io.ReadFull(c.r, b)
	return b, noEOF(err)
}

// number reads one, io.EOF where there is none.
func (c *ColumnReader) number() (n uint64, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := c.r.ReadByte()
		if err != nil && shift > 0 {
			err = noEOF(err)
		}
		if n |= uint64(b&0x7f) << shift; err != nil || b < 0x80 {
			return n, err
		}
	}
	return 0, badColumns("a number that is too big")
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func badColumns(format string, args ...any) error {
	return fmt.Errorf("%w: columns: %s", ErrForm, fmt.Sprintf(format, args...))
}

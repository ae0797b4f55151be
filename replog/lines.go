package replog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxLine bounds a line of any form, in bytes. A line holds a row at most
// twice, with blobs in base64.
const MaxLine = 256 << 20

// LineReader reads NDJSON, a line at a time.
type LineReader struct {
	r     *bufio.Reader
	long  []byte // holds a line that is longer than r's buffer
	limit int
	line  int
	names names
}

// lineBuffer is enough for most lines, in bytes.
const lineBuffer = 64 << 10

// NewLineReader reads from r.
func NewLineReader(r io.Reader) *LineReader { return newLineReader(r, lineBuffer) }

func newLineReader(r io.Reader, buffer int) *LineReader {
	return &LineReader{r: bufio.NewReaderSize(r, buffer), limit: MaxLine, names: names{}}
}

// next returns the next line with its line feed, valid until the next call.
// io.EOF at the end, io.ErrUnexpectedEOF where the last line is cut.
func (l *LineReader) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if len(l.long)+len(part) > l.limit {
			return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrForm, l.line+1, l.limit)
		}
		switch {
		case err == nil && len(l.long) == 0:
			l.line++
			return part, nil
		case err == nil:
			l.line++
			l.long = append(l.long, part...)
			return l.long, nil
		case errors.Is(err, bufio.ErrBufferFull):
			l.long = append(l.long, part...)
		case errors.Is(err, io.EOF) && len(l.long)+len(part) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// within is next for a place where the input must not end.
func (l *LineReader) within() ([]byte, error) {
	raw, err := l.next()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return raw, err
}

// change reads a line that is a change between before and "}". False if it
// does not begin so.
func (l *LineReader) change(raw []byte, before string) (Change, bool, error) {
	rest, ok := bytes.CutPrefix(raw, []byte(before))
	if !ok {
		return Change{}, false, nil
	}
	p := parser{b: rest, names: l.names}
	c := p.change()
	p.expect("}\n")
	return c, true, l.at(p.done())
}

// decode reads a line into v, which must encode to the same line again.
func (l *LineReader) decode(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		// Not wrapped: where a line ends too early, JSON says io.EOF.
		return l.at(fmt.Errorf("%w: %s", ErrForm, err.Error()))
	}
	if !bytes.Equal(appendLine(nil, v), raw) {
		return l.at(fmt.Errorf("%w: JSON in another form than this package writes", ErrForm))
	}
	return nil
}

// at adds the number of the line that was read last.
func (l *LineReader) at(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("line %d: %w", l.line, err)
}

// appendLine appends v as a line. Encoding the types of this package to memory
// cannot fail.
func appendLine(b []byte, v any) []byte {
	var line bytes.Buffer
	enc := json.NewEncoder(&line)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return append(b, oneForm(line.Bytes())...)
}

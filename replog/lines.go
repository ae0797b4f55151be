package replog

import (
	"bufio"
	"fmt"
	"io"
)

// MaxLine bounds a line of any form, in bytes. SQLite's own bound on a row is
// 1,000,000,000 bytes; base64 makes a third more of a blob, and a line may hold
// a row twice.
const MaxLine = 64 << 20

// LineReader reads NDJSON, a line at a time.
type LineReader struct {
	r    *bufio.Reader
	line int
}

// NewLineReader reads from r.
func NewLineReader(r io.Reader) *LineReader {
	return &LineReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// next returns the next line with its line feed, in memory of its own. io.EOF
// at the end, io.ErrUnexpectedEOF where the last line is cut.
func (l *LineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if len(line)+len(part) > MaxLine {
			return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrForm, l.line+1, MaxLine)
		}
		line = append(line, part...)
		switch {
		case err == nil:
			l.line++
			return line, nil
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

package form

import (
	"errors"
	"io"

	"replog/replog"
)

// formReader reads recorded forms out of the store, one after the other.
type formReader struct {
	s        Source
	revision replog.Revision
	first    string // lines; first is "" when it has been read
	end      string
	blocks   []netBlock // that are not read yet
	// The bodies of statements and of net changes, nil before they are opened.
	statements, net Bodies
	number          int // of the next statement
	due             int // net changes that come next

	pending []byte // of line, what has not been read
	line    []byte
}

// begin makes the form of an entry what is read next.
func (f *formReader) begin(revision replog.Revision, first string, hash replog.Hash, blocks []netBlock) {
	f.revision, f.first, f.end, f.blocks = revision, first, endLine(hash), blocks
	f.number, f.due = 0, 0
}

// Read implements io.Reader.
func (f *formReader) Read(b []byte) (int, error) {
	for len(f.pending) == 0 {
		if err := f.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, f.pending)
	f.pending = f.pending[n:]
	return n, nil
}

// fill reads the next line.
func (f *formReader) fill() error {
	f.line = f.line[:0]
	err := f.next()
	f.pending = f.line
	return err
}

func (f *formReader) next() error {
	switch {
	case f.first != "":
		f.line = append(f.line, f.first...)
		f.first = ""
		return nil
	case f.due > 0:
		f.due--
		return f.netLine()
	case len(f.blocks) > 0 && f.number > f.blocks[0].last:
		f.due = f.blocks[0].net
		f.blocks = f.blocks[1:]
		if f.due == 0 {
			f.line = append(f.line, noNetLine...)
		}
		return nil
	case f.end == "":
		return io.EOF
	}
	return f.statementLine()
}

// statementLine reads a statement, or the last line where there is none.
func (f *formReader) statementLine() error {
	body, err := f.body(&f.statements, Statements)
	switch {
	case errors.Is(err, io.EOF):
		f.line = append(f.line, f.end...)
		f.end = ""
		return nil
	case err != nil:
		return err
	case IsIntent(body):
		f.wrap(beforeIntent, body)
	default:
		f.wrap(beforeStatement, body)
	}
	f.number++
	return nil
}

// netLine fails with io.EOF where one is missing.
func (f *formReader) netLine() error {
	body, err := f.body(&f.net, Nets)
	f.wrap(beforeNet, body)
	return err
}

func (f *formReader) wrap(before string, body []byte) {
	f.line = append(append(append(f.line, before...), body...), afterBody...)
}

// body reads the next body of a list, which it opens first. io.EOF after the last.
func (f *formReader) body(bodies *Bodies, list List) (body []byte, err error) {
	if *bodies == nil {
		if *bodies, err = f.s.Bodies(list, f.revision); err != nil {
			return nil, err
		}
	}
	return (*bodies).Next()
}

// close forgets what is left of a form.
func (f *formReader) close() {
	for _, bodies := range []*Bodies{&f.statements, &f.net} {
		if *bodies != nil {
			(*bodies).Close()
			*bodies = nil
		}
	}
	f.first, f.end, f.blocks, f.pending, f.due = "", "", nil, nil, 0
}

package replog

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
)

// FormWriter makes a recorded form a line at a time, in the order of its
// methods; what they return lasts until the next call. NoNet takes the place of
// Net where the statements cancel out. Without Begin there is no hash.
type FormWriter struct {
	digest hash.Hash
	line   []byte
}

// Begin gives the first line.
func (w *FormWriter) Begin(t *Transaction) []byte {
	w.digest = sha256.New()
	return w.write(appendLine(w.line[:0], beginLine{Begin: t}))
}

// Statement and Net give the line of a statement and of a net change, of which
// AppendJSON gave the body.
func (w *FormWriter) Statement(body []byte) []byte { return w.change(statementStart, body) }

// Net: see Statement.
func (w *FormWriter) Net(body []byte) []byte { return w.change(netStart, body) }

// Line gives a line as it was made before, such as that of an intent.
func (w *FormWriter) Line(line []byte) []byte { return w.write(append(w.line[:0], line...)) }

func (w *FormWriter) change(start string, body []byte) []byte {
	w.line = append(append(append(w.line[:0], start...), body...), '}', '\n')
	return w.write(w.line)
}

// NoNet gives the line that says that there are no net changes.
func (w *FormWriter) NoNet() []byte { return w.write(append(w.line[:0], noNetLine...)) }

// End gives the last line, and the hash.
func (w *FormWriter) End() ([]byte, Hash) {
	var end endLine
	end.End.Hash = Hash(hex.EncodeToString(w.digest.Sum(nil)))
	w.line = appendLine(w.line[:0], end)
	return w.line, end.End.Hash
}

func (w *FormWriter) write(line []byte) []byte {
	w.line = line
	if w.digest != nil {
		w.digest.Write(line)
	}
	return line
}

// EachBody gives the bodies of the lines that EncodeChanges made of a transaction
// without intents: of the statements, then of the net changes, or nil where it says
// that there are none.
func EachBody(lines []byte, statement, net func(body []byte) error) error {
	for line := range bytes.Lines(lines) {
		var err error
		if body, ok := bytes.CutPrefix(line, []byte(statementStart)); ok {
			err = statement(bytes.TrimSuffix(body, []byte("}\n")))
		} else if body, ok := bytes.CutPrefix(line, []byte(netStart)); ok {
			err = net(bytes.TrimSuffix(body, []byte("}\n")))
		} else {
			err = net(nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Begun reads the first line of a recorded form: the transaction without its
// lists.
func Begun(line []byte) (*Transaction, error) {
	var begin beginLine
	if err := newLineReader(nil, 0).decode(line, &begin); err != nil {
		return nil, err
	}
	if begin.Begin == nil {
		return nil, fmt.Errorf("%w: no transaction begins", ErrForm)
	}
	return begin.Begin, nil
}

// ChangeParser is ParseChange for many changes, which share their names.
type ChangeParser struct{ names names }

// Parse reads what AppendJSON wrote. Errors wrap ErrForm.
func (p *ChangeParser) Parse(b []byte) (Change, error) {
	if p.names == nil {
		p.names = names{}
	}
	parser := parser{b: b, names: p.names}
	c := parser.change()
	return c, parser.done()
}

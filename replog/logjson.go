package replog

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
)

// WriteLine writes the JSON of Line and a line feed, a statement at a time.
func (e *Entry) WriteLine(w io.Writer) error {
	p := newPieces(w)
	p.text(strings.TrimSuffix(p.render(e.lineWithout()), "]}"))
	first := true
	err := e.eachStatement(func(_ *Statement, line *LogStatement) error {
		p.item(&first, line)
		return p.err
	})
	p.text("]}\n")
	return p.failed(err)
}

// WriteDetail writes the JSON of Detail and a line feed, a change at a time.
func (e *Entry) WriteDetail(w io.Writer) error {
	d := e.detailWithout()
	d.Statements = []StatementDetail{}
	p := newPieces(w)
	head := p.render(&d)
	p.text(head[:strings.LastIndex(head, `],"net":null`)])
	first := true
	err := e.eachStatement(func(s *Statement, line *LogStatement) error {
		d := detailOf(s, line)
		p.item(&first, &d)
		return p.err
	})
	p.text(`],"net":`)
	net, failed := e.Transaction.DistinctNet()
	if err == nil {
		err = failed
	}
	err = p.changes(err, net)
	p.text(`,"as_recorded":` + p.render(d.AsRecorded) + `,"changes":`)
	var made Changes
	if e.Changes != nil || e.LongChanges != nil {
		made = e.Made()
	}
	err = p.changes(err, made)
	p.text("}\n")
	return p.failed(err)
}

// pieces writes JSON piece by piece. It remembers the first error of its writer.
type pieces struct {
	w   io.Writer
	buf bytes.Buffer
	enc *json.Encoder
	err error
}

func newPieces(w io.Writer) *pieces {
	p := &pieces{w: w}
	p.enc = json.NewEncoder(&p.buf)
	p.enc.SetEscapeHTML(false)
	return p
}

// render returns the JSON of a value.
func (p *pieces) render(v any) string {
	p.buf.Reset()
	if err := p.enc.Encode(v); p.err == nil {
		p.err = err
	}
	return strings.TrimSuffix(p.buf.String(), "\n")
}

func (p *pieces) text(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// item writes an element of a list.
func (p *pieces) item(first *bool, v any) {
	if !*first {
		p.text(",")
	}
	*first = false
	p.text(p.render(v))
}

// changes writes a list, null for nil, unless there was an error before.
func (p *pieces) changes(before error, l Changes) error {
	if l == nil || before != nil {
		p.text("null")
		return before
	}
	p.text("[")
	first := true
	err := EachChange(l, func(_ int, c *Change) error {
		p.item(&first, c)
		return p.err
	})
	p.text("]")
	return err
}

func (p *pieces) failed(err error) error {
	if p.err != nil {
		return p.err
	}
	return err
}

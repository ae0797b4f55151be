package replog

import "bytes"

// span is a part of a block.
type span struct{ start, end uint32 }

func (s span) of(b []byte) []byte { return b[s.start:s.end] }

// template is what some lines of a block have in common.
type template struct {
	key   []byte   // the line, with a zero byte for each value; nil for whole lines
	parts [][]byte // what is around the values, one more than there are
	rows  []uint32 // where each line's values begin in blockLines.values
	id    int      // 0 where the lines are taken whole
	next  *template
}

// columns is how many values a line has.
func (t *template) columns() int { return len(t.parts) - 1 }

// blockLine is a line without its line feed.
type blockLine struct {
	span
	template *template
}

// blockLines are the lines of a block, taken apart.
type blockLines struct {
	block     []byte
	lines     []blockLine
	values    []span
	templates []*template // in order of id
	known     map[string]*template
	key       []byte
}

// split takes a block apart. False where it has too many lines.
func (b *blockLines) split(block []byte) bool {
	whole := &template{parts: make([][]byte, 2)}
	b.block, b.lines, b.values = block, b.lines[:0], b.values[:0]
	b.templates, b.known = append(b.templates[:0], whole), map[string]*template{}
	last := whole
	for at := 0; at < len(block); {
		if len(b.lines) == maxBlockLines {
			return false
		}
		end := len(block)
		if n := bytes.IndexByte(block[at:], '\n'); n >= 0 {
			end = at + n
		}
		line := span{uint32(at), uint32(end)}
		row := uint32(len(b.values))
		t := b.template(line, last)
		t.rows = append(t.rows, row)
		b.lines = append(b.lines, blockLine{line, t})
		last.next, last = t, t
		at = end + 1
	}
	b.keep()
	return true
}

// template finds a line's template and lists its values. Most lines are like the
// one before, or follow it as another did.
func (b *blockLines) template(line span, last *template) *template {
	if b.match(last, line) {
		return last
	}
	if last.next != nil && b.match(last.next, line) {
		return last.next
	}
	row := len(b.values)
	if b.tokens(line) {
		t := b.known[string(b.key)]
		if t == nil && len(b.templates) < 4*maxTemplates { // some of them are not kept
			key := bytes.Clone(b.key)
			t = &template{key: key, parts: bytes.Split(key, []byte{0})}
			b.known[string(key)] = t
			b.templates = append(b.templates, t)
		}
		if t != nil {
			return t
		}
	}
	b.values = b.values[:row]
	return b.templates[0]
}

// match lists the values of a line of a template. False where it is another's.
func (b *blockLines) match(t *template, of span) bool {
	if t.key == nil {
		return false
	}
	row := len(b.values)
	line, at := of.of(b.block), 0
	for i, part := range t.parts {
		if i > 0 {
			n := scalar(line[at:])
			if n == 0 {
				break
			}
			b.values = append(b.values, span{of.start + uint32(at), of.start + uint32(at+n)})
			at += n
		}
		if !bytes.HasPrefix(line[at:], part) {
			break
		}
		if at += len(part); i == t.columns() && at == len(line) {
			return true
		}
	}
	b.values = b.values[:row]
	return false
}

// tokens makes the key of a line's template and lists its values. False where it
// can have none.
func (b *blockLines) tokens(of span) bool {
	b.key = b.key[:0]
	row := len(b.values)
	line := of.of(b.block)
	for at := 0; at < len(line); {
		n := scalar(line[at:])
		switch {
		case n == 0 && (line[at] == 0 || line[at] == '"'):
			return false
		case n == 0:
			n = 1
			b.key = append(b.key, line[at])
		case at+n < len(line) && line[at+n] == ':':
			n += 1 + nameLength(line[at:at+n], line[at+n+1:])
			b.key = append(b.key, line[at:at+n]...)
		default:
			b.key = append(b.key, 0)
			b.values = append(b.values, span{of.start + uint32(at), of.start + uint32(at+n)})
		}
		at += n
	}
	return len(b.values)-row < maxColumns && bytes.Count(b.key, []byte{0}) == len(b.values)-row
}

// nameLength is the length of what a field holds that belongs to the template:
// it says of which table the values are; else 0.
func nameLength(field, b []byte) int {
	switch string(field) {
	case `"table"`, `"op"`:
		return scalar(b)
	case `"columns"`, `"key_columns"`:
		return bytes.IndexByte(b, ']') + 1
	}
	return 0
}

// scalar is the length of the JSON string, number or null at the beginning, 0
// where there is none. It takes more than JSON for such, too.
func scalar(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch c := b[0]; {
	case c == '"':
		return quoted(b)
	case c == '-' || isDigit(c):
		n := 1
		for n < len(b) && inNumber[b[n]] {
			n++
		}
		return n
	case c == 'n' && bytes.HasPrefix(b, []byte("null")):
		return len("null")
	}
	return 0
}

var inNumber = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'.': true, '-': true, '+': true, 'e': true, 'E': true,
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// quoted is the length of a string that begins with a quote, 0 where it has no end.
func quoted(b []byte) int {
	for at := 1; ; at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return 0
		}
		at += n
		escapes := 0
		for b[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
}

// keep gives ids to the templates of several lines. The lines of the others are
// taken whole.
func (b *blockLines) keep() {
	kept, columns := b.templates[:1], 1
	for _, t := range b.templates[1:] {
		if len(t.rows) > 1 && len(kept) < maxTemplates && columns+t.columns() <= maxColumns {
			t.id = len(kept)
			kept = append(kept, t)
			columns += t.columns()
		}
	}
	b.templates = kept
	whole := kept[0]
	whole.rows = whole.rows[:0]
	for _, l := range b.lines {
		if l.template.id == 0 {
			whole.rows = append(whole.rows, uint32(len(b.values)))
			b.values = append(b.values, l.span)
		}
	}
}

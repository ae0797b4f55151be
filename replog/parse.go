package replog

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// parser reads the forms that the append functions of this package write, and
// nothing else: one order of fields, no white space, one spelling of each
// value. What it accepts is therefore encoded back to the same bytes. It
// remembers its first failure, after which its methods do nothing.
type parser struct {
	b     []byte // what is left
	names names
	err   error
}

func (p *parser) fail(what string) {
	if p.err == nil {
		p.err = fmt.Errorf("%w: %s at %.40q", ErrForm, what, p.b)
	}
}

// literal reads s if it comes next.
func (p *parser) literal(s string) bool {
	if p.err != nil || len(p.b) < len(s) || string(p.b[:len(s)]) != s {
		return false
	}
	p.b = p.b[len(s):]
	return true
}

func (p *parser) expect(s string) {
	if !p.literal(s) {
		p.fail("no " + s)
	}
}

// list reads a JSON array of at least one element.
func (p *parser) list(element func()) {
	p.expect("[")
	for p.err == nil {
		element()
		if p.literal("]") {
			return
		}
		p.expect(",")
	}
}

func (p *parser) integer() int64 {
	n := 0
	for n < len(p.b) && (p.b[n] == '-' || '0' <= p.b[n] && p.b[n] <= '9') {
		n++
	}
	i, err := strconv.ParseInt(string(p.b[:n]), 10, 64)
	var room [20]byte
	if err != nil || !bytes.Equal(strconv.AppendInt(room[:0], i, 10), p.b[:n]) {
		p.fail("no integer")
		return 0
	}
	p.b = p.b[n:]
	return i
}

// name reads a string of which many will be the same.
func (p *parser) name() string {
	raw, plain := p.text()
	if p.err != nil {
		return ""
	}
	if plain {
		return p.names.of(raw)
	}
	return p.unescape(raw)
}

// string reads a string.
func (p *parser) string() string {
	raw, plain := p.text()
	switch {
	case p.err != nil:
		return ""
	case plain:
		return string(raw)
	}
	return p.unescape(raw)
}

// text reads a string and returns what is between its quotation marks, and
// whether that is the string itself.
func (p *parser) text() (raw []byte, plain bool) {
	p.expect(`"`)
	if p.err != nil {
		return nil, false
	}
	plain, ascii := true, true
	for i := 0; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '"':
			raw = p.b[:i]
			if !ascii {
				plain = plain && isPlain(raw)
			}
			p.b = p.b[i+1:]
			return raw, plain
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			p.fail("control character")
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	p.fail("unfinished string")
	return nil, false
}

func isPlain(raw []byte) bool {
	return utf8.Valid(raw) && !bytes.Contains(raw, []byte("\u2028")) && !bytes.Contains(raw, []byte("\u2029"))
}

// unescape reads what is between the quotation marks of a string that holds
// escapes, or ought to.
func (p *parser) unescape(raw []byte) string {
	quoted := make([]byte, 0, len(raw)+2)
	quoted = append(append(append(quoted, '"'), raw...), '"')
	var s string
	if json.Unmarshal(quoted, &s) != nil || !bytes.Equal(appendString(nil, s), quoted) {
		p.fail("string in another form than this package writes")
	}
	return s
}

// value reads a Value.
func (p *parser) value() Value {
	switch {
	case p.err != nil || len(p.b) == 0:
		p.fail("no value")
	case p.b[0] == '"':
		return Text(p.string())
	case p.b[0] == '{':
		return p.boxed()
	case p.literal("null"):
	default:
		return p.number()
	}
	return Value{}
}

func (p *parser) number() Value {
	n, isReal := 0, false
	for ; n < len(p.b); n++ {
		c := p.b[n]
		if c == '.' || c == 'e' || c == '+' {
			isReal = true
		} else if c != '-' && (c < '0' || c > '9') {
			break
		}
	}
	if !isReal {
		return Integer(p.integer())
	}
	f, err := strconv.ParseFloat(string(p.b[:n]), 64)
	var room [32]byte
	if err != nil || !bytes.Equal(appendReal(room[:0], f), p.b[:n]) {
		p.fail("no number")
		return Value{}
	}
	p.b = p.b[n:]
	return Real(f)
}

// boxed reads the values that are JSON objects.
func (p *parser) boxed() Value {
	switch {
	case p.literal(`{"real":"+inf"}`):
		return Real(math.Inf(1))
	case p.literal(`{"real":"-inf"}`):
		return Real(math.Inf(-1))
	case p.literal(`{"blob":"`):
		return Value{kind: KindBlob, str: string(p.base64())}
	case p.literal(`{"text":"`):
		s := p.base64()
		if utf8.Valid(s) {
			p.fail("UTF-8 text in base64")
		}
		return Text(string(s))
	}
	p.fail("no value")
	return Value{}
}

// base64 reads up to the end of a boxed value.
func (p *parser) base64() []byte {
	end := bytes.IndexByte(p.b, '"')
	if end < 0 || bytes.IndexByte(p.b[:end], '\n') >= 0 || bytes.IndexByte(p.b[:end], '\r') >= 0 {
		p.fail("no base64")
		return nil
	}
	data, err := base64.StdEncoding.Strict().AppendDecode(nil, p.b[:end])
	if err != nil {
		p.fail("no base64")
		return nil
	}
	p.b = p.b[end:]
	p.expect(`"}`)
	return data
}

// done says whether everything was read and well formed.
func (p *parser) done() error {
	if p.err == nil && len(p.b) > 0 {
		p.fail("something follows")
	}
	return p.err
}

// maxNames bounds the names that are kept.
const maxNames = 4096

// names keeps the strings of a stream that repeat: tables and columns.
type names map[string]string

func (n names) of(raw []byte) string {
	if s, ok := n[string(raw)]; ok {
		return s
	}
	s := string(raw)
	if n != nil && len(n) < maxNames {
		n[s] = s
	}
	return s
}

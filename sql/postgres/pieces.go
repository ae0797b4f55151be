package postgres

import "bytes"

// pieces are the parts of a body, as they are in it. One after the other, with what
// names them, they are the body again (see bodyOf in queries.go).
type pieces struct {
	// start and middle are what many bodies share; middle is nil for an intent.
	start, middle []byte
	// key, old and new are JSON arrays, nil where the body has none; new of an intent
	// has its arguments.
	key, old, new []byte
	time          []byte
	more          []byte // between the time and the last brace
}

// split divides a body as replog's AppendJSON writes it. False where it is otherwise.
func split(body []byte) (p pieces, ok bool) {
	s := scanner{b: body}
	if s.take(`{"sql":`) {
		s.text()
		if s.take(`,"schema":`) {
			s.text()
		}
		s.take(`,"legacy":true`)
		p.start = body[:s.at]
		if s.take(`,"args":`) {
			p.new = s.array()
		}
	} else {
		s.need(`{"table":`)
		s.text()
		s.need(`,"op":`)
		s.text()
		s.need(`,"key":`)
		p.start = body[:s.at]
		p.key = s.array()
		from := s.at
		s.need(`,"key_columns":`)
		s.array()
		if s.take(`,"columns":`) {
			s.array()
		}
		p.middle = body[from:s.at]
		if s.take(`,"old":`) {
			p.old = s.array()
		}
		if s.take(`,"new":`) {
			p.new = s.array()
		}
	}
	s.need(`,"time":`)
	p.time = s.number()
	if s.failed || len(s.rest()) == 0 || body[len(body)-1] != '}' {
		return pieces{}, false
	}
	p.more = body[s.at : len(body)-1]
	return p, true
}

// scanner passes over JSON without white space.
type scanner struct {
	b      []byte
	at     int
	failed bool
}

func (s *scanner) rest() []byte { return s.b[s.at:] }

// take passes over a text if it comes next.
func (s *scanner) take(text string) bool {
	if s.failed || !bytes.HasPrefix(s.rest(), []byte(text)) {
		return false
	}
	s.at += len(text)
	return true
}

func (s *scanner) need(text string) { s.failed = !s.take(text) || s.failed }

// text passes over a string.
func (s *scanner) text() {
	s.need(`"`)
	for !s.failed && s.at < len(s.b) {
		c := s.b[s.at]
		s.at++
		switch {
		case c == '"':
			return
		case c == '\\' && s.at < len(s.b):
			s.at++
		}
	}
	s.failed = true
}

// array passes over an array, and returns it.
func (s *scanner) array() []byte {
	from, depth := s.at, 0
	for !s.failed {
		if s.at >= len(s.b) {
			s.failed = true
			break
		}
		switch s.b[s.at] {
		case '"':
			s.text()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		s.at++
		if depth <= 0 {
			s.failed = s.b[from] != '['
			return s.b[from:s.at]
		}
	}
	return nil
}

// number passes over an integer, and returns it.
func (s *scanner) number() []byte {
	from := s.at
	for s.at < len(s.b) && (s.b[s.at] == '-' || '0' <= s.b[s.at] && s.b[s.at] <= '9') {
		s.at++
	}
	s.failed = s.failed || s.at == from
	return s.b[from:s.at]
}

// join puts a body together again.
func (p *pieces) join(b []byte) []byte {
	b = append(append(append(b, p.start...), p.key...), p.middle...)
	if p.old != nil {
		b = append(append(b, `,"old":`...), p.old...)
	}
	if p.new != nil {
		name := `,"new":`
		if p.middle == nil {
			name = `,"args":`
		}
		b = append(append(b, name...), p.new...)
	}
	b = append(append(b, `,"time":`...), p.time...)
	return append(append(b, p.more...), '}')
}

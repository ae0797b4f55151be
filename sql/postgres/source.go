package postgres

import (
	"database/sql"
	"io"
	"strconv"

	"replog/replog"
	"replog/sql/internal/form"
)

// querier runs queries in a transaction, one after the other: a connection can have
// one open only.
type querier interface {
	query(query string, args ...any) (*sql.Rows, error)
	// note takes an error of what query gave, and returns what is to be said of it.
	note(err error) error
}

// source reads bodies in a transaction. It implements form.Source. Those of the small
// entries of a group are read together; longer lists a page at a time, so that several
// can be open.
type source struct {
	q   querier
	log *Log
	// group are entries whose bodies fit in memory, and lists what was read of them.
	group []*entryRow
	wants func(form.List, *entryRow) bool
	lists map[form.List]*packed
}

var bodyQueries = map[form.List]string{form.Statements: selectStatements, form.Nets: selectNets, form.Made: selectMade}

// gather makes entries the group, of whose lists those are read that wants says, once
// one of them is asked for.
func (s *source) gather(group []*entryRow, wants func(form.List, *entryRow) bool) {
	s.group, s.wants, s.lists = group, wants, map[form.List]*packed{}
}

// Bodies implements form.Source.
func (s *source) Bodies(list form.List, r replog.Revision) (form.Bodies, error) {
	if len(s.group) == 0 {
		return &paged{s: s, list: list, revision: r}, nil
	}
	read := s.lists[list]
	if read == nil {
		var err error
		if read, err = s.read(list); err != nil {
			return nil, err
		}
		s.lists[list] = read
	}
	at, ok := read.of[r]
	if !ok {
		return &paged{s: s, list: list, revision: r}, nil
	}
	return &packedBodies{packed: read, next: at.first, end: at.end}, nil
}

// Schema implements form.Source.
func (s *source) Schema(r replog.Revision) (v replog.SchemaVersion, err error) {
	rows, err := s.q.query(selectSchemaOf, s.log.n, int64(r))
	if err != nil {
		return v, err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := s.q.note(rows.Err()); err != nil {
			return v, err
		}
		return v, sql.ErrNoRows
	}
	return scanSchema(rows.Scan)
}

// packed are bodies of several entries, in one piece of memory.
type packed struct {
	bytes []byte
	ends  []int // of each body
	of    map[replog.Revision]stretch
}

// stretch are the bodies of one entry, by number.
type stretch struct{ first, end int }

func (p *packed) add(body []byte) {
	p.bytes = append(p.bytes, body...)
	p.ends = append(p.ends, len(p.bytes))
}

func (p *packed) at(i int) []byte {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.bytes[from:p.ends[i]:p.ends[i]]
}

// read reads a list of the entries of the group.
func (s *source) read(list form.List) (*packed, error) {
	p := &packed{of: map[replog.Revision]stretch{}}
	revisions := []byte{'{'}
	for _, e := range s.group {
		if s.wants != nil && !s.wants(list, e) {
			continue
		}
		if len(p.of) > 0 {
			revisions = append(revisions, ',')
		}
		revisions = strconv.AppendInt(revisions, int64(e.Revision), 10)
		p.of[e.Revision] = stretch{}
	}
	if len(p.of) == 0 {
		return p, nil
	}
	rows, err := s.q.query(s.log.text(bodyQueries[list]+ofSome), string(revisions)+"}")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r replog.Revision
		var n int64
		var body sql.RawBytes
		if err := rows.Scan(&r, &n, &body); err != nil {
			return nil, err
		}
		at := p.of[r]
		if at == (stretch{}) {
			at.first = len(p.ends)
		}
		p.add(body)
		at.end = len(p.ends)
		p.of[r] = at
	}
	return p, s.q.note(rows.Err())
}

// packedBodies gives bodies of one entry. It implements form.Bodies.
type packedBodies struct {
	packed    *packed
	next, end int
}

// Next implements form.Bodies.
func (b *packedBodies) Next() ([]byte, error) {
	if b.next == b.end {
		return nil, io.EOF
	}
	b.next++
	return b.packed.at(b.next - 1), nil
}

// Close implements form.Bodies.
func (b *packedBodies) Close() error { return nil }

// paged gives bodies of one entry, which it reads a page at a time. It implements
// form.Bodies.
type paged struct {
	s        *source
	list     form.List
	revision replog.Revision
	from     int64 // the number of the next body that is not read
	limit    int
	whole    bool // there is no other page
	page     packed
	next     int
}

// A page of bodies has about pageBytes, and not more bodies than pageMost.
const (
	pageFirst = 64
	pageBytes = 1 << 20
	pageMost  = 10_000
)

// Next implements form.Bodies.
func (b *paged) Next() ([]byte, error) {
	for b.next == len(b.page.ends) {
		if b.whole {
			return nil, io.EOF
		}
		if err := b.read(); err != nil {
			return nil, err
		}
	}
	b.next++
	return b.page.at(b.next - 1), nil
}

func (b *paged) read() error {
	b.limit = nextLimit(b.limit, len(b.page.ends), len(b.page.bytes))
	b.page.bytes, b.page.ends, b.next = b.page.bytes[:0], b.page.ends[:0], 0
	rows, err := b.s.q.query(b.s.log.text(bodyQueries[b.list]+ofPage), int64(b.revision), b.from, int64(b.limit))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r, n int64
		var body sql.RawBytes
		if err := rows.Scan(&r, &n, &body); err != nil {
			return err
		}
		b.page.add(body)
		b.from = n + 1
	}
	b.whole = len(b.page.ends) < b.limit
	return b.s.q.note(rows.Err())
}

// nextLimit is how many rows the next page has, after one of so many rows and bytes.
func nextLimit(limit, rows, bytes int) int {
	if limit == 0 {
		return pageFirst
	}
	fit := int(int64(rows) * pageBytes / int64(max(bytes, 1)))
	return max(1, min(fit, 4*limit, pageMost))
}

// Close implements form.Bodies.
func (b *paged) Close() error {
	b.whole, b.page = true, packed{}
	b.next = 0
	return nil
}

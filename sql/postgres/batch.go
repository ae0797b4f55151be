package postgres

import (
	"strconv"
	"strings"
)

// batch gathers rows for one table, column by column, in the form of PostgreSQL's array
// literals: one statement takes all of them.
type batch struct {
	table   string // with the columns to insert into
	types   []string
	suffix  string // after the rows, such as ON CONFLICT …
	columns [][]byte
	count   int
	at      int // of the column that comes next
}

func newBatch(table, columns, types, suffix string) *batch {
	b := &batch{table: table + " (database, " + columns + ")", types: strings.Fields(types), suffix: suffix}
	b.columns = make([][]byte, len(b.types))
	return b
}

// next begins the next value of the row.
func (b *batch) next() *[]byte {
	c := &b.columns[b.at]
	if b.at++; b.at == len(b.columns) {
		b.at = 0
		b.count++
	}
	if len(*c) == 0 {
		*c = append(*c, '{')
	} else {
		*c = append(*c, ',')
	}
	return c
}

func (b *batch) null() *batch {
	c := b.next()
	*c = append(*c, "NULL"...)
	return b
}

func (b *batch) int(v int64) *batch {
	c := b.next()
	*c = strconv.AppendInt(*c, v, 10)
	return b
}

func (b *batch) bool(v bool) *batch {
	c := b.next()
	*c = strconv.AppendBool(*c, v)
	return b
}

// bare adds what needs no quotes: a number, or a hash.
func (b *batch) bare(v []byte) *batch {
	c := b.next()
	*c = append(*c, v...)
	return b
}

func (b *batch) hash(v hashed) *batch {
	c := b.next()
	*c = append(*c, v...)
	return b
}

// json adds text that PostgreSQL can hold; nil is NULL.
func (b *batch) json(v []byte) *batch {
	if v == nil {
		return b.null()
	}
	c := b.next()
	*c = quoted(*c, v)
	return b
}

// text adds any text.
func (b *batch) text(v string) *batch {
	c := b.next()
	*c = quoted(*c, escaped(v))
	return b
}

// any adds an int, a text that PostgreSQL can hold, or nil.
func (b *batch) any(v any) *batch {
	switch v := v.(type) {
	case int:
		return b.int(int64(v))
	case string:
		return b.json([]byte(v))
	}
	return b.null()
}

func quoted[T string | []byte](b []byte, v T) []byte {
	b = append(b, '"')
	plain := 0
	for i := range len(v) {
		if c := v[i]; c == '"' || c == '\\' {
			b = append(append(b, v[plain:i]...), '\\')
			plain = i
		}
	}
	return append(append(b, v[plain:]...), '"')
}

// insert appends the statement that inserts the rows, and its arguments.
func (b *batch) insert(s *strings.Builder, args []any) []any {
	s.WriteString("INSERT INTO " + b.table + " SELECT {n}, * FROM unnest(")
	for i, t := range b.types {
		if i > 0 {
			s.WriteString(", ")
		}
		args = append(args, string(b.columns[i])+"}")
		s.WriteString("$" + strconv.Itoa(len(args)) + "::" + t + "[]")
		b.columns[i] = b.columns[i][:0]
		if cap(b.columns[i]) > keptColumn {
			b.columns[i] = nil
		}
	}
	s.WriteString(")" + b.suffix)
	b.count = 0
	return args
}

// keptColumn is how much room of a column is used again, in bytes.
const keptColumn = 1 << 20

// batches are the rows that a transaction has not sent yet.
type batches struct {
	entries, received, texts, names, statements, nets, effects, changed, tables, rows *batch

	bytes int // of the largest rows, about
}

const bodyColumns = "revision, n, text, time, key, old, new, more, body"
const bodyTypes = "bigint bigint uuid bigint text text text text text"

func newBatches() *batches {
	const ignore = " ON CONFLICT DO NOTHING" // another process may have stored the same
	return &batches{
		entries:  newBatch("replog.entry_{n}", entryColumns, entryTypes, ""),
		received: newBatch("replog.received", "device, seq, revision", "text bigint bigint", ""),
		texts: newBatch("replog.statement_text", "id, operation, table_name, key_columns, columns, sql, start, middle",
			"uuid text text text text text text text", ignore),
		names:      newBatch("replog.touched_name", "id, name", "uuid text", ignore),
		statements: newBatch("replog.recorded_statement_{n}", bodyColumns+", outcome, reason, detail", bodyTypes+" text text text", ""),
		nets:       newBatch("replog.recorded_net_{n}", bodyColumns, bodyTypes, ""),
		effects:    newBatch("replog.effect_{n}", bodyColumns+", net", bodyTypes+" bigint", ""),
		changed:    newBatch("replog.changed_row_{n}", "row, revision, n", "uuid bigint bigint", ""),
		tables:     newBatch("replog.touched_table_{n}", "name, revision", "uuid bigint", ""),
		rows:       newBatch("replog.touched_row_{n}", "row, revision", "uuid bigint", ""),
	}
}

func (b *batches) all() []*batch {
	return []*batch{b.entries, b.received, b.texts, b.names, b.statements, b.nets, b.effects, b.changed, b.tables, b.rows}
}

// A transaction sends what it has when that is so many rows, or bytes.
const (
	batchRows  = 10_000
	batchBytes = 4 << 20
)

// full tells whether it is time to send them.
func (b *batches) full() bool {
	return b.statements.count+b.nets.count+b.effects.count+b.changed.count+b.rows.count >= batchRows || b.bytes >= batchBytes
}

// take gives one statement that inserts all rows, with its arguments, and forgets them;
// "" where there are none.
func (b *batches) take() (string, []any) {
	var s strings.Builder
	var args []any
	for _, of := range b.all() {
		if of.count == 0 {
			continue
		}
		if s.Len() == 0 {
			s.WriteString("WITH ")
		} else {
			s.WriteString(",\n")
		}
		s.WriteString("i" + strconv.Itoa(len(args)) + " AS (")
		args = of.insert(&s, args)
		s.WriteString(")")
	}
	b.bytes = 0
	if s.Len() == 0 {
		return "", nil
	}
	s.WriteString("\nSELECT")
	return s.String(), args
}

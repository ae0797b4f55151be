package applier

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"replog/replog"
)

// RanStatement is what the change table keeps of a statement that an application
// ran through the driver: as JSON, in a row of operation opStatement, which comes
// after the facts that the statement made and in the same transaction. The facts
// between the mark or statement before it and that row are the statement's.
type RanStatement struct {
	// SQL is that of an intent, as [Inspection] has it; of another statement the
	// application's text, of which CutSQL leaves the beginning; "" stands for
	// changes of which nobody knows the statement.
	SQL string
	// Args are an intent's, by their number; nil for others.
	Args []replog.Value
	// Affected is how many rows the statement changed itself, as changes() tells;
	// -1 where that is not known.
	Affected int64
	// Expect is how many rows the application asked for, or -1 for any number, and
	// Optional says that it can do without the statement. Both are of intents.
	Expect   *int64
	Optional bool
	// Schema: it is a schema statement, of which the facts before it are not. Legacy
	// is SchemaStatement.Legacy.
	Schema, Legacy bool
	// Class is "" for an intent. Otherwise its changes travel as row statements,
	// and Class and Why say why.
	Class UnsafeClass
	Why   string
}

// The classes of statements whose changes travel as row statements for another
// reason than what they are.
const (
	RowsAsked       UnsafeClass = "asked"       // the application wants it so
	RowsInterleaved UnsafeClass = "interleaved" // another statement wrote before its rows were read to the end
	RowsFailed      UnsafeClass = "failed"      // it failed, and left changes
	RowsUnseen      UnsafeClass = "unseen"      // changes that did not go through the driver
	RowsSchema      UnsafeClass = "schema"      // its transaction has schema statements
	RowsUnknown     UnsafeClass = "unknown"     // the statement could not be looked at
)

// maxRowsSQL is how much is kept of a text that nobody is to run again, in bytes.
const maxRowsSQL = 1_000

// CutSQL cuts a text that is only to be shown.
func CutSQL(sql string) string {
	if len(sql) <= maxRowsSQL {
		return sql
	}
	end := maxRowsSQL - len("…")
	for end > 0 && !utf8.RuneStart(sql[end]) {
		end--
	}
	return sql[:end] + "…"
}

// AppendJSON appends the form of the statement in the change table to b:
// {"sql":"…","args":[…],"affected":1,"expect":1,"optional":true} for an intent, with
// values in the form of [replog.Value], {"sql":"…","affected":1,"class":"…","why":"…"}
// for others, {"sql":"…","schema":true,"legacy":true,"affected":0} for a schema
// statement. What is empty is left out, but for the text and the count.
func (s *RanStatement) AppendJSON(b []byte) []byte {
	b = append(b, `{"sql":`...)
	b = replog.Text(s.SQL).AppendJSON(b)
	if s.Schema {
		b = append(b, `,"schema":true`...)
	}
	if s.Legacy {
		b = append(b, `,"legacy":true`...)
	}
	if len(s.Args) > 0 {
		b = append(b, `,"args":`...)
		b = replog.AppendKey(b, s.Args)
	}
	b = append(b, `,"affected":`...)
	b = strconv.AppendInt(b, s.Affected, 10)
	if s.Expect != nil {
		b = append(b, `,"expect":`...)
		b = strconv.AppendInt(b, *s.Expect, 10)
	}
	if s.Optional {
		b = append(b, `,"optional":true`...)
	}
	if s.Class != "" {
		b = append(b, `,"class":`...)
		b = replog.Text(string(s.Class)).AppendJSON(b)
	}
	if s.Why != "" {
		b = append(b, `,"why":`...)
		b = replog.Text(s.Why).AppendJSON(b)
	}
	return append(b, '}')
}

// ErrRanStatement says that a text is not what AppendJSON writes.
var ErrRanStatement = errors.New("not a recorded statement")

// ParseRanStatement reads what AppendJSON writes, and no other spelling of it.
func ParseRanStatement(text string) (*RanStatement, error) {
	var form struct {
		SQL      replog.Value   `json:"sql"`
		Schema   bool           `json:"schema"`
		Legacy   bool           `json:"legacy"`
		Args     []replog.Value `json:"args"`
		Affected int64          `json:"affected"`
		Expect   *int64         `json:"expect"`
		Optional bool           `json:"optional"`
		Class    replog.Value   `json:"class"`
		Why      replog.Value   `json:"why"`
	}
	if err := json.Unmarshal([]byte(text), &form); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRanStatement, err)
	}
	s := &RanStatement{
		SQL: form.SQL.Bytes(), Schema: form.Schema, Legacy: form.Legacy, Args: form.Args, Affected: form.Affected, Expect: form.Expect, Optional: form.Optional,
		Class: UnsafeClass(form.Class.Bytes()), Why: form.Why.Bytes(),
	}
	if string(s.AppendJSON(nil)) != text {
		return nil, fmt.Errorf("%w: %s", ErrRanStatement, abbreviate(text))
	}
	return s, nil
}

// readRan reads what the change table keeps of a statement. What the driver did not
// write, as another program did, says nothing.
func readRan(v replog.Value) *RanStatement {
	s, err := ParseRanStatement(v.Bytes())
	if err != nil {
		return &RanStatement{Affected: -1, Class: RowsUnseen}
	}
	return s
}

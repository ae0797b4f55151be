package replog

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Intent is a statement as an application ran it. It is run again on other
// replicas: on the server's at the head of the log, whatever has happened since
// its base, with triggers and foreign-key actions.
type Intent struct {
	SQL string `json:"sql"`
	// Schema says that it is a schema statement, and whence it comes; what follows,
	// but for Time, has no meaning then. Legacy: the application ran it under
	// PRAGMA legacy_alter_table.
	Schema SchemaSource `json:"schema,omitempty"`
	Legacy bool         `json:"legacy,omitempty"`
	// Args are bound to its parameters by their number
	// (https://www.sqlite.org/lang_expr.html#varparam).
	Args []Value `json:"args,omitempty"`
	Time Millis  `json:"time"`
	// Affected counts the rows that the statement itself changed on the device, as
	// sqlite3_changes does.
	Affected int64 `json:"affected"`
	// Expect is how many rows it has to change wherever it runs, below 0 for any
	// number. Nil: at least one where it changed some on the device, and just one
	// where it changed one there (see Accepts).
	Expect *int64 `json:"expect,omitempty"`
	// Optional: where it fails it is left out, and the transaction goes on.
	Optional bool `json:"optional,omitempty"`
	// Changes counts its net changes on the device, and Digest is theirs.
	Changes int    `json:"changes"`
	Digest  Digest `json:"digest"`
}

// SchemaSource is where a schema statement comes from: CREATE, ALTER or DROP of a
// table, an index, a view or a trigger.
type SchemaSource string

// The sources.
const (
	// SchemaRun: an application ran it through the driver, or a person by `exec` or
	// `migrate`. Every replica runs it.
	SchemaRun SchemaSource = "run"
	// SchemaDerived: an application's own migration made it, and the device found
	// out. The server's replica runs it; devices wait for their applications.
	SchemaDerived SchemaSource = "derived"
)

// Accepts tells whether the intent allows its statement to change so many rows
// elsewhere.
func (i *Intent) Accepts(affected int64) bool {
	switch {
	case i.Expect != nil:
		return *i.Expect < 0 || *i.Expect == affected
	case i.Affected == 1:
		return affected == 1
	}
	return i.Affected == 0 || affected > 0
}

// Validate checks what can be checked without a database. Errors wrap ErrForm.
func (i *Intent) Validate() error {
	switch {
	case i.SQL == "" || !utf8.ValidString(i.SQL):
		return fmt.Errorf("%w: an intent without SQL", ErrForm)
	case i.Affected < 0 || i.Changes < 0:
		return fmt.Errorf("%w: an intent that changed fewer rows than none", ErrForm)
	case i.Schema != "" && i.Schema != SchemaRun && i.Schema != SchemaDerived:
		return fmt.Errorf("%w: a schema statement from %q", ErrForm, i.Schema)
	case i.Schema == "" && i.Legacy:
		return fmt.Errorf("%w: an intent under legacy_alter_table", ErrForm)
	case i.Schema != "" && (i.Args != nil || i.Affected+int64(i.Changes) > 0 || i.Expect != nil || i.Optional || i.Digest != Digest{}):
		return fmt.Errorf("%w: a schema statement that changed rows", ErrForm)
	}
	return nil
}

// AppendJSON appends the JSON form of i to b: the bytes that encoding/json would
// write.
func (i *Intent) AppendJSON(b []byte) []byte {
	b = append(b, `{"sql":`...)
	b = appendString(b, i.SQL)
	if i.Schema != "" {
		b = append(b, `,"schema":`...)
		b = appendString(b, string(i.Schema))
	}
	if i.Legacy {
		b = append(b, `,"legacy":true`...)
	}
	if len(i.Args) > 0 {
		b = append(b, `,"args":`...)
		b = AppendKey(b, i.Args)
	}
	b = append(b, `,"time":`...)
	b = strconv.AppendInt(b, int64(i.Time), 10)
	b = append(b, `,"affected":`...)
	b = strconv.AppendInt(b, i.Affected, 10)
	if i.Expect != nil {
		b = append(b, `,"expect":`...)
		b = strconv.AppendInt(b, *i.Expect, 10)
	}
	if i.Optional {
		b = append(b, `,"optional":true`...)
	}
	b = append(b, `,"changes":`...)
	b = strconv.AppendInt(b, int64(i.Changes), 10)
	b = append(b, `,"digest":"`...)
	b = append(b, i.Digest.String()...)
	return append(b, `"}`...)
}

// AppendLine appends the intent's line of a recorded form to b.
func (i *Intent) AppendLine(b []byte) []byte {
	return append(i.AppendJSON(append(b, intentStart...)), '}', '\n')
}

// ParseIntent reads what AppendJSON wrote, and no other spelling of it. The intent
// is valid (see Validate). Errors wrap ErrForm.
func ParseIntent(b []byte) (Intent, error) {
	p := parser{b: b}
	i := p.intent()
	return i, p.done()
}

// intent reads an Intent, valid unless the parser failed.
func (p *parser) intent() Intent {
	var i Intent
	p.expect(`{"sql":`)
	i.SQL = p.string()
	if p.literal(`,"schema":`) {
		if i.Schema = SchemaSource(p.string()); i.Schema == "" {
			p.fail("no source")
		}
	}
	i.Legacy = p.literal(`,"legacy":true`)
	if p.literal(`,"args":`) {
		i.Args = p.values(4)
	}
	p.expect(`,"time":`)
	i.Time = Millis(p.integer())
	p.expect(`,"affected":`)
	i.Affected = p.integer()
	if p.literal(`,"expect":`) {
		n := p.integer()
		i.Expect = &n
	}
	i.Optional = p.literal(`,"optional":true`)
	p.expect(`,"changes":`)
	i.Changes = int(p.integer())
	p.expect(`,"digest":`)
	i.Digest = p.digest()
	p.expect("}")
	if p.err == nil {
		p.err = i.Validate()
	}
	return i
}

func (p *parser) digest() Digest {
	d, err := ParseDigest(p.name())
	if err != nil {
		p.fail("no digest")
	}
	return d
}

// Equal tells whether two intents are equal in every field.
func (i *Intent) Equal(j *Intent) bool {
	return string(i.AppendJSON(nil)) == string(j.AppendJSON(nil))
}

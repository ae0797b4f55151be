package driver

import (
	"slices"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
)

// watch looks at statements before they are recorded, and notices what makes it
// necessary to look again. Whoever sets something on a connection that a look
// depends on has SQLite compile a PRAGMA, a schema statement, or the statement
// itself anew, of which SQLite tells the authorizer, whichever way they came.
type watch struct {
	conn    *applier.Conn // the connection, borrowed
	intents *applier.Intents
	lent    func(op int, arg1, arg2, schema string) int
	// generation counts what concerns all statements.
	generation int
	// seen is the generation that intents know of.
	seen int
	// asked: SQLite has asked the authorizer about something.
	asked bool
}

// decision is whether a statement is an intent.
type decision struct {
	inspection *applier.Inspection // nil where the statement could not be looked at
	text       string              // of what is no intent
	class      applier.UnsafeClass
	why        string
	generation int
}

// settings are the PRAGMAs that matter when they have a value.
var settings = []string{"foreign_keys", "ignore_check_constraints", "writable_schema", "case_sensitive_like", "schema_version", "recursive_triggers"}

// hear notes what SQLite asks the authorizer.
func (w *watch) hear(op int, arg1, arg2 string) {
	w.asked = true
	switch op {
	case sqlite3.SQLITE_PRAGMA:
		if arg2 != "" && slices.Contains(settings, strings.ToLower(arg1)) {
			w.generation++
		}
	case sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_VTABLE,
		sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_TRIGGER, sqlite3.SQLITE_DROP_VTABLE,
		sqlite3.SQLITE_ALTER_TABLE:
		w.generation++
	}
}

func (w *watch) close() {
	if w.conn != nil {
		w.conn.Release()
	}
}

// decide looks at a statement, unless that was done.
func (c *Conn) decide(s *statement) *decision {
	if d := s.decision; d != nil && d.generation == c.watch.generation {
		return d
	}
	d := c.look(s)
	d.generation = c.watch.generation
	if s.decision = d; d.class == applier.RowsUnknown {
		s.decision = nil // next time it may be known
	}
	return d
}

func (c *Conn) look(s *statement) *decision {
	text := s.sql
	if pieces := applier.Pieces(s.sql); len(pieces) > 0 {
		text = pieces[0].Text
	}
	d := &decision{text: applier.CutSQL(text)}
	i, err := c.inspect(text)
	switch {
	case err != nil:
		d.class, d.why = applier.RowsUnknown, err.Error()
	case i.Unsafe != nil:
		d.class, d.why = i.Unsafe.Class, i.Unsafe.Detail
	case i.Parameters != s.sqlite.NumInput():
		d.class, d.why = applier.UnsafeSyntax, "its parameters are not understood"
	default:
		d.inspection = i
	}
	return d
}

// inspect has applier look at a text. The application's authorizer has no say in it.
func (c *Conn) inspect(sql string) (*applier.Inspection, error) {
	c.private = true
	defer func() { c.private = false }()
	w := &c.watch
	if w.intents == nil {
		w.conn = applier.Borrow(c.sqlite, w.lend)
		r, err := applier.NewReplica(w.conn)
		if err != nil {
			w.conn.Release()
			return nil, err
		}
		w.intents = applier.NewIntents(r, applier.IntentOptions{Live: true, Limits: applier.DefaultLimits()})
	}
	if w.seen != w.generation {
		w.intents.Forget()
		w.seen = w.generation
	}
	return w.intents.Inspect(sql)
}

func (w *watch) lend(ask func(op int, arg1, arg2, schema string) int, f func() error) error {
	w.lent = ask
	defer func() { w.lent = nil }()
	return f()
}

// listens tells whether the connection's authorizer is still ours.
func (c *Conn) listens() bool {
	c.watch.asked = false
	s, err := c.prepareOwn("SELECT 1")
	return err == nil && s.Close() == nil && c.watch.asked
}

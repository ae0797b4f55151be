package driver

import (
	"os"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
)

// control is what a statement does to transactions.
type control int

const (
	controlNone control = iota
	controlBegin
	controlCommit
	controlRollback
	controlSavepoint
	controlRelease
	controlRollbackTo
)

// class is what matters of a statement, as SQLite's authorizer told while it was
// compiled. No SQL is parsed here: the names in it mean what SQLite took them for.
type class struct {
	// captured: it changes a table that capture watches.
	captured bool
	// marks: it is an application's own mark.
	marks     bool
	control   control
	savepoint string
	// writes: it is an INSERT, UPDATE or DELETE.
	writes bool
	// reads: it is a query, and nothing but that.
	reads    bool
	attaches bool
	// asks: it calls changes().
	asks bool
	// schema: it creates, alters or drops a table, an index, a view or a trigger of
	// the main database.
	schema bool
	// explains: it only tells how another would run that writes.
	explains bool
}

// compilation is the compiling of a statement.
type compilation struct {
	class
	sql string
	// checks: what must not be done is refused.
	checks  bool
	refused string
	// begun: the first thing that is written is known. It is what the statement
	// names; what comes later is what triggers and actions do.
	begun bool
	// drops: it is DROP TABLE, which takes the table's triggers along.
	drops bool
	other bool
	// virtual: it is about a virtual table.
	virtual bool
}

// actionRecursive is SQLITE_RECURSIVE, which mattn's package leaves out.
const actionRecursive = 33

// The tables and the view of capture that matter here.
const (
	changeTable = "replog_change"
	markView    = "replog_transaction"
)

// authorize is the connection's authorizer
// (https://www.sqlite.org/c3ref/set_authorizer.html). While nothing is being
// compiled, SQLite asks on its own behalf, as in VACUUM, or compiles a statement
// again.
func (c *Conn) authorize(op int, arg1, arg2, schema string) int {
	if c.watch.lent != nil {
		return c.watch.lent(op, arg1, arg2, schema)
	}
	c.watch.hear(op, arg1, arg2)
	if k := c.compiling; k != nil {
		k.note(op, arg1, arg2, schema)
		if k.checks {
			if what := c.refusal(k, op, arg1, arg2); what != "" {
				k.refused = what
				return sqlite3.SQLITE_DENY
			}
		}
		k.begun = k.begun || isWrite(op)
	}
	if c.authorizer != nil && !c.private {
		return c.authorizer(op, arg1, arg2, schema)
	}
	return sqlite3.SQLITE_OK
}

func isWrite(op int) bool {
	return op == sqlite3.SQLITE_INSERT || op == sqlite3.SQLITE_UPDATE || op == sqlite3.SQLITE_DELETE
}

// note fills the class.
func (k *compilation) note(op int, arg1, arg2, schema string) {
	switch op {
	case sqlite3.SQLITE_INSERT:
		k.captured = k.captured || k.begun && arg1 == changeTable && schema == "main"
		k.marks = k.marks || !k.begun && arg1 == markView && schema == "main"
		k.writes = true
	case sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE:
		k.writes = true
	case sqlite3.SQLITE_TRANSACTION:
		k.control = map[string]control{"BEGIN": controlBegin, "COMMIT": controlCommit, "ROLLBACK": controlRollback}[arg1]
	case sqlite3.SQLITE_SAVEPOINT:
		k.control = map[string]control{"BEGIN": controlSavepoint, "RELEASE": controlRelease, "ROLLBACK": controlRollbackTo}[arg1]
		k.savepoint = arg2
	case sqlite3.SQLITE_ATTACH:
		k.attaches = true
	case sqlite3.SQLITE_FUNCTION:
		k.asks = k.asks || strings.EqualFold(arg2, "changes")
	case sqlite3.SQLITE_READ, sqlite3.SQLITE_SELECT, actionRecursive:
	default:
		k.other = true
		k.noteSchema(op, arg1, schema)
	}
}

func (k *compilation) noteSchema(op int, arg1, schema string) {
	switch op {
	case sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_CREATE_TRIGGER,
		sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_DROP_TRIGGER:
		k.schema = k.schema || schema == "main"
	case sqlite3.SQLITE_ALTER_TABLE:
		k.schema = k.schema || arg1 == "main"
	case sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE:
		k.virtual = true
	}
}

// classify is what was told, in the end.
func (k *compilation) classify() class {
	if containsFold(k.sql, "explain") && applier.FirstWord(k.sql) == "explain" {
		return class{explains: k.writes}
	}
	out := k.class
	out.captured = k.captured && !k.marks
	out.writes = k.writes && !k.other
	out.schema = k.schema && !k.virtual
	out.reads = !k.writes && !k.other && k.control == controlNone && !k.attaches
	return out
}

// refusal says what a device's file does not take, or "".
func (c *Conn) refusal(k *compilation, op int, arg1, arg2 string) string {
	own := applier.IsReplog
	switch op {
	case sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE:
		insert := op == sqlite3.SQLITE_INSERT
		if own(arg1) && !(insert && (k.begun && arg1 == changeTable || arg1 == markView)) {
			return "a write to " + arg1
		}
	case sqlite3.SQLITE_CREATE_TABLE, sqlite3.SQLITE_CREATE_TEMP_TABLE, sqlite3.SQLITE_CREATE_VIEW, sqlite3.SQLITE_CREATE_TEMP_VIEW,
		sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_CREATE_INDEX, sqlite3.SQLITE_CREATE_TEMP_INDEX:
		if own(arg1) || own(arg2) {
			return "the making of " + arg1
		}
	case sqlite3.SQLITE_CREATE_TRIGGER, sqlite3.SQLITE_CREATE_TEMP_TRIGGER:
		if applier.NamesReplog(k.sql) {
			return "trigger " + arg1 + ", which names what is replog's"
		}
	case sqlite3.SQLITE_DROP_TABLE, sqlite3.SQLITE_DROP_TEMP_TABLE, sqlite3.SQLITE_DROP_VTABLE, sqlite3.SQLITE_DROP_VIEW, sqlite3.SQLITE_DROP_TEMP_VIEW,
		sqlite3.SQLITE_DROP_INDEX, sqlite3.SQLITE_DROP_TEMP_INDEX:
		k.drops = true
		if own(arg1) {
			return "the removal of " + arg1
		}
	case sqlite3.SQLITE_DROP_TRIGGER, sqlite3.SQLITE_DROP_TEMP_TRIGGER:
		if own(arg1) && !k.drops {
			return "the removal of trigger " + arg1
		}
	case sqlite3.SQLITE_ALTER_TABLE:
		if applier.NamesReplog(k.sql) {
			return "ALTER TABLE with a name of replog's"
		}
	case sqlite3.SQLITE_PRAGMA:
		if strings.EqualFold(arg1, "writable_schema") && !isOff(arg2) {
			return "PRAGMA writable_schema"
		}
	case sqlite3.SQLITE_ATTACH:
		if c.isMain(arg1) {
			return "ATTACH of the same file"
		}
	}
	return ""
}

// isOff tells whether PRAGMA writable_schema with this value leaves the schema
// safe; "" only asks.
func isOff(value string) bool {
	switch strings.ToLower(value) {
	case "", "0", "off", "no", "false", "reset":
		return true
	}
	return false
}

// isMain tells whether a file name, as ATTACH takes it, is the database itself.
func (c *Conn) isMain(name string) bool {
	if rest, ok := strings.CutPrefix(name, "file:"); ok {
		name, _, _ = strings.Cut(rest, "?")
		name, _, _ = strings.Cut(name, "#")
		name = strings.TrimPrefix(name, "//localhost")
		if strings.HasPrefix(name, "///") {
			name = name[2:]
		}
	}
	main, err := os.Stat(c.sqlite.GetFilename("main"))
	if err != nil || name == "" {
		return false
	}
	other, err := os.Stat(name)
	return err == nil && os.SameFile(main, other)
}

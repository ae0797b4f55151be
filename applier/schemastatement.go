package applier

import (
	"fmt"
	"time"
)

// More classes, of schema statements.
const (
	UnsafeVirtual UnsafeClass = "virtual" // virtual tables, and what depends on them
	UnsafeClash   UnsafeClass = "clash"   // another object has the name
	UnsafeLimit   UnsafeClass = "limit"   // an expression that costs too much
	UnsafeData    UnsafeClass = "data"    // the rows that are there do not allow it
)

// SchemaError says why a schema statement cannot be replicated.
type SchemaError struct {
	SQL    string
	Class  UnsafeClass
	Detail string
	// There is the object with which it clashes, if it does.
	There *Object
	// Err is SQLite's, if it refused the statement.
	Err error
}

func (e *SchemaError) Unwrap() error { return e.Err }

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s (%s): %s", e.Detail, e.Class, abbreviate(e.SQL))
}

// SchemaStatement is what is known of a statement that creates, alters or drops a
// table, an index, a view or a trigger.
type SchemaStatement struct {
	// SQL is the statement as others are to run it: without IF [NOT] EXISTS, the
	// name of the schema, and what is around it.
	SQL string
	// One tells whether the text is exactly one statement.
	One    bool
	Action SchemaAction
	// Type is table, index, view or trigger, and Name the object's name as
	// written. Table is the table or view that it belongs to.
	Type, Name, Table string
	// Column is the column that ALTER TABLE is about, and NewName what it, or the
	// table, is called then.
	Column, NewName string
	// IfExists: it is written with IF EXISTS or IF NOT EXISTS.
	IfExists bool
	// Legacy: the connection has legacy_alter_table on, under which RENAME leaves
	// what refers to the table as it is.
	Legacy bool
	// Already: what it leads to is there.
	Already bool
	// Touches lists the objects that it makes, changes and takes away, as
	// "table name", sorted.
	Touches []string
	// Local is why the rows of a table that it creates stay in their file, or "".
	Local string
	// Refused is why it cannot be replicated, or nil.
	Refused *SchemaError
}

// SchemaOptions says where a schema statement comes from.
type SchemaOptions struct {
	// First: the application runs it, so that what is there already is a clash,
	// as it is for SQLite, but for IF [NOT] EXISTS. Otherwise it comes from the log.
	First bool
	// Live: the connection is an application's, whose settings and temporary
	// objects count.
	Live bool
	// Legacy is SchemaStatement.Legacy of one that comes from the log.
	Legacy bool
	// Triggers are the SQL texts of the application's triggers, in order of
	// creation, where they are kept elsewhere than in the database's schema; nil
	// where they are not.
	Triggers []string
	// Limits bound the text and its expressions. The zero value means
	// DefaultLimits.
	Limits Limits
	// Time, where not 0, bounds how long RunSchema lets it run.
	Time time.Duration
}

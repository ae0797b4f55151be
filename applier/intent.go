package applier

import (
	"fmt"

	"replog/replog"
)

// Intent is a statement as an application ran it. Args are bound to its
// parameters by their number (https://www.sqlite.org/lang_expr.html#varparam).
type Intent struct {
	SQL  string
	Args []replog.Value
}

// IntentKind is what an intent does to its table.
type IntentKind string

// The kinds.
const (
	IntentInsert IntentKind = "insert"
	IntentUpdate IntentKind = "update"
	IntentDelete IntentKind = "delete"
	IntentOther  IntentKind = "other"
)

// UnsafeClass says why an intent may not do the same on every replica, in a word.
type UnsafeClass string

// The classes.
const (
	// About what the text is.
	UnsafeSyntax    UnsafeClass = "syntax"    // SQLite does not compile it here, or it is too large
	UnsafeSeveral   UnsafeClass = "several"   // it is not exactly one statement
	UnsafeStatement UnsafeClass = "statement" // it is no INSERT, UPDATE or DELETE
	UnsafeForm      UnsafeClass = "form"      // a form that is not looked into
	UnsafeWith      UnsafeClass = "with"      // common table expressions
	UnsafeWindow    UnsafeClass = "window"
	UnsafeRollback  UnsafeClass = "rollback" // it may end the transaction
	UnsafeQuoted    UnsafeClass = "quoted"   // a double-quoted string, or a name that is not known
	UnsafeColumns   UnsafeClass = "columns"  // it depends on the order of columns
	UnsafeIndex     UnsafeClass = "index"    // it names an index
	// About what it touches.
	UnsafeOwn       UnsafeClass = "own"    // tables of replog's or of SQLite's
	UnsafeSchema    UnsafeClass = "schema" // temporary tables, or those of another file
	UnsafeTable     UnsafeClass = "table"  // what is not replicated
	UnsafeRowID     UnsafeClass = "rowid"  // a rowid that is not replicated
	UnsafeFunction  UnsafeClass = "function"
	UnsafeCollation UnsafeClass = "collation"
	UnsafeSetting   UnsafeClass = "setting" // it depends on a PRAGMA
	// About what is open in it.
	UnsafeOrder      UnsafeClass = "order"     // LIMIT, or a single row, of rows in no certain order
	UnsafeAggregate  UnsafeClass = "aggregate" // the result may depend on the order of rows
	UnsafeDistinct   UnsafeClass = "distinct"  // which of several equal values is taken
	UnsafeKey        UnsafeClass = "key"       // SQLite chooses a key, or a key may be NULL
	UnsafeDefault    UnsafeClass = "default"
	UnsafeUnique     UnsafeClass = "unique"   // unique values of several rows change
	UnsafeConflict   UnsafeClass = "conflict" // a conflict clause, where the order of rows matters
	UnsafeReadsOwn   UnsafeClass = "reads"    // it reads what it is writing
	UnsafeTrigger    UnsafeClass = "trigger"
	UnsafeForeignKey UnsafeClass = "foreign-key"
)

// UnsafeError says that an intent is not certain to do the same on every replica,
// and must travel as row statements.
type UnsafeError struct {
	SQL    string
	Class  UnsafeClass
	Detail string
	// Missing: the table that it writes, or a column that it writes, is not there.
	Missing bool
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("%s (%s): %s", e.Detail, e.Class, abbreviate(e.SQL))
}

// Inspection is what is known of a statement before it runs.
type Inspection struct {
	// SQL is the statement without what does not matter to its effects: a
	// RETURNING clause, and comments or a semicolon at its end.
	SQL  string
	Kind IntentKind
	// One tells whether the text is exactly one statement.
	One bool
	// Parameters is how many arguments it takes, and Names are the numbers, from 1,
	// of those with a name, such as ":id".
	Parameters int
	Names      map[string]int
	// Reads and Writes are the tables that the statement names or reads by way of a
	// view, and Functions the functions that it calls, each sorted. What triggers
	// and foreign keys do is not in them, but see Touches.
	Reads, Writes, Functions []string
	// Touches are the tables that it may write with what triggers and foreign
	// keys do, sorted.
	Touches []string
	// Unsafe is why the statement must not run elsewhere, whatever its arguments;
	// nil if it may.
	Unsafe *UnsafeError
	// notNull are the parameters, from 1, that must not be NULL.
	notNull []int
	// length bounds the text and the arguments together, in bytes; 0 does not.
	length int
	// probe reads what the statement reads, "" where that is a row at most.
	probe string
}

// Certain tells whether the statement, with these arguments, does the same on
// every replica that holds the same rows. Otherwise it is an *UnsafeError.
func (i *Inspection) Certain(args []replog.Value) error {
	if i.Unsafe != nil {
		return i.Unsafe
	}
	fail := func(class UnsafeClass, format string, a ...any) error {
		return &UnsafeError{SQL: i.SQL, Class: class, Detail: fmt.Sprintf(format, a...)}
	}
	if len(args) != i.Parameters {
		return fail(UnsafeSyntax, "it takes %d arguments, not %d", i.Parameters, len(args))
	}
	for _, n := range i.notNull {
		if args[n-1].IsNull() {
			return fail(UnsafeKey, "argument %d is NULL, so that the key is left to SQLite", n)
		}
	}
	size := len(i.SQL)
	for _, v := range args {
		size += len(v.Bytes())
	}
	if i.length > 0 && size > i.length {
		return fail(UnsafeSyntax, "%d bytes of text and arguments; at most %d are taken", size, i.length)
	}
	return nil
}

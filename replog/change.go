package replog

import (
	"errors"
	"fmt"
	"slices"
)

// Op is what happened to a row.
type Op string

// The operations.
const (
	Insert Op = "insert"
	Update Op = "update"
	Delete Op = "delete"
)

// Change is what a statement did to one row, or, as a net change, what a whole
// transaction did to it.
//
// Columns, Old and New run in parallel. INSERT has New only and DELETE Old
// only, both with every stored column of the table; UPDATE has the columns that
// changed, both sides. Generated columns never appear.
//
// A statement that changes a primary key is an UPDATE whose Columns hold key
// columns. A net change never is: there a key change is a DELETE and an INSERT
// (or UPDATEs, where rows swap keys) that carry the same Unit.
type Change struct {
	Table string `json:"table"`
	Op    Op     `json:"op"`
	// Key is the row's primary key, in the order of the key's columns; for a
	// statement that changes the key, the key before.
	Key []Value `json:"key"`
	// KeyColumns names the columns of Key.
	KeyColumns []string `json:"key_columns"`
	Columns    []string `json:"columns,omitempty"`
	Old        []Value  `json:"old,omitempty"`
	New        []Value  `json:"new,omitempty"`
	// Time is when it was done; for a net change the latest of its statements.
	Time Millis `json:"time"`
	// Times holds a time for each of Columns, where a net change gathers
	// statements of several times; nil means Time for all. A time of 0 means
	// that the column was carried along, not written (see Restored).
	Times []Millis `json:"times,omitempty"`
	// Context holds columns that did not change but complete a foreign key or
	// a unique index of which another column did. UPDATE only.
	Context *Context `json:"context,omitempty"`
	// Unit is above 0 for rows of one transaction that a key change joins; the
	// same number, the same unit.
	Unit int `json:"unit,omitempty"`
	// Restored marks an INSERT, done by the server, that brought a deleted row
	// back for a newer UPDATE.
	Restored bool `json:"restored,omitempty"`
}

// Context is a set of columns with their unchanged values, in parallel.
type Context struct {
	Columns []string `json:"columns"`
	Values  []Value  `json:"values"`
}

// TimeOf is the time of column i.
func (c *Change) TimeOf(i int) Millis {
	if c.Times == nil {
		return c.Time
	}
	return c.Times[i]
}

// Moves tells whether a net change is a DELETE that is one half of a key change.
func (c *Change) Moves() bool { return c.Op == Delete && c.Unit > 0 }

// Before returns the old value of a column that the change carries: a changed
// one, one of the key, or one of the context. False if the change does not say (an INSERT says
// nothing of before).
func (c *Change) Before(column string) (Value, bool) {
	if c.Op == Insert {
		return Value{}, false
	}
	return c.side(column, c.Old)
}

// After returns the new value of a column, as Before does the old one.
func (c *Change) After(column string) (Value, bool) {
	if c.Op == Delete {
		return Value{}, false
	}
	return c.side(column, c.New)
}

func (c *Change) side(column string, values []Value) (Value, bool) {
	for i, name := range c.Columns {
		if name == column {
			return values[i], true
		}
	}
	for i, name := range c.KeyColumns {
		if name == column {
			return c.Key[i], true
		}
	}
	if c.Context != nil {
		for i, name := range c.Context.Columns {
			if name == column {
				return c.Context.Values[i], true
			}
		}
	}
	return Value{}, false
}

// Only returns the change narrowed to some of its columns.
func (c Change) Only(columns []string) Change {
	narrow := c
	narrow.Columns, narrow.Old, narrow.New, narrow.Times = nil, nil, nil, nil
	for i, name := range c.Columns {
		if !slices.Contains(columns, name) {
			continue
		}
		narrow.Columns = append(narrow.Columns, name)
		if c.Op != Insert {
			narrow.Old = append(narrow.Old, c.Old[i])
		}
		if c.Op != Delete {
			narrow.New = append(narrow.New, c.New[i])
		}
		if c.Times != nil {
			narrow.Times = append(narrow.Times, c.Times[i])
		}
	}
	return narrow
}

// Row identifies the row within its database.
func (c *Change) Row() RowID { return RowID{Table: c.Table, Key: KeyString(c.Key)} }

// RowID is a table and the JSON array of a primary key, or "" for any row of it.
type RowID struct{ Table, Key string }

func (r RowID) String() string {
	if r.Key == "" {
		return "table " + r.Table
	}
	return r.Table + " " + r.Key
}

// ErrChange says that a change is not well formed.
var ErrChange = errors.New("malformed change")

// Validate checks the shape that the type's comment promises, as far as it can
// be checked without a schema. Errors wrap ErrChange.
func (c *Change) Validate() error {
	bad := func(why string) error { return fmt.Errorf("%w: %s of %q: %s", ErrChange, c.Op, c.Table, why) }
	n := len(c.Columns)
	switch {
	case c.Table == "":
		return bad("no table")
	case len(c.Key) == 0 || len(c.Key) != len(c.KeyColumns):
		return bad("key and key columns differ in number, or there are none")
	case c.Times != nil && len(c.Times) != n:
		return bad("times and columns differ in number")
	case c.Unit < 0:
		return bad("negative unit")
	case c.Context != nil && (c.Op != Update || len(c.Context.Columns) != len(c.Context.Values)):
		return bad("context")
	}
	old, now := n, n
	switch c.Op {
	case Insert:
		old = 0
	case Delete:
		now = 0
	case Update:
	default:
		return bad("unknown operation")
	}
	if n == 0 || len(c.Old) != old || len(c.New) != now {
		return bad("columns, old and new values differ in number")
	}
	return nil
}

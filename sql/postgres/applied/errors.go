package applied

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoTables says that a database has no applied tables: it was never published.
var ErrNoTables = errors.New("the database has no applied tables")

// DivergedError says that a change is of a row that is not there.
type DivergedError struct {
	Table string // in SQLite
	Key   string // as replog.KeyString gives it
	// Target is the table in PostgreSQL.
	Target string
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("%s has no row for %s %s, which the log changes: somebody else has written there; "+
		"`replog store rebuild` makes the tables again", e.Target, e.Table, e.Key)
}

// MapError says why a table cannot be mapped to one that exists.
type MapError struct {
	Table, Target string
	Problems      []string
}

func (e *MapError) Error() string {
	return fmt.Sprintf("%s cannot be mapped to %s: %s", e.Table, e.Target, strings.Join(e.Problems, "; "))
}

// missingError says that fewer rows were removed or updated than asked for.
type missingError struct {
	table *table
	rows  []*pending
}

func (e *missingError) Error() string { return "rows of " + e.table.shape.Name + " are missing" }

package applier

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits bound what an intent may cost; a zero is no limit of ours. SQLite's own
// defaults are in https://www.sqlite.org/limits.html.
type Limits struct {
	// Time bounds how long a statement reads, and how long it writes. Where only
	// interrupting it helps, that takes hardTimes as long, and the transaction.
	Time time.Duration
	// Changes bounds the rows of the change table that a statement makes: one a
	// changed row, more where there are many columns.
	Changes int64
	// Length bounds a value, and a row, in bytes.
	Length int
	// SQLLength bounds the text, ExprDepth the depth of its expressions, Compound
	// the parts of a compound SELECT, Variables the numbers of its parameters,
	// Arguments those of a function, Operations the size of the compiled program,
	// Pattern the length of a LIKE or GLOB pattern, and TriggerDepth how deep
	// triggers and foreign-key actions nest.
	SQLLength, ExprDepth, Compound, Variables, Arguments, Operations, Pattern, TriggerDepth int
}

// DefaultLimits are for texts that come from devices: room for an UPDATE of a million
// rows, and for no statement that would hold others up for long.
//
// Memory follows from them: a value has at most Length bytes, the page cache and
// sorters spill to files, and the changes that are collected are Changes rows.
// SQLite's own limit on memory is one for the whole process
// (https://www.sqlite.org/c3ref/hard_heap_limit64.html) and would hit others.
func DefaultLimits() Limits {
	return Limits{
		Time: 10 * time.Second, Changes: 2_000_000, Length: 16 << 20, SQLLength: 1 << 20, ExprDepth: 200, Compound: 50,
		Variables: 32_766, Arguments: 100, Operations: 1_000_000, Pattern: 1_000, TriggerDepth: 1_000,
	}
}

// hardTimes is after how many times Limits.Time a statement is interrupted that does
// not end otherwise.
const hardTimes = 4

// guardFunction is called for changed rows, and ends a statement that goes past a
// limit.
const guardFunction = ownPrefix + "guard"

// The limits, by the name that a LimitError has.
const (
	LimitTime    = "time"
	LimitChanges = "changes"
	LimitLength  = "length"
)

// LimitError says that an intent went past a limit. Nothing of it is left.
type LimitError struct {
	SQL   string
	Limit string
	// Max is the limit, as a number of nanoseconds, rows or bytes.
	Max int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("it goes past the limit on %s, %d: %s", e.Limit, e.Max, abbreviate(e.SQL))
}

// errLimit ends a statement from within.
var errLimit = errors.New("past a limit")

// guard is what is watched while a statement runs.
type guard struct {
	ctx   context.Context
	limit string // the one that it went past
}

// watch is guardFunction.
func (x *Intents) watch(changes int64) error {
	switch {
	case x.o.Limits.Changes > 0 && changes > x.o.Limits.Changes:
		x.guard.limit = LimitChanges
	case x.guard.ctx.Err() != nil:
		x.guard.limit = LimitTime
	default:
		return nil
	}
	return errLimit
}

func (x *Intents) past(limit, sql string) error {
	e := &LimitError{SQL: sql, Limit: limit}
	switch limit {
	case LimitTime:
		e.Max = int64(x.o.Limits.Time)
	case LimitChanges:
		e.Max = x.o.Limits.Changes
	case LimitLength:
		e.Max = int64(x.o.Limits.Length)
	}
	return e
}

// SQLite's limits that have a field in Limits, by number.
func (l *Limits) categories() map[int]int {
	return map[int]int{
		0: l.Length, 3: l.ExprDepth, 4: l.Compound, 5: l.Operations, 6: l.Arguments, 8: l.Pattern, 9: l.Variables, 10: l.TriggerDepth,
	}
}

// limited runs f under SQLite's limits.
func (c *Conn) limited(l *Limits, f func() error) error {
	for id, value := range l.categories() {
		if value > 0 {
			old := c.limit(id, value)
			defer c.limit(id, old)
		}
	}
	return f()
}

// compiles has SQLite compile a statement, and nothing else.
func (c *Conn) compiles(query string) error {
	s, err := c.conn.Prepare(query)
	if err == nil {
		err = s.Close()
	}
	return err
}

package applier

import (
	"context"
	"errors"
	"fmt"
	"time"

	"replog/replog"
)

// IntentResult is what an intent did.
type IntentResult struct {
	// Affected counts the rows that the statement itself changed, as
	// sqlite3_changes does: not those that triggers and actions did.
	Affected int64
	// Net are its net changes, with what triggers and actions did. Many of them are
	// on disk, until Close.
	Net  replog.Changes
	long *longLists
}

// Close lets go of what is on disk.
func (r *IntentResult) Close() { r.long.close() }

// IntentError says that SQLite refused a statement while it ran: a constraint, a
// RAISE, a value of the wrong type. Nothing of it is left.
type IntentError struct {
	SQL string
	Err error // SQLite's
}

func (e *IntentError) Error() string { return fmt.Sprintf("%v: %s", e.Err, abbreviate(e.SQL)) }
func (e *IntentError) Unwrap() error { return e.Err }

// LostError says that SQLite ended the caller's transaction together with a
// statement, which went past a limit in a way that only interrupting it could stop,
// or for which there was no room. All that the transaction did is undone.
type LostError struct {
	SQL string
	Err error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the transaction is lost: %v: %s", e.Err, abbreviate(e.SQL))
}
func (e *LostError) Unwrap() error { return e.Err }

// IntentRefused tells whether an error of Run means that the intent does not fit
// the data, the schema or the limits, rather than that something broke. Its
// transaction goes on unless it is a *LostError.
func IntentRefused(err error) bool {
	var unsafe *UnsafeError
	var refused *IntentError
	var foreign *ForeignKeyError
	var limit *LimitError
	var affected *AffectedError
	return errors.As(err, &affected) || errors.As(err, &unsafe) || errors.As(err, &refused) || errors.As(err, &foreign) || errors.As(err, &limit)
}

// Run runs an intent in the caller's transaction, with the application's triggers
// and foreign-key actions, and collects what it did. It is inspected first, and
// runs only where that is certain to do the same everywhere (*UnsafeError). What it
// leaves must satisfy foreign keys, deferred ones too (*ForeignKeyError), and
// Limits (*LimitError); *IntentError and *LostError say the rest. Where it fails
// nothing of it stays. Capture must hold nothing beforehand.
//
// The changes have their times from the clock; the caller knows better.
//
// Off undoes the switches that this needs.
func (x *Intents) Run(ctx context.Context, in *Intent) (*IntentResult, error) {
	return x.runChecked(ctx, in, func(r *IntentResult) error { return x.r.CheckMade(r.Net) })
}

// runChecked is Run with another check than that of foreign keys.
func (x *Intents) runChecked(ctx context.Context, in *Intent, check func(*IntentResult) error) (*IntentResult, error) {
	i, err := x.Inspect(in.SQL)
	if err != nil {
		return nil, err
	}
	if err := i.Certain(in.Args); err != nil {
		return nil, err
	}
	if x.r.conn.AutoCommit() {
		return nil, errNoTransaction
	}
	if err := x.switchOn(i.Touches); err != nil {
		return nil, err
	}
	result := &IntentResult{}
	var cause error
	err = x.r.limited(&x.o.Limits, func() error {
		if err := x.probed(ctx, i, in.Args); err != nil {
			return err
		}
		return x.r.Savepoint(func() error {
			if cause = x.run(ctx, i, in.Args, result); cause == nil {
				return check(result)
			}
			return cause
		})
	})
	if err != nil {
		result.Close()
	}
	switch {
	case err == nil:
		return result, nil
	case cause != nil && x.r.conn.AutoCommit():
		return nil, &LostError{SQL: i.SQL, Err: cause}
	}
	return nil, err
}

// errNoTransaction says that Run was called outside of a transaction.
var errNoTransaction = errors.New("an intent runs within a transaction")

// probed reads what the statement would read. Unlike a statement that writes, one
// that reads can be interrupted without harm to the transaction.
func (x *Intents) probed(ctx context.Context, i *Inspection, args []replog.Value) error {
	x.guard = guard{ctx: ctx}
	if i.probe == "" || x.o.Limits.Time == 0 && x.o.Limits.Changes == 0 {
		return nil
	}
	soft, cancel := x.within(ctx, 1)
	defer cancel()
	_, _, n := parameters(tokenize(i.probe))
	row, err := x.r.queryContext(soft, i.probe, args[:n]...)
	if err != nil {
		return x.failed(ctx, soft, i, err)
	}
	if x.o.Limits.Changes > 0 && row[0].Int64() > x.o.Limits.Changes {
		return x.past(LimitChanges, i.SQL)
	}
	return nil
}

// within bounds a context by so many times Limits.Time.
func (x *Intents) within(ctx context.Context, times int) (context.Context, context.CancelFunc) {
	if x.o.Limits.Time == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(times)*x.o.Limits.Time)
}

func (x *Intents) run(ctx context.Context, i *Inspection, args []replog.Value, result *IntentResult) (err error) {
	soft, cancel := x.within(ctx, 1)
	defer cancel()
	hard, cancelHard := x.within(ctx, hardTimes)
	defer cancelHard()
	x.guard = guard{ctx: soft}
	if result.Affected, err = x.r.execContext(hard, i.SQL, args...); err != nil {
		return x.failed(ctx, hard, i, err)
	}
	if err := x.r.refused(); err != nil {
		return err
	}
	for _, name := range i.Touches {
		x.r.written[x.r.Schema.Table(name)] = true
	}
	return x.gather(i, result)
}

// gather takes what capture has recorded.
func (x *Intents) gather(i *Inspection, result *IntentResult) (err error) {
	if x.r.captured, err = x.capturedTables(); err != nil {
		return err
	}
	defer func() { x.r.captured = nil }()
	result.Net = replog.ChangeList(nil)
	transactions := 0
	err = x.r.GatherBack(0, func(g *Gathered) error {
		if transactions++; transactions > 1 {
			return fmt.Errorf("capture held other changes when an intent ran: %s", abbreviate(i.SQL))
		}
		if g.Vanished > 0 {
			return fmt.Errorf("capture missed what became of %d rows: %s", g.Vanished, abbreviate(i.SQL))
		}
		result.Net, result.long = g.NetChanges(), g.long
		return nil
	})
	if err == nil {
		err = x.r.Forget()
	}
	return err
}

// failed makes of SQLite's error what it means. ctx is the caller's, bounded the one
// that the statement ran under.
func (x *Intents) failed(ctx, bounded context.Context, i *Inspection, err error) error {
	switch code := resultCode(err); {
	case x.guard.limit != "":
		return x.past(x.guard.limit, i.SQL)
	case ctx.Err() != nil:
		return err
	case bounded.Err() != nil:
		return x.past(LimitTime, i.SQL)
	case code == sqliteTooBig:
		return x.past(LimitLength, i.SQL)
	case code == sqliteError, code == sqliteConstraint, code == sqliteMismatch, code == sqliteRange:
		return &IntentError{SQL: i.SQL, Err: err}
	}
	return err
}

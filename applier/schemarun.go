package applier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"replog/replog"
)

// SchemaResult is what running a schema statement led to.
type SchemaResult struct {
	// Already: what it leads to was there, and nothing was done.
	Already bool
	// Triggers are, of a replica whose triggers are kept elsewhere, their SQL
	// texts afterwards, in order of creation.
	Triggers []string
}

// WaitingError says that capture has gathered changes of a table which can no
// longer be told of once the table has changed: they have to be closed first.
type WaitingError struct{ Table string }

func (e *WaitingError) Error() string {
	return fmt.Sprintf("changes of table %q wait to be closed", e.Table)
}

// RunSchema runs a statement that InspectSchema has looked at, with the same
// options, in the caller's transaction, in or outside of WithoutTriggers. Afterwards
// Schema is the new one; where capture is installed, it captures what there is then:
// no write goes unseen. Changes that capture has gathered of other tables keep their
// meaning; those of a table that the statement alters or drops are a *WaitingError.
//
// An error leaves nothing behind: a *SchemaError if the statement was refused, of the
// class UnsafeData by the rows that are there, otherwise SQLite's. A *LostError says
// that it was interrupted, together with the caller's transaction. Nothing of Intents
// may be switched on. Where the caller rolls its transaction back, it calls Refresh
// before it goes on.
func (r *Replica) RunSchema(s *SchemaStatement, o SchemaOptions) (*SchemaResult, error) {
	if s.Refused != nil {
		return nil, s.Refused
	}
	result := &SchemaResult{Already: s.Already, Triggers: o.Triggers}
	if s.Already {
		return result, nil
	}
	if err := r.waits(s); err != nil {
		return nil, err
	}
	err := r.alone(func() error {
		return r.withTriggers(&result.Triggers, func() error { return r.runSchema(s, o.Time) })
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// alone runs f, which changes the schema, in a savepoint, with all that
// WithoutTriggers took out of the way in its place.
func (r *Replica) alone(f func() error) error {
	schema, derived, aside, putBack := r.Schema, r.derived, r.aside, r.putBack
	last, err := r.QueryRow("SELECT last_insert_rowid()")
	if err != nil {
		return err
	}
	err = r.Savepoint(func() (err error) {
		defer func() {
			if err == nil {
				err = r.setLastRowID(last[0])
			}
		}()
		if derived == nil {
			return f()
		}
		if err := r.endAside(); err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
		return r.setAside()
	})
	if err != nil {
		r.Schema, r.derived, r.aside, r.putBack = schema, derived, aside, putBack
		err = errors.Join(err, r.setLastRowID(last[0]))
	}
	r.version = -1 // it is that of this transaction, which may yet be undone
	r.forget()
	return err
}

// setLastRowID makes last_insert_rowid() what it was for the application, where
// capture is installed: it is that of the last row inserted, gone or not.
func (r *Replica) setLastRowID(last replog.Value) error {
	captured, err := isCaptured(r.Conn)
	if err != nil || !captured {
		return err
	}
	now, err := r.QueryRow("SELECT last_insert_rowid()")
	if err != nil || now[0] == last {
		return err
	}
	const again = "INSERT OR REPLACE INTO main.replog_control(rowid, recording) SELECT ?, recording FROM main.replog_control WHERE rowid = 1"
	if err := r.Exec(again, last); err != nil {
		return err
	}
	return r.Exec("DELETE FROM main.replog_control WHERE rowid <> 1")
}

// withTriggers runs f while the triggers of these texts are in the schema, unless
// there is no list, and reads them back.
func (r *Replica) withTriggers(texts *[]string, f func() error) error {
	if *texts == nil {
		return f()
	}
	if err := r.dropTheirs(func(string) bool { return true }); err != nil {
		return err
	}
	for _, text := range *texts {
		if err := r.Script(text); err != nil {
			return fmt.Errorf("create a trigger again: %w", err)
		}
	}
	if err := f(); err != nil {
		return err
	}
	list, err := ReadObjects(r.Conn)
	if err != nil {
		return err
	}
	*texts = TriggerTexts(list)
	derived, err := r.DerivedTriggers()
	if err != nil {
		return err
	}
	return r.dropTheirs(func(name string) bool { return !derived[name] })
}

// dropTheirs drops those triggers of the application, by their folded names, that
// are wanted.
func (r *Replica) dropTheirs(wanted func(folded string) bool) error {
	list, err := ReadObjects(r.Conn)
	if err != nil {
		return err
	}
	for _, o := range list {
		if o.Type == typeTrigger && wanted(foldName(o.Name)) {
			if err := r.dropTrigger(o.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// Waits tells whether RunSchema would be a *WaitingError.
func (r *Replica) Waits(s *SchemaStatement) (bool, error) {
	err := r.waits(s)
	var waiting *WaitingError
	if errors.As(err, &waiting) {
		return true, nil
	}
	return false, err
}

// waits looks for gathered changes of the table that a statement alters or drops.
func (r *Replica) waits(s *SchemaStatement) error {
	id, err := r.capturedID(s.Table)
	if err != nil || id == 0 || s.Type != typeTable || s.Action == SchemaCreate {
		return err
	}
	row, err := r.QueryRow("SELECT 1 FROM main.replog_change WHERE tbl = ? AND op <> ? LIMIT 1", replog.Integer(id), replog.Integer(opMark))
	if err == nil && row != nil {
		err = &WaitingError{Table: s.Table}
	}
	return err
}

func (r *Replica) runSchema(s *SchemaStatement, within time.Duration) error {
	captured, err := isCaptured(r.Conn)
	if err != nil {
		return err
	}
	if captured {
		if err := r.uncapture(s); err != nil {
			return err
		}
	}
	if s.Legacy {
		if err := r.Script("PRAGMA legacy_alter_table = ON"); err != nil {
			return err
		}
		defer func() { _ = r.Script("PRAGMA legacy_alter_table = OFF") }()
	}
	if err := r.alter(s, within); err != nil {
		return err
	}
	if !captured {
		return r.reread()
	}
	if err := r.follow(s); err != nil {
		return err
	}
	return r.recapture(s.Type == typeTable && s.Action == SchemaCreate)
}

// alter runs the statement itself, for as long as within says where that is not 0.
func (r *Replica) alter(s *SchemaStatement, within time.Duration) error {
	ctx := context.Background()
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	_, err := r.execContext(ctx, s.SQL)
	code := resultCode(err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && r.conn.AutoCommit():
		return &LostError{SQL: s.SQL, Err: err}
	case ctx.Err() != nil:
		return &SchemaError{SQL: s.SQL, Class: UnsafeLimit, Detail: fmt.Sprintf("it takes more than %s", within), Err: err}
	case code == sqliteError || IsConstraint(err):
		return &SchemaError{SQL: s.SQL, Class: UnsafeData, Detail: err.Error(), Err: err}
	}
	return fmt.Errorf("%w: %s", err, abbreviate(s.SQL))
}

// reread reads the schema as this transaction has made it.
func (r *Replica) reread() error {
	s, err := ReadSchema(r.Conn)
	if err == nil {
		r.Schema = s
	}
	return err
}

// uncapture drops what capture has on the table that a statement alters or drops:
// SQLite would refuse, or rewrite it.
func (r *Replica) uncapture(s *SchemaStatement) error {
	if s.Type != typeTable || s.Action == SchemaCreate {
		return nil
	}
	id, err := r.capturedID(s.Table)
	if err != nil || id == 0 {
		return err
	}
	return r.dropCapture(id)
}

// dropCapture drops what capture has on the table with this number.
func (r *Replica) dropCapture(id int64) error {
	for _, event := range captureEvents {
		if err := r.Script("DROP TRIGGER IF EXISTS main." + replog.QuoteName(triggerName(int(id), event))); err != nil {
			return err
		}
	}
	return r.Script("DROP INDEX IF EXISTS main." + replog.QuoteName(guardName(id)))
}

// follow notes what a statement has made of the tables that capture knows.
func (r *Replica) follow(s *SchemaStatement) error {
	if s.Type != typeTable {
		return nil
	}
	switch s.Action {
	case SchemaCreate:
		return r.know(s.Name, nil)
	case SchemaDrop:
		return r.Exec("DELETE FROM main.replog_table WHERE name = ? COLLATE NOCASE", replog.Text(s.Name))
	case SchemaRename:
		return r.Exec("UPDATE main.replog_table SET name = ? WHERE name = ? COLLATE NOCASE", replog.Text(s.NewName), replog.Text(s.Name))
	}
	return r.know(s.Name, func(names []string) []string {
		at := slices.IndexFunc(names, func(name string) bool { return foldName(name) == foldName(s.Column) })
		switch {
		case s.Action == SchemaAddColumn:
			return append(names, s.Column)
		case at < 0: // a generated column, or one that stays in this file
		case s.Action == SchemaDropColumn:
			return slices.Delete(names, at, at+1)
		default:
			names[at] = s.NewName
		}
		return names
	})
}

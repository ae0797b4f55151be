package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// trigger is one row of sqlite_schema.
type trigger struct {
	name, table, sql string
	rowid            int64
}

func (t *trigger) own() bool { return strings.HasPrefix(foldName(t.name), ownPrefix) }

// triggersOfTables lists the triggers on replicated tables in the order of
// their creation. Of two triggers for one event the last created fires first.
func (r *Replica) triggersOfTables() ([]trigger, error) {
	var list []trigger
	err := r.Query("SELECT rowid, name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY rowid", func(row []replog.Value) error {
		t := trigger{rowid: row[0].Int64(), name: row[1].Bytes(), table: row[2].Bytes(), sql: row[3].Bytes()}
		if r.Schema.Table(t.table) != nil {
			list = append(list, t)
		}
		return nil
	})
	return list, err
}

func (r *Replica) dropTrigger(name string) error {
	return r.Script("DROP TRIGGER main." + replog.QuoteName(name))
}

// WithoutTriggers runs f, within the caller's transaction, while nothing is
// recorded and the application's triggers are out of the way: what they did was
// captured, or will come, as changes of its own. Afterwards they are created
// again in their order, and capture after them.
func (r *Replica) WithoutTriggers(f func() error) error {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	var theirs []trigger
	for _, t := range triggers {
		if !t.own() {
			theirs = append(theirs, t)
			if err := r.dropTrigger(t.name); err != nil {
				return err
			}
		}
	}
	if err := r.Recording(false); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	for _, t := range theirs {
		if err := r.Script(t.sql); err != nil {
			return fmt.Errorf("create trigger %q again: %w", t.name, err)
		}
	}
	if len(theirs) > 0 {
		if err := r.reinstallTriggers(); err != nil {
			return err
		}
	}
	return r.Recording(true)
}

// MendCapture makes sure that every captured table has its triggers and that
// they fire before the application's, as those that were created later do. It
// tells whether it had to do anything.
func (r *Replica) MendCapture() (bool, error) {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return false, err
	}
	ours := map[string]int{}
	mend := false
	for _, t := range triggers {
		table := foldName(t.table)
		if t.own() {
			ours[table]++
		} else if ours[table] > 0 {
			mend = true
		}
	}
	for _, t := range r.Schema.Tables {
		mend = mend || ours[foldName(t.Name)] != len(captureTriggers(0, t))
	}
	if !mend {
		return false, nil
	}
	return true, r.reinstallTriggers()
}

func (r *Replica) reinstallTriggers() error {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	for _, t := range triggers {
		if t.own() {
			if err := r.dropTrigger(t.name); err != nil {
				return err
			}
		}
	}
	ids, _, err := r.capturedTables()
	if err != nil {
		return err
	}
	for id, t := range ids {
		if err := r.createTriggers(int(id), t); err != nil {
			return fmt.Errorf("capture table %q: %w", t.Name, err)
		}
	}
	return nil
}

package applier

import (
	"fmt"
	"maps"
	"slices"
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

// before tells whether it is one of ours that fires before the event.
func (t *trigger) before() bool {
	return t.own() && slices.ContainsFunc(captureEvents[:beforeTriggers], func(event string) bool {
		return strings.HasSuffix(t.name, event)
	})
}

// WithoutTriggers runs f, within the caller's transaction, while nothing is
// recorded and the application's triggers are out of the way: what they did was
// captured, or will come, as changes of its own. Afterwards they are created
// again in their order, and capture around them.
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
	if err := r.surround(theirs); err != nil {
		return err
	}
	return r.Recording(true)
}

// MendCapture makes sure that every captured table has its triggers and that
// they stand around the application's: those before an event fire last, so that
// a BEFORE trigger cannot put a row in the way after they looked, and those after
// it fire first, so that changes are captured in the order in which they were
// made. It tells whether it had to do anything.
func (r *Replica) MendCapture() (bool, error) {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return false, err
	}
	var theirs []trigger
	ours := map[string]int{}
	misplaced := map[string]bool{} // tables that have a trigger which ours must not follow, or precede
	mend := false
	for _, t := range triggers {
		table := foldName(t.table)
		switch {
		case !t.own():
			theirs = append(theirs, t)
			mend = mend || ours[table] > beforeTriggers
			misplaced[table] = true
		case t.before():
			ours[table]++
			mend = mend || misplaced[table]
		default:
			ours[table]++
		}
	}
	for _, t := range r.Schema.Tables {
		mend = mend || ours[foldName(t.Name)] != len(captureTriggers(0, t))
	}
	if !mend {
		return false, nil
	}
	for _, t := range triggers {
		if err := r.dropTrigger(t.name); err != nil {
			return false, err
		}
	}
	return true, r.surround(theirs)
}

// surround creates the application's triggers, which were dropped, and those of
// ours that are not there or not where they belong.
func (r *Replica) surround(theirs []trigger) error {
	tables, _, err := r.capturedTables()
	if err != nil {
		return err
	}
	there, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	disturbed := map[string]bool{} // tables with triggers of the application
	for _, t := range theirs {
		disturbed[foldName(t.table)] = true
	}
	for _, t := range there {
		if t.own() && !t.before() && disturbed[foldName(t.table)] {
			if err := r.dropTrigger(t.name); err != nil {
				return err
			}
			continue
		}
		kept[t.name] = true
	}
	create := func(before bool) error {
		for _, id := range slices.Sorted(maps.Keys(tables)) {
			for i, sql := range captureTriggers(int(id), tables[id]) {
				if kept[triggerName(int(id), captureEvents[i])] || i < beforeTriggers != before {
					continue
				}
				if err := r.Script(sql); err != nil {
					return fmt.Errorf("capture table %q: %w", tables[id].Name, err)
				}
			}
		}
		return nil
	}
	if err := create(true); err != nil {
		return err
	}
	for _, t := range theirs {
		if err := r.Script(t.sql); err != nil {
			return fmt.Errorf("create trigger %q again: %w", t.name, err)
		}
	}
	return create(false)
}

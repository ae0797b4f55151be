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

func (t *trigger) own() bool { return IsReplog(t.name) }

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

func (r *Replica) dropTriggers(list []trigger) error {
	for _, t := range list {
		if err := r.dropTrigger(t.name); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replica) createAgain(theirs []trigger) error {
	for _, t := range theirs {
		if err := r.Script(t.sql); err != nil {
			return fmt.Errorf("create trigger %q again: %w", t.name, err)
		}
	}
	return nil
}

// MendCapture makes sure that every captured table has the triggers that this
// version of replog gives it, and no others of ours, and that those before an
// event are older than the application's, so that they fire last: a BEFORE trigger
// cannot put a row in the way after they looked. It tells whether it had to do
// anything, which is done to the tables that need it alone.
func (r *Replica) MendCapture() (bool, error) {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return false, err
	}
	tables, _, err := r.capturedTables()
	if err != nil {
		return false, err
	}
	create, err := r.rowIDGuards(tables)
	if err != nil {
		return false, err
	}
	mend, ours := r.toMend(triggers, tables)
	create = append(create, ours...)
	if len(mend) == 0 && create == nil {
		return false, nil
	}
	triggers = slices.DeleteFunc(triggers, func(t trigger) bool { return !mend[foldName(t.table)] })
	if err := r.dropTriggers(triggers); err != nil {
		return false, err
	}
	for _, sql := range create {
		if err := r.Script(sql); err != nil {
			return false, fmt.Errorf("capture: %w", err)
		}
	}
	return true, r.createAgain(slices.DeleteFunc(triggers, func(t trigger) bool { return t.own() }))
}

// toMend names the tables, folded, whose triggers are not as they should be, and
// renders those of ours that they should have.
func (r *Replica) toMend(triggers []trigger, tables map[int64]*Table) (mend map[string]bool, ours []string) {
	mend = map[string]bool{}
	disturbed := map[string]bool{}          // tables with a trigger of the application
	there := map[string]map[string]string{} // table -> name -> SQL
	for _, t := range triggers {
		table := foldName(t.table)
		if !t.own() {
			disturbed[table] = true
			continue
		}
		if there[table] == nil {
			there[table] = map[string]string{}
		}
		there[table][t.name] = t.sql
		if t.before() && disturbed[table] {
			mend[table] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(tables)) {
		table := foldName(tables[id].Name)
		var texts []string
		for i, sql := range captureTriggers(int(id), tables[id]) {
			if sql == "" {
				continue
			}
			texts = append(texts, sql)
			if there[table][triggerName(int(id), captureEvents[i])] != inSchema(sql) {
				mend[table] = true
			}
		}
		if len(there[table]) > len(texts) {
			mend[table] = true
		}
		delete(there, table)
		if mend[table] {
			ours = append(ours, texts...)
		}
	}
	for table := range there { // which capture does not know
		mend[table] = true
	}
	return mend, ours
}

// inSchema is a CREATE TRIGGER of ours as SQLite keeps it: without the name of the
// schema.
func inSchema(sql string) string { return strings.Replace(sql, " main.", " ", 1) }

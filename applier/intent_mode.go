package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// intentMode is what is switched on in a connection while intents run: capture, the
// application's triggers and foreign-key actions, for the tables that have come up.
type intentMode struct {
	on     map[string]bool // tables
	serial int             // of the last switch, and of its mark
	made   []string        // triggers in the main schema, that go again
	theirs map[string]bool // tables on which these are the application's
	used   bool            // the connection has been switched
	// recursive: recursive_triggers is on. A cascade goes on along a tree, and
	// REPLACE takes children away, as SQLite's own actions do.
	recursive bool
	guarded   bool // the connection has the guard's function
}

// Off takes away what running intents needs: before row statements are written,
// before the transaction ends, and after it was rolled back.
func (x *Intents) Off() error {
	if x.mode.recursive {
		x.mode.recursive = false
		if err := x.r.Script("PRAGMA recursive_triggers = OFF"); err != nil {
			return err
		}
	}
	there, err := x.switched()
	if err != nil || !there {
		return err
	}
	if err := x.dropTemporary(""); err != nil {
		return err
	}
	for _, name := range x.mode.made {
		if err := x.r.dropTrigger(name); err != nil {
			return err
		}
	}
	x.forget()
	return x.r.Recording(false)
}

// Uninstall is Off, and takes the tables of capture away as well: those that were
// made with a schema do not serve another.
func (x *Intents) Uninstall() error {
	if err := x.Off(); err != nil {
		return err
	}
	return x.r.Script("DROP TABLE IF EXISTS main.replog_change; DROP TABLE IF EXISTS main.replog_table; DROP TABLE IF EXISTS main.replog_control")
}

// Pause makes ready for writing changes of rows, in the caller's transaction, with
// nothing that would fire for them. What intents need stays, but does nothing until
// the next of them; only where triggers of the application are in the way does it
// have to go.
func (x *Intents) Pause(changes replog.Changes) error {
	there, err := x.switched()
	if err != nil || !there {
		return err
	}
	inTheWay := false
	for i := 0; i < changes.Len() && !inTheWay && len(x.mode.theirs) > 0; i++ {
		c, err := changes.At(i)
		if err != nil {
			return err
		}
		inTheWay = x.mode.theirs[foldName(c.Table)]
	}
	if inTheWay {
		return x.Off()
	}
	return x.r.Recording(false)
}

// Rest is Off, before a transaction commits, for a connection on which intents will
// run again: what only this connection sees stays, and does nothing until then. Rows
// may be written meanwhile.
func (x *Intents) Rest() error {
	there, err := x.switched()
	if err != nil || !there {
		return err
	}
	if len(x.mode.made) > 0 {
		return x.Off()
	}
	return x.r.Recording(false)
}

func (x *Intents) forget() {
	x.mode.on, x.mode.made, x.mode.theirs = map[string]bool{}, nil, map[string]bool{}
}

// switchOn makes ready for statements that touch some tables, in the caller's
// transaction. What is on stays on, as schema changes cost.
//
// Capture and foreign-key actions are temporary triggers, which change nothing that
// other connections see. Of the triggers for one event, temporary ones fire first
// (measured, SQLite 3.54), so that where the application has BEFORE triggers
// capture goes to the main schema, before them: see MendCapture.
func (x *Intents) switchOn(tables []string) error {
	there, err := x.switched()
	if err != nil {
		return err
	}
	if !there {
		if err := x.switchFirst(); err != nil {
			return err
		}
	}
	if !x.mode.recursive {
		x.mode.recursive = true
		if err := x.r.Script("PRAGMA recursive_triggers = ON"); err != nil {
			return err
		}
	}
	if err := x.resume(); err != nil {
		return err
	}
	var missing []*Table
	for _, name := range tables {
		if !x.mode.on[name] {
			missing = append(missing, x.r.Schema.Table(name))
		}
	}
	if missing == nil {
		return nil
	}
	theirs, err := x.triggers()
	if err != nil {
		return err
	}
	if err := x.capture(missing, theirs); err != nil {
		return err
	}
	if err := x.createTheirs(missing, theirs); err != nil {
		return err
	}
	for _, t := range missing {
		for _, sql := range actionTriggers(x.r.Schema, t) {
			if err := x.r.Script(sql); err != nil {
				return fmt.Errorf("foreign keys: %w", err)
			}
		}
		if err := x.guardTable(t); err != nil {
			return err
		}
		x.mode.on[t.Name] = true
	}
	return x.note()
}

// resume has what Pause stopped go on.
func (x *Intents) resume() error {
	row, err := x.r.QueryRow("SELECT 1 FROM main.replog_control WHERE recording")
	if err != nil || row != nil {
		return err
	}
	return x.r.Recording(true)
}

// switchFirst is what the first table needs.
func (x *Intents) switchFirst() error {
	x.forget()
	if err := x.dropTemporary(""); err != nil {
		return err
	}
	row, err := x.r.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'replog_change'")
	if err == nil && row == nil {
		err = x.r.installTables()
	}
	if err == nil {
		err = x.r.makeRefusals()
	}
	x.mode.used = true
	return err
}

// capture creates the triggers of capture on tables that have none.
func (x *Intents) capture(tables []*Table, theirs []trigger) error {
	there, err := x.triggersThere()
	if err != nil {
		return err
	}
	known, err := x.capturedTables()
	if err != nil {
		return err
	}
	schema := "temp"
	if slices.ContainsFunc(theirs, func(t trigger) bool { return parseTrigger(t.sql).before }) {
		schema = "main"
	}
	for id, t := range known.tables {
		if !slices.Contains(tables, t) || there[triggerName(int(id), captureEvents[0])] {
			continue
		}
		for i, sql := range captureTriggers(int(id), t) {
			if sql == "" {
				continue
			}
			if schema == "main" {
				x.mode.made = append(x.mode.made, triggerName(int(id), captureEvents[i]))
			}
			if err := x.r.Script("CREATE TRIGGER " + schema + strings.TrimPrefix(sql, "CREATE TRIGGER main")); err != nil {
				return fmt.Errorf("capture: %w", err)
			}
		}
	}
	return nil
}

// createTheirs creates the application's triggers on some tables, unless they are
// there, in their order.
func (x *Intents) createTheirs(tables []*Table, theirs []trigger) error {
	there, err := x.triggersThere()
	if err != nil {
		return err
	}
	for _, t := range tables {
		on := slices.DeleteFunc(slices.Clone(theirs), func(x trigger) bool { return foldName(x.table) != foldName(t.Name) })
		if !slices.ContainsFunc(on, func(x trigger) bool { return !there[foldName(x.name)] }) {
			continue
		}
		for _, own := range on {
			if there[foldName(own.name)] { // for the order
				if err := x.r.dropTrigger(own.name); err != nil {
					return err
				}
			} else {
				x.mode.made = append(x.mode.made, own.name)
				x.mode.theirs[foldName(t.Name)] = true
			}
		}
		if err := x.r.createAgain(on); err != nil {
			return err
		}
	}
	return nil
}

// triggersThere names, folded, the triggers in the main schema.
func (x *Intents) triggersThere() (map[string]bool, error) {
	there := map[string]bool{}
	return there, x.r.Query("SELECT name FROM main.sqlite_schema WHERE type = 'trigger'", func(row []replog.Value) error {
		there[foldName(row[0].Bytes())] = true
		return nil
	})
}

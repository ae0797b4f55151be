package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// switches is a temporary table that has what mode knows of the last switch. A
// rollback undoes it, or undoes what undid it, together with the switch itself.
const switches = ownPrefix + "switches"

// switched tells whether a switch is in force, and finds out which where a rollback
// has changed that.
func (x *Intents) switched() (bool, error) {
	if !x.mode.used {
		return false, nil
	}
	row, err := x.r.QueryRow("SELECT name FROM temp.sqlite_schema WHERE type = 'view' AND name GLOB '" + ownPrefix + "mark_*'")
	switch {
	case err != nil:
		return false, err
	case row == nil:
		x.forget()
		return false, nil
	case len(x.mode.on) > 0 && row[0].Bytes() == x.markName():
		return true, nil
	}
	return true, x.recall()
}

// recall reads which switch is in force.
func (x *Intents) recall() error {
	x.forget()
	return x.r.Query("SELECT kind, name FROM temp."+switches, func(row []replog.Value) error {
		switch name := row[1].Bytes(); row[0].Bytes() {
		case "on":
			x.mode.on[name] = true
		case "made":
			x.mode.made = append(x.mode.made, name)
		case "theirs":
			x.mode.theirs[name] = true
		}
		return nil
	})
}

// note writes down what recall reads, and marks the switch.
func (x *Intents) note() error {
	if err := x.dropTemporary("mark_"); err != nil {
		return err
	}
	x.mode.serial++
	if err := x.r.Script("CREATE VIEW temp." + replog.QuoteName(x.markName()) + " AS SELECT 1"); err != nil {
		return err
	}
	if err := x.r.Script("CREATE TABLE IF NOT EXISTS temp." + switches + "(kind, name); DELETE FROM temp." + switches); err != nil {
		return err
	}
	add := func(kind, name string) error {
		return x.r.Exec("INSERT INTO temp."+switches+" VALUES(?, ?)", replog.Text(kind), replog.Text(name))
	}
	for kind, names := range map[string]map[string]bool{"on": x.mode.on, "theirs": x.mode.theirs} {
		for name := range names {
			if err := add(kind, name); err != nil {
				return err
			}
		}
	}
	for _, name := range x.mode.made {
		if err := add("made", name); err != nil {
			return err
		}
	}
	return nil
}

// markName names a view that says which switch is in force.
func (x *Intents) markName() string { return fmt.Sprintf("%smark_%d", ownPrefix, x.mode.serial) }

// dropTemporary drops our temporary triggers and views whose names begin so.
func (x *Intents) dropTemporary(prefix string) error {
	var drop []string
	err := x.r.Query("SELECT type, name FROM temp.sqlite_schema WHERE type IN ('trigger', 'view')", func(row []replog.Value) error {
		if strings.HasPrefix(row[1].Bytes(), ownPrefix+prefix) {
			drop = append(drop, "DROP "+row[0].Bytes()+" temp."+replog.QuoteName(row[1].Bytes()))
		}
		return nil
	})
	for _, statement := range drop {
		if err == nil {
			err = x.r.Script(statement)
		}
	}
	return err
}

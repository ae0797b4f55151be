package model

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// newTwin makes a copy of the device's tables as they are, in memory and without
// capture, to see what a write does there.
func (n *node) newTwin() (*foreign, error) {
	c, err := openForeign(":memory:")
	if err != nil {
		return nil, err
	}
	if err := n.fillTwin(c); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (n *node) fillTwin(c *foreign) error {
	c.unmarked = true
	script := append([]string{}, n.family.ddl...)
	script = append(script, "ATTACH "+replog.Text(n.path).String()+" AS device")
	for _, t := range n.family.tables {
		columns := strings.Trim(t.columnList(), "()")
		if t.hasRowid {
			columns = "rowid, " + columns
		}
		script = append(script, "INSERT OR ABORT INTO main."+t.quoted+"("+columns+") SELECT "+columns+" FROM device."+t.quoted)
	}
	script = append(script, "DETACH device")
	script = append(append(script, n.family.before...), n.family.after...)
	for _, sql := range script {
		if err := c.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	orphans, err := c.query("PRAGMA foreign_key_check")
	if err != nil {
		return err
	}
	c.orphans = len(orphans) > 0
	return c.observe(n.family)
}

// sameAs runs a write, which was done on the device, on its twin, and compares
// what came of it: capture must not make a difference to the application. (Where
// there are orphans already, any trigger does: SQLite refuses a one-row INSERT
// without parent at once in a table without triggers, and otherwise counts, less
// the orphans that get their parent by it. And where recursive triggers ran too
// deep, its count of deferred violations is not what it was before.)
func (n *node) sameAs(twin *foreign, l *local) error {
	if twin.orphans || l.recursive {
		return nil
	}
	if _, err := twin.run(l); err != nil {
		return fmt.Errorf("without capture: %w", err)
	}
	if !slices.Equal(n.app.refused, twin.refused) {
		return fmt.Errorf("device %d: SQLite answered %q; without capture %q", n.number, n.app.refused, twin.refused)
	}
	got, err := n.app.read(n.family)
	if err != nil {
		return err
	}
	want, err := twin.read(n.family)
	if err != nil {
		return err
	}
	if d := got.Difference(want); d != nil {
		return fmt.Errorf("device %d: a write's result against the one without capture:\n  %s", n.number, strings.Join(d, "\n  "))
	}
	return nil
}

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
	tables, triggers, err := n.schemaNow()
	if err != nil {
		return err
	}
	script := append(tables, "ATTACH "+replog.Text(n.path).String()+" AS device")
	for _, t := range n.family.tables {
		columns := strings.Trim(t.columnList(), "()")
		if t.hasRowid {
			columns = "rowid, " + columns
		}
		script = append(script, "INSERT OR ABORT INTO main."+t.quoted+"("+columns+") SELECT "+columns+" FROM device."+t.quoted)
	}
	script = slices.Concat(script, []string{"DETACH device"}, triggers, n.family.idleTriggers())
	for _, sql := range script {
		if err := c.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return c.observe(n.family)
}

// schemaNow is the SQL of the device's tables and indexes, and of the
// application's triggers, in the order of their creation.
func (n *node) schemaNow() (tables, triggers []string, err error) {
	if !n.anew {
		return slices.Clone(n.family.ddl), slices.Concat(n.family.before, n.family.after), nil
	}
	rows, err := n.app.query("SELECT type, sql FROM main.sqlite_schema WHERE lower(name) NOT GLOB 'replog_*' AND sql IS NOT NULL ORDER BY rowid")
	for _, r := range rows {
		if sql := r[1].Bytes(); r[0].Bytes() == "trigger" {
			triggers = append(triggers, sql)
		} else {
			tables = append(tables, sql)
		}
	}
	return tables, triggers, err
}

// idleTriggers do nothing, but are there, as those of capture are: with a trigger
// of any kind SQLite checks some foreign keys at the end of a statement instead
// of at once, which makes a difference where there are orphans already. They use
// all columns, as otherwise an UPDATE may go through an index that has what it
// needs, and so come upon the rows in another order; and they contain a statement
// that may fail, as without one SQLite keeps what a statement did to rows before
// the one at which a STRICT table refuses a type under OR IGNORE.
func (f *family) idleTriggers() []string {
	out := []string{"CREATE TABLE idle(id INTEGER PRIMARY KEY, x)"}
	for i, t := range f.tables {
		for j, event := range []string{"BEFORE INSERT", "BEFORE UPDATE", "BEFORE DELETE", "AFTER INSERT"} {
			var used []string
			for _, c := range t.columns {
				if !strings.HasSuffix(event, "INSERT") {
					used = append(used, "OLD."+c.name)
				}
				if !strings.HasSuffix(event, "DELETE") {
					used = append(used, "NEW."+c.name)
				}
			}
			out = append(out, fmt.Sprintf("CREATE TRIGGER idle%d_%d %s ON %s BEGIN INSERT INTO idle SELECT 1, %s WHERE 0; END",
				i, j, event, t.quoted, strings.Join(used, " || ")))
		}
	}
	return out
}

// sameAs runs a write, which was done on the device, on its twin, and compares
// what came of it: capture must not make a difference to the application. (Where
// recursive triggers ran too deep, SQLite's count of deferred violations is not
// what it was before. And what an UPSERT checks of foreign keys depends on which
// triggers there are.)
func (n *node) sameAs(twin *foreign, l *local) error {
	if l.recursive || l.foreignKeys && l.upserts() {
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

func (l *local) upserts() bool {
	return slices.ContainsFunc(l.steps, func(s step) bool { return strings.Contains(s.sql, "DO UPDATE") })
}

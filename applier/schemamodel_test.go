package applier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// migration draws schema statements of any kind, not additions alone.
func (m *driftModel) migration() string {
	d := m.tables[m.pick("table", len(m.tables))]
	m.serial++
	switch m.pick("migration", 8) {
	case 0:
		if len(d.columns) > 2 && d.columns[len(d.columns)-1].name[:3] == `"c ` && d.name != "t0" {
			c := d.columns[len(d.columns)-1]
			d.columns = d.columns[:len(d.columns)-1]
			return fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", d.name, c.name)
		}
	case 1:
		if i := len(d.columns) - 1; d.columns[i].name != d.first() {
			old := d.columns[i].name
			name := fmt.Sprintf(`"c %d"`, m.serial)
			for n := range d.columns {
				d.columns[n].def = strings.ReplaceAll(d.columns[n].def, old, name)
			}
			d.key = strings.ReplaceAll(d.key, old, name)
			d.columns[i].name = name
			return fmt.Sprintf("ALTER TABLE %s RENAME %s TO %s", d.name, old, name)
		}
	case 2:
		if d.name != "t0" {
			old := d.name
			d.name = fmt.Sprintf(`"new %d"`, m.serial)
			for i := range d.triggers {
				d.triggers[i] = strings.Replace(d.triggers[i], "ON "+old, "ON "+d.name, 1)
			}
			return fmt.Sprintf("ALTER TABLE %s RENAME TO %s", old, d.name)
		}
	case 3:
		if d.name != "t0" {
			m.tables = slices.DeleteFunc(m.tables, func(x *driftTable) bool { return x == d })
			drop := ""
			for _, view := range d.views {
				drop += "DROP VIEW " + view + "; "
			}
			return drop + "DROP TABLE " + d.name
		}
	}
	return m.change()
}

// run has the device and the server run a script's statements, as the log would
// have them, in one transaction of the device.
func (d *driftDevice) run(t testingT, script string, inside bool) {
	t.Helper()
	d.device.in(t, script, func() error {
		for _, p := range Pieces(script) {
			s, err := d.device.InspectSchema(p.Text, SchemaOptions{First: true, Live: true})
			switch {
			case err != nil:
				return err
			case s.Refused != nil && (s.Refused.Class == UnsafeStatement || s.Refused.Class == UnsafeSeveral):
				if err := d.device.Script(p.SQL); err != nil {
					return err
				}
				continue
			case s.Refused != nil:
				return errSkip // SQLite refuses it too
			}
			if err := d.closeGathered(t); err != nil {
				return err
			}
			run := func() error { _, err := d.device.RunSchema(s, SchemaOptions{First: true, Live: true}); return err }
			if inside {
				err = d.device.WithoutTriggers(run)
			} else {
				err = run()
			}
			if err != nil {
				return err
			}
			d.server.in(t, "schema", func() error {
				result, err := d.server.runSchema(s.SQL, SchemaOptions{Legacy: s.Legacy, Triggers: d.triggers})
				if err == nil {
					d.triggers = result.Triggers
				}
				return err
			})
		}
		return d.closeGathered(t)
	})
}

var errSkip = errors.New("refused")

// closeGathered closes what capture has gathered, and applies it to the server.
func (d *driftDevice) closeGathered(t testingT) error {
	list, err := d.device.Gather(0)
	if err != nil {
		return err
	}
	d.apply(t, "close", list)
	return d.device.Forget()
}

// Whatever schema statements run, between other statements and in one transaction
// with them, in or outside of WithoutTriggers: the device's capture and the server's
// replica follow.
func TestRandomMigrationsRunAlikeEverywhere(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newDriftModel(r)
		var script []string
		for _, d := range m.tables {
			script = append(script, d.create(d.name))
		}
		d := newDriftDevice(r, t.TempDir(), strings.Join(script, ";\n"))
		defer d.close()
		for range 1 + m.pick("steps", 12) {
			if m.pick("kind", 2) == 0 {
				if err := d.device.Script(m.write()); err != nil && !IsConstraint(err) {
					r.Fatal(err)
				}
				continue
			}
			before := FingerprintObjects(objectsOf(r, d.device.Conn))
			sql := m.migration()
			d.run(r, sql, m.pick("inside", 2) == 0)
			if before == FingerprintObjects(objectsOf(r, d.device.Conn)) {
				r.Errorf("%s changed nothing", sql)
			}
			if log := WithTriggers(objectsOf(r, d.server.Conn), d.triggers); !SameObjects(log, objectsOf(r, d.device.Conn)) {
				r.Errorf("after %s the schemas differ:\n%s\n\n%s", sql, FormatObjects(log), FormatObjects(objectsOf(r, d.device.Conn)))
			}
		}
		d.device.in(r, "close", func() error { return d.closeGathered(r) })
		d.device.checkCapture(r)
		mustEqual(r, "device and server", d.device.Conn, d.server.Conn, nil)
	})
}

package applier

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// driftColumn is a column of a random table, its name in quotes.
type driftColumn struct{ name, def string }

func (c driftColumn) sql() string { return strings.TrimSpace(c.name + " " + c.def) }

// driftTable is a table of a random schema.
type driftTable struct {
	name, options string
	columns       []driftColumn // the key's first
	key           string        // a constraint, or ""
	triggers      []string
	views         []string // their names, the last first
}

func (d *driftTable) create(name string) string {
	var parts []string
	for _, c := range d.columns {
		parts = append(parts, c.sql())
	}
	if d.key != "" {
		parts = append(parts, d.key)
	}
	return fmt.Sprintf("CREATE TABLE %s(%s)%s", name, strings.Join(parts, ", "), d.options)
}

// stored are the columns that take values, and their names.
func (d *driftTable) stored() (columns []driftColumn, names []string) {
	for _, c := range d.columns {
		if !strings.Contains(c.def, "AS (") {
			columns, names = append(columns, c), append(names, c.name)
		}
	}
	return columns, names
}

// first is a column that every shape of table has.
func (d *driftTable) first() string {
	for _, c := range d.columns {
		if c.name == `"id"` || c.name == `"k"` || c.name == `"a b"` || c.name == `"free"` {
			return c.name
		}
	}
	return ""
}

var driftShapes = []driftTable{
	{columns: []driftColumn{{`"id"`, "INTEGER PRIMARY KEY"}, {`"v"`, "TEXT"}}},
	{columns: []driftColumn{{`"id"`, "INTEGER PRIMARY KEY AUTOINCREMENT"}, {`"v"`, "REAL DEFAULT 1"}}},
	{columns: []driftColumn{{`"k"`, "TEXT COLLATE NOCASE NOT NULL"}, {`"l"`, "INT NOT NULL"}, {`"v"`, ""}}, key: `PRIMARY KEY("k", "l")`, options: " WITHOUT ROWID"},
	{columns: []driftColumn{{`"k"`, "TEXT PRIMARY KEY NOT NULL"}, {`"v"`, "ANY"}}, options: " STRICT"},
	{columns: []driftColumn{{`"free"`, "TEXT"}, {`"v"`, "INT"}}}, // known by its rowid
	{columns: []driftColumn{{`"a b"`, "TEXT NOT NULL"}, {`"c"`, "BLOB UNIQUE"}}, key: `PRIMARY KEY("a b" DESC)`},
}

// driftColumns are columns that ALTER TABLE can add, %s being the name and %f that
// of another column.
var driftColumns = []string{
	"INT", "TEXT COLLATE NOCASE", "TEXT NOT NULL DEFAULT 'Abc'", "REAL DEFAULT 1", "INT DEFAULT -7", "BLOB DEFAULT x'00FF'",
	"TEXT DEFAULT NULL", "INT CHECK (%s <> 13)", "TEXT /* a comment, (with) 'signs */ DEFAULT ''", "INT REFERENCES t0 ON DELETE CASCADE", "TEXT AS (coalesce(%f, 'x') || 1)",
	"REAL DEFAULT 1e3", "TEXT DEFAULT '12'",
}

// driftModel draws a schema and what an application does to it.
type driftModel struct {
	r      *rapid.T
	tables []*driftTable
	serial int
}

func (m *driftModel) pick(what string, n int) int { return rapid.IntRange(0, n-1).Draw(m.r, what) }

func newDriftModel(r *rapid.T) *driftModel {
	m := &driftModel{r: r}
	for i := range 1 + m.pick("tables", 3) {
		m.add(fmt.Sprintf([]string{`t%d`, `"T %d"`, `[t-%d]`}[m.pick("quotes", 3)], i))
	}
	return m
}

func (m *driftModel) add(name string) *driftTable {
	shape := driftShapes[m.pick("shape", len(driftShapes))]
	if len(m.tables) == 0 {
		shape, name = driftShapes[0], "t0" // others refer to it
	}
	d := &driftTable{name: name, columns: slices.Clone(shape.columns), key: shape.key, options: shape.options}
	m.tables = append(m.tables, d)
	return d
}

// row is an INSERT of a row that is new, or in the way of another.
func (m *driftModel) row(d *driftTable) string {
	columns, names := d.stored()
	var values []string
	for _, c := range columns {
		values = append(values, m.value(c))
	}
	return fmt.Sprintf("INSERT OR %s INTO %s(%s) VALUES(%s)", []string{"IGNORE", "REPLACE"}[m.pick("or", 2)], d.name, strings.Join(names, ", "), strings.Join(values, ", "))
}

func (m *driftModel) value(c driftColumn) string {
	n := m.pick("value", 6)
	switch {
	case strings.Contains(c.def, "INT"):
		return fmt.Sprint(n + 1)
	case strings.Contains(c.def, "REAL"):
		return []string{"1.0", "2.5", "1", "0.0", "-0.0", "1e3"}[n]
	case strings.Contains(c.def, "BLOB"):
		return fmt.Sprintf("x'%02x'", n)
	case strings.Contains(c.def, "TEXT"):
		return []string{"'a'", "'A'", "'b'", "'Abc'", "''", "'12'"}[n]
	}
	return []string{"NULL", "1", "1.0", "'1'", "x'31'", "''"}[n]
}

// write is a statement of the application's.
func (m *driftModel) write() string {
	d := m.tables[m.pick("table", len(m.tables))]
	columns, _ := d.stored()
	what := m.pick("write", 4)
	if what == 2 {
		return fmt.Sprintf("DELETE FROM %s WHERE %s = (SELECT min(%[2]s) FROM %[1]s)", d.name, d.first())
	}
	var set []string
	for _, c := range columns {
		if c.name != d.first() && m.pick("set", 2) == 0 {
			set = append(set, c.name+" = "+m.value(c))
		}
	}
	if what < 2 || set == nil {
		return m.row(d)
	}
	return "UPDATE OR IGNORE " + d.name + " SET " + strings.Join(set, ", ")
}

// change is what a migration does.
func (m *driftModel) change() string {
	m.serial++
	d := m.tables[m.pick("table", len(m.tables))]
	switch m.pick("change", 6) {
	case 0:
		return m.add(fmt.Sprintf("new%d", m.serial)).create(fmt.Sprintf("new%d", m.serial))
	case 1:
		return fmt.Sprintf("CREATE INDEX i%d ON %s(%s)", m.serial, d.name, d.first())
	case 2:
		d.views = append([]string{fmt.Sprintf("x%d", m.serial), fmt.Sprintf("w%d", m.serial)}, d.views...)
		return fmt.Sprintf("CREATE VIEW w%d AS SELECT %s AS x FROM %s; CREATE VIEW x%[1]d AS SELECT x FROM w%[1]d; CREATE TRIGGER y%[1]d INSTEAD OF INSERT ON x%[1]d BEGIN INSERT OR IGNORE INTO t0(id) VALUES(%[1]d); END; INSERT INTO x%[1]d VALUES(1)", m.serial, d.first(), d.name)
	case 3:
		trigger := fmt.Sprintf("CREATE TRIGGER r%d AFTER UPDATE ON %s BEGIN INSERT OR IGNORE INTO t0(id) VALUES(%d); END", m.serial, d.name, 100+m.serial)
		d.triggers = append(d.triggers, trigger)
		return trigger
	}
	c := driftColumn{name: fmt.Sprintf(`"c %d"`, m.serial), def: driftColumns[m.pick("column", len(driftColumns))]}
	c.def = strings.NewReplacer("%s", c.name, "%f", d.first()).Replace(c.def)
	_, old := d.stored()
	if m.pick("how", 2) == 0 {
		d.columns = append(d.columns, c)
		return fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s", d.name, c.sql())
	}
	d.columns = rapid.Permutation(append(d.columns, c)).Draw(m.r, "order")
	return fmt.Sprintf("PRAGMA legacy_alter_table = ON; %s; INSERT INTO made_anew(%s) SELECT %[2]s FROM %s; DROP TABLE %[3]s; ALTER TABLE made_anew RENAME TO %[3]s; PRAGMA legacy_alter_table = OFF; %s",
		d.create("made_anew"), strings.Join(old, ", "), d.name, strings.Join(d.triggers, "; "))
}

// Whatever an application adds to its schema, however it does, and whatever it
// writes before and after: the additions are told, and the server comes to hold the
// same.
func TestRandomDriftLeadsToTheSameEverywhere(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := newDriftModel(r)
		var script []string
		for _, d := range m.tables {
			script = append(script, d.create(d.name))
		}
		for range m.pick("rows", 8) {
			script = append(script, m.row(m.tables[m.pick("table", len(m.tables))]))
		}
		d := newDriftDevice(r, t.TempDir(), strings.Join(script, ";\n"))
		defer d.close()
		for range 1 + m.pick("rounds", 3) {
			for range m.pick("steps", 7) {
				sql := m.write()
				if m.pick("kind", 3) == 0 {
					sql = m.change()
				}
				if err := d.device.Script(sql); err != nil && !IsConstraint(err) {
					r.Fatalf("%v in %s", err, sql)
				}
			}
			d.sync(r)
			mustEqual(r, "device and server", d.device.Conn, d.server.Conn, nil)
		}
	})
}

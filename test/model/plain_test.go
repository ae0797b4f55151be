package model

import (
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// plain runs statements on databases of its own, each in memory and for one statement,
// which hold what a replica does and know nothing of replog. script makes the tables,
// and triggers lists the application's triggers, both as they are now.
type plain struct {
	*world
	script, triggers func() ([]string, error)
}

// run is a Run. What goes wrong is the world's failure.
func (p *plain) run(from State, in *Intent) Ran {
	ran, err := p.attempt(from, in)
	if err != nil {
		p.fail(err)
		return Ran{Refused: "the test failed"}
	}
	return ran
}

func (p *plain) attempt(from State, in *Intent) (Ran, error) {
	c, err := p.open(from)
	if err != nil {
		return Ran{}, err
	}
	defer c.close()
	for _, sql := range []string{"PRAGMA foreign_keys=ON", "BEGIN", "PRAGMA defer_foreign_keys=ON"} {
		if err := c.exec(sql); err != nil {
			return Ran{}, err
		}
	}
	var ran Ran
	if ran.Affected, err = c.execArgs(in.SQL, in.Args); err != nil {
		ran.Refused, err = refusedFor(err)
		return ran, err
	}
	if ran.Moves, err = c.moves(); err != nil {
		return Ran{}, err
	}
	ran.After, err = c.read(p.family)
	return ran, err
}

// open makes a database with a content.
func (p *plain) open(from State) (*foreign, error) {
	c, err := openForeign(":memory:")
	if err != nil {
		return nil, err
	}
	if err := p.fill(c, from); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (p *plain) fill(c *foreign, from State) error {
	tables, err := p.script()
	if err != nil {
		return err
	}
	triggers, err := p.triggers()
	if err != nil {
		return err
	}
	script := strings.Join(tables, ";\n")
	if err := c.exec(script); err != nil {
		return err
	}
	ids := make([]replog.RowID, 0, len(from))
	for id := range from {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareIDs)
	for _, id := range ids {
		t := p.family.table(id.Table)
		sql := "INSERT OR ABORT INTO main." + t.quoted + t.columnList() + " VALUES(?" + strings.Repeat(", ?", len(t.columns)-1) + ")"
		if _, err := c.execArgs(sql, from[id]); err != nil {
			return err
		}
	}
	if err := c.exec(strings.Join(append(triggers, p.family.idleTriggers()...), ";\n")); err != nil {
		return err
	}
	return c.observe(p.family)
}

func (f *family) table(name string) *familyTable {
	return f.tables[slices.IndexFunc(f.tables, func(t *familyTable) bool { return t.Name == name })]
}

// execArgs runs a statement with arguments, and returns how many rows it changed.
func (c *foreign) execArgs(sql string, args []Value) (int64, error) {
	values := make([]driver.Value, len(args))
	for i, a := range args {
		values[i] = goValue(a)
	}
	result, err := c.conn.Exec(sql, values)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func goValue(v Value) driver.Value {
	switch v.Kind() {
	case replog.KindInteger:
		return v.Int64()
	case replog.KindReal:
		return v.Float64()
	case replog.KindText:
		return v.Bytes()
	case replog.KindBlob:
		return []byte(v.Bytes())
	}
	return nil
}

// refusedFor is the code of the reason for which SQLite refused a statement, or the
// error, if it is another.
func refusedFor(err error) (string, error) {
	var e sqlite3.Error
	if !errors.As(err, &e) {
		return "", err
	}
	switch e.Code {
	case sqlite3.ErrConstraint, sqlite3.ErrMismatch:
		return replog.ReasonConstraint, nil
	case sqlite3.ErrError:
		return replog.ReasonStatement, nil
	}
	return "", err
}

// reach is a Reach where the triggers with some names are there; nil for all.
func (f *family) reach(in *Intent, names []string) []string {
	r := reaching{f: f, names: names, seen: map[[2]string]bool{}}
	r.follow(in.Table, in.Kind)
	if in.Upsert {
		r.follow(in.Table, "UPDATE")
	}
	return r.tables
}

// reaching follows triggers and foreign-key actions.
type reaching struct {
	f      *family
	names  []string
	seen   map[[2]string]bool
	tables []string
}

func (r *reaching) follow(table, event string) {
	if r.seen[[2]string{table, event}] {
		return
	}
	r.seen[[2]string{table, event}] = true
	if !slices.Contains(r.tables, table) {
		r.tables = append(r.tables, table)
	}
	for _, child := range r.f.schema.Tables {
		for _, fk := range child.ForeignKeys {
			if fk.Parent == table && event != "INSERT" {
				r.act(child.Name, map[string]string{"UPDATE": fk.OnUpdate, "DELETE": fk.OnDelete}[event], event)
			}
		}
	}
	for _, t := range r.f.triggers {
		if t.on == table && t.event == event && (r.names == nil || slices.Contains(r.names, t.name)) {
			r.follow(t.writes, t.by)
		}
	}
}

func (r *reaching) act(child, action, event string) {
	switch {
	case action == "NO ACTION" || action == "RESTRICT":
	case action == "CASCADE" && event == "DELETE":
		r.follow(child, "DELETE")
	default:
		r.follow(child, "UPDATE")
	}
}

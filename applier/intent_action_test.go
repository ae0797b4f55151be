package applier

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// family draws tables that refer to each other, and to themselves.
func family(w writer) scene {
	s := scene{name: "family"}
	n := rapid.IntRange(2, 4).Draw(w.r, "tables")
	action := func(on string) string {
		return w.pick(on, "", " "+on+" CASCADE", " "+on+" CASCADE", " "+on+" CASCADE", " "+on+" SET NULL", " "+on+" SET NULL", " "+on+" SET DEFAULT", " "+on+" RESTRICT", " "+on+" NO ACTION")
	}
	// In a row that refers to itself SQLite compares without affinities and collations, so that
	// these are alike here.
	kinds := [][]string{
		{"id INTEGER PRIMARY KEY", "id NUMERIC NOT NULL PRIMARY KEY"}, {"a INT", "a", "a INT DEFAULT 1"}, {"b INT", "b INT DEFAULT 2", "b INT NOT NULL DEFAULT 1"}, {"u UNIQUE"},
	}
	if w.chance(25, "text") {
		kinds = [][]string{{"id TEXT COLLATE NOCASE NOT NULL PRIMARY KEY"}, {"a TEXT", "a TEXT DEFAULT 'a'"}, {"b TEXT", "b TEXT COLLATE NOCASE"}, {"u TEXT UNIQUE"}}
	}
	for i := range n {
		name := fmt.Sprintf("p%d", i)
		parent := func() string { return fmt.Sprintf("p%d", rapid.IntRange(0, n-1).Draw(w.r, "parent")) }
		var columns []string
		for _, kind := range kinds {
			columns = append(columns, w.pick("kind", kind...))
		}
		columns = append(columns, "UNIQUE(u, b)")
		for range rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(w.r, "keys") {
			column := w.pick("child", "a", "b")
			columns = append(columns, fmt.Sprintf("FOREIGN KEY(%s) REFERENCES %s(%s)%s%s%s", column, parent(), w.pick("to", "id", "id", "id", "u"),
				action("ON DELETE"), action("ON UPDATE"), w.pick("deferred", "", "", " DEFERRABLE INITIALLY DEFERRED")))
		}
		if w.chance(25, "composite") {
			columns = append(columns, fmt.Sprintf("FOREIGN KEY(a, b) REFERENCES %s(u, b)%s%s", parent(), action("ON DELETE"), action("ON UPDATE")))
		}
		s.schema += fmt.Sprintf("CREATE TABLE %s(%s);\n", name, strings.Join(columns, ", "))
		s.tables = append(s.tables, sceneTable{name, []string{"id", "a", "b", "u"}, []string{"id", "u"}})
	}
	return s
}

// familyStatement draws a statement; the first ones only add rows.
func (w writer) familyStatement(first bool) string {
	t := w.table()
	value := func() string { return w.pick("value", "1", "2", "3", "'a'", "'b'", "2.0") }
	child := func() string { return w.pick("child value", "NULL", "NULL", "1", "1", "1", "2", value()) }
	id := rapid.SampledFrom([]int{1, 1, 2, 2, 3, 4}).Draw(w.r, "id")
	if first || w.chance(20, "insert") {
		or := w.pick("or", "", "", "", "", " OR IGNORE", " OR REPLACE")
		return fmt.Sprintf("INSERT%s INTO %s(id, a, b, u) VALUES(%d, %s, %s, %d)", or, t.name, id, child(), child(), id)
	}
	where := " WHERE " + w.pick("by", "id", "id", "id", "a", "u") + " = " + fmt.Sprint(id)
	if w.chance(50, "delete") {
		return "DELETE FROM " + t.name + where
	}
	return "UPDATE " + t.name + " SET " + w.pick("set", "id = "+value(), "u = "+value(), "u = 7, b = 7", "a = "+child(), "b = "+child()) + where
}

// Foreign-key actions in a transaction of ours do what SQLite's own do.
func TestActionsDoWhatForeignKeysSay(t *testing.T) {
	dir, made := t.TempDir(), 0
	done := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		made++
		w := writer{r: rt}
		w.scene = family(w)
		open := func(name string) *testReplica {
			c, err := Open(filepath.Join(dir, fmt.Sprint(made)+name), OpenOptions{Create: true, Pragmas: []string{"synchronous=OFF", "journal_mode=MEMORY"}})
			if err != nil {
				rt.Fatal(err)
			}
			if err := c.Script(w.scene.schema); err != nil {
				rt.Fatalf("%v in %s", err, w.scene.schema)
			}
			return newTestReplica(rt, c)
		}
		real, ours := open("real"), open("ours")
		defer real.Close()
		defer ours.Close()
		real.script(rt, "PRAGMA foreign_keys=ON")
		x := NewIntents(ours.Replica, IntentOptions{})
		before := open("before")
		defer before.Close()
		said := w.scene.schema
		for n := range 40 {
			sql := w.familyStatement(n < 20)
			i, err := x.Inspect(sql)
			if err != nil {
				rt.Fatal(err)
			}
			if i.Unsafe != nil {
				done[string(i.Unsafe.Class)]++
				continue
			}
			refused := real.Script(sql)
			said += sql + ";\n"
			var result *IntentResult
			ours.in(rt, sql, func() error {
				result, err = x.Run(context.Background(), &Intent{SQL: sql})
				if err != nil && !IntentRefused(err) {
					return err
				}
				return x.Off()
			})
			// SQLite refuses some UPDATEs of a row that refers to itself though they
			// change nothing.
			quirk := refused != nil && err == nil && result.Net.Len() == 0
			if (refused == nil) != (err == nil) && !quirk {
				rt.Fatalf("%s  refused differently: %v / %v", said, refused, err)
			}
			if !mustEqual(rt, said, real.Conn, ours.Conn, nil) {
				rt.FailNow()
			}
			if err != nil {
				done["refused"]++
				continue
			}
			done[fmt.Sprintf("done %d", min(result.Net.Len(), 4))]++
			before.in(rt, "apply", func() error { return before.Apply(result.Net) })
			if !mustEqual(rt, said+"as net changes", before.Conn, ours.Conn, nil) {
				rt.FailNow()
			}
		}
	})
	t.Logf("%v", done)
}

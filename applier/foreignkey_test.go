package applier

import (
	"errors"
	"strings"
	"testing"

	"replog/replog"
)

// The statements run with foreign keys off, as a shell does; what they leave is
// then checked as the server checks what it wrote.
func TestForeignKeysAreCheckedForTheRowsConcernedOnly(t *testing.T) {
	for _, tc := range []struct{ name, sql, want string }{
		{"a child with its parent", "INSERT INTO c VALUES(20,3,'two',0)", ""},
		{"a child without", "INSERT INTO c VALUES(20,99,NULL,0)", `table "c", row [20]: the row of "p" that it refers to is not there`},
		{"a child of NULL", "INSERT INTO c VALUES(20,NULL,NULL,0)", ""},
		{"a child that comes with its parent", "INSERT INTO c VALUES(20,9,NULL,0); INSERT INTO p VALUES(9,NULL,0)", ""},
		{"a child under the parent's collation", "INSERT INTO c VALUES(20,NULL,'TWO',0)", ""},
		{"a reference as text", "INSERT INTO c VALUES(20,'3',NULL,0)", ""},
		{"a child that turns to no parent", "UPDATE c SET p = 99 WHERE id = 10", `table "c", row [10]: the row of "p" that it refers to is not there`},
		{"a parent without children", "DELETE FROM p WHERE id = 3", ""},
		{"a parent with children", "DELETE FROM p WHERE id = 1", `table "p", row [1]: rows of "c" still refer to it`},
		{"a parent with its children", "DELETE FROM p WHERE id = 1; DELETE FROM c WHERE p = 1", ""},
		{"a parent whose place another takes", "DELETE FROM c WHERE id = 12; INSERT INTO c VALUES(12,NULL,'two',0); DELETE FROM p WHERE id = 2; INSERT INTO p VALUES(22,'TWO',0)", ""},
		{"a parent that moves", "UPDATE p SET id = 100 WHERE id = 1", `table "p", row [1]: rows of "c" still refer to it`},
		{"a referenced column that is no key", "UPDATE p SET code = 'x' WHERE id = 2", `table "p", row [2]: rows of "c" still refer to it`},
		{"a referenced column in another case", "UPDATE p SET code = 'TWO' WHERE id = 2", ""},
		{"a composite reference", "UPDATE car SET b = 1", ""},
		{"a composite reference without its parent", "INSERT INTO car VALUES(2,1,2)", `table "car", row [2]: the row of "spot" that it refers to is not there`},
		{"half a composite reference", "INSERT INTO car VALUES(2,7,NULL)", ""},
		{"a parent of half a reference", "DELETE FROM spot", ""},
		{"a tree that refers to itself", "INSERT INTO node VALUES(9,9,0)", ""},
		{"a tree that loses its root", "DELETE FROM node WHERE id = 1", `table "node", row [1]: rows of "node" still refer to it`},
		{"a whole tree", "DELETE FROM node", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			r.script(t, tc.sql)
			got := ""
			if err := r.CheckForeignKeys(written(t, r)); err != nil {
				var violation *ForeignKeyError
				if got = err.Error(); !errors.As(err, &violation) {
					t.Errorf("%T", err)
				}
			}
			if got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// written are the images of what was just written.
func written(t *testing.T, r *testReplica) *Images {
	t.Helper()
	images := NewImages(r.Schema)
	for _, c := range r.gather(t)[0].Net {
		table, columns, now, err := r.find(&c)
		if err != nil {
			t.Fatal(err)
		}
		m := RowImage{Table: table, Key: c.Key, After: now}
		switch c.Op {
		case replog.Delete:
			m.Before = expand(table, columns, c.Old)
		case replog.Update:
			m.Before = overlay(now, columns, c.Old)
		}
		if err := images.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

func TestLookingForAParentNeverScans(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", related))
	for _, f := range r.Schema.Table("c").ForeignKeys {
		var terms []string
		for i, n := range f.Referenced {
			terms = append(terms, replog.QuoteName(f.Parent.Columns[n].Name)+" = 'x' COLLATE "+f.Collations[i])
		}
		for _, step := range queryPlan(t, r.Conn, "SELECT 1 FROM main.p WHERE "+strings.Join(terms, " AND ")) {
			if strings.HasPrefix(step, "SCAN") {
				t.Error(step)
			}
		}
	}
}

func TestReferencesThatSQLiteCannotEnforceAreLeftOut(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", `
		CREATE TABLE p(id INTEGER PRIMARY KEY, u UNIQUE, v, a, b, UNIQUE(a, b)); CREATE UNIQUE INDEX partial ON p(v) WHERE v > 0;
		CREATE TABLE nokey(x UNIQUE);
		CREATE TABLE c(id INTEGER PRIMARY KEY, g1 REFERENCES p, g2 REFERENCES p(u), g3, g4, no1 REFERENCES p(v), no2 REFERENCES gone(x), no3 REFERENCES p(gone),
			no4 REFERENCES nokey(x), no5 REFERENCES p(a), FOREIGN KEY(g3, g4) REFERENCES p(b, a));`))
	var got []string
	for _, f := range r.Schema.Table("c").ForeignKeys {
		var names []string
		for _, n := range f.Columns {
			names = append(names, r.Schema.Table("c").Columns[n].Name)
		}
		got = append(got, strings.Join(names, "+"))
	}
	for _, want := range []string{"g1", "g2", "g3+g4"} {
		if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+want+" ") {
			t.Errorf("%s is not among %q", want, got)
		}
	}
	if len(got) != 3 {
		t.Errorf("%q", got)
	}
}

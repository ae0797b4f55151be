package applier

import (
	"errors"
	"slices"
	"testing"

	"replog/replog"
)

const unique = `
CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT REPLACE, n NOT NULL ON CONFLICT REPLACE DEFAULT 'd', c CHECK (c <> 13));
INSERT INTO t VALUES(1,'a',0,0),(2,'b',0,0),(3,'c',0,0);`

// image is a row of t as it is and as it shall be; nil: absent.
func imageOf(t *Table, id int64, before, after []replog.Value) RowImage {
	key := ints(id)
	full := func(rest []replog.Value) []replog.Value {
		if rest == nil {
			return nil
		}
		return append(slices.Clone(key), rest...)
	}
	return RowImage{Table: t, Key: key, Before: full(before), After: full(after)}
}

func rest(u string, n, c int64) []replog.Value {
	return []replog.Value{replog.Text(u), replog.Integer(n), replog.Integer(c)}
}

func contentOf(t *testing.T, r *testReplica, query string) string {
	t.Helper()
	var out string
	err := r.Query(query, func(row []replog.Value) error {
		out += replog.KeyString(row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWritingSwapsUniqueValues(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", unique))
	table := r.Schema.Table("t")
	r.in(t, "write", func() error {
		return r.Write(imagesOf(t, r.Replica,
			imageOf(table, 1, rest("a", 0, 0), rest("b", 0, 0)),
			imageOf(table, 2, rest("b", 0, 0), rest("c", 1, 0)),
			imageOf(table, 3, rest("c", 0, 0), nil),
			imageOf(table, 4, nil, rest("a", 0, 0)),
		))
	})
	if got := contentOf(t, r, "SELECT * FROM t"); got != `[1,"b",0,0][2,"c",1,0][4,"a",0,0]` {
		t.Error(got)
	}
}

// The schema's own conflict clauses must not evict rows or fill in defaults.
func TestWritingFailsWhereAConstraintRefuses(t *testing.T) {
	for name, change := range map[string]func(*Table) RowImage{
		"UNIQUE, inserted": func(t *Table) RowImage { return imageOf(t, 9, nil, rest("a", 0, 0)) },
		"UNIQUE, updated": func(t *Table) RowImage {
			return imageOf(t, 2, rest("b", 0, 0), rest("a", 0, 0))
		},
		"NOT NULL": func(t *Table) RowImage {
			return imageOf(t, 9, nil, []replog.Value{replog.Text("x"), {}, replog.Integer(0)})
		},
		"NOT NULL, updated": func(t *Table) RowImage {
			return imageOf(t, 2, rest("b", 0, 0), []replog.Value{replog.Text("b"), {}, replog.Integer(0)})
		},
		"CHECK":   func(t *Table) RowImage { return imageOf(t, 2, rest("b", 0, 0), rest("b", 0, 13)) },
		"the key": func(t *Table) RowImage { return imageOf(t, 1, nil, rest("x", 0, 0)) },
		"the key's type": func(t *Table) RowImage {
			return RowImage{Table: t, Key: []replog.Value{replog.Text("k")}, After: append([]replog.Value{replog.Text("k")}, rest("x", 0, 0)...)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", unique))
			r.in(t, "write", func() error {
				err := r.Savepoint(func() error { return r.Write(imagesOf(t, r.Replica, change(r.Schema.Table("t")))) })
				var refused *ConstraintError
				if !errors.As(err, &refused) || refused.Table != "t" {
					t.Errorf("%v, want a constraint", err)
				}
				return nil
			})
			if got := contentOf(t, r, "SELECT * FROM t"); got != `[1,"a",0,0][2,"b",0,0][3,"c",0,0]` {
				t.Error(got)
			}
		})
	}
}

func TestApplyingWhatTheRowsDoNotSayIsDivergence(t *testing.T) {
	change := func(op replog.Op, id int64, old, now string) replog.Change {
		c := replog.Change{Table: "t", Op: op, Key: ints(id), KeyColumns: []string{"id"}, Columns: []string{"u"}, Time: 1}
		if old != "" {
			c.Old = []replog.Value{replog.Text(old)}
		}
		if now != "" {
			c.New = []replog.Value{replog.Text(now)}
		}
		if op != replog.Update {
			c.Columns = []string{"id", "u", "n", "c"}
			full := append(ints(id), rest(old+now, 0, 0)...)
			if c.Old = full; op == replog.Insert {
				c.Old, c.New = nil, full
			}
		}
		return c
	}
	for name, c := range map[string]replog.Change{
		"an INSERT of a row that is there":         change(replog.Insert, 1, "", "x"),
		"an INSERT that clashes":                   change(replog.Insert, 9, "", "a"),
		"an UPDATE of a row that is not there":     change(replog.Update, 9, "a", "b"),
		"an UPDATE of another value":               change(replog.Update, 1, "x", "y"),
		"an UPDATE that clashes":                   change(replog.Update, 1, "a", "b"),
		"a DELETE of a row that is not there":      change(replog.Delete, 9, "a", ""),
		"a DELETE of a row that is another by now": change(replog.Delete, 1, "x", ""),
	} {
		t.Run(name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", unique))
			r.in(t, "apply", func() error {
				err := r.Savepoint(func() error { return r.Apply(replog.ChangeList{c}) })
				var diverged *DivergenceError
				if !errors.As(err, &diverged) {
					t.Errorf("%v, want divergence", err)
				}
				return nil
			})
		})
	}
}

func TestTakingAwayARowThatIsNotThereIsDivergence(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", unique))
	var diverged *DivergenceError
	if err := r.Write(imagesOf(t, r.Replica, imageOf(r.Schema.Table("t"), 4, rest("d", 0, 0), nil))); !errors.As(err, &diverged) {
		t.Errorf("%v", err)
	}
}

// imagesOf makes a list of images.
func imagesOf(t *testing.T, r *Replica, list ...RowImage) *Images {
	t.Helper()
	images := NewImages(r.Schema)
	for _, m := range list {
		if err := images.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

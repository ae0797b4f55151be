package applier

import (
	"errors"
	"testing"

	"replog/replog"
)

// recordOn records what statements do to a copy of the rows, and undoes it.
func recordOn(t *testing.T, r *testReplica, sql string) (changes []replog.Change, images []RowImage) {
	t.Helper()
	r.script(t, sql)
	list := r.gather(t)
	if len(list) != 1 {
		t.Fatalf("%d transactions", len(list))
	}
	r.write(t, "undo", func() error { return r.Undo(list[0].Images) })
	return list[0].Net, list[0].Images
}

func TestReplayMakesTheChangesAgainWhateverTheyReplace(t *testing.T) {
	for _, tc := range []struct{ name, change, meanwhile, want string }{
		{"an UPDATE on other values", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE p SET v = 7, code = 'x' WHERE id = 1", `[1,"x",1]`},
		{"an UPDATE of a row that is gone", "UPDATE p SET v = 1 WHERE id = 1", "DELETE FROM c WHERE p = 1; DELETE FROM p WHERE id = 1", "refused"},
		{"a DELETE on other values", "DELETE FROM p WHERE id = 3", "UPDATE p SET v = 7 WHERE id = 3", ""},
		{"a DELETE of a row that is gone", "DELETE FROM p WHERE id = 3", "DELETE FROM p WHERE id = 3", ""},
		{"a key change of a row that is gone", "UPDATE p SET id = 30 WHERE id = 3", "DELETE FROM p WHERE id = 3", "refused"},
		{"an INSERT that is there, the same", "INSERT INTO p VALUES(9,'n',0)", "INSERT INTO p VALUES(9,'n',0)", `[9,"n",0]`},
		{"an INSERT that is there, another", "INSERT INTO p VALUES(9,'n',0)", "INSERT INTO p VALUES(9,'n',1)", "refused"},
		{"a unique value that is taken", "INSERT INTO p VALUES(9,'n',0)", "INSERT INTO p VALUES(8,'N',1)", "refused"},
		{"a parent that is gone", "INSERT INTO c VALUES(20,3,NULL,0)", "DELETE FROM p WHERE id = 3", "refused"},
		{"a parent that got a child", "DELETE FROM p WHERE id = 3", "INSERT INTO c VALUES(20,3,NULL,0)", "refused"},
		{"an old orphan is nobody's business", "UPDATE c SET v = 1 WHERE id = 12", "DELETE FROM p WHERE id = 2", `[12,2,"two",1]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			changes, _ := recordOn(t, r, tc.change)
			r.write(t, "meanwhile", func() error { return r.Script(tc.meanwhile) })
			before := contentOf(t, r, "SELECT * FROM p") + contentOf(t, r, "SELECT * FROM c")
			r.write(t, "replay", func() error {
				var images []RowImage
				err := r.Savepoint(func() (err error) {
					images, err = r.Replay(changes)
					return err
				})
				if Refused(err) != (tc.want == "refused") || err != nil && !Refused(err) {
					t.Errorf("%v", err)
				}
				if err == nil {
					c := changes[0]
					query := "SELECT * FROM " + c.Table + " WHERE id = " + replog.KeyString(c.Key)[1:len(replog.KeyString(c.Key))-1]
					if got := contentOf(t, r, query); got != tc.want {
						t.Errorf("%s, want %s", got, tc.want)
					}
					return r.Undo(images)
				}
				return nil
			})
			if after := contentOf(t, r, "SELECT * FROM p") + contentOf(t, r, "SELECT * FROM c"); after != before {
				t.Errorf("undone: %s\nbefore: %s", after, before)
			}
		})
	}
}

func TestUndoOfRowsThatAreNotAsTheyWereLeftIsDivergence(t *testing.T) {
	for name, meanwhile := range map[string]string{
		"changed": "UPDATE p SET code = 'x' WHERE id = 1",
		"gone":    "DELETE FROM p WHERE id = 1",
	} {
		r := newTestReplica(t, scripted(t, "db", related))
		r.in(t, "install", r.Install)
		r.script(t, "UPDATE p SET v = 1 WHERE id = 1")
		images := r.gather(t)[0].Images
		r.write(t, "meanwhile", func() error { return r.Script(meanwhile) })
		r.write(t, "undo", func() error {
			var diverged *DivergenceError
			if err := r.Undo(images); !errors.As(err, &diverged) {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})
	}
}

func TestImagesOfTransactionsInARowBecomeOne(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", unique)).Schema.Table("t")
	a, b, c := rest("a", 0, 0), rest("b", 0, 0), rest("c", 0, 0)
	joined := Coalesce(
		[]RowImage{imageOf(table, 1, a, b), imageOf(table, 2, nil, a), imageOf(table, 3, a, b)},
		[]RowImage{imageOf(table, 1, b, c), imageOf(table, 2, a, nil), imageOf(table, 3, b, a), imageOf(table, 4, a, nil)},
	)
	if len(joined) != 2 || joined[0].Key[0] != replog.Integer(1) || joined[0].Before[1] != a[0] || joined[0].After[1] != c[0] ||
		joined[1].Key[0] != replog.Integer(4) || joined[1].After != nil {
		t.Errorf("%+v", joined)
	}
}

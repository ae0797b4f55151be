package applier

import (
	"errors"
	"testing"

	"replog/replog"
)

// recordOn records what statements do to a copy of the rows, and undoes it.
func recordOn(t *testing.T, r *testReplica, sql string) []replog.Change {
	t.Helper()
	r.script(t, sql)
	list := r.gather(t)
	if len(list) != 1 {
		t.Fatalf("%d transactions", len(list))
	}
	r.write(t, "undo", func() error { return r.Revert(replog.ChangeList(list[0].Net)) })
	return list[0].Net
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
			changes := recordOn(t, r, tc.change)
			r.write(t, "meanwhile", func() error { return r.Script(tc.meanwhile) })
			before := contentOf(t, r, "SELECT * FROM p") + contentOf(t, r, "SELECT * FROM c")
			r.write(t, "replay", func() error {
				var made replog.Changes
				err := r.Savepoint(func() (err error) {
					made, err = r.Replay(replog.ChangeList(changes))
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
					return r.Revert(made)
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
		"changed": "UPDATE p SET v = 2 WHERE id = 1",
		"gone":    "DELETE FROM p WHERE id = 1",
	} {
		r := newTestReplica(t, scripted(t, "db", related))
		r.in(t, "install", r.Install)
		r.script(t, "UPDATE p SET v = 1 WHERE id = 1")
		changes := r.gather(t)[0].Net
		r.write(t, "meanwhile", func() error { return r.Script(meanwhile) })
		r.write(t, "undo", func() error {
			var diverged *DivergenceError
			if err := r.Revert(replog.ChangeList(changes)); !errors.As(err, &diverged) {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		})
	}
}

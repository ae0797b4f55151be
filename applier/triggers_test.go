package applier

import (
	"errors"
	"fmt"
	"testing"
)

const withTriggers = `
CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v);
CREATE TABLE log(id INTEGER PRIMARY KEY, what);
CREATE TRIGGER first AFTER INSERT ON t BEGIN INSERT INTO log(what) VALUES('first'); END;
CREATE TRIGGER second AFTER INSERT ON t BEGIN INSERT INTO log(what) VALUES('second'); END;
CREATE TRIGGER before AFTER UPDATE ON t BEGIN INSERT INTO log(what) VALUES('updated'); END;`

// theirs are the application's triggers in the order of their creation.
const theirs = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE 'replog%' ORDER BY rowid"

func TestTheApplicationsTriggersAreBackAsTheyWere(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", withTriggers))
	before := contentOf(t, r, theirs)
	r.in(t, "install", r.Install)
	for i := range 3 {
		r.write(t, "write", func() error { return r.Script(fmt.Sprintf("INSERT INTO t VALUES(%d, %d, 0)", i, i)) })
		if got := contentOf(t, r, theirs); got != before {
			t.Fatalf("%s\nwant %s", got, before)
		}
	}
	if got := contentOf(t, r, "SELECT count(*) FROM log"); got != "[0]" {
		t.Errorf("triggers fired while replog wrote: %s", got)
	}
	if list := r.gather(t); len(list) != 0 {
		t.Errorf("what replog wrote was captured:%s", describeGathered(list))
	}
	r.script(t, "INSERT INTO t VALUES(9, 9, 9)")
	if got := contentOf(t, r, "SELECT what FROM log"); got != `["second"]["first"]` {
		t.Errorf("afterwards they fire as %s", got)
	}
	if list := r.gather(t); len(list) != 1 || len(list[0].Net) != 3 {
		t.Errorf("afterwards capture sees%s", describeGathered(list))
	}
}

func TestTriggersAreBackWhereTheWorkFails(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", withTriggers))
	r.in(t, "install", r.Install)
	all := "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY rowid"
	before := contentOf(t, r, all)
	failed := errors.New("failed")
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := r.WithoutTriggers(func() error { return failed }); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if err := r.Rollback(); err != nil {
		t.Fatal(err)
	}
	if got := contentOf(t, r, all); got != before {
		t.Errorf("%s\nwant %s", got, before)
	}
	if got := contentOf(t, r, "SELECT recording FROM replog_control"); got != "[1]" {
		t.Errorf("recording: %s", got)
	}
}

func TestCaptureIsMendedOnlyWhereItHasTo(t *testing.T) {
	for _, tc := range []struct {
		name, sql string
		mends     bool
	}{
		{"nothing happened", "", false},
		{"a trigger after ours", "CREATE TRIGGER late AFTER INSERT ON t BEGIN SELECT 1; END", false},
		{"a trigger before ours", "DROP TRIGGER replog_1_before_insert; CREATE TRIGGER replog_1_before_insert BEFORE INSERT ON t BEGIN SELECT 1; END", true},
		{"a trigger on a table that is left out", "CREATE TABLE n(a); CREATE TRIGGER late AFTER INSERT ON n BEGIN SELECT 1; END", false},
		{"one of ours is gone", "DROP TRIGGER replog_1_before_delete", true},
		{"a table was made anew", "CREATE TABLE x(id INTEGER PRIMARY KEY, u UNIQUE, v); DROP TABLE t; ALTER TABLE x RENAME TO t", true},
		{"an older trigger is gone", "DROP TRIGGER first", false},
		{"another version made one of ours", "DROP TRIGGER replog_1_insert; CREATE TRIGGER replog_1_insert AFTER INSERT ON t WHEN 0 BEGIN SELECT 1; END", true},
		{"another version had one more", "CREATE TRIGGER replog_1_more AFTER INSERT ON t BEGIN SELECT 1; END", true},
		{"a table was renamed, and back", "ALTER TABLE t RENAME TO x; ALTER TABLE x RENAME TO t", false},
		{"another table was renamed", "ALTER TABLE log RENAME TO x; ALTER TABLE x RENAME TO log", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", withTriggers))
			r.in(t, "install", r.Install)
			r.script(t, tc.sql)
			if err := r.Refresh(); err != nil {
				t.Fatal(err)
			}
			for i, want := range []bool{tc.mends, false} {
				r.in(t, "mend", func() error {
					mended, err := r.MendCapture()
					if mended != want {
						t.Errorf("time %d: mended: %t, want %t", i+1, mended, want)
					}
					return err
				})
			}
			r.script(t, "INSERT INTO t VALUES(1, 1, 1); REPLACE INTO t VALUES(2, 1, 1)")
			net := 0
			for _, g := range r.gather(t) {
				for _, c := range g.Net {
					if c.Table == "t" {
						net++
					}
				}
			}
			if net != 1 {
				t.Errorf("%d net changes of t", net)
			}
		})
	}
}

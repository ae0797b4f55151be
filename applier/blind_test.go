package applier

import (
	"path/filepath"
	"slices"
	"testing"

	"replog/replog"
)

func blindNames(t *testing.T, r *Replica) (names []string) {
	t.Helper()
	blind, err := r.Blind()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range blind {
		names = append(names, table.Name)
	}
	return names
}

func TestATableWithoutATriggerOfOursIsBlind(t *testing.T) {
	const tables = `CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(k TEXT PRIMARY KEY) WITHOUT ROWID;
		CREATE TABLE "Ä c"(k TEXT NOT NULL DEFAULT (hex(randomblob(4))) PRIMARY KEY, v)`
	for _, tc := range []struct {
		sql  string
		want []string
	}{
		{"", nil},
		{"CREATE TRIGGER app AFTER INSERT ON a BEGIN SELECT 1; END", nil},
		{"CREATE INDEX i ON a(v); CREATE VIEW w AS SELECT * FROM a", nil},
		{"ALTER TABLE a ADD COLUMN w; ALTER TABLE a DROP COLUMN w", nil},
		{"VACUUM", nil},
		{"ALTER TABLE a RENAME TO z; ALTER TABLE z RENAME TO a; VACUUM", nil},
		{"DROP TRIGGER replog_1_before_update", []string{"a"}},
		{"DROP TRIGGER replog_1_insert", []string{"a"}},
		{"DROP TABLE b; CREATE TABLE b(k TEXT PRIMARY KEY) WITHOUT ROWID", []string{"b"}},
		{`DROP TABLE b; CREATE TABLE B(k TEXT PRIMARY KEY) WITHOUT ROWID; DROP TRIGGER replog_3_update`, []string{"B", "Ä c"}},
		// The triggers go along with the old table, which is none of ours any more.
		{"ALTER TABLE a RENAME TO old; CREATE TABLE a(id INTEGER PRIMARY KEY, v); ALTER TABLE old RENAME TO z", []string{"a"}},
	} {
		c, err := Open(":memory:", OpenOptions{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.Script(tables); err != nil {
			t.Fatal(err)
		}
		r, err := NewReplica(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Install(); err != nil {
			t.Fatal(err)
		}
		if err := c.Script(tc.sql); err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(); err != nil {
			t.Fatal(err)
		}
		if got := blindNames(t, r); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.sql, got, tc.want)
		}
		blind, err := r.Blind()
		if err != nil {
			t.Fatal(err)
		}
		if err := r.ResumeCapture(blind); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := blindNames(t, r); got != nil {
				t.Errorf("%s: %q stay blind", tc.sql, got)
			}
			if err := c.Script("VACUUM"); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A migration may create all triggers of a table again.
func TestATableMadeAnewIsBlindWithItsTriggersToo(t *testing.T) {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Script("CREATE TABLE a(id INTEGER PRIMARY KEY, v); CREATE TABLE b(id INTEGER PRIMARY KEY)"); err != nil {
		t.Fatal(err)
	}
	r, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Install(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		triggers := ""
		err := r.Query("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'a'", func(row []replog.Value) error {
			triggers += row[0].Bytes() + ";"
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Script("DROP TABLE a; CREATE TABLE a(id INTEGER PRIMARY KEY, v);" + triggers + "VACUUM"); err != nil {
			t.Fatal(err)
		}
		if err := r.Refresh(); err != nil {
			t.Fatal(err)
		}
		blind, err := r.Blind()
		if err != nil || len(blind) != 1 || blind[0].Name != "a" {
			t.Fatalf("%v %v", blind, err)
		}
		if err := r.ResumeCapture(blind); err != nil {
			t.Fatal(err)
		}
		if got := blindNames(t, r); got != nil {
			t.Fatalf("%q stay blind", got)
		}
	}
}

func TestWhatWasMissedIsGatheredWithWhatWasSeen(t *testing.T) {
	const before = `CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v, g AS (v || '!') STORED);
		INSERT INTO t(k, v) VALUES('a', 1), ('b', 1), ('c', 1), (NULL, 'without identity')`
	open := func(name string) *Replica {
		c, err := Open(filepath.Join(t.TempDir(), name), OpenOptions{Create: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := c.Script(before); err != nil {
			t.Fatal(err)
		}
		r, err := NewReplica(c)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, tc := range []struct {
		name, seen string
		want       []string
		marked     []bool
	}{
		{"nothing seen", "", []string{"update t [\"a\"] [1] [1.0]", "delete t [\"b\"] ['b' 1] []", "insert t [\"C\"] [] ['C' 1]", "delete t [\"c\"] ['c' 1] []"}, []bool{false}},
		{
			"some unmarked", "UPDATE t SET v = 5 WHERE k = 'a'; UPDATE t SET v = 5 WHERE k = 'b'",
			[]string{"update t [\"a\"] [1] [1.0]", "delete t [\"b\"] ['b' 1] []", "insert t [\"C\"] [] ['C' 1]", "delete t [\"c\"] ['c' 1] []"}, []bool{false},
		},
		{
			"some marked", "INSERT INTO replog_transaction VALUES('m'); INSERT INTO t(k, v) VALUES('d', 4)",
			[]string{"insert t [\"d\"] [] ['d' 4]", "update t [\"a\"] [1] [1.0]", "delete t [\"b\"] ['b' 1] []", "insert t [\"C\"] [] ['C' 1]", "delete t [\"c\"] ['c' 1] []"}, []bool{true, false},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, expected := open("actual.db"), open("expected.db")
			if err := r.Install(); err != nil {
				t.Fatal(err)
			}
			if err := r.Script(tc.seen + `; UPDATE replog_control SET recording = 0;
				UPDATE t SET v = 1.0 WHERE k = 'a'; DELETE FROM t WHERE k = 'b'; UPDATE t SET k = 'C' WHERE k = 'c'; UPDATE t SET v = 'x' WHERE k IS NULL`); err != nil {
				t.Fatal(err)
			}
			missed, err := r.Missed(expected, r.Conn, r.Schema.Tables)
			if err != nil {
				t.Fatal(err)
			}
			var list []*Gathered
			err = r.GatherBackWith(0, missed, func(g *Gathered) error {
				list = append([]*Gathered{g}, list...)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			got := summarize(list)
			slices.Sort(got)
			slices.Sort(tc.want)
			if !slices.Equal(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
			var marked []bool
			for _, g := range list {
				marked = append(marked, g.Marked)
			}
			if !slices.Equal(marked, tc.marked) {
				t.Errorf("marked: %v", marked)
			}
			if slices.ContainsFunc(missed, func(m RowImage) bool { return slices.ContainsFunc(m.Key, replog.Value.IsNull) }) {
				t.Errorf("a row without identity: %+v", missed)
			}
		})
	}
}

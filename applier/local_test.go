package applier

import (
	"slices"
	"testing"

	"replog/replog"
)

func installed(t *testing.T, before, after string) *Replica {
	t.Helper()
	c, err := Open(":memory:", OpenOptions{Create: true})
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
	if err := r.Install(); err != nil {
		t.Fatal(err)
	}
	if err := c.Script(after); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestWhatCaptureDoesNotKnowIsLeftOutIfRowsCanDoWithoutIt(t *testing.T) {
	const before = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b TEXT UNIQUE); CREATE TABLE keyless(v)"
	for _, tc := range []struct {
		after string
		local []string
		same  bool // nothing that is left differs
	}{
		{"CREATE TABLE more_keyless(v); CREATE INDEX i ON t(a); CREATE VIEW w AS SELECT 1; ALTER TABLE keyless ADD COLUMN w", nil, true},
		{"CREATE TABLE u(id INTEGER PRIMARY KEY, t REFERENCES t(id))", []string{"table u"}, true},
		{"ALTER TABLE t ADD COLUMN c; ALTER TABLE t ADD COLUMN d NOT NULL DEFAULT 1; ALTER TABLE t ADD COLUMN e REFERENCES t(id)", []string{"column t.c", "column t.d", "column t.e"}, true},
		{"DROP TABLE t; CREATE TABLE T(c, B TEXT UNIQUE, a TEXT, id INTEGER PRIMARY KEY)", []string{"column T.c"}, false}, // names are told apart by case
		{"DROP TABLE t; CREATE TABLE t(c, b TEXT UNIQUE, a TEXT, id INTEGER PRIMARY KEY)", []string{"column t.c"}, true},
		{"DROP TABLE t; CREATE TABLE t(b TEXT UNIQUE, a TEXT, id INTEGER PRIMARY KEY, c NOT NULL)", nil, false},
		{"ALTER TABLE t ADD COLUMN c; CREATE UNIQUE INDEX i ON t(c)", []string{"column t.c"}, false},
		{"DROP TABLE t; CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT)", nil, false},
		{"DROP TABLE t; CREATE TABLE t(id INTEGER, c INTEGER, a TEXT, b TEXT UNIQUE, PRIMARY KEY(id, c))", nil, false},
	} {
		was := installed(t, before, "").Schema
		s := installed(t, before, tc.after).Schema
		if got := s.Local(); !slices.Equal(got, tc.local) {
			t.Errorf("%s: local are %q, want %q", tc.after, got, tc.local)
		}
		if same := s.Describe() == was.Describe(); same != tc.same {
			t.Errorf("%s: the same: %t, want %t:\n%s", tc.after, same, tc.same, s.Describe())
		}
	}
}

func TestTheOrderOfColumnsIsNoDifference(t *testing.T) {
	a := installed(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b)", "").Schema
	b := installed(t, "CREATE TABLE t(b, id INTEGER PRIMARY KEY, a TEXT)", "").Schema
	if a.Describe() != b.Describe() {
		t.Errorf("%s\n%s", a.Describe(), b.Describe())
	}
}

// Facts of before and after a table was made anew are in the same columns of the
// change table.
func TestColumnsKeepTheOrderInWhichTheyWereCaptured(t *testing.T) {
	r := installed(t, "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b); INSERT INTO t VALUES(1, 'a', 'b')", `UPDATE t SET a = 'new' WHERE id = 1;
		CREATE TABLE n(b, more, a TEXT, id INTEGER PRIMARY KEY); INSERT INTO n(id, a, b) SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t`)
	if got := r.Schema.Table("t").ColumnNames(); !slices.Equal(got, []string{"id", "a", "b"}) {
		t.Fatalf("%q", got)
	}
	blind, err := r.Blind()
	if err != nil || len(blind) != 1 {
		t.Fatal(blind, err)
	}
	if err := r.ResumeCapture(blind); err != nil {
		t.Fatal(err)
	}
	if err := r.Script("UPDATE t SET b = 'newer' WHERE id = 1; INSERT INTO t VALUES('b2', 'm', 'a2', 2)"); err != nil {
		t.Fatal(err)
	}
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"update t [1] ['a' 'b'] ['new' 'newer']", "insert t [2] [] [2 'a2' 'b2']"}
	if got := summarize(gathered); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLocalColumnsKeepTheirValuesWhileRowsAreWrittenAnew(t *testing.T) {
	r := installed(t, `CREATE TABLE t(k TEXT COLLATE NOCASE, l INT, v, PRIMARY KEY(k, l));
		INSERT INTO t VALUES('a', 1, 1), ('b', 1, 1), ('c', 1, 1), ('d', 1, 1)`, `ALTER TABLE t ADD COLUMN x; ALTER TABLE t ADD COLUMN y COLLATE NOCASE DEFAULT 'D';
		UPDATE t SET x = 1, y = 'd' WHERE k = 'a'; UPDATE t SET x = 1.0 WHERE k = 'b'; UPDATE t SET y = NULL WHERE k = 'c'; UPDATE t SET x = x'00' WHERE k = 'd'`)
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	err := r.WithoutTriggers(func() error {
		return r.Script("DELETE FROM t; INSERT INTO t(k, l, v) VALUES('a', 1, 2), ('B', 1, 2), ('c', 1, 2), ('e', 1, 2)")
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Commit(); err != nil {
		t.Fatal(err)
	}
	var got []string
	err = r.Query("SELECT k, v, x, y FROM t ORDER BY k", func(row []replog.Value) error {
		got = append(got, replog.KeyString(row))
		return nil
	})
	want := []string{`["a",2,1,"d"]`, `["B",2,1.0,"D"]`, `["c",2,null,null]`, `["e",2,null,"D"]`}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, want %q %v", got, want, err)
	}
	if row, err := r.QueryRow("SELECT count(*) FROM temp.sqlite_schema"); err != nil || row[0] != replog.Integer(0) {
		t.Errorf("%v temporary tables are left, %v", row, err)
	}
}

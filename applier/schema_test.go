package applier

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"
)

func fingerprint(t *testing.T, sql string) string {
	t.Helper()
	return newTestReplica(t, scripted(t, "db", sql)).Schema.Describe()
}

func TestTheFingerprintIsOfWhatIsReplicated(t *testing.T) {
	const base = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b, UNIQUE(a)); CREATE TABLE u(k TEXT PRIMARY KEY, t REFERENCES t(id));"
	want := fingerprint(t, base)
	for name, sql := range map[string]string{
		"white space and comments":    "CREATE TABLE t ( id INTEGER PRIMARY KEY , a text DEFAULT 'x', /* c */ b, UNIQUE ( a ) ); CREATE TABLE \"u\"(k TEXT PRIMARY KEY, t REFERENCES t(id))",
		"the order of the tables":     "CREATE TABLE u(k TEXT PRIMARY KEY, t REFERENCES t(id)); CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x', b, UNIQUE(a))",
		"an index that is not UNIQUE": base + "CREATE INDEX i ON t(b)",
		"a trigger and a view":        base + "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END; CREATE VIEW w AS SELECT 1",
		"a table that is left out":    base + "CREATE TABLE n(a)",
		"our own tables":              base + "CREATE TABLE replog_x(id INTEGER PRIMARY KEY)",
	} {
		if fingerprint(t, sql) != want {
			t.Errorf("%s changes it", name)
		}
	}
	for name, alter := range map[string][2]string{
		"another column":       {"b, UNIQUE", "b, c, UNIQUE"},
		"a column's name":      {"b, UNIQUE", "c, UNIQUE"},
		"a type":               {"a TEXT", "a BLOB"},
		"NOT NULL":             {"a TEXT", "a TEXT NOT NULL"},
		"a default":            {"'x'", "'y'"},
		"a unique index":       {", UNIQUE(a)", ""},
		"an index's collation": {"UNIQUE(a)", "UNIQUE(a COLLATE NOCASE)"},
		"a foreign key":        {" REFERENCES t(id)", ""},
		"the key":              {"k TEXT PRIMARY KEY, t REFERENCES t(id)", "k TEXT, t REFERENCES t(id), PRIMARY KEY(k, t)"},
		"a table":              {"CREATE TABLE u", "CREATE TABLE w(id INTEGER PRIMARY KEY); CREATE TABLE u"},
		"WITHOUT ROWID":        {"t REFERENCES t(id));", "t REFERENCES t(id)) WITHOUT ROWID;"},
	} {
		if fingerprint(t, strings.Replace(base, alter[0], alter[1], 1)) == want {
			t.Errorf("%s does not change it", name)
		}
	}
}

func TestTheSchemaIsReadAgainOnlyWhereItChanged(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", "CREATE TABLE t(id INTEGER PRIMARY KEY, a)"))
	first := r.Schema
	if err := r.Refresh(); err != nil || r.Schema != first {
		t.Fatal("read again", err)
	}
	other := reopened(t, r.Path())
	if err := other.Script("ALTER TABLE t ADD COLUMN b"); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(); err != nil || len(r.Schema.Table("t").Columns) != 3 {
		t.Fatal("not read again", err)
	}
}

func TestAffinitiesAreThoseOfSQLite(t *testing.T) {
	for declared, want := range map[string]Affinity{
		"": AffinityBlob, "BLOB": AffinityBlob, "INT": AffinityInteger, "bigint": AffinityInteger, "CHARINT": AffinityInteger,
		"VARCHAR(10)": AffinityText, "clob": AffinityText, "text": AffinityText, "REAL": AffinityReal, "double precision": AffinityReal,
		"FLOAT": AffinityReal, "DECIMAL(10,2)": AffinityNumeric, "DATE": AffinityNumeric, "BOOLEAN": AffinityNumeric, "ANY": AffinityNumeric,
		"FLOATING POINT": AffinityInteger,
	} {
		if got := affinityOf(declared, false); got != want {
			t.Errorf("%q has affinity %d, want %d", declared, got, want)
		}
	}
	if got := affinityOf("ANY", true); got != AffinityBlob {
		t.Errorf("ANY of a STRICT table has affinity %d", got)
	}
}

func TestTablesThatNeedTheApplicationAreLeftOut(t *testing.T) {
	for _, tc := range []struct{ name, schema string }{
		{"a collation of a key", "CREATE TABLE t(k TEXT COLLATE house PRIMARY KEY, v)"},
		{"a collation of an index that is not unique", "CREATE TABLE t(id INTEGER PRIMARY KEY, v COLLATE house); CREATE INDEX i ON t(v)"},
		{"a collation of an index alone", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t(v COLLATE house)"},
		{"a function in a check", "CREATE TABLE t(id INTEGER PRIMARY KEY, v CHECK (house(v)))"},
		{"a function in an index", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t(house(v))"},
		{"a function in the condition of an index", "CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t(v) WHERE house(v)"},
		{"a function in a generated column", "CREATE TABLE t(id INTEGER PRIMARY KEY, v, g AS (house(v)) STORED)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			made, err := Open(path, OpenOptions{Create: true})
			if err != nil {
				t.Fatal(err)
			}
			sqlite := made.conn.(*sqlite3.SQLiteConn)
			if err := errors.Join(sqlite.RegisterCollation("house", strings.Compare), sqlite.RegisterFunc("house", func(v any) int { return 1 }, true)); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(made.Script(tc.schema+"; CREATE TABLE u(id INTEGER PRIMARY KEY, v COLLATE house)"), made.Close()); err != nil {
				t.Fatal(err)
			}
			r := openReplica(t, path)
			if r.Schema.Table("t") != nil || len(r.Schema.Skipped) != 1 || r.Schema.Table("u") == nil {
				t.Fatalf("replicated: %v, left out: %v", r.Schema.Tables, r.Schema.Skipped)
			}
			r.in(t, "install", r.Install)
			r.script(t, "INSERT INTO u VALUES(1, 'a'); UPDATE u SET v = 'A'; DELETE FROM u")
			r.gather(t)
		})
	}
}

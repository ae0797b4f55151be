package applier

import (
	"database/sql/driver"
	"reflect"
	"strings"
	"testing"

	sqlite3 "github.com/mattn/go-sqlite3"
)

func TestATextIsSplitWhereSQLiteSplitsIt(t *testing.T) {
	conn, err := (&sqlite3.SQLiteDriver{}).Open(":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.(*sqlite3.SQLiteConn).Exec("CREATE TABLE t(a, b); CREATE TABLE u(a)", nil); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"", " \n", "-- nothing", ";", " ; ;", "SELECT 1", "SELECT 1;", "SELECT 1; ", "SELECT 1;;", "SELECT 1; -- and\n", "SELECT 1 /* ; */; SELECT 2",
		";;SELECT 1; ; SELECT ';', \";\", [;], `;` FROM (SELECT 1 AS \";\"); SELECT 3",
		"CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; SELECT CASE WHEN 1 THEN 2 END; END; SELECT 2",
		"create temporary trigger if not exists y after insert on t begin delete from u; end ; SELECT 2;",
		"EXPLAIN QUERY PLAN CREATE TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM u; /* x */ END -- y\n; SELECT 2",
		"CREATE TEMP TABLE trigger_(a); SELECT 1", "BEGIN; SELECT 1; END; SELECT 2", "SELECT 1; CREATE TRIGGER z AFTER INSERT ON t BEGIN SELECT 1; END",
		"SELECT 'it''s; '; SELECT 2", "SELECT 1; SELECT 2\x00; SELECT 3", "SELECT 1\x00; SELECT 3", "INSERT INTO t VALUES(?, :a); SELECT $b",
	} {
		var got []string
		for _, p := range Pieces(sql) {
			got = append(got, strings.TrimSpace(p.SQL))
		}
		if want := splitBySQLite(t, conn, sql); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", sql, got, want)
		}
	}
}

// splitBySQLite reads what is left after each statement out of the driver.
func splitBySQLite(t *testing.T, conn driver.Conn, sql string) (pieces []string) {
	sql, _, _ = strings.Cut(sql, "\x00")
	for sql = strings.TrimSpace(sql); sql != ""; {
		s, err := conn.Prepare(sql)
		if err != nil {
			t.Fatalf("%q: %v", sql, err)
		}
		tail := reflect.ValueOf(s).Elem().FieldByName("t").String()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, strings.TrimSpace(strings.TrimSuffix(sql, tail)))
		sql = tail
	}
	return pieces
}

func TestNamesOfOursAreSeenHoweverTheyAreQuoted(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT 1": false, "SELECT replog": false, "SELECT Replog_x": true, `"REPLOG_X"`: true, "[replog_x]": true, "`replog_x`": true, "'replog_x'": true,
		"-- replog_x": false, "'a replog_x'": false,
	} {
		if got := NamesReplog(sql); got != want {
			t.Errorf("%s: %t", sql, got)
		}
	}
	for sql, want := range map[string]string{"SELECT 1": "select", "; /**/ explain COMMIT": "explain", " -- x\n": ""} {
		if got := FirstWord(sql); got != want {
			t.Errorf("%s: %s", sql, got)
		}
	}
}

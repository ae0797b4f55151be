package sqlite

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"reflect"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

// shell is a connection as any SQLite tool has one.
func shell(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func awkward() []replog.Change {
	text := storetest.Insert(1, "[\"]\x00\xff]")
	text.Table, text.KeyColumns = `odd "table"`, []string{`odd "key"`}
	text.Columns = []string{`odd "key"`, "ends ]"}
	changed := storetest.Insert(2, "")
	changed.Op, changed.Columns = replog.Update, []string{"name", "price"}
	changed.Old = []replog.Value{replog.Text("one]"), replog.Real(0.1)}
	changed.New = []replog.Value{replog.Text("]"), replog.Real(1e300)}
	changed.Key = []replog.Value{replog.Text("]"), replog.Blob([]byte{1})}
	changed.KeyColumns = []string{"a", "b"}
	gone := storetest.Insert(3, "three")
	gone.Op, gone.Old, gone.New = replog.Delete, gone.New, nil
	return []replog.Change{text, changed, gone}
}

func TestTheViewShowsEachStatementAsThePackageRendersIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	e := storetest.Entry(1, awkward()...)
	add(t, log, e)
	got := storetest.Lines(t, shell(t, path), "SELECT sql, args FROM transaction_log ORDER BY revision, n")
	for i := range e.Transaction.Statements {
		sql, args := e.Transaction.Statements[i].SQL()
		j, err := json.Marshal(args)
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{sql, string(j)}; !reflect.DeepEqual(got[i], want) {
			t.Errorf("statement %d:\n got %q\nwant %q", i, got[i], want)
		}
	}
}

func TestTheViewTellsTimesOutcomesAndReasons(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one"), storetest.Insert(2, "two")))

	reason := replog.Reason{Code: replog.ReasonExists, Detail: "it is there"}
	divided := storetest.Entry(2, storetest.Insert(3, "three"), storetest.Insert(1, "other"))
	divided.Changes = divided.Changes[:1]
	divided.Reason = reason
	divided.Parts = []replog.Part{{Outcome: replog.Conflict, Reason: reason, Rows: []int{1}}}
	add(t, log, divided)

	refused := storetest.Entry(3, storetest.Insert(1, "other"))
	refused.Outcome, refused.Changes, refused.Reason = replog.Conflict, nil, reason
	add(t, log, refused)

	db := shell(t, path)
	got := storetest.Lines(t, db, `SELECT revision, seq, n, recorded_at, recorded, received_at, received, outcome, reason, detail
		FROM transaction_log ORDER BY revision, n`)
	when := []string{"1700000000000", "2023-11-14T22:13:20.000Z", "1700000000500", "2023-11-14T22:13:20.500Z"}
	row := func(revision, n, outcome, reason, detail string) []string {
		return append(append([]string{revision, revision, n}, when...), outcome, reason, detail)
	}
	want := [][]string{
		row("1", "0", "applied", "-", "-"),
		row("1", "1", "applied", "-", "-"),
		row("2", "0", "applied", "-", "-"),
		row("2", "1", "conflict", "exists", "it is there"),
		row("3", "0", "conflict", "exists", "it is there"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestTheChangeViewShowsWhatTheServerDid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one"), storetest.Insert(2, "two")))

	netted := storetest.Entry(2, storetest.Insert(3, "three"), storetest.Insert(3, "x"))
	netted.Transaction.SetNet([]replog.Change{storetest.Insert(3, "net")})
	netted.Changes, _ = replog.InMemory(netted.Transaction.NetChanges())
	add(t, log, netted)

	partly := storetest.Entry(3, storetest.Insert(4, "stale"), storetest.Insert(5, "five"), storetest.Insert(6, "six"))
	partly.Changes = []replog.Change{storetest.Insert(5, "five"), storetest.Insert(6, "otherwise")}
	add(t, log, partly)

	refused := storetest.Entry(4, storetest.Insert(1, "again"))
	refused.Outcome, refused.Changes = replog.Conflict, nil
	add(t, log, refused)

	got := storetest.Lines(t, shell(t, path), `SELECT revision, n, table_name, operation, key, new FROM change ORDER BY revision, n`)
	want := [][]string{
		{"1", "0", "item", "insert", "[1]", `[1,"one"]`},
		{"1", "1", "item", "insert", "[2]", `[2,"two"]`},
		{"2", "0", "item", "insert", "[3]", `[3,"net"]`},
		{"3", "0", "item", "insert", "[5]", `[5,"five"]`},
		{"3", "1", "item", "insert", "[6]", `[6,"otherwise"]`},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestTheViewsShowIntentsAsTheyWereRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	none := replog.Intent{SQL: "DELETE FROM item WHERE name = 'it''s'", Time: 1700000000000}
	some := replog.Intent{SQL: "UPDATE item SET name = :to\nWHERE id = ?", Time: 1700000000000,
		Args: []replog.Value{replog.Text("[\"]\x00\xff]"), replog.Real(1e300)}, Affected: 1, Changes: 1}
	e := storetest.Entry(1)
	e.Transaction.Statements = nil
	e.Transaction.Steps = []replog.Step{
		{Intent: &none}, {Statements: replog.ChangeList{storetest.Insert(1, "one"), storetest.Insert(2, "two")}, Net: replog.ChangeList{storetest.Insert(1, "x")}}, {Intent: &some},
	}
	e.Changes = []replog.Change{storetest.Insert(1, "to")}
	e.Tables = []string{"item"}
	e.Reason = replog.Reason{Code: replog.ReasonOptional, Detail: "left out"}
	e.Parts = []replog.Part{{Outcome: replog.Ignored, Reason: e.Reason, Rows: []int{}, Statements: []int{3}}}
	add(t, log, e)

	db := shell(t, path)
	args, err := json.Marshal(some.Args)
	if err != nil {
		t.Fatal(err)
	}
	got := storetest.Lines(t, db, "SELECT n, recorded, outcome, reason, sql, args FROM transaction_log ORDER BY n")
	at := "2023-11-14T22:13:20.000Z"
	row := func(n, id, name string) []string {
		return []string{n, at, "applied", "-", `INSERT INTO "item"("id", "name") VALUES(?, ?)`, `[` + id + `,"` + name + `"]`}
	}
	want := [][]string{
		{"0", at, "applied", "-", none.SQL, "[]"},
		row("1", "1", "one"), row("2", "2", "two"),
		{"3", at, "ignored", "optional", some.SQL, string(args)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	got = storetest.Lines(t, db, "SELECT n, operation, table_name FROM statement ORDER BY n")
	want = [][]string{{"0", "intent", "-"}, {"1", "insert", "item"}, {"2", "insert", "item"}, {"3", "intent", "-"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	got = storetest.Lines(t, db, "SELECT n, operation, key, new FROM change ORDER BY n")
	if want = [][]string{{"0", "insert", "[1]", `[1,"to"]`}}; !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
	"replog/sql/postgres/applied"
)

func wantLines(t testing.TB, got, want [][]string) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

// awkward are changes whose names and values have what is special somewhere.
func awkward() []replog.Change {
	text := storetest.Insert(1, "[\"]\x00\\u0000\xff]")
	text.Table, text.KeyColumns = "odd \"table\" \x00 "+escapeText, []string{`odd "key"`}
	text.Columns = []string{`odd "key"`, "ends ]"}
	changed := storetest.Insert(2, "")
	changed.Op, changed.Columns = replog.Update, []string{"name", "price"}
	changed.Old = []replog.Value{replog.Text("one]"), replog.Real(0.1)}
	changed.New = []replog.Value{replog.Text("]\\\x00\x00\\\\\x00"), replog.Real(1e300)}
	changed.Key = []replog.Value{replog.Text("]"), replog.Blob([]byte{1})}
	changed.KeyColumns = []string{"a", "b"}
	gone := storetest.Insert(3, "three")
	gone.Op, gone.Old, gone.New = replog.Delete, gone.New, nil
	return []replog.Change{text, changed, gone}
}

// jsonOf is what jsonb makes of values, with a NUL shown as ␀.
func jsonOf(t testing.TB, db *sql.DB, values []replog.Value) string {
	t.Helper()
	for i, v := range values {
		if v.Kind() == replog.KindText && utf8.ValidString(v.Bytes()) {
			values[i] = replog.Text(strings.ReplaceAll(v.Bytes(), "\x00", "␀"))
		}
	}
	j, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return storetest.Lines(t, db, "SELECT $1::jsonb", string(j))[0][0]
}

func TestTheViewShowsEachStatementAsThePackageRendersIt(t *testing.T) {
	log := newShop(t, Options{})
	e := storetest.Entry(1, awkward()...)
	add(t, log, e)
	db := log.store.DB()
	got := storetest.Lines(t, db, "SELECT database, sql, args FROM replog.transaction_log ORDER BY revision, n")
	for i := range e.Transaction.Statements {
		sql, args := e.Transaction.Statements[i].SQL()
		if want := []string{"shop", escaped(sql), jsonOf(t, db, args)}; !reflect.DeepEqual(got[i], want) {
			t.Errorf("statement %d:\n got %q\nwant %q", i, got[i], want)
		}
	}
}

func TestTheViewTellsTimesOutcomesAndReasons(t *testing.T) {
	log := newShop(t, Options{})
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

	db := log.store.DB()
	got := storetest.Lines(t, db, `SELECT revision, seq, n, recorded_at, recorded AT TIME ZONE 'UTC', received_at, received AT TIME ZONE 'UTC',
		outcome, reason, detail FROM replog.transaction_log ORDER BY revision, n`)
	when := []string{"1700000000000", "2023-11-14T22:13:20Z", "1700000000500", "2023-11-14T22:13:20.5Z"}
	row := func(revision, n, outcome, reason, detail string) []string {
		return append(append([]string{revision, revision, n}, when...), outcome, reason, detail)
	}
	wantLines(t, got, [][]string{
		row("1", "0", "applied", "-", "-"),
		row("1", "1", "applied", "-", "-"),
		row("2", "0", "applied", "-", "-"),
		row("2", "1", "conflict", "exists", "it is there"),
		row("3", "0", "conflict", "exists", "it is there"),
	})
}

func TestATimeThatPostgreSQLCannotHoldIsNull(t *testing.T) {
	log := newShop(t, Options{})
	far := storetest.Insert(1, "one")
	far.Time = 1<<63 - 1
	add(t, log, storetest.Entry(1, far))
	got := storetest.Lines(t, log.store.DB(), "SELECT recorded_at, recorded FROM replog.transaction_log")
	wantLines(t, got, [][]string{{"9223372036854775807", "-"}})
}

func TestTheChangeViewShowsWhatTheServerDid(t *testing.T) {
	log := newShop(t, Options{})
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

	got := storetest.Lines(t, log.store.DB(), `SELECT revision, n, table_name, operation, key, new FROM replog.change ORDER BY revision, n`)
	wantLines(t, got, [][]string{
		{"1", "0", "item", "insert", "[1]", `[1, "one"]`},
		{"1", "1", "item", "insert", "[2]", `[2, "two"]`},
		{"2", "0", "item", "insert", "[3]", `[3, "net"]`},
		{"3", "0", "item", "insert", "[5]", `[5, "five"]`},
		{"3", "1", "item", "insert", "[6]", `[6, "otherwise"]`},
	})
}

func TestTheViewsShowIntentsAsTheyWereRun(t *testing.T) {
	log := newShop(t, Options{})
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

	db := log.store.DB()
	got := storetest.Lines(t, db, "SELECT n, outcome, reason, sql, args FROM replog.transaction_log ORDER BY n")
	row := func(n, id, name string) []string {
		return []string{n, "applied", "-", `INSERT INTO "item"("id", "name") VALUES(?, ?)`, `[` + id + `, "` + name + `"]`}
	}
	wantLines(t, got, [][]string{
		{"0", "applied", "-", none.SQL, "[]"},
		row("1", "1", "one"), row("2", "2", "two"),
		{"3", "ignored", "optional", some.SQL, jsonOf(t, db, some.Args)},
	})
	got = storetest.Lines(t, db, "SELECT n, operation, table_name FROM replog.statement ORDER BY n")
	wantLines(t, got, [][]string{{"0", "intent", "-"}, {"1", "insert", "item"}, {"2", "insert", "item"}, {"3", "intent", "-"}})
	got = storetest.Lines(t, db, "SELECT n, operation, key, new FROM replog.change ORDER BY n")
	wantLines(t, got, [][]string{{"0", "insert", "[1]", `[1, "to"]`}})
}

func TestATextIsStoredOnce(t *testing.T) {
	log := newShop(t, Options{})
	for seq := range replog.Seq(3) {
		add(t, log, storetest.Entry(seq+1, storetest.Insert(int64(seq), "x"), storetest.Insert(int64(seq)+10, "y"), update(int64(seq), "x", "z")))
		// Another process knows nothing of what is stored.
		log = openLog(t, log.store)
	}
	got := storetest.Lines(t, log.store.DB(), "SELECT operation, table_name, key_columns, columns FROM replog.statement_text ORDER BY 1")
	wantLines(t, got, [][]string{{"insert", "item", `["id"]`, `["id","name"]`}, {"update", "item", `["id"]`, `["name"]`}})
}

func TestATextOfATransactionThatWasGivenUpIsStoredByTheNext(t *testing.T) {
	log := newShop(t, Options{})
	tx := begin(t, log)
	if err := appendTo(tx, storetest.Entry(1, storetest.Insert(1, "one"))); err != nil {
		t.Fatal(err)
	}
	if err := tx.send(); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	got := storetest.Lines(t, log.store.DB(), "SELECT sql FROM replog.statement")
	wantLines(t, got, [][]string{{`INSERT INTO "item"("id", "name") VALUES(?, ?)`}})
}

// slowContent is of one table that takes its time to be read.
type slowContent struct{ takes time.Duration }

func (slowContent) Tables() ([]replog.Table, error) {
	return []replog.Table{{Name: "item", Columns: []replog.TableColumn{{Name: "id", Type: "INTEGER"}}, Key: []int{0}}}, nil
}

func (c slowContent) Rows(_ string, yield func([]replog.Value) error) error {
	time.Sleep(c.takes) // that the transaction is idle meanwhile is what is tried
	return yield([]replog.Value{replog.Integer(1)})
}

func TestNoTimeLimitOfTheServersEndsAReading(t *testing.T) {
	dsn := migrated(t)
	s := openStore(t, dsn, Options{})
	publish := func(tx *Tx) error {
		return tx.Publish(replog.SchemaVersion{Fingerprint: "f", Content: slowContent{}})
	}
	if err := s.make(t.Context(), "shop", logtest.Start, publish); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
		storetest.Exec(t, s.DB(), "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+limit+" = 100', current_database()); END $$")
	}
	log := openLog(t, openStore(t, dsn, Options{}))
	err := log.view(t.Context(), log.store.readers, func(v *view) error {
		_, err := v.conn.ExecContext(t.Context(), "SELECT pg_sleep(0.3)")
		return err
	})
	if err != nil {
		t.Error(err)
	}
	counts, err := log.CompareRows(t.Context(), slowContent{takes: 300 * time.Millisecond}, func(d applied.Difference) error {
		return fmt.Errorf("%+v", d)
	})
	if err != nil || len(counts) != 1 {
		t.Errorf("%+v, %v", counts, err)
	}
}

func TestWhatServersNeedThemselvesDoesNotWaitForSlowDevices(t *testing.T) {
	log := newShop(t, Options{Readers: 1})
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	info := SnapshotInfo{Revision: 1, Chain: mustChain(t, log, 1), Size: 3}
	if err := log.KeepSnapshot(t.Context(), info, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	to := replog.Wanted{To: "aaaaaaaa-0000-4000-8000-00000000000b", UpTo: 1}
	err := log.Deliveries(t.Context(), to, func(*replog.Delivery) error {
		_, file, err := log.NewestSnapshot(ctx, 1)
		if err == nil {
			err = file.Close()
		}
		if err != nil {
			return err
		}
		return log.Deliveries(ctx, replog.Wanted{UpTo: 1, AsChanges: true}, func(*replog.Delivery) error { return nil })
	})
	if err != nil {
		t.Error(err)
	}
}

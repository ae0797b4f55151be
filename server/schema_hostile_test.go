package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"replog/applier"
	"replog/replog"
)

// peopleSchema is what the statements of applier/testdata/schema_statements.txt meet.
const peopleSchema = `
	CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note TEXT, born TEXT);
	CREATE TABLE item(id INTEGER PRIMARY KEY, person INT REFERENCES person(id), price REAL DEFAULT 1.5, spare);
	CREATE TABLE keyless(v);
	CREATE INDEX item_person ON item(person);
	CREATE VIEW adult AS SELECT id, name FROM person WHERE born < '2000';
	CREATE TRIGGER item_price AFTER INSERT ON item BEGIN UPDATE item SET price = 2 WHERE id = NEW.id AND price IS NULL; END;
	CREATE VIRTUAL TABLE words USING fts4(body);
	CREATE TABLE meter(id INTEGER PRIMARY KEY, v);
	INSERT INTO meter VALUES(1, 0);
	INSERT INTO person VALUES(1, 'Ann', NULL, '1999');`

// ofOurs are statements about what the server keeps in its replica.
const ofOurs = `
own	DROP TABLE replog_replica
own	DROP TABLE replog_trigger
own	CREATE TABLE replog_replica(revision, epoch, database)
own	CREATE TABLE IF NOT EXISTS replog_trigger(id INTEGER PRIMARY KEY)
own	ALTER TABLE replog_trigger RENAME TO person2
own	ALTER TABLE replog_replica ADD COLUMN c
own	ALTER TABLE person RENAME TO replog_replica
own	CREATE VIEW v AS SELECT * FROM replog_replica
own	CREATE TRIGGER tr AFTER INSERT ON replog_trigger BEGIN SELECT 1; END
own	CREATE TRIGGER tr AFTER INSERT ON person BEGIN UPDATE replog_replica SET revision = 0; END
own	CREATE TABLE replog_change(id INTEGER PRIMARY KEY)
own	CREATE TRIGGER replog_guard_1 AFTER INSERT ON person BEGIN SELECT 1; END
several	CREATE TABLE a(id INTEGER PRIMARY KEY); UPDATE replog_replica SET revision = 0
statement	DELETE FROM replog_trigger
statement	COMMIT
statement	ROLLBACK TO replog
statement	RELEASE replog
statement	PRAGMA journal_mode = OFF`

func schemaStatements(t *testing.T) (list [][2]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "applier", "testdata", "schema_statements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b) + ofOurs) {
		line = strings.ReplaceAll(repeat(strings.TrimSuffix(line, "\n")), `\n`, "\n")
		if class, sql, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(line, "#") {
			list = append(list, [2]string{class, sql})
		}
	}
	return list
}

func countMeter(from int64) replog.Change {
	c := rowChange(replog.Update, "meter", 1)
	c.Columns, c.Old, c.New = []string{"v"}, []replog.Value{replog.Integer(from)}, []replog.Value{replog.Integer(from + 1)}
	return c
}

// Each that cannot be replicated is rejected, the queue moves on, and nothing of ours,
// or of the application's, is another than before.
func TestHostileSchemaStatementsAreRejected(t *testing.T) {
	h := newHarness(t)
	h.publish("people", peopleSchema)
	d := h.enrol("people")
	first := h.schema("people", "")
	var list [][2]string
	for _, l := range schemaStatements(t) {
		if l[0] == "fine" || l[0] == "local" || l[1] == "" {
			continue // no form holds an empty text
		}
		judgedOnItsOwn(d.steps(schemaStatement(l[1])))
		judgedOnItsOwn(d.record(countMeter(int64(len(list)))))
		list = append(list, l)
	}
	if len(list) < 100 {
		t.Fatalf("%d statements", len(list))
	}
	verdicts := d.sync().verdicts
	if len(verdicts) != 2*len(list) {
		t.Fatalf("%d verdicts", len(verdicts))
	}
	for i, l := range list {
		want, code := replog.Rejected, replog.ReasonSchema
		switch l[0] {
		case "already":
			want, code = replog.Applied, ""
		case "clash":
			code = replog.ReasonSchemaClash
		}
		v, next := verdicts[2*i], verdicts[2*i+1]
		if got := v.Reason; v.Outcome != want || (code == "") != (got == nil) || got != nil && got.Code != code {
			t.Errorf("%.200s\n  becomes %s %v, want %s %s", l[1], v.Outcome, v.Reason, want, code)
		}
		if next.Outcome != replog.Applied {
			t.Errorf("%.200s\n  the next becomes %s %v", l[1], next.Outcome, next.Reason)
		}
	}
	if got, want := h.replicaRows("people", "SELECT v FROM meter"), fmt.Sprintf("[%d]\n", len(list)); got != want {
		t.Errorf("the meter stands at %s, want %s", got, want)
	}
	if v := h.schema("people", ""); v.Fingerprint != first.Fingerprint {
		t.Errorf("the schema is another: %s", v.Objects)
	}
	h.sound("people")
	h.restart()
	h.sound("people")
}

// sound checks a replica: its file, what is ours in it, and that it can be made again.
func (h *harness) sound(database string) {
	h.t.Helper()
	if got := h.replicaRows(database, "PRAGMA integrity_check"); got != "[\"ok\"]\n" {
		h.t.Errorf("the replica is damaged: %s", got)
	}
	if got := h.replicaRows(database, "SELECT count(*) FROM replog_replica"); got != "[1]\n" {
		h.t.Errorf("where the replica stands: %s", got)
	}
	h.sameRebuilt(database)
}

// What applications do is applied, each on a database of its own, and the next
// transaction, too.
func TestSchemaStatementsOfApplicationsAreApplied(t *testing.T) {
	h := newHarness(t)
	n := 0
	for _, l := range schemaStatements(t) {
		if l[0] != "fine" && l[0] != "local" {
			continue
		}
		n++
		name := fmt.Sprintf("people%d", n)
		h.publish(name, peopleSchema)
		d := h.enrol(name)
		d.steps(schemaStatement(l[1]))
		d.record(countMeter(0))
		for _, v := range d.sync().verdicts {
			if v.Outcome != replog.Applied {
				t.Errorf("%.200s\n  %s %v", l[1], v.Outcome, v.Reason)
			}
		}
		h.sound(name)
	}
	if n < 40 {
		t.Errorf("%d statements", n)
	}
}

// A statement that takes too long is rejected, and what was judged beside it is
// judged again, to the same end.
func TestASchemaStatementThatTakesTooLongIsRejected(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.Limits.SchemaTime = 500 * time.Millisecond })
	h.publish("bank", bankSchema+`
		CREATE TABLE big(id INTEGER PRIMARY KEY, v);
		INSERT INTO big SELECT value, printf('%.*c', 50000, 'a') FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 200) SELECT value FROM n);`)
	d := h.enrol("bank")
	judgedOnItsOwn(d.steps(take(1, 1)))
	judgedOnItsOwn(d.steps(schemaStatement(createNote), putNote("note", 1)))
	judgedOnItsOwn(d.steps(schemaStatement("CREATE VIEW v AS SELECT 1"), schemaStatement(
		"CREATE INDEX slow ON big(length(replace(replace(replace(replace(replace(replace(replace(v, 'a', 'bb'), 'b', 'cc'), 'c', 'dd'), 'd', 'ee'), 'e', 'ff'), 'f', 'gg'), 'g', 'hh')))")))
	judgedOnItsOwn(d.record(putNote("note", 2)))
	judgedOnItsOwn(d.steps(take(1, 1)))
	var got []string
	for _, v := range d.sync().verdicts {
		got = append(got, describeVerdict(&v))
	}
	if want := "applied | applied | rejected; rejected, limit, [] | applied | applied"; strings.Join(got, " | ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " | "), want)
	}
	if rows := h.replicaRows("bank", "SELECT balance FROM account WHERE id = 1 UNION ALL SELECT count(*) FROM note"); rows != "[8]\n[2]\n" {
		t.Errorf("rows %s", rows)
	}
	h.sound("bank")
	list, err := h.srv.opened("bank").replica.objects()
	h.must(err)
	if strings.Contains(applier.FormatObjects(list), "slow") {
		t.Error("the index is there")
	}
}

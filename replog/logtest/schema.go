package logtest

import (
	"context"
	"fmt"
	"testing"

	"replog/replog"
)

func schemaStatement(sql string) replog.Step {
	return ran(&replog.Intent{SQL: sql, Schema: replog.SchemaRun, Time: 3000})
}

func derived(sql string) replog.Step {
	s := schemaStatement(sql)
	s.Intent.Schema, s.Intent.Legacy = replog.SchemaDerived, true
	return s
}

// schemas is an entry of which each step made the changes up to its number in ends.
func schemas(device replog.DeviceID, seq replog.Seq, changes []replog.Change, ends []int, steps ...replog.Step) replog.Entry {
	e := intents(device, seq, changes, steps...)
	e.Transaction.Schema = true
	e.Tables, e.AsRun, e.Digest, e.BySteps = []string{"item", "new"}, false, nil, false
	e.StepEnds = ends
	e.Schema = &replog.SchemaVersion{Fingerprint: fmt.Sprintf("%s-%d", device, seq), Objects: fmt.Sprintf(`[{"name":"new %d"}]`, seq)}
	return e
}

// notDone is an entry with schema statements of which nothing was done.
func notDone(e replog.Entry) replog.Entry {
	e = refusedWhole(replog.Rejected, e)
	e.Schema, e.StepEnds = nil, nil
	return e
}

// at gives the versions of entries the revisions that they will have.
func at(first replog.Revision, entries []replog.Entry) []replog.Entry {
	for i := range entries {
		if v := entries[i].Schema; v != nil {
			v.Revision = first + replog.Revision(i)
		}
	}
	return entries
}

// withSchemas are entries with schema statements of all shapes, from revision 1 on.
func withSchemas() []replog.Entry {
	add, create, drop := schemaStatement("ALTER TABLE item ADD COLUMN c"), schemaStatement("CREATE TABLE new(id INTEGER PRIMARY KEY)"), schemaStatement("DROP TABLE new")
	made := append(in("new", insert(1, 1), insert(2, 2)), update(1, 1, 2))
	return at(1, []replog.Entry{
		schemas(anna, 1, []replog.Change{}, []int{0}, create),
		applied(bert, 1, insert(5, 5)),
		schemas(bert, 2, []replog.Change{}, []int{0, 0}, add, derived("CREATE VIEW v AS\n SELECT '\u2028'")),
		schemas(anna, 2, made, []int{0, 2, 2, 2, 3}, create, rows(nil, in("new", insert(1, 1), insert(2, 2))...), drop, add, rows(nil, update(1, 1, 2))),
		// What had no effect, and net changes of their own.
		schemas(anna, 3, made[1:], []int{0, 0, 1, 2}, rows(nil, in("new", insert(1, 1))...), drop,
			rows([]replog.Change{in("new", insert(2, 2))[0]}, in("new", insert(2, 1), update(2, 1, 2))...),
			rows(nil, update(1, 1, 2))),
		schemas(clara, 1, made[:1], []int{1, 1}, rows(nil, append(in("new", insert(1, 1)), update(9, 9, 9))...), add),
		notDone(schemas(clara, 2, nil, nil, add, rows(nil, update(1, 2, 3)), drop)),
		intents(clara, 3, []replog.Change{update(1, 10, 9)}, ran(take(1, 1))),
	})
}

func testSchemaRoundTrip(t *testing.T, open Open) {
	log, reopen := open(t)
	entries := write(t, log, splitRows(withSchemas())...)
	for range 2 {
		same(t, "entries", read(t, log, replog.Filter{}), entries)
		for _, want := range entries {
			same(t, "entry", readOne(t, log, want.Revision), want)
		}
		log = reopen()
	}
	tx := begin(t, log)
	for _, e := range entries {
		got, err := tx.Find(e.Transaction.Device, e.Transaction.Seq)
		must(t, err)
		same(t, "found", got, judged(e))
	}
}

// splitRows puts a statement between steps of rows that follow each other, which no
// form can have.
func splitRows(entries []replog.Entry) []replog.Entry {
	for i := range entries {
		e := &entries[i]
		var steps []replog.Step
		var ends []int
		for n, s := range e.Transaction.Steps {
			if n > 0 && s.Intent == nil && e.Transaction.Steps[n-1].Intent == nil {
				steps = append(steps, schemaStatement("DROP VIEW v"))
				ends = append(ends, e.StepEnds[n-1])
			}
			steps = append(steps, s)
			if e.StepEnds != nil {
				ends = append(ends, e.StepEnds[n])
			}
		}
		e.Transaction.Steps, e.StepEnds = steps, ends
	}
	return entries
}

// schemaLines are those of the steps of an entry, with what was made in each.
func schemaLines(t *testing.T, e *replog.Entry) (lines []string) {
	done := 0
	for i, s := range e.Transaction.Steps {
		if s.Intent != nil {
			lines = append(lines, fmt.Sprint(replog.LineIntent, string(s.Intent.AppendJSON(nil))))
		}
		for ; done < e.StepEnds[i]; done++ {
			lines = append(lines, fmt.Sprint(replog.LineChange, string(e.Changes[done].AppendJSON(nil))))
		}
	}
	same(t, "changes in steps", done, len(e.Changes))
	return lines
}

func testSchemaDeliveries(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log, splitRows(withSchemas())...)
	head := replog.Revision(len(entries))
	for _, to := range []replog.DeviceID{anna, bert, clara, "somebody", ""} {
		for _, w := range []replog.Wanted{
			{To: to, UpTo: head},
			{To: to, After: 3, UpTo: head - 2},
			{To: to, UpTo: head, AsChanges: true},
			{To: to, UpTo: head, Differed: []replog.Revision{1, 4, 8}},
		} {
			checkDeliveries(t, log, entries, w)
		}
	}
}

func testSchemaVersions(t *testing.T, open Open) {
	log, reopen := open(t)
	ctx := context.Background()
	_, err := log.SchemaAt(ctx, 0)
	wantNotFound(t, err)
	first := replog.SchemaVersion{Fingerprint: "first", Objects: `[{"name":"item"}]`}
	tx := begin(t, log)
	must(t, tx.Publish(first))
	must(t, tx.Commit())
	entries := write(t, log, splitRows(withSchemas())...)
	for range 2 {
		want := first
		for r := range replog.Revision(len(entries) + 3) {
			if r > 0 && int(r) <= len(entries) && entries[r-1].Schema != nil {
				want = *entries[r-1].Schema
			}
			got, err := log.SchemaAt(ctx, r)
			must(t, err)
			same(t, "schema", got, want)
			has, err := log.HasSchema(ctx, want.Fingerprint)
			must(t, err)
			same(t, "has it", has, true)
		}
		has, err := log.HasSchema(ctx, "another")
		must(t, err)
		same(t, "has another", has, false)
		log = reopen()
	}
}

func testSchemaConcurrent(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, at(1, []replog.Entry{schemas(anna, 1, []replog.Change{update(1, 1, 2), insert(3, 3), update(1, 2, 3)}, []int{0, 2, 2, 3},
		schemaStatement("CREATE VIEW v AS SELECT 1"), rows(nil, update(1, 1, 2), insert(3, 3)), schemaStatement("DROP VIEW v"), rows(nil, update(1, 2, 3)))})...)
	tx := begin(t, log)
	past, err := tx.Concurrent(change(insert(1, 1)).Row(), 0, bert)
	must(t, err)
	same(t, "concurrent", past, []replog.PastChange{{Revision: 1, Device: anna, Change: update(1, 2, 3)}})
}

func testSchemaSearch(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, splitRows(withSchemas())...)
	for _, s := range []search{
		{"a table that they are about", replog.Filter{Tables: []string{"NEW"}}, []replog.Revision{1, 3, 4, 5, 6, 7}},
		{"a row that was changed between them", replog.Filter{Tables: []string{"new"}, Keys: []string{"[2]"}}, []replog.Revision{4, 5}},
		{"a row that was not changed after all", replog.Filter{Tables: []string{"item"}, Keys: []string{"[9]"}}, []replog.Revision{6}},
		{"their text", replog.Filter{Text: "create table NEW"}, []replog.Revision{1, 4}},
		{"their text over lines", replog.Filter{Text: "create view v as select"}, []replog.Revision{3}},
		{"those that were not applied", replog.Filter{Tables: []string{"new"}, Outcomes: []replog.Outcome{replog.Rejected}}, []replog.Revision{7}},
	} {
		s.check(t, log)
	}
}

func testWrote(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)), applied(bert, 1, insert(2, 2)), applied(bert, 2, in("new", insert(2, 2))...),
		refused(replog.Conflict, bert, 3, insert(3, 3)))
	tx := begin(t, log)
	must(t, tx.Append(sealed(intents(clara, 1, []replog.Change{update(1, 1, 2)}, ran(take(1, 1))), 5)))
	for _, tc := range []struct {
		table  string
		after  replog.Revision
		device replog.DeviceID
		want   replog.Revision
	}{
		{"item", 0, "somebody", 5}, {"item", 4, bert, 5}, {"item", 5, bert, 0}, {"item", 0, clara, 2}, {"item", 2, clara, 0},
		{"item", 1, anna, 5}, {"new", 0, anna, 3}, {"new", 0, bert, 0}, {"new", 3, anna, 0}, {"nothing", 0, anna, 0},
	} {
		got, err := tx.Wrote(tc.table, tc.after, tc.device)
		must(t, err)
		same(t, fmt.Sprintf("who wrote %s after %d but for %s", tc.table, tc.after, tc.device), got, tc.want)
	}
}

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"replog/replog"
)

// schemaLog is a log of two entries with schema statements, of which the second was
// refused.
func schemaLog(t *testing.T) *storedLog {
	t.Helper()
	create := replog.Intent{SQL: "CREATE TABLE note(\n  id INTEGER PRIMARY KEY)", Schema: replog.SchemaRun, Time: 1767700000000}
	derived := replog.Intent{SQL: "ALTER TABLE note ADD COLUMN more", Schema: replog.SchemaDerived, Time: 1767700000001}
	row := replog.Change{
		Table: "note", Op: replog.Insert, Key: []replog.Value{replog.Integer(7)}, KeyColumns: []string{"id"},
		Columns: []string{"id"}, New: []replog.Value{replog.Integer(7)}, Time: 1767700000002,
	}
	steps := []replog.Step{{Intent: &create}, {Statements: replog.ChangeList{row}}, {Intent: &derived}}
	applied := replog.Entry{
		Outcome: replog.Applied, Received: 1767700000100, Changes: []replog.Change{row}, Tables: []string{"note"}, StepEnds: []int{0, 1, 1},
		Schema:      &replog.SchemaVersion{Revision: 1, Fingerprint: "f", Objects: "[]"},
		Transaction: replog.Transaction{Device: "aaaaaaaa-0000-4000-8000-000000000001", Seq: 1, Marked: true, Schema: true, Time: 1767700000002, Nonce: strings.Repeat("0", 32), Steps: steps},
	}
	no := replog.Reason{Code: replog.ReasonSchemaRight, Detail: "the device's token does not allow it"}
	refused := applied
	refused.Outcome, refused.Reason, refused.Changes, refused.Schema, refused.StepEnds = replog.Rejected, no, nil, nil, nil
	refused.Parts = []replog.Part{{Outcome: replog.Rejected, Reason: no, Rows: []int{0}}}
	refused.Transaction.Seq = 2
	return logOf(t, applied, refused)
}

func TestTheLogShowsSchemaStatements(t *testing.T) {
	for _, tc := range []struct {
		name  string
		print logPrinter
		want  []string
	}{
		{"lines", printLines, []string{
			"    CREATE TABLE note( id INTEGER PRIMARY KEY)", "    INSERT INTO note(id) VALUES(7)", "    ALTER TABLE note ADD COLUMN more  -- derived",
			"    schema-right: the device's token does not allow it", "    ALTER TABLE note ADD COLUMN more  -- derived"}},
		{"statistics", printStats, []string{"    2 schema statements", "    note  1 inserted", "total  2 revisions (1 applied, 1 rejected), 2 schema statements, rows: 1 inserted"}},
	} {
		wantLines(t, printed(t, schemaLog(t), tc.print), tc.want...)
	}
	if out := printed(t, schemaLog(t), printLinesJSON); !strings.Contains(out, `"schema":"derived"`) {
		t.Error(out)
	}
}

func TestOneRevisionIsShownWithItsSchemaStatements(t *testing.T) {
	log := schemaLog(t)
	for r, want := range map[replog.Revision][]string{
		1: {"tables    note: those that its schema statements are about", "  1. CREATE TABLE note( id INTEGER PRIMARY KEY)",
			"     2026-01-06T11:46:40.000Z  schema statement, run on the device", "  2. INSERT INTO note(id) VALUES(7)",
			"  3. ALTER TABLE note ADD COLUMN more  -- derived", "     2026-01-06T11:46:40.001Z  schema statement, derived from what the device's application had changed",
			"what the server changed", "  insert note (7)"},
		2: {"revision 2  rejected", "reason    schema-right: the device's token does not allow it", "what the server changed", "  nothing: rejected"},
	} {
		e, err := log.Entry(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		printDetail(&stdio{out: &out}, &e)
		wantLines(t, out.String(), want...)
		if schema := e.Schema; (schema != nil) != (r == 1) {
			t.Errorf("revision %d: schema %v", r, schema)
		}
	}
}

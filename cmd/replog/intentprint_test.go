package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"replog/replog"
	"replog/sql/sqlite"
)

// intentLog is a log of two entries with intents: one that was applied without its
// second intent, and one that was refused.
func intentLog(t *testing.T) *storedLog {
	t.Helper()
	two := int64(2)
	take := replog.Intent{
		SQL: "UPDATE account\nSET balance = balance - :n WHERE id = ?2 /* :n */", Args: []replog.Value{replog.Integer(5), replog.Integer(1)},
		Time: 1767700000000, Affected: 1, Changes: 2,
	}
	other := replog.Intent{SQL: "DELETE FROM note", Time: 1767700000001, Affected: 3, Changes: 3, Optional: true, Expect: &two}
	row := replog.Change{
		Table: "note", Op: replog.Insert, Key: []replog.Value{replog.Integer(7)}, KeyColumns: []string{"id"},
		Columns: []string{"id"}, New: []replog.Value{replog.Integer(7)}, Time: 1767700000002,
	}
	made := replog.Change{
		Table: "account", Op: replog.Update, Key: []replog.Value{replog.Integer(1)}, KeyColumns: []string{"id"},
		Columns: []string{"balance"}, Old: []replog.Value{replog.Integer(9)}, New: []replog.Value{replog.Integer(4)}, Time: 1767700000000,
	}
	steps := []replog.Step{{Intent: &take}, {Intent: &other}, {Statements: replog.ChangeList{row}}}
	why := replog.Reason{Code: replog.ReasonOptional, Detail: "it changed 0 rows"}
	applied := replog.Entry{
		Outcome: replog.Applied, Reason: why, Parts: []replog.Part{{Outcome: replog.Ignored, Reason: why, Rows: []int{}, Statements: []int{1}}},
		Transaction: replog.Transaction{Device: "aaaaaaaa-0000-4000-8000-000000000001", Seq: 1, Marked: true, Time: 1767700000002, Nonce: strings.Repeat("0", 32), Steps: steps},
		Received:    1767700000100, Changes: []replog.Change{made, row}, Tables: []string{"account", "audit"},
	}
	no := replog.Reason{Code: replog.ReasonAffected, Detail: "it changed 0 rows, not 1"}
	refused := applied
	refused.Outcome, refused.Reason, refused.Changes = replog.Conflict, no, nil
	refused.Parts = []replog.Part{{Outcome: replog.Conflict, Reason: no, Rows: []int{0}}}
	refused.Transaction.Seq = 2
	return logOf(t, applied, refused)
}

// logOf is a log of entries, numbered from 1.
func logOf(t *testing.T, entries ...replog.Entry) *storedLog {
	t.Helper()
	folder := t.TempDir()
	log, err := sqlite.Create(filepath.Join(folder, "log.db"), replog.Head{Database: "d", Epoch: "e"}, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	tx, err := log.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		e.Revision = replog.Revision(i + 1)
		_, e.Hash = e.Transaction.Encode()
		if err := tx.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return &storedLog{Store: logOnly{log}, where: folder}
}

// logOnly is a store that has nothing but its log.
type logOnly struct{ *sqlite.Log }

func (logOnly) Base(context.Context, string, replog.Revision) (*replog.Base, error) {
	return nil, errors.ErrUnsupported
}

func printed(t *testing.T, log *storedLog, print logPrinter) string {
	t.Helper()
	var out bytes.Buffer
	if err := print(context.Background(), &stdio{out: &out}, log, replog.Filter{}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// wantLines looks for lines one after the other.
func wantLines(t *testing.T, got string, want ...string) {
	t.Helper()
	rest := got
	for _, line := range want {
		i := strings.Index("\n"+rest, "\n"+line+"\n")
		if i < 0 {
			t.Fatalf("no line %q, or not after the others, in\n%s", line, got)
		}
		rest = rest[i+len(line):]
	}
}

func TestTheLogShowsIntentsAsTheyWereRun(t *testing.T) {
	wantLines(t, printed(t, intentLog(t), printLines),
		"    UPDATE account SET balance = balance - 5 WHERE id = 1 /* :n */",
		"    DELETE FROM note  -- ignored, optional: it changed 0 rows",
		"    INSERT INTO note(id) VALUES(7)",
		"    affected: it changed 0 rows, not 1",
		"    DELETE FROM note")
}

func TestTheLogAsCSVHasIntents(t *testing.T) {
	got := strings.ReplaceAll(printed(t, intentLog(t), printLinesCSV), "\r\n", "\n")
	wantLines(t, got,
		"1,aaaaaaaa-0000-4000-8000-000000000001,1,0,,2026-01-06T11:46:40.000Z,2026-01-06T11:46:40.100Z,applied,,,\"UPDATE account",
		"SET balance = balance - :n WHERE id = ?2 /* :n */\",\"[5,1]\"",
		"1,aaaaaaaa-0000-4000-8000-000000000001,1,1,,2026-01-06T11:46:40.001Z,2026-01-06T11:46:40.100Z,ignored,optional,it changed 0 rows,DELETE FROM note,[]")
}

func TestStatisticsCountIntentsAndWhatTheyChanged(t *testing.T) {
	got := printed(t, intentLog(t), printStatsJSON)
	if !strings.Contains(got, `"statements":3,"tables":[{"table":"account","inserted":0,"updated":1,"deleted":0},{"table":"note","inserted":1`) {
		t.Error(got)
	}
}

func TestOneRevisionIsShownWithWhatItsIntentsDid(t *testing.T) {
	log := intentLog(t)
	show := func(r replog.Revision) string {
		e, err := log.Entry(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		printDetail(&stdio{out: &out}, &e)
		return out.String()
	}
	wantLines(t, show(1),
		"tables    account, audit: those that its intents may write",
		"  1. UPDATE account SET balance = balance - 5 WHERE id = 1 /* :n */",
		"     2026-01-06T11:46:40.000Z  affected 1 row on the device, with triggers and foreign keys 2 changes",
		"  2. DELETE FROM note  -- ignored, optional: it changed 0 rows",
		"     2026-01-06T11:46:40.001Z  affected 3 rows on the device, with triggers and foreign keys 3 changes; it has to be 2; optional",
		"  3. INSERT INTO note(id) VALUES(7)",
		"not applied",
		"  ignored, optional: it changed 0 rows",
		"    statement 2, which is optional",
		"what the server changed",
		"  update account (1)")
	wantLines(t, show(2), "revision 2  conflict", "reason    affected: it changed 0 rows, not 1", "what the server changed", "  nothing: conflict")
}

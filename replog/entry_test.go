package replog

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestStatementsRenderAsSQL(t *testing.T) {
	want := []struct {
		sql  string
		args string
	}{
		{`INSERT INTO "order"("id", "customer", "price", "photo", "note") VALUES(?, ?, ?, ?, ?)`,
			`[17,"Łódź \"Ω\" <b>\u0000",0.1,{"blob":"AP8="},null]`},
		{`UPDATE "odd ""name""" SET "x" = ?, "y" = ? WHERE "a" = ? AND "b` + "\n" + `" = ?`,
			`[9223372036854775807,"",{"text":"Yf8="},{"real":"+inf"}]`},
		{`DELETE FROM "line" WHERE "id" = ?`, `[{"blob":""}]`},
		{`INSERT INTO "line"("id", "n") VALUES(?, ?)`, `[2,3]`},
	}
	for i, c := range changes() {
		s := Statement{Change: c}
		sql, args := s.SQL()
		if sql != want[i].sql || KeyString(args) != want[i].args {
			t.Errorf("statement %d:\n got %s %s\nwant %s %s", i, sql, KeyString(args), want[i].sql, want[i].args)
		}
		if len(args) > 0 {
			args[0] = Text("altered")
		}
		if !s.Equal(&changes()[i]) {
			t.Errorf("statement %d: its arguments are the change's own memory", i)
		}
	}
}

func sampleEntry() Entry {
	x := transaction(changes()[0], changes()[1], changes()[2])
	_, hash := x.Encode()
	return Entry{
		Revision: 42, Hash: hash, Received: 1700000009999, Outcome: Applied,
		Transaction: x, Changes: mustList(x.NetChanges()),
	}
}

func TestALogLineOfAnAppliedEntry(t *testing.T) {
	e := sampleEntry()
	line := mustLine(&e)
	if line.Revision != 42 || line.Device != anna || line.Seq != 7 || line.Base != 41 || !line.Marked ||
		line.RecordedAt != 1700000000004 || line.ReceivedAt != 1700000009999 || line.Outcome != Applied || line.Reason != nil {
		t.Errorf("got %+v", line)
	}
	if len(line.Statements) != 3 {
		t.Fatalf("got %d statements, want 3", len(line.Statements))
	}
	for i, s := range line.Statements {
		if s.Outcome != Applied || s.Reason != nil || s.RecordedAt != changes()[i].Time {
			t.Errorf("statement %d: %+v", i, s)
		}
	}
}

func TestALogLineTellsTheFateOfEachStatement(t *testing.T) {
	e := sampleEntry()
	e.Reason = Reason{ReasonExists, "there is another row"}
	e.Parts = []Part{
		{Outcome: Conflict, Reason: e.Reason, Rows: []int{0, 99, -1}},
		{Outcome: Ignored, Reason: Reason{ReasonStale, "x is newer"}, Rows: []int{1}, Columns: []string{"x"}},
	}
	got := mustLine(&e).Statements
	if got[0].Outcome != Conflict || got[0].Reason == nil || got[0].Reason.Code != ReasonExists {
		t.Errorf("the statement in conflict: %+v", got[0])
	}
	for _, s := range got[1:] {
		if s.Outcome != Applied || s.Reason != nil {
			t.Errorf("an applied statement: %+v", s)
		}
	}

	e.Outcome, e.Changes, e.Parts = Held, nil, nil
	for _, s := range mustLine(&e).Statements {
		if s.Outcome != Held || s.Reason == nil || *s.Reason != e.Reason {
			t.Errorf("a statement of an entry that is held: %+v", s)
		}
	}
}

func TestALogLineComesBackFromJSON(t *testing.T) {
	e := sampleEntry()
	want := mustLine(&e)
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got LogLine
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestAVerdictSaysWhetherTheChangesWereMadeAsRecorded(t *testing.T) {
	e := sampleEntry()
	v := e.Verdict()
	if !v.AsRecorded || v.Seq != 7 || v.Revision != 42 || v.Outcome != Applied || v.Reason != nil {
		t.Errorf("got %+v", v)
	}
	e.Changes = e.Changes[1:]
	if e.Verdict().AsRecorded {
		t.Error("a change was left out, and the verdict says as recorded")
	}
	e.Outcome, e.Changes, e.Reason = Conflict, nil, Reason{Code: ReasonAbsent}
	if v := e.Verdict(); v.AsRecorded || v.Reason == nil || v.Reason.Code != ReasonAbsent {
		t.Errorf("got %+v", v)
	}
}

// mustLine is the line of an entry in memory.
func mustLine(e *Entry) LogLine {
	l, err := e.Line()
	if err != nil {
		panic(err)
	}
	return l
}

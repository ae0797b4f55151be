package replog

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	anna DeviceID = "aaaaaaaa-0000-4000-8000-000000000001"
	bert DeviceID = "bbbbbbbb-0000-4000-8000-000000000002"
)

// changes has every operation and every field.
func changes() []Change {
	return []Change{
		{
			Table: "order", Op: Insert, Time: 1700000000001,
			Key: []Value{Integer(17)}, KeyColumns: []string{"id"},
			Columns: []string{"id", "customer", "price", "photo", "note"},
			New:     []Value{Integer(17), Text("Łódź \"Ω\" <b>\x00"), Real(0.1), Blob([]byte{0, 255}), {}},
		},
		{
			Table: `odd "name"`, Op: Update, Time: 1700000000003,
			Key: []Value{Text("a\xff"), Real(math.Inf(1))}, KeyColumns: []string{"a", "b\n"},
			Columns: []string{"x", "y"},
			Old:     []Value{Integer(math.MinInt64), Real(math.Copysign(0, -1))},
			New:     []Value{Integer(math.MaxInt64), Text("")},
			Times:   []Millis{1700000000002, 1700000000003},
			Context: &Context{Columns: []string{"parent"}, Values: []Value{Integer(3)}},
		},
		{
			Table: "line", Op: Delete, Time: 1700000000004, Unit: 1,
			Key: []Value{Blob(nil)}, KeyColumns: []string{"id"},
			Columns: []string{"id"}, Old: []Value{Blob(nil)},
		},
		{
			Table: "line", Op: Insert, Time: 1700000000004, Unit: 1, Restored: true,
			Key: []Value{Integer(2)}, KeyColumns: []string{"id"},
			Columns: []string{"id", "n"}, New: []Value{Integer(2), Integer(3)}, Times: []Millis{0, 1700000000004},
		},
	}
}

// intents has every field.
func intents() []Intent {
	expect, any := int64(2), int64(-1)
	return []Intent{
		{SQL: "UPDATE account SET balance = balance - ?1 WHERE id = ?2", Args: changes()[0].New, Time: 1700000000001, Affected: 1, Changes: 1, Digest: Digest{1, 2, 3, 4}},
		{SQL: "DELETE FROM \"odd \u2028\" WHERE a < '<&>'", Time: 1700000000002, Expect: &expect},
		{SQL: "UPDATE t SET x = x + 1", Time: 1700000000003, Affected: 1_000_000, Expect: &any, Optional: true, Changes: 1_000_001},
	}
}

func transaction(changes ...Change) Transaction {
	t := Transaction{
		Device: anna, Seq: 7, Base: 41, Seen: 4, Without: []Seq{5, 6}, Marked: true, Label: "order 17 <&> \u2028",
		Time: 1700000000004, Nonce: "00112233445566778899aabbccddeeff",
	}
	for _, c := range changes {
		t.Statements = append(t.Statements, Statement{Change: c})
	}
	return t
}

// transactions has every shape of the recorded form.
func transactions() map[string]Transaction {
	plain := transaction(changes()...)
	netted := transaction(changes()...)
	netted.SetNet(changes()[1:3])
	cancelled := transaction(changes()[:1]...)
	cancelled.SetNet(nil)
	unmarked := transaction(changes()[0])
	unmarked.Marked, unmarked.Whole, unmarked.Label, unmarked.Without = false, true, "", nil
	return map[string]Transaction{
		"plain": plain, "netted": netted, "cancelled": cancelled, "unmarked": unmarked,
		"intent": withSteps(Step{Intent: &intents()[2]}),
		"schema": migration(),
		"mixed": withSteps(
			Step{Statements: ChangeList(changes()[:2]), Net: ChangeList(changes()[1:2])},
			Step{Intent: &intents()[0]}, Step{Intent: &intents()[1]},
			Step{Statements: ChangeList(changes()), Net: ChangeList{}},
			Step{Intent: &intents()[2]},
			Step{Statements: ChangeList(changes()[2:])}),
	}
}

// migration has every kind of schema statement.
func migration() Transaction {
	t := withSteps(
		Step{Intent: &Intent{SQL: "ALTER TABLE t RENAME TO u", Schema: SchemaRun, Legacy: true, Time: 1}},
		Step{Statements: ChangeList(changes()[:1])},
		Step{Intent: &Intent{SQL: "CREATE TABLE v(id INTEGER PRIMARY KEY)", Schema: SchemaDerived, Time: 2}})
	t.Schema = true
	return t
}

func withSteps(steps ...Step) Transaction {
	t := transaction()
	t.Steps = steps
	return t
}

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", path, got, want)
	}
}

func TestTheRecordedFormDoesNotChange(t *testing.T) {
	for name, want := range transactions() {
		form, hash := want.Encode()
		golden(t, "recorded-"+name+".ndjson", form)
		got, gotHash, err := DecodeTransaction(form)
		if err != nil || gotHash != hash || !reflect.DeepEqual(got, want) {
			t.Errorf("%s came back as\n%+v, %v, want\n%+v", name, got, err, want)
		}
	}
}

func TestAStreamOfTransactionsIsReadToItsEnd(t *testing.T) {
	var stream []byte
	var want []Transaction
	for _, x := range transactions() {
		form, _ := x.Encode()
		stream, want = append(stream, form...), append(want, x)
	}
	r := NewLineReader(bytes.NewReader(stream))
	for _, x := range want {
		got, _, err := r.Transaction()
		if err != nil || !reflect.DeepEqual(got, x) {
			t.Fatalf("got %+v, %v, want %+v", got, err, x)
		}
	}
	if _, _, err := r.Transaction(); !errors.Is(err, io.EOF) {
		t.Errorf("got error %v at the end, want io.EOF", err)
	}
}

func TestACutTransactionIsUnexpectedEOF(t *testing.T) {
	x := transactions()["netted"]
	form, _ := x.Encode()
	for n := range form {
		_, _, err := DecodeTransaction(form[:n])
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at byte %d: got error %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
	if _, _, err := NewLineReader(strings.NewReader("")).Transaction(); !errors.Is(err, io.EOF) {
		t.Errorf("no input: got error %v, want io.EOF", err)
	}
}

func TestNoByteOfARecordedFormCanBeAltered(t *testing.T) {
	for name, x := range transactions() {
		form, _ := x.Encode()
		for i := range form {
			for _, c := range []byte{0, ' ', '0', '}', '"', '\n', form[i] ^ 1, form[i] ^ 0x20} {
				altered := bytes.Clone(form)
				if altered[i] == c {
					continue
				}
				altered[i] = c
				if _, _, err := DecodeTransaction(altered); !errors.Is(err, ErrForm) && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Fatalf("%s with %q at byte %d: got error %v, want ErrForm", name, c, i, err)
				}
			}
		}
	}
}

// resealed gives lines the hash that fits them, as a sender would who does not
// keep to the form.
func resealed(lines string) []byte {
	var end endLine
	end.End.Hash = hashOf([]byte(lines))
	return appendLine([]byte(lines), end)
}

func TestOtherSpellingsOfATransactionAreRefused(t *testing.T) {
	x := transaction(changes()[0])
	form, _ := x.Encode()
	lines := string(form[:bytes.LastIndexByte(form[:len(form)-1], '\n')+1])
	intentLine := string(intents()[0].AppendLine(nil))
	for _, right := range []string{lines, lines + intentLine} {
		if _, _, err := DecodeTransaction(resealed(right)); err != nil {
			t.Fatal(err)
		}
	}
	for name, replace := range map[string][2]string{
		"an unknown field of the transaction": {`"seq":7`, `"seq":7,"x":1`},
		"an unknown field of a statement":     {`"op":`, `"x":1,"op":`},
		"a field twice":                       {`"seq":7`, `"seq":7,"seq":7`},
		"another order of fields":             {`"seq":7,"marked":true`, `"marked":true,"seq":7`},
		"white space":                         {`"seq":7`, `"seq": 7`},
		"a default value said":                {`"marked":true`, `"marked":true,"whole":false`},
		"an empty list said":                  {`,"time":1700000000001`, `,"old":[],"time":1700000000001`},
		"a number spelled otherwise":          {`0.1,`, `0.10,`},
		"a text spelled otherwise":            {`<b>`, `\u003cb>`},
		"an operation unknown":                {`"insert"`, `"upsert"`},
		"a value missing":                     {`,null]`, `]`},
		"a null transaction":                  {lines[:strings.Index(lines, "\n")], `{"begin":null}`},
		"no transaction":                      {lines[:strings.Index(lines, "\n")+1], ``},
		"a second transaction":                {`{"statement":`, lines[:strings.Index(lines, "\n")+1] + `{"statement":`},
		"an empty line":                       {`{"statement":`, "\n" + `{"statement":`},
		"an unknown line":                     {`{"statement":`, `{"x":1}` + "\n" + `{"statement":`},
		"a carriage return":                   {"}\n", "}\r\n"},
		"net changes before statements":       {`{"statement":`, noNetLine + `{"statement":`},
		"no net changes twice":                {"}}\n", "}}\n"},
		"net changes without statements":      {`{"statement":`, `{"net":`},
		"no net changes without statements":   {lines[strings.Index(lines, "\n")+1:], noNetLine},
		"net changes after an intent":         {`{"statement":`, intentLine + `{"net":`},
		"no net changes after an intent":      {lines[strings.Index(lines, "\n")+1:], intentLine + noNetLine},
		"net changes before an intent":        {lines[strings.Index(lines, "\n")+1:], strings.Replace(lines[strings.Index(lines, "\n")+1:], "statement", "net", 1) + intentLine},
	} {
		altered := strings.Replace(lines, replace[0], replace[1], 1)
		if name == "no net changes twice" {
			altered = lines + noNetLine + noNetLine
		} else if altered == lines {
			t.Fatalf("%s: nothing was altered", name)
		}
		if _, _, err := DecodeTransaction(resealed(altered)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got error %v, want ErrForm", name, err)
		}
	}
}

func TestNamesThatAreNotUTF8StillMakeAFormThatIsRead(t *testing.T) {
	x := transaction(changes()[0])
	x.Label, x.Statements[0].Table = "a\xffb \\ufffd \\\xfe", "t\xff"
	form, _ := x.Encode()
	got, _, err := DecodeTransaction(form)
	if err != nil {
		t.Fatal(err)
	}
	if got.Label != "a\ufffdb \\ufffd \\\ufffd" || got.Statements[0].Table != "t\ufffd" {
		t.Errorf("got label %q and table %q", got.Label, got.Statements[0].Table)
	}
	again, _ := got.Encode()
	if !bytes.Equal(again, form) {
		t.Errorf("encoded again:\n got %s\nwant %s", again, form)
	}
}

func TestNothingMayFollowADecodedTransaction(t *testing.T) {
	x := transaction(changes()[0])
	form, _ := x.Encode()
	if _, _, err := DecodeTransaction(append(form, '\n')); !errors.Is(err, ErrForm) {
		t.Errorf("got error %v, want ErrForm", err)
	}
}

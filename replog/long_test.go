package replog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
)

// longTransaction has a recorded form that is not kept in memory.
func longTransaction(rows int) Transaction {
	t := Transaction{Device: "d", Seq: 7, Marked: true, Label: "long", Nonce: "00"}
	for i := range rows {
		t.Statements = append(t.Statements, Statement{Change: Change{
			Table: "t", Op: Insert, Key: []Value{Integer(int64(i))}, KeyColumns: []string{"id"},
			Columns: []string{"id", "note"}, New: []Value{Integer(int64(i)), Text(strings.Repeat("x", i%300))}, Time: Millis(i),
		}})
	}
	return t
}

func readForm(t *testing.T, b []byte) *Form {
	t.Helper()
	f, err := NewLineReader(bytes.NewReader(b)).Form()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func TestALongFormIsTheSameOnDisk(t *testing.T) {
	x := longTransaction(30_000)
	update := x.Statements[0].Change
	update.Op, update.Columns, update.Old, update.New = Update, []string{"note"}, []Value{Text("a")}, []Value{Text("b")}
	nets := map[string][]Change{"none of its own": nil, "none left": {}, "others": {update}}
	for i := range x.Statements {
		nets["many others"] = append(nets["many others"], x.Statements[len(x.Statements)-1-i].Change)
	}
	for name, net := range nets {
		t.Run(name, func(t *testing.T) {
			x.Net = net
			b, hash := x.Encode()
			f := readForm(t, b)
			if !f.IsLong() || f.Hash != hash || f.Seq != 7 || f.Label != "long" {
				t.Fatalf("it came back as %+v, long %v", f.Transaction, f.IsLong())
			}
			for range 2 { // the lists can be read again and again, side by side
				if got := mustList(f.RecordedStatements()); !reflect.DeepEqual(got, mustList(x.RecordedStatements())) {
					t.Error("the statements came back otherwise")
				}
				if same, err := SameChanges(f.NetChanges(), x.NetChanges()); !same || err != nil {
					t.Errorf("the net changes came back otherwise, error %v", err)
				}
			}
			if (f.RecordedNet() == nil) != (net == nil) {
				t.Errorf("net changes of its own: %v", f.RecordedNet() != nil)
			}
			var lines []byte
			if err := f.EachLine(func(line []byte) error { lines = append(lines, line...); return nil }); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(lines, b) {
				t.Error("the recorded form came back otherwise")
			}
		})
	}
}

func TestALongFormOfIntentsIsTheSameOnDisk(t *testing.T) {
	rows := mustList(ptr(longTransaction(20_000)).NetChanges())
	x := withSteps()
	for i := range 2_000 {
		intent := intents()[i%3]
		intent.Time = Millis(i)
		x.Steps = append(x.Steps, Step{Intent: &intent})
		if i%2 == 0 {
			continue
		}
		step := Step{Statements: ChangeList(rows[10*i : 10*i+10])}
		if i%4 == 1 {
			step.Net = ChangeList(rows[10*i : 10*i+i%10])
		}
		x.Steps = append(x.Steps, step)
	}
	b, hash := x.Encode()
	f := readForm(t, b)
	if !f.IsLong() || !f.HasIntents() || f.Hash != hash {
		t.Fatalf("it came back as %+v, long %v", f.Transaction, f.IsLong())
	}
	for range 2 {
		got, err := f.InMemory()
		if err != nil || !reflect.DeepEqual(got, x) {
			t.Fatalf("it came back otherwise, error %v", err)
		}
		for name, of := range map[string]func(*Transaction) Changes{
			"statements": (*Transaction).RecordedStatements, "net changes": (*Transaction).NetChanges,
		} {
			if got := mustList(of(&f.Transaction)); !reflect.DeepEqual(got, mustList(of(&x))) {
				t.Errorf("the %s came back otherwise", name)
			}
		}
	}
	var lines []byte
	kept := newLineSpill()
	err := f.EachLine(func(line []byte) error {
		lines = append(lines, line...)
		if partOf(line) == partEnd {
			return nil
		}
		return kept.Add(bytes.Clone(line))
	})
	if err != nil || !bytes.Equal(lines, b) {
		t.Errorf("the recorded form came back otherwise, error %v", err)
	}
	t.Cleanup(func() { _ = kept.Close() })
	steps, err := NewLineSteps(kept)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stepsInMemory(steps); err != nil || !reflect.DeepEqual(got, x.Steps) {
		t.Errorf("the steps of its lines are others, error %v", err)
	}
}

func ptr[T any](v T) *T { return &v }

func TestAShortFormIsInMemory(t *testing.T) {
	x := longTransaction(10)
	b, hash := x.Encode()
	f := readForm(t, b)
	x.long = f.long
	if f.IsLong() || f.Hash != hash || !reflect.DeepEqual(f.Transaction, x) {
		t.Errorf("it came back as %+v", f.Transaction)
	}
	if made := NewForm(&x); made.Hash != hash {
		t.Errorf("its form has the hash %s", made.Hash)
	}
}

func TestALongFormThatIsWrongIsRefused(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	x := longTransaction(30_000)
	b, _ := x.Encode()
	for name, wrong := range map[string]struct {
		form []byte
		want error
	}{
		"cut":             {b[:len(b)/2], io.ErrUnexpectedEOF},
		"cut at a line":   {b[:bytes.LastIndexByte(b[:len(b)-1], '\n')+1], io.ErrUnexpectedEOF},
		"altered":         {bytes.Replace(b, []byte(`"xxxxx"`), []byte(`"xxxxy"`), 1), ErrForm},
		"a strange line":  {bytes.Replace(b, []byte("\n{\"end\""), []byte("\n{\"odd\":1}\n{\"end\""), 1), ErrForm},
		"statements late": {bytes.Replace(b, []byte("\n{\"end\""), []byte("\n{\"no_net\":true}\n"+string(b[bytes.Index(b, []byte(`{"statement"`)):][:200])), 1), ErrForm},
	} {
		if _, err := NewLineReader(bytes.NewReader(wrong.form)).Form(); !errors.Is(err, wrong.want) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

func TestASpillGivesBackWhatItTook(t *testing.T) {
	s := NewChangeSpill()
	x := longTransaction(40_000)
	for i := range x.Statements {
		if err := s.Add(x.Statements[i].Change); err != nil {
			t.Fatal(err)
		}
	}
	if s.file == nil {
		t.Fatal("all of it is in memory")
	}
	for _, i := range []int{0, 39_999, 17, 30_000, 29_999, 39_998} {
		if got, err := s.At(i); err != nil || !got.Equal(&x.Statements[i].Change) {
			t.Errorf("item %d is %+v, error %v", i, got, err)
		}
	}
	if err := s.Add(x.Statements[3].Change); err != nil {
		t.Fatal(err)
	}
	if got, err := s.At(40_000); err != nil || !got.Equal(&x.Statements[3].Change) {
		t.Errorf("what was added after reading is %+v, error %v", got, err)
	}
	if err := s.Close(); err != nil || s.Len() != 0 {
		t.Errorf("closed: %d items, error %v", s.Len(), err)
	}
	if _, err := s.At(17); !errors.Is(err, os.ErrClosed) {
		t.Errorf("an item of a closed list: error %v", err)
	}
}

func TestASpillThatCannotBeWrittenSaysSo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/missing")
	s := NewChangeSpill()
	c := longTransaction(1).Statements[0].Change
	c.New = []Value{Integer(1), Text(strings.Repeat("x", spillMemory))}
	if err := s.Add(c); err != nil {
		t.Fatal(err)
	}
	if err := s.Add(c); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if s.Len() != 1 {
		t.Error(fmt.Sprint(s.Len(), " items"))
	}
}

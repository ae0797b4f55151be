package replog

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// answer is what ReadAnswer gives.
type answer struct {
	First    SyncAnswer
	Verdicts []Verdict
	Entries  []Download
	Done     SyncDone
}

func (a *answer) write(w io.Writer) error {
	err := WriteAnswerLine(w, AnswerLine{Answer: &a.First})
	for i := range a.Verdicts {
		err = errors.Join(err, WriteAnswerLine(w, AnswerLine{Verdict: &a.Verdicts[i]}))
	}
	for i := range a.Entries {
		err = errors.Join(err, writeDownload(w, &a.Entries[i]))
	}
	return errors.Join(err, WriteAnswerLine(w, AnswerLine{Done: &a.Done}))
}

func readAnswer(b []byte) (a answer, rest []byte, err error) {
	in := bytes.NewReader(b)
	r := NewLineReader(in)
	a.Done, err = r.ReadAnswer(
		func(first SyncAnswer) error { a.First = first; return nil },
		func(v Verdict) error { a.Verdicts = append(a.Verdicts, v); return nil },
		func(d Download) error {
			var list []Change
			var err error
			if d.List != nil {
				list, err = InMemory(d.List)
			}
			if d.List = nil; len(list) > 0 {
				d.List = ChangeList(list)
			}
			if d.Steps != nil {
				steps, failed := stepsInMemory(d.Steps)
				err = errors.Join(err, failed, d.Close())
				d.Steps = stepList(steps)
			}
			a.Entries = append(a.Entries, d)
			return err
		},
	)
	rest, _ = io.ReadAll(io.MultiReader(r.r, in))
	return a, rest, err
}

func sampleAnswer() answer {
	reason := Reason{Code: ReasonConstraint, Detail: "UNIQUE constraint failed: <x>"}
	return answer{
		First: SyncAnswer{Version: WireVersion, Epoch: "e", Head: 44},
		Verdicts: []Verdict{
			{Seq: 7, Hash: "0a1b", Revision: 42, Outcome: Applied, AsRecorded: true},
			{Seq: 8, Hash: "2c3d", Revision: 43, Outcome: Rejected, Reason: &reason, Parts: []Part{
				{Outcome: Rejected, Reason: reason, Rows: []int{0, 2}},
				{Outcome: Ignored, Reason: Reason{Code: ReasonStale}, Rows: []int{1}, Columns: []string{"a"}},
			}},
			{Seq: 9, Hash: "4e5f", Revision: 45, Outcome: Applied, Tables: []string{"account", "t"}, AsRecorded: true, Parts: []Part{
				{Outcome: Ignored, Reason: Reason{Code: ReasonOptional}, Rows: []int{}, Statements: []int{3, 4}},
			}},
		},
		Entries: []Download{
			{EntryHeader: EntryHeader{Revision: 42, Device: anna, Seq: 7}},
			{EntryHeader: EntryHeader{Revision: 44, Device: bert, Seq: 1, Changes: 4}, List: ChangeList(changes())},
			{EntryHeader: EntryHeader{Revision: 45, Device: anna, Seq: 8, Digest: &Digest{1, 2, 3, 4}}},
			{
				EntryHeader: EntryHeader{Revision: 46, Device: bert, Seq: 2, Lines: 5, Digest: &Digest{5, 6, 7, 8}},
				Steps: stepList{
					{Statements: ChangeList(changes()[:2])}, {Intent: &intents()[0]}, {Intent: &intents()[1]}, {Statements: ChangeList(changes()[2:3])},
				},
			},
			{EntryHeader: EntryHeader{Revision: 47, Device: bert, Seq: 3, Lines: 3, Schema: true}, Steps: stepList(migration().Steps)},
		},
		Done: SyncDone{Revision: 47, More: true},
	}
}

func TestTheAnswersFormDoesNotChange(t *testing.T) {
	want := sampleAnswer()
	var b bytes.Buffer
	if err := want.write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "answer.ndjson", b.Bytes())
	got, rest, err := readAnswer(b.Bytes())
	if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, rest %q, %v\nwant %+v", got, rest, err, want)
	}
}

func TestACutAnswerIsUnexpectedEOF(t *testing.T) {
	a := sampleAnswer()
	var b bytes.Buffer
	if err := a.write(&b); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if _, _, err := readAnswer(b.Bytes()[:n]); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at byte %d: got error %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
}

func TestMalformedAnswersAreRefused(t *testing.T) {
	const (
		first  = `{"answer":{"version":1,"epoch":"e","head":1}}` + "\n"
		done   = `{"done":{"revision":1}}` + "\n"
		entry  = `{"entry":{"revision":1,"device":"d","seq":1,"changes":1}}` + "\n"
		change = `{"change":{"table":"t","op":"delete","key":[1],"key_columns":["id"],"columns":["id"],"old":[1],"time":1}}` + "\n"
		digest = "0000000000000000000000000000000000000000000000000000000000000000"
		intent = `{"intent":{"sql":"DELETE FROM t","time":1,"affected":0,"changes":0,"digest":"` + digest + `"}}` + "\n"
		steps  = `{"entry":{"revision":1,"device":"d","seq":1,"changes":0,"lines":1,"digest":"` + digest + `"}}` + "\n"
	)
	for _, lines := range []string{first + entry + change + done, first + steps + intent + done, first + steps + change + done} {
		if _, _, err := readAnswer([]byte(lines)); err != nil {
			t.Fatal(err)
		}
	}
	for name, lines := range map[string]string{
		"no answer line":           done,
		"two answer lines":         first + first + done,
		"nothing on a line":        first + "{}\n" + done,
		"two things on a line":     `{"answer":{"version":1,"epoch":"e","head":1},"done":{"revision":1}}` + "\n",
		"an unknown line":          first + `{"x":1}` + "\n",
		"an unknown field":         first + `{"done":{"revision":1,"x":1}}` + "\n",
		"white space":              first + `{"done": {"revision":1}}` + "\n",
		"a change out of place":    first + change + done,
		"a change missing":         first + entry + done,
		"a change too many":        first + entry + change + change + done,
		"a negative number of":     first + strings.Replace(entry, `"changes":1`, `"changes":-1`, 1) + done,
		"a change that is invalid": first + entry + strings.Replace(change, `"old":[1],`, ``, 1) + done,
		"a null":                   first + `{"done":null}` + "\n",
		"an intent without digest": first + strings.Replace(entry, `"changes":1`, `"changes":0,"lines":1`, 1) + intent + done,
		"schema with a digest":     first + strings.Replace(steps, `}}`, `,"schema":true}}`, 1) + intent + done,
		"an intent as a change":    first + entry + intent + done,
		"an intent missing":        first + steps + done,
		"a statement as a step":    first + steps + `{"statement":{}}` + "\n" + done,
		"an empty line":            first + "\n" + done,
	} {
		if _, _, err := readAnswer([]byte(lines)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got error %v, want ErrForm", name, err)
		}
	}
}

func TestAnErrorOfACallbackEndsTheReading(t *testing.T) {
	a := sampleAnswer()
	var b bytes.Buffer
	if err := a.write(&b); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	_, err := NewLineReader(&b).ReadAnswer(
		func(SyncAnswer) error { return nil },
		func(Verdict) error { return nil },
		func(Download) error { return stop })
	if !errors.Is(err, stop) {
		t.Errorf("got error %v, want the callback's", err)
	}
}

func TestTheSyncHeaderComesBack(t *testing.T) {
	want := SyncHeader{
		Version: WireVersion, Database: "id", Epoch: "e", Device: anna,
		SyncPoint: 3, LastSeq: 4, Clock: 5, Schema: "f", PushOnly: true, Differed: []Revision{4, 6}, AsChanges: true,
	}
	b := EncodeSyncHeader(want)
	golden(t, "sync.ndjson", b)
	got, err := NewLineReader(bytes.NewReader(b)).SyncHeader()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, line := range map[string]string{
		"another version":  strings.Replace(string(b), `"version":1`, `"version":2`, 1),
		"an unknown field": strings.Replace(string(b), `"version":1`, `"version":1,"x":1`, 1),
		"another line":     `{"begin":{}}` + "\n",
		"a null":           `{"sync":null}` + "\n",
		"no JSON":          "GET / HTTP/1.1\n",
	} {
		if _, err := NewLineReader(strings.NewReader(line)).SyncHeader(); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got error %v, want ErrForm", name, err)
		}
	}
}

func TestAFailingWriterIsReported(t *testing.T) {
	full := errors.New("full")
	w := writerFunc(func([]byte) (int, error) { return 0, full })
	a := sampleAnswer()
	if err := writeDownload(w, &a.Entries[1]); !errors.Is(err, full) {
		t.Errorf("got error %v, want the writer's", err)
	}
	if err := WriteAnswerLine(w, AnswerLine{Done: &a.Done}); !errors.Is(err, full) {
		t.Errorf("got error %v, want the writer's", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// writeDownload writes an entry as a server does, from its changes or steps.
func writeDownload(w io.Writer, d *Download) error {
	head := d.EntryHeader
	return WriteDelivery(w, &Delivery{EntryHeader: head, Each: func(yield func(LineKind, string) error) error {
		change := func(_ int, c *Change) error { return yield(LineChange, string(c.AppendJSON(nil))) }
		switch {
		case d.List != nil:
			return EachChange(d.List, change)
		case d.Steps == nil:
			return nil
		}
		return EachStep(d.Steps, func(s *Step) error {
			if s.Intent != nil {
				return yield(LineIntent, string(s.Intent.AppendJSON(nil)))
			}
			return EachChange(s.Statements, change)
		})
	}})
}

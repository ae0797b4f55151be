package replog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"testing"
)

func TestWhatIsWrittenPieceByPieceIsTheSameJSON(t *testing.T) {
	applied := sampleEntry()
	applied.Transaction.Label = `{"statements":[],"net":null} <&>`
	refused := sampleEntry()
	refused.Outcome, refused.Changes, refused.Reason = Conflict, nil, Reason{Code: ReasonAbsent, Detail: "<gone>"}
	refused.Parts = []Part{{Outcome: Held, Reason: Reason{Code: ReasonBuildsOnUnsure}, Rows: []int{1}}}
	netted := sampleEntry()
	netted.Transaction.Net = netted.Changes[:1]
	netted.Changes = netted.Changes[:1]
	cancelled := sampleEntry()
	cancelled.Transaction.Net, cancelled.Changes = []Change{}, []Change{}
	for name, e := range map[string]Entry{"applied": applied, "refused": refused, "netted": netted, "cancelled": cancelled} {
		t.Run(name, func(t *testing.T) {
			b, hash := e.Transaction.Encode()
			e.Hash = hash
			short := e
			restore := SetMemory(1, 1)
			defer restore()
			long := e
			long.Form = readForm(t, b)
			long.Transaction = long.Form.Transaction
			switch {
			case e.Changes == nil:
			case e.AsRecorded() && len(e.Changes) > 0:
				long.LongChanges = long.Transaction.NetChanges()
			default:
				long.LongChanges = ChangeList(e.Changes)
			}
			long.Changes = nil
			for _, e := range []*Entry{&short, &long} {
				line, err := e.Line()
				if err != nil {
					t.Fatal(err)
				}
				sameJSON(t, e.WriteLine, line)
				detail, err := e.Detail()
				if err != nil {
					t.Fatal(err)
				}
				sameJSON(t, e.WriteDetail, detail)
			}
			back, err := long.InMemory()
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, short.WriteDetail, mustDetail(t, &back))
		})
	}
}

func mustDetail(t *testing.T, e *Entry) EntryDetail {
	t.Helper()
	d, err := e.Detail()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sameJSON(t *testing.T, write func(io.Writer) error, v any) {
	t.Helper()
	var got, want bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	enc := json.NewEncoder(&want)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("\n got %s\nwant %s", &got, &want)
	}
}

func TestAWriterThatFailsEndsALine(t *testing.T) {
	e := sampleEntry()
	full := errors.New("full")
	for n := range 3 {
		if err := e.WriteLine(&failing{n, full}); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
		if err := e.WriteDetail(&failing{n, full}); !errors.Is(err, full) {
			t.Errorf("error %v", err)
		}
	}
}

// failing takes some writes.
type failing struct {
	left int
	err  error
}

func (f *failing) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, f.err
	}
	return len(b), nil
}

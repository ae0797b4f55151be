package replog

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPartsAreWrittenAsJSONDoes(t *testing.T) {
	reason := Reason{Code: ReasonStale, Detail: `"rows":[] <&> ` + "\u2028\xff"}
	for _, parts := range [][]Part{
		{},
		{{Outcome: Ignored, Reason: reason, Rows: []int{0, 1, 1000000}}},
		{{Outcome: Held, Rows: []int{}}, {Outcome: Conflict, Reason: reason, Rows: []int{7}, Columns: []string{`"rows":[]`, "b"}}},
		{{Outcome: Held}},
	} {
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(parts); err != nil {
			t.Fatal(err)
		}
		if got := append(EncodeParts(parts), '\n'); !bytes.Equal(got, oneForm(want.Bytes())) {
			t.Errorf("\n got %s\nwant %s", got, &want)
		}
		for _, v := range []Verdict{
			{Seq: 3, Hash: "h", Revision: 4, Outcome: Applied, Parts: parts, AsRecorded: true},
			{Seq: 3, Hash: "h", Revision: 4, Outcome: Held, Reason: &reason, Parts: parts},
		} {
			var got bytes.Buffer
			if err := WriteAnswerLine(&got, AnswerLine{Verdict: &v}); err != nil {
				t.Fatal(err)
			}
			if want := appendLine(nil, AnswerLine{Verdict: &v}); !bytes.Equal(got.Bytes(), want) {
				t.Errorf("\n got %s\nwant %s", &got, want)
			}
		}
	}
}

package server

import (
	"errors"
	"testing"

	"replog/replog"
)

// logAt is a log that stands at revision 3 and holds two transactions of the
// device.
type logAt struct{ replog.LogTx }

func (logAt) Head() replog.Head { return replog.Head{Revision: 3} }

func (logAt) LastSeq(replog.DeviceID) (replog.Seq, error) { return 2, nil }

func (logAt) Find(_ replog.DeviceID, seq replog.Seq) (replog.Judged, error) {
	if seq > 2 {
		return replog.Judged{}, replog.ErrNotFound
	}
	return replog.Judged{Verdict: replog.Verdict{Seq: seq, Revision: replog.Revision(seq), Hash: "same", Outcome: replog.Ignored}}, nil
}

func TestOnlyTheNextTransactionOfADeviceIsJudged(t *testing.T) {
	for _, tc := range []struct {
		name    string
		seq     replog.Seq
		lastSeq replog.Seq // that the device knows
		change  func(*replog.Form)
		want    string // a problem's code, known, or judged
	}{
		{"the next one", 3, 3, nil, "judged"},
		{"the next one of several", 3, 9, nil, "judged"},
		{"one on the newest revision", 3, 3, func(f *replog.Form) { f.Base = 3 }, "judged"},
		{"one in the log", 2, 3, nil, "known"},
		{"another under the seq of one in the log", 2, 3, func(f *replog.Form) { f.Hash = "other" }, replog.CodeFork},
		{"one of a device that knows less than the log", 1, 1, nil, replog.CodeFork},
		{"one too far", 4, 4, nil, replog.CodeGap},
		{"one of another device", 3, 3, func(f *replog.Form) { f.Device = "other" }, replog.CodeMalformed},
		{"seq 0", 0, 3, nil, replog.CodeMalformed},
		{"a base that the log has not reached", 3, 3, func(f *replog.Form) { f.Base = 4 }, replog.CodeAhead},
		{"a base before all", 3, 3, func(f *replog.Form) { f.Base = -1 }, replog.CodeMalformed},
		{"a verdict of its own seen", 3, 3, func(f *replog.Form) { f.Seen = 3 }, replog.CodeMalformed},
		{"no change", 3, 3, func(f *replog.Form) { f.Net = []replog.Change{} }, replog.CodeMalformed},
		{"without what was seen", 3, 3, func(f *replog.Form) { f.Seen, f.Without = 1, []replog.Seq{1} }, replog.CodeMalformed},
		{"without, out of order", 3, 3, func(f *replog.Form) { f.Without = []replog.Seq{2, 1} }, replog.CodeMalformed},
		{"without itself", 3, 3, func(f *replog.Form) { f.Without = []replog.Seq{3} }, replog.CodeMalformed},
		{"without others", 3, 3, func(f *replog.Form) { f.Without = []replog.Seq{1, 2} }, "judged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := &replog.Form{Transaction: *insertOf(tc.seq, 1), Hash: "same"}
			if tc.change != nil {
				tc.change(f)
			}
			known, err := admit(logAt{}, &job{lastSeq: tc.lastSeq}, f)
			got := "judged"
			var refused *replog.Problem
			switch {
			case errors.As(err, &refused):
				got = refused.Code
			case err != nil:
				t.Fatal(err)
			case known != nil:
				got = "known"
			}
			if got != tc.want {
				t.Errorf("%s, want %s", got, tc.want)
			}
			if got == replog.CodeGap && refused.ExpectedSeq != 3 {
				t.Errorf("expects %d", refused.ExpectedSeq)
			}
		})
	}
}

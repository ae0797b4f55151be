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

func (logAt) Find(_ replog.DeviceID, seq replog.Seq) (replog.Entry, error) {
	if seq > 2 {
		return replog.Entry{}, replog.ErrNotFound
	}
	return replog.Entry{Revision: replog.Revision(seq), Hash: "same", Outcome: replog.Ignored, Transaction: *insertOf(seq, 1)}, nil
}

func TestOnlyTheNextTransactionOfADeviceIsJudged(t *testing.T) {
	for _, tc := range []struct {
		name    string
		seq     replog.Seq
		lastSeq replog.Seq // that the device knows
		change  func(*upload)
		want    string // a problem's code, known, or judged
	}{
		{"the next one", 3, 3, nil, "judged"},
		{"the next one of several", 3, 9, nil, "judged"},
		{"one on the newest revision", 3, 3, func(u *upload) { u.transaction.Base = 3 }, "judged"},
		{"one in the log", 2, 3, nil, "known"},
		{"another under the seq of one in the log", 2, 3, func(u *upload) { u.hash = "other" }, replog.CodeFork},
		{"one of a device that knows less than the log", 1, 1, nil, replog.CodeFork},
		{"one too far", 4, 4, nil, replog.CodeGap},
		{"one of another device", 3, 3, func(u *upload) { u.transaction.Device = "other" }, replog.CodeMalformed},
		{"seq 0", 0, 3, nil, replog.CodeMalformed},
		{"a base that the log has not reached", 3, 3, func(u *upload) { u.transaction.Base = 4 }, replog.CodeAhead},
		{"a base before all", 3, 3, func(u *upload) { u.transaction.Base = -1 }, replog.CodeMalformed},
		{"a verdict of its own seen", 3, 3, func(u *upload) { u.transaction.Seen = 3 }, replog.CodeMalformed},
		{"no change", 3, 3, func(u *upload) { u.transaction.Net = []replog.Change{} }, replog.CodeMalformed},
		{"without what was seen", 3, 3, func(u *upload) { u.transaction.Seen, u.transaction.Without = 1, []replog.Seq{1} }, replog.CodeMalformed},
		{"without, out of order", 3, 3, func(u *upload) { u.transaction.Without = []replog.Seq{2, 1} }, replog.CodeMalformed},
		{"without itself", 3, 3, func(u *upload) { u.transaction.Without = []replog.Seq{3} }, replog.CodeMalformed},
		{"without others", 3, 3, func(u *upload) { u.transaction.Without = []replog.Seq{1, 2} }, "judged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := upload{transaction: *insertOf(tc.seq, 1), hash: "same"}
			if tc.change != nil {
				tc.change(&u)
			}
			known, err := admit(logAt{}, &job{lastSeq: tc.lastSeq}, &u)
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

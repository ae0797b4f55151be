package replog_test

import (
	"slices"
	"testing"

	"replog/replog"
)

func TestTransactionsArePlacedOnTheHistoryThatIsLeft(t *testing.T) {
	r := &replog.Rejoined{UpTo: 9, Base: 20, Seen: 4, Without: []replog.Seq{5, 7}}
	type place struct {
		seq     replog.Seq
		base    replog.Revision
		seen    replog.Seq
		without []replog.Seq
	}
	for _, tc := range []struct {
		name     string
		by       *replog.Rejoined
		has, got place
	}{
		{"by nothing", nil, place{8, 30, 6, nil}, place{8, 30, 6, nil}},
		{"recorded afterwards", r, place{10, 30, 9, nil}, place{10, 30, 9, nil}},
		{"on what is left", r, place{5, 12, 3, []replog.Seq{4}}, place{5, 12, 3, []replog.Seq{4}}},
		{"on what was given up", r, place{6, 30, 4, []replog.Seq{5}}, place{6, 20, 4, []replog.Seq{5}}},
		{"with verdicts that were given up", r, place{8, 30, 6, []replog.Seq{7}}, place{8, 20, 4, []replog.Seq{5, 7}}},
		{"with more of them", r, place{9, 30, 8, nil}, place{9, 20, 4, []replog.Seq{5, 7}}},
	} {
		x := &replog.Transaction{Seq: tc.has.seq, Base: tc.has.base, Seen: tc.has.seen, Without: tc.has.without}
		tc.by.Place(x)
		if x.Base != tc.got.base || x.Seen != tc.got.seen || !slices.Equal(x.Without, tc.got.without) {
			t.Errorf("%s: base %d, seen %d, without %v; want %+v", tc.name, x.Base, x.Seen, x.Without, tc.got)
		}
	}
}

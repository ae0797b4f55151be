package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"replog/client"
)

func TestProgressShowsOnlyWhatTakesLong(t *testing.T) {
	for _, total := range []int64{1000, -1} {
		var out bytes.Buffer
		now := time.UnixMilli(0)
		b := &bars{out: &out, now: func() time.Time { return now }}
		b.report(client.StageUpload, 10, total)
		now = now.Add(shortWork - 1)
		b.report(client.StageUpload, 20, total)
		b.report(client.StageDownload, 30, total) // another one begins
		now = now.Add(shortWork - 1)
		b.report(client.StageDownload, 40, total)
		b.report(client.StageDownload, 40, 40)
		if out.Len() > 0 {
			t.Errorf("short work shows %q", out.String())
		}
		b.report(client.StageDownload, 10, total)
		now = now.Add(shortWork)
		b.report(client.StageDownload, 300, total)
		shown := out.String()
		if !strings.Contains(shown, "downloading") || !strings.Contains(shown, "300") || len([]rune(shown[strings.LastIndex(shown, "\r"):])) > 78 || total > 0 && !strings.Contains(shown, "30%") {
			t.Errorf("of %d: it shows %q", total, shown)
		}
		out.Reset()
		b.report(client.StageDownload, 300, 300)
		if wiped := out.String(); strings.Trim(wiped, "\r ") != "" || !strings.HasSuffix(wiped, "\r") {
			t.Errorf("at the end it writes %q", wiped)
		}
		out.Reset()
		b.report(client.StageDownload, 300, 300)
		if out.Len() > 0 {
			t.Errorf("after the end it writes %q", out.String())
		}
	}
}

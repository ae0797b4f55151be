package client

import (
	"fmt"
	"testing"
	"time"

	"replog/replog"
)

func TestSyncPointsAreThinned(t *testing.T) {
	d := &Device{replica: newOutbox(t).Replica}
	begun := time.UnixMilli(1_700_000_000_000)
	const minutes = 10 * 24 * 60
	if err := d.replica.Begin(); err != nil { // one commit will do
		t.Fatal(err)
	}
	for i := range minutes {
		chain := replog.Chain(fmt.Sprintf("%032d", i))
		if err := d.addPoint(replog.Revision(i), chain, replog.MillisOf(begun.Add(time.Duration(i)*time.Minute))); err != nil {
			t.Fatal(err)
		}
	}
	points, err := d.points()
	if err != nil {
		t.Fatal(err)
	}
	week := replog.Revision(7 * 24 * 60)
	if n := len(points); n < 64+7*24-5 || n > 64+7*24+2 {
		t.Errorf("%d points", n)
	}
	for i, p := range points {
		if i < 64 && p.Revision != replog.Revision(minutes-1-i) {
			t.Fatalf("point %d is %d", i, p.Revision)
		}
		if i > 0 && points[i-1].Revision-p.Revision > 61 {
			t.Errorf("nothing is between %d and %d", p.Revision, points[i-1].Revision)
		}
	}
	if oldest := points[len(points)-1].Revision; oldest > minutes-1-week || oldest < minutes-1-week-61 {
		t.Errorf("the oldest is %d", oldest)
	}
}

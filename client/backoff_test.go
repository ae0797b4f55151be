package client

import (
	"testing"
	"time"
)

func TestBackoffDoublesUpToItsLongest(t *testing.T) {
	share := 0.0
	b := Backoff{First: time.Second, Longest: 10 * time.Second, Random: func() float64 { return share }}
	for _, want := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second} {
		if got := b.Next(); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	b.Reset()
	share = 0.5
	if got := b.Next(); got != 750*time.Millisecond {
		t.Fatalf("after a success %v", got)
	}
	for range 100 { // nor does it overflow
		b.Next()
	}
	if got := b.Next(); got != 7500*time.Millisecond {
		t.Fatalf("in the end %v", got)
	}
}

package client

import "time"

// Clock is the time as a watch knows it: what it is, and how long to wait.
type Clock interface {
	Now() time.Time
	// After sends once, when the time has passed.
	After(d time.Duration) <-chan time.Time
}

// SystemClock is the machine's.
type SystemClock struct{}

func (SystemClock) Now() time.Time                         { return time.Now() }
func (SystemClock) After(d time.Duration) <-chan time.Time { return time.After(d) }

// Backoff gives the waits between attempts that fail: from First on they double,
// up to Longest, each drawn from its upper half so that many who fail together
// do not come back together. Random gives numbers from 0 up to 1.
type Backoff struct {
	First, Longest time.Duration
	Random         func() float64

	failures int
}

// Next is how long to wait after another failure.
func (b *Backoff) Next() time.Duration {
	wait := b.First
	for n := 0; n < b.failures && wait < b.Longest; n++ {
		wait *= 2
	}
	b.failures++
	wait = min(wait, b.Longest)
	return wait/2 + time.Duration(b.Random()*float64(wait/2))
}

// Reset is for a success.
func (b *Backoff) Reset() { b.failures = 0 }

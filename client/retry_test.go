package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"replog/replog"
)

// patient are options whose clock moves only while somebody waits.
type patient struct {
	now   time.Time
	waits []time.Duration
	// waiting, if not nil, runs in each wait.
	waiting func()
}

func (p *patient) options(within time.Duration) Options {
	return Options{
		RetryFor: within, Random: rand.NewChaCha8([32]byte{1}),
		Clock: func() time.Time { return p.now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			p.waits = append(p.waits, d)
			p.now = p.now.Add(d)
			if p.waiting != nil {
				p.waiting()
			}
			return ctx.Err()
		},
	}
}

// refusing answers with a status and a Retry-After, the first n times.
func refusing(t *testing.T, n, status int, after string) (url string, asked *int) {
	asked = new(int)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if *asked++; *asked > n {
			return // an empty log
		}
		w.Header().Set("Retry-After", after)
		w.WriteHeader(status)
	}))
	t.Cleanup(web.Close)
	return web.URL + "/shop", asked
}

func readNothing(ctx context.Context, url string, o Options) error {
	log, err := OpenLog(url, "secret", o)
	if err != nil {
		return err
	}
	return log.Lines(ctx, replog.Filter{}, func(replog.LogLine) error { return nil })
}

func TestARefusedRequestIsSentAgain(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		url, asked := refusing(t, 3, status, "")
		p := &patient{}
		if err := readNothing(t.Context(), url, p.options(time.Hour)); err != nil || *asked != 4 {
			t.Errorf("%d: asked %d times: %v", status, *asked, err)
		}
		for i, d := range p.waits {
			if bound := firstWait << i; d < 0 || d > bound {
				t.Errorf("%d: wait %d was %v, of at most %v", status, i, d, bound)
			}
		}
	}
}

func TestAnAnswerThatAnotherAttemptWouldNotMendIsTheLast(t *testing.T) {
	for _, status := range []int{301, 400, 401, 404, 500} {
		url, asked := refusing(t, 1, status, "1")
		if err := readNothing(t.Context(), url, (&patient{}).options(time.Hour)); err == nil || *asked != 1 {
			t.Errorf("%d: asked %d times: %v", status, *asked, err)
		}
	}
}

func TestTheServerSaysHowLongToWaitAtLeast(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for after, want := range map[string]time.Duration{
		"7": 7 * time.Second, at.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		"": 0, "-5": 0, "soon": 0, at.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		url, _ := refusing(t, 1, 503, after)
		p := &patient{now: at}
		if err := readNothing(t.Context(), url, p.options(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if got := p.waits[0]; got < want || got > want+firstWait {
			t.Errorf("Retry-After %q: waited %v", after, got)
		}
	}
}

func TestWaitsGrowUpToABound(t *testing.T) {
	url, _ := refusing(t, 1000, 503, "")
	p := &patient{}
	if err := readNothing(t.Context(), url, p.options(time.Hour)); !isUnreachable(err) {
		t.Fatal(err)
	}
	if p.now.Sub(time.Time{}) > time.Hour {
		t.Errorf("waited for %v of an hour", p.now.Sub(time.Time{}))
	}
	var longest, sum time.Duration
	for _, d := range p.waits {
		longest, sum = max(longest, d), sum+d
	}
	if longest > longestWait || longest < longestWait*9/10 {
		t.Errorf("the longest wait was %v", longest)
	}
	// Drawn evenly, they are half the bound in the mean.
	if mean := sum / time.Duration(len(p.waits)); mean < longestWait*4/10 || mean > longestWait*6/10 {
		t.Errorf("the mean wait was %v", mean)
	}
}

func TestNothingIsWaitedForThatComesTooLate(t *testing.T) {
	url, asked := refusing(t, 1, 503, "3600")
	p := &patient{}
	if err := readNothing(t.Context(), url, p.options(time.Minute)); !isUnreachable(err) || *asked != 1 || len(p.waits) != 0 {
		t.Fatalf("asked %d times, waited %v: %v", *asked, p.waits, err)
	}
	ctx, cancel := context.WithDeadline(t.Context(), p.now.Add(time.Minute))
	defer cancel()
	if err := readNothing(ctx, url, p.options(24*time.Hour)); err == nil || len(p.waits) != 0 {
		t.Fatalf("waited %v: %v", p.waits, err)
	}
}

func TestTheContextEndsAWaitAtOnce(t *testing.T) {
	url, asked := refusing(t, 1000, 503, "")
	ctx, cancel := context.WithCancel(t.Context())
	p := &patient{waiting: cancel}
	if err := readNothing(ctx, url, p.options(time.Hour)); !errors.Is(err, context.Canceled) || *asked != 1 {
		t.Fatalf("asked %d times: %v", *asked, err)
	}
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// An interrupt that comes together with an answer is an interrupt all the same.
func TestAnInterruptDuringAnAttemptIsWhatIsTold(t *testing.T) {
	busy := &UnreachableError{Err: errors.New("503")}
	for name, tc := range map[string]struct {
		cause error
		want  error
	}{
		"interrupted": {context.Canceled, context.Canceled},
		"too late":    {context.DeadlineExceeded, busy.Err},
	} {
		p := &patient{}
		o := p.options(time.Hour).withDefaults()
		s := server{retries: o.retries()}
		ctx, end := context.WithCancel(t.Context())
		if errors.Is(tc.cause, context.DeadlineExceeded) {
			ctx, end = context.WithDeadline(t.Context(), time.Unix(0, 0))
		}
		err := s.again(ctx, true, func() error { end(); return busy })
		if !errors.Is(err, tc.want) || len(p.waits) > 0 {
			t.Errorf("%s: %v after waits of %v", name, err, p.waits)
		}
	}
}

func TestByDefaultARequestIsSentOnce(t *testing.T) {
	url, asked := refusing(t, 1, 503, "")
	if err := readNothing(t.Context(), url, Options{}); !isUnreachable(err) || *asked != 1 {
		t.Fatalf("asked %d times: %v", *asked, err)
	}
}

func isUnreachable(err error) bool {
	var e *UnreachableError
	return errors.As(err, &e)
}

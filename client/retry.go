package client

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"time"
)

// The wait before a request is sent again is drawn evenly from 0 up to a bound
// ("full jitter"), so that devices that lost a server together do not come back
// together. The bound doubles from firstWait with each attempt, up to longestWait.
const (
	firstWait   = 250 * time.Millisecond
	longestWait = 15 * time.Second
)

// retries says for how long and how requests are sent again.
type retries struct {
	within time.Duration // 0: never again
	clock  func() time.Time
	random io.Reader
	sleep  func(context.Context, time.Duration) error
}

func (o *Options) retries() retries {
	return retries{within: o.RetryFor, clock: o.Clock, random: o.Random, sleep: o.Sleep}
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again runs an attempt until it succeeds, fails for a reason that another one
// would not mend, or time is up: then with the error of the last. Attempts that
// may have had an effect on the server follow each other only if repeatable.
func (s *server) again(ctx context.Context, repeatable bool, attempt func() error) error {
	begun := s.retries.clock()
	for n := 0; ; n++ {
		err := attempt()
		var e *UnreachableError
		if !errors.As(err, &e) || e.final || !repeatable && !e.refused {
			return err
		}
		if ended := ctx.Err(); errors.Is(ended, context.Canceled) {
			return &UnreachableError{URL: s.address(), Err: ended} // whatever the answer was
		} else if ended != nil {
			return err
		}
		wait, failed := s.retries.wait(n, e.after)
		if failed != nil {
			return errors.Join(err, failed)
		}
		if wait > s.retries.left(ctx, begun) {
			return err
		}
		switch ended := s.retries.sleep(ctx, wait); {
		case errors.Is(ended, context.DeadlineExceeded):
			return err
		case ended != nil:
			return &UnreachableError{URL: s.address(), Err: ended}
		}
	}
}

// left is the time until no further attempt may begin.
func (r *retries) left(ctx context.Context, begun time.Time) time.Duration {
	now := r.clock()
	left := r.within - now.Sub(begun)
	if end, ok := ctx.Deadline(); ok {
		left = min(left, end.Sub(now))
	}
	return left
}

// wait draws the wait after attempt n, the first being 0: at least what the
// server asked for.
func (r *retries) wait(n int, asked time.Duration) (time.Duration, error) {
	var b [8]byte
	if _, err := io.ReadFull(r.random, b[:]); err != nil {
		return 0, fmt.Errorf("random wait: %w", err)
	}
	share := float64(binary.BigEndian.Uint64(b[:])) / math.MaxUint64
	bound := min(longestWait, firstWait<<min(n, 16))
	return asked + time.Duration(share*float64(bound)), nil
}

// failed makes an error of a request that got no answer.
func (s *server) failed(err error) error {
	e := &UnreachableError{URL: s.address(), Err: err}
	var (
		op        *net.OpError
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
	)
	e.refused = errors.As(err, &op) && op.Op == "dial"
	e.final = errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) ||
		errors.As(err, &dns) && dns.IsNotFound
	return e
}

// turnedAway makes an error of an answer that is not the server's last word.
func (s *server) turnedAway(res *http.Response, err error) error {
	e := &UnreachableError{URL: s.address(), Err: err, after: retryAfter(res.Header.Get("Retry-After"), s.retries.clock())}
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.refused = true
	case http.StatusBadGateway, http.StatusGatewayTimeout: // a proxy, which may have passed it on
	default:
		e.final = true
	}
	return e
}

// retryAfter reads the header of that name, seconds or a time; 0 where it says
// nothing.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

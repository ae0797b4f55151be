package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// result is what one run measured.
type result struct {
	rows      int
	bare      time.Duration // the bare loop, on a file that is no device
	captured  time.Duration // the same loop on device A, each transaction marked
	up, down  time.Duration // sync of A, then of B, the processes' starts included
	sent, got int64         // bytes that A sent and that B received, compressed
}

func (r result) propagated() time.Duration { return r.up + r.down }

func (r result) String() string {
	return fmt.Sprintf("bare %.2fs, captured %.2fs, up %.2fs, down %.2fs: %.2fx",
		r.bare.Seconds(), r.captured.Seconds(), r.up.Seconds(), r.down.Seconds(), r.propagated().Seconds()/r.bare.Seconds())
}

// propagate writes the rows on device A and takes them to the server and to
// device B, and checks that they are all there.
func propagate(ctx context.Context, s *site, orders []order) (r result, err error) {
	r.rows = len(orders)
	for _, file := range []string{"bare.db", "a.db"} {
		if err := createFile(s.path(file)); err != nil {
			return r, err
		}
	}
	if r.bare, err = writeOrders(s.path("bare.db"), orders, false); err != nil {
		return r, err
	}
	if err := s.start(ctx); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.enrol(ctx); err != nil {
		return r, err
	}
	if r.captured, err = writeOrders(s.path("a.db"), orders, true); err != nil {
		return r, err
	}
	transactions := (len(orders) + perTransaction - 1) / perTransaction
	up, took, err := s.sync(ctx, "a.db")
	if err != nil {
		return r, err
	}
	if up.Applied != transactions {
		return r, fmt.Errorf("%d of %d transactions were applied", up.Applied, transactions)
	}
	r.up, r.sent = took, up.BytesSent
	down, took, err := s.sync(ctx, "b.db")
	if err != nil {
		return r, err
	}
	r.down, r.got = took, down.BytesReceived
	_, err = s.run(ctx, "diff", "a.db", "b.db")
	return r, err
}

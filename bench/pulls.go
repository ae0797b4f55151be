package main

import (
	"context"
	"errors"
	"time"
)

// pulls times pulls that find nothing new, while the server is idle and while a
// long upload of one transaction is judged and written.
func pulls(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	r, err := s.newRaw(ctx)
	if err != nil {
		return nil, err
	}
	pull := func() (float64, error) {
		start := time.Now()
		_, err := r.call(ctx, "/sync", typeNDJSON, r.header(false))
		return time.Since(start).Seconds() * 1000, err
	}
	var idle, busy []float64
	for range 500 {
		took, err := pull()
		if err != nil {
			return nil, err
		}
		idle = append(idle, took)
	}
	if _, err := writeOrders(s.path("a.db"), makeOrders(seed, n.rows), n.rows, false); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() {
		_, _, err := s.sync(ctx, "a.db")
		done <- err
	}()
	for {
		select {
		case err := <-done:
			return []figure{
				{what: "a pull of nothing, idle, p99", value: percentile(idle, 99), unit: "ms"},
				{what: "the same while a long upload is written ÷ idle", value: percentile(busy, 99) / percentile(idle, 99), bound: 3},
			}, err
		default:
		}
		took, err := pull()
		if err != nil {
			return nil, err
		}
		busy = append(busy, took)
	}
}

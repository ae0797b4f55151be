package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"replog/client"
)

// syncs is how often a small sync is repeated.
const syncs = 30

// latency times small syncs until they are durable on the server.
func latency(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	orders := makeOrders(seed, 4*syncs*10)
	next := func(rows int) error {
		_, err := writeOrders(s.path("a.db"), orders[:rows], rows, false)
		orders = orders[rows:]
		return err
	}
	if err := next(10); err != nil {
		return nil, err
	}
	if _, _, err := s.sync(ctx, "a.db"); err != nil {
		return nil, err
	}
	device, err := client.Open(s.path("a.db"), client.Options{})
	if err != nil {
		return nil, err
	}
	defer device.Close()
	inProcess := func() (time.Duration, error) {
		start := time.Now()
		_, err := device.Sync(ctx, client.Both)
		return time.Since(start), err
	}
	asCommand := func() (time.Duration, error) {
		_, took, err := s.sync(ctx, "a.db")
		return took, err
	}
	for _, c := range []struct {
		what  string
		rows  int
		sync  func() (time.Duration, error)
		bound float64
	}{
		{"sync of 1 row, in process, median", 1, inProcess, 6},
		{"sync of 10 rows, in process, median", 10, inProcess, 6},
		{"sync of 1 row, as a command, median", 1, asCommand, 35},
		{"sync of 10 rows, as a command, median", 10, asCommand, 35},
	} {
		var times []float64
		for range syncs {
			if err := next(c.rows); err != nil {
				return nil, err
			}
			took, err := c.sync()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.what, err)
			}
			times = append(times, took.Seconds()*1000)
		}
		list = append(list, figure{what: c.what, value: median(times), unit: "ms", bound: c.bound})
	}
	return s.nothing(ctx, list)
}

// nothing times syncs that have nothing to do.
func (s *site) nothing(ctx context.Context, list []figure) ([]figure, error) {
	var times []float64
	var bytes int64
	for range syncs {
		r, took, err := s.sync(ctx, "a.db")
		if err != nil {
			return nil, err
		}
		times, bytes = append(times, took.Seconds()*1000), r.BytesSent+r.BytesReceived
	}
	return append(list,
		figure{what: "nothing to do, as a command, median", value: median(times), unit: "ms", bound: 25},
		figure{what: "nothing to do, bodies on the wire", value: float64(bytes), unit: "bytes", bound: 1000}), nil
}

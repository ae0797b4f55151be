package main

import (
	"context"
	"errors"
	"fmt"
)

// oneTransaction takes as many rows as a new device gets, all in one transaction,
// to the server and to device B, and checks that they are all there: what is
// measured is memory. It runs once, as it takes long and varies little.
func oneTransaction(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	if seed > 0 {
		return nil, nil
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if _, err := writeOrders(s.path("a.db"), makeOrders(seed, n.big), n.big, true); err != nil {
		return nil, err
	}
	s.resident = 0
	up, upTook, err := s.sync(ctx, "a.db")
	if err != nil {
		return nil, err
	}
	if up.Applied != 1 {
		return nil, fmt.Errorf("%d transactions were applied, not 1", up.Applied)
	}
	_, downTook, err := s.sync(ctx, "b.db")
	if err != nil {
		return nil, err
	}
	device := s.resident
	if _, err := s.run(ctx, "diff", "a.db", "b.db"); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("%d rows in one transaction: ", n.big)
	return []figure{
		{what: what + "memory of a device's sync", value: float64(device) / mega, unit: "MB", bound: 100},
		{what: what + "memory of the server", value: float64(resident(s.server.Process.Pid)) / mega, unit: "MB", bound: 100},
		{what: what + "A's sync", value: upTook.Seconds(), unit: "s"},
		{what: what + "B's sync", value: downTook.Seconds(), unit: "s"},
	}, nil
}

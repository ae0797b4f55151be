package main

import (
	"context"
	"errors"
	"fmt"
)

const mega = 1 << 20

// propagate writes rows on device A and takes them to the server and to device
// B, and checks that they are all there.
func propagate(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	orders := makeOrders(seed, n.rows)
	if err := createFile(s.path("bare.db")); err != nil {
		return nil, err
	}
	bare, err := writeOrders(s.path("bare.db"), orders, perTransaction, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	captured, err := writeOrders(s.path("a.db"), orders, perTransaction, true)
	if err != nil {
		return nil, err
	}
	transactions := (len(orders) + perTransaction - 1) / perTransaction
	s.resident = 0
	up, upTook, err := s.sync(ctx, "a.db")
	if err != nil {
		return nil, err
	}
	if up.Applied != transactions {
		return nil, fmt.Errorf("%d of %d transactions were applied", up.Applied, transactions)
	}
	down, downTook, err := s.sync(ctx, "b.db")
	if err != nil {
		return nil, err
	}
	device := s.resident
	if _, err := s.run(ctx, "diff", "a.db", "b.db"); err != nil {
		return nil, err
	}
	server := resident(s.server.Process.Pid)
	rows := float64(len(orders))
	return []figure{
		{what: "bare loop", value: bare.Seconds(), unit: "s"},
		{what: "capture on ÷ off, transactions of 100, each marked", value: captured.Seconds() / bare.Seconds(), bound: 1.7},
		{what: "A's sync, until durable on the server ÷ bare loop", value: upTook.Seconds() / bare.Seconds()},
		{what: "B's sync, until durable on B ÷ bare loop", value: downTook.Seconds() / bare.Seconds()},
		{what: "propagate: both ÷ bare loop", value: (upTook + downTook).Seconds() / bare.Seconds(), bound: 2},
		{what: "on the wire, up, a row", value: float64(up.BytesSent) / rows, unit: "bytes", bound: 70},
		{what: "on the wire, down, a row", value: float64(down.BytesReceived) / rows, unit: "bytes", bound: 70},
		{what: "memory of a device's sync", value: float64(device) / mega, unit: "MB", bound: 100},
		{what: "memory of the server", value: float64(server) / mega, unit: "MB", bound: 100},
	}, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// oneIntent updates all rows of a large database by one statement, and takes that to
// the server and to device B: on the wire it is the statement. Beside it, the same on
// a file that is no device. It runs once, as it takes long and varies little.
func oneIntent(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	if seed > 0 {
		return nil, nil
	}
	const update = "UPDATE orders SET qty = qty + 1"
	for _, name := range []string{"a.db", "bare.db"} {
		if err := createFile(s.path(name)); err != nil {
			return nil, err
		}
		if _, err := writeOrders(s.path(name), makeOrders(seed, n.big), 10_000, false); err != nil {
			return nil, err
		}
	}
	bare, err := timeExec(s.path("bare.db"), update)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if err := s.enrol(ctx); err != nil {
		return nil, err
	}
	start := time.Now()
	if _, err := s.run(ctx, "exec", "a.db", update); err != nil {
		return nil, err
	}
	local := time.Since(start)
	s.resident = 0
	up, upTook, err := s.sync(ctx, "a.db")
	if err != nil {
		return nil, err
	}
	if up.Applied != 1 {
		return nil, fmt.Errorf("%d transactions were applied, not 1", up.Applied)
	}
	down, downTook, err := s.sync(ctx, "b.db")
	if err != nil {
		return nil, err
	}
	device := s.resident
	if _, err := s.run(ctx, "diff", "a.db", "b.db"); err != nil {
		return nil, err
	}
	what := fmt.Sprintf("an UPDATE of %d rows, as an intent: ", n.big)
	return []figure{
		{what: what + "sent by A", value: float64(up.BytesSent), unit: "bytes", bound: 2_000},
		{what: what + "received by B", value: float64(down.BytesReceived), unit: "bytes", bound: 2_000},
		{what: what + "memory of a device's sync", value: float64(device) / mega, unit: "MB", bound: 100},
		{what: what + "memory of the server", value: float64(resident(s.server.Process.Pid)) / mega, unit: "MB", bound: 100},
		{what: what + "exec on a device ÷ on a plain file", value: local.Seconds() / bare.Seconds()},
		{what: what + "A's sync", value: upTook.Seconds(), unit: "s"},
		{what: what + "B's sync", value: downTook.Seconds(), unit: "s"},
	}, nil
}

func timeExec(path, query string) (took time.Duration, err error) {
	db, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	start := time.Now()
	_, err = db.Exec(query)
	return time.Since(start), err
}

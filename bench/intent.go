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
	what := fmt.Sprintf("an UPDATE of %d rows, as an intent: ", n.big)
	up, down, shared, err := s.share(ctx, what)
	if err != nil {
		return nil, err
	}
	return append([]figure{
		{what: what + "sent by A", value: float64(up.BytesSent), unit: "bytes", bound: 2_000},
		{what: what + "received by B", value: float64(down.BytesReceived), unit: "bytes", bound: 2_000},
		{what: what + "exec on a device ÷ on a plain file", value: local.Seconds() / bare.Seconds()},
	}, shared...), nil
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

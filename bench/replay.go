package main

import (
	"context"
	"errors"
	"time"

	"replog/client"
)

// replay takes twice the rows to a device in one go, beside a prepared loop that
// writes them in one transaction. What counts is the time from when the answer is
// on the device until it is committed there.
func replay(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	orders := makeOrders(seed, 2*n.rows)
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	if _, err := writeOrders(s.path("a.db"), orders, 10*perTransaction, true); err != nil {
		return nil, err
	}
	if _, _, err := s.sync(ctx, "a.db"); err != nil {
		return nil, err
	}
	if err := createFile(s.path("bare.db")); err != nil {
		return nil, err
	}
	bare, err := writeOrders(s.path("bare.db"), orders, len(orders), false)
	if err != nil {
		return nil, err
	}
	var answered time.Time
	var took time.Duration // the answers are several
	device, err := client.Open(s.path("b.db"), client.Options{Fault: func(point string) error {
		switch point {
		case client.FaultAnswered:
			answered = time.Now()
		case client.FaultCommitted:
			took += time.Since(answered)
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	_, err = device.Sync(ctx, client.Both)
	whole := time.Since(begun)
	return []figure{
		{what: "replay of twice the rows on a device ÷ a bare loop in one transaction", value: took.Seconds() / bare.Seconds(), bound: 2},
		{what: "the same, download included", value: whole.Seconds() / bare.Seconds()},
	}, errors.Join(err, device.Close())
}

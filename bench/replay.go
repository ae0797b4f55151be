package main

import (
	"context"
	"errors"
)

// replay takes twice the rows to a device in one go, download included, beside a
// prepared loop that writes them in one transaction.
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
	_, took, err := s.sync(ctx, "b.db")
	return []figure{{
		what: "replay of twice the rows on a device, download included ÷ a bare loop in one transaction", value: took.Seconds() / bare.Seconds(), bound: 2,
	}}, err
}

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
	_, _, list, err = s.share(ctx, fmt.Sprintf("%d rows in one transaction: ", n.big))
	return list, err
}

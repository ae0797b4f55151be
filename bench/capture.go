package main

import (
	"context"
	"errors"
	"fmt"
)

// capture compares an application's own writes with capture and without.
func capture(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	for i, c := range []struct {
		what      string
		rows, per int
		bound     float64
	}{
		{"one transaction of all rows", n.rows, n.rows, 2.6},
		{"transactions of 3 rows", n.rows / 20, 3, 1.5},
	} {
		bare := s.path(fmt.Sprintf("bare%d.db", i))
		if err := createFile(bare); err != nil {
			return nil, err
		}
		orders := makeOrders(seed<<8+uint64(i), c.rows)
		off, err := writeOrders(bare, orders, c.per, false)
		if err != nil {
			return nil, err
		}
		on, err := writeOrders(s.path("a.db"), orders, c.per, false)
		if err != nil {
			return nil, err
		}
		list = append(list, figure{what: "capture on ÷ off, " + c.what, value: on.Seconds() / off.Seconds(), bound: c.bound})
	}
	return list, nil
}

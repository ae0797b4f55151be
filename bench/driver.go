package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"replog/client/driver"
)

// throughDriver compares an application on our driver, on a device's file, with the
// same on mattn's, on a file that is none: transactions of 3 rows, each of which is
// recorded as an intent beside its changes, with a statement that is prepared and
// with one that is not. The two take turns, as what else the machine does comes and
// goes.
func throughDriver(ctx context.Context, s *site, n sizes, seed uint64) (list []figure, err error) {
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	bare := s.path("bare.db")
	if err := createFile(bare); err != nil {
		return nil, err
	}
	for i, how := range []string{"prepared", "as text"} {
		var took [2]time.Duration
		const turns = 10
		for turn := range turns {
			orders := makeOrders(seed<<16+uint64(i*turns+turn)+1<<12, n.rows/20/turns)
			for which, file := range []struct{ driver, path string }{{"sqlite3", bare}, {driver.Name, s.path("a.db")}} {
				t, err := writeThrough(file.driver, file.path, orders, how == "prepared")
				if err != nil {
					return nil, err
				}
				took[which] += t
			}
		}
		list = append(list, figure{what: fmt.Sprintf("our driver on a device ÷ mattn's on a plain file, transactions of 3 rows, %s", how), value: took[1].Seconds() / took[0].Seconds(), bound: 1.8})
	}
	return list, nil
}

// writeThrough writes the rows in durable transactions of 3 by a driver, and returns
// how long that took.
func writeThrough(name, path string, orders []order, prepared bool) (took time.Duration, err error) {
	db, err := sql.Open(name, dsn(path))
	if err != nil {
		return 0, err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	insert, err := db.Prepare(insertOrder)
	if err != nil {
		return 0, err
	}
	defer insert.Close()
	start := time.Now()
	for first := 0; first < len(orders); first += 3 {
		some := orders[first:min(first+3, len(orders))]
		if prepared {
			err = writeSome(db, insert, some, false)
		} else {
			err = writeText(db, some)
		}
		if err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func writeText(db *sql.DB, orders []order) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, o := range orders {
		if _, err := tx.Exec(insertOrder, o[:]...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

package main

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	_ "github.com/mattn/go-sqlite3" // the driver

	"replog/replog"
)

const schema = `
CREATE TABLE orders (
    id TEXT PRIMARY KEY, customer, item TEXT, qty INTEGER, price REAL, note TEXT, created_at TEXT
)`

const insertOrder = `
INSERT INTO orders (id, customer, item, qty, price, note, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`

// perTransaction is how many rows a transaction writes.
const perTransaction = 100

// order is the arguments of insertOrder.
type order [7]any

// makeOrders makes n rows with random UUIDs as keys and random notes of 20 to
// 60 letters. The same seed gives the same rows.
func makeOrders(seed uint64, n int) []order {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	bytes := rand.NewChaCha8(key)
	random := rand.New(bytes)
	start := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
	orders := make([]order, n)
	for i := range orders {
		id, err := uuid.NewRandomFromReader(bytes)
		if err != nil {
			panic(err) // ChaCha8 always reads
		}
		note := make([]byte, 20+random.IntN(41))
		for j := range note {
			note[j] = byte('a' + random.IntN(26))
		}
		orders[i] = order{
			id.String(), fmt.Sprintf("customer %d", random.IntN(5000)), fmt.Sprintf("item-%04d", random.IntN(2000)),
			random.IntN(100), float64(random.IntN(100_000)) / 100, string(note),
			start.Add(time.Duration(i) * time.Minute).Format(time.RFC3339),
		}
	}
	return orders
}

// openFile opens a database as an application would: WAL, synchronous=FULL.
func openFile(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", dsn(path))
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

func dsn(path string) string {
	return "file:" + path + "?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000"
}

// createFile makes a database with the table, empty.
func createFile(path string) error {
	db, err := openFile(path)
	if err != nil {
		return err
	}
	_, err = db.Exec(schema)
	return errors.Join(err, db.Close())
}

// writeOrders is the bare loop: it writes the rows with a prepared statement, in
// durable transactions of some rows each, and returns how long that took. Where
// mark is set, each transaction is marked, as an application of a device may.
func writeOrders(path string, orders []order, per int, mark bool) (took time.Duration, err error) {
	db, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	insert, err := db.Prepare(insertOrder)
	if err != nil {
		return 0, err
	}
	defer insert.Close()
	start := time.Now()
	for first := 0; first < len(orders); first += per {
		if err := writeSome(db, insert, orders[first:min(first+per, len(orders))], mark); err != nil {
			return 0, err
		}
	}
	return time.Since(start), nil
}

func writeSome(db *sql.DB, insert *sql.Stmt, orders []order, mark bool) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if mark {
		if _, err := tx.Exec("INSERT INTO replog_transaction(label) VALUES ('orders')"); err != nil {
			return err
		}
	}
	stmt := tx.Stmt(insert)
	for _, o := range orders {
		if _, err := stmt.Exec(o[:]...); err != nil {
			return err
		}
	}
	if mark {
		if _, err := tx.Exec("INSERT INTO replog_transaction(label) VALUES (NULL)"); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// orderValues are the values of an order as SQLite has them.
func orderValues(o order) []replog.Value {
	return []replog.Value{
		replog.Text(o[0].(string)), replog.Text(o[1].(string)), replog.Text(o[2].(string)), replog.Integer(int64(o[3].(int))),
		replog.Real(o[4].(float64)), replog.Text(o[5].(string)), replog.Text(o[6].(string)),
	}
}

package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	_ "github.com/lib/pq" // the driver "postgres"

	"replog/replog"
	"replog/sql/postgres"
	"replog/sql/postgres/applied"
	"replog/test/cluster"
)

// postgresRows times how changes become rows in PostgreSQL, in transactions of 10,000,
// beside one Exec a row on the same kind of table.
func postgresRows(ctx context.Context, _ *site, _ sizes, seed uint64) (list []figure, err error) {
	server, err := cluster.New(cluster.Options{Settings: []string{"shared_buffers = 256MB", "max_wal_size = 4GB"}})
	if err != nil {
		return nil, err
	}
	defer server.Remove()
	address := server.DSN("postgres")
	if _, _, err := postgres.Migrate(ctx, address); err != nil {
		return nil, err
	}
	db, err := sql.Open("postgres", address+"&binary_parameters=yes")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	b := &rowBench{ctx: ctx, db: db, orders: makeOrders(seed, rowsOfOne)}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	for _, op := range []replog.Op{replog.Insert, replog.Update, replog.Delete} {
		alone, err := b.alone(op)
		if err != nil {
			return nil, err
		}
		together, err := b.together(op)
		if err != nil {
			return nil, err
		}
		list = append(list, figure{
			what:  fmt.Sprintf("%d rows of one transaction into tables, %s: one Exec a row ÷ applied", rowsOfOne, op),
			value: alone.Seconds() / together.Seconds(), bound: 4, atLeast: true,
		})
	}
	return list, nil
}

const rowsOfOne = 10_000

type rowBench struct {
	ctx      context.Context
	db       *sql.DB
	orders   []order
	revision replog.Revision
}

// ordersContent is the table of orders, without rows.
type ordersContent struct{}

func (ordersContent) Tables() ([]replog.Table, error) {
	t := replog.Table{Name: "orders", Key: []int{0}}
	for i, name := range orderColumns {
		t.Columns = append(t.Columns, replog.TableColumn{Name: name, Type: orderTypes[i]})
	}
	return []replog.Table{t}, nil
}

func (ordersContent) Rows(string, func([]replog.Value) error) error { return nil }

var (
	orderColumns = []string{"id", "customer", "item", "qty", "price", "note", "created_at"}
	orderTypes   = []string{"TEXT", "TEXT", "TEXT", "INTEGER", "REAL", "TEXT", "TEXT"}
)

func (b *rowBench) prepare() error {
	_, err := b.db.ExecContext(b.ctx, `CREATE TABLE alone (id text PRIMARY KEY, customer text, item text, qty bigint,
		price double precision, note text, created_at text)`)
	if err != nil {
		return err
	}
	return b.within(func(tx *sql.Tx) error {
		t, err := applied.Open(b.ctx, tx, 1, "shop")
		if err != nil {
			return err
		}
		return t.Publish(b.ctx, tx, ordersContent{})
	})
}

func (b *rowBench) within(f func(*sql.Tx) error) error {
	tx, err := b.db.BeginTx(b.ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// alone runs one statement a row.
func (b *rowBench) alone(op replog.Op) (time.Duration, error) {
	start := time.Now()
	err := b.within(func(tx *sql.Tx) error {
		for _, o := range b.orders {
			var err error
			switch op {
			case replog.Insert:
				_, err = tx.ExecContext(b.ctx, `INSERT INTO alone VALUES ($1, $2, $3, $4, $5, $6, $7)`, o[:]...)
			case replog.Update:
				_, err = tx.ExecContext(b.ctx, `UPDATE alone SET qty = $1 WHERE id = $2`, o[3].(int)+1, o[0])
			default:
				_, err = tx.ExecContext(b.ctx, `DELETE FROM alone WHERE id = $1`, o[0])
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(start), err
}

// together applies an entry.
func (b *rowBench) together(op replog.Op) (time.Duration, error) {
	b.revision++
	e := &replog.Entry{Revision: b.revision, Outcome: replog.Applied}
	for _, o := range b.orders {
		e.Changes = append(e.Changes, orderChange(op, o))
	}
	start := time.Now()
	err := b.within(func(tx *sql.Tx) error {
		t, err := applied.Open(b.ctx, tx, 1, "shop")
		if err == nil {
			err = t.Apply(b.ctx, tx, e)
		}
		if err == nil {
			err = t.Flush(b.ctx, tx)
		}
		return err
	})
	return time.Since(start), err
}

func orderChange(op replog.Op, o order) replog.Change {
	values := orderValues(o)
	c := replog.Change{Table: "orders", Op: op, Key: values[:1], KeyColumns: orderColumns[:1], Columns: orderColumns, Old: values, New: values}
	switch op {
	case replog.Insert:
		c.Old = nil
	case replog.Update:
		c.Columns, c.Old, c.New = []string{"qty"}, values[3:4], []replog.Value{replog.Integer(int64(o[3].(int) + 1))}
	case replog.Delete:
		c.New = nil
	}
	return c
}

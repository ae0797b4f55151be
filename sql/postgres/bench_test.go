package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

// fill appends n entries of so many rows each, in transactions of 1,000 entries.
func fill(b testing.TB, log *Log, n, rows int) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	head, err := log.Head(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	seq := replog.Seq(head.Revision)
	for n > 0 {
		tx, err := log.Begin(context.Background())
		if err != nil {
			b.Fatal(err)
		}
		for range min(n, 1000) {
			seq++
			e := storetest.Entry(seq, storetest.Orders(random, rows)...)
			e.Revision = tx.Head().Revision + 1
			_, e.Hash = e.Transaction.Encode()
			err = errors.Join(err, tx.Append(e))
		}
		if err := errors.Join(err, tx.Commit()); err != nil {
			b.Fatal(err)
		}
		n -= min(n, 1000)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct{ entries, rows int }{{1, 3}, {1000, 3}, {1, 10_000}} {
		b.Run(fmt.Sprintf("entries=%d/rows=%d", c.entries, c.rows), func(b *testing.B) {
			log := newShop(b, Options{})
			n := 0
			for b.Loop() {
				fill(b, log, c.entries, c.rows)
				n += c.entries
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(n*c.rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	log := newShop(b, Options{})
	const entries, rows = 20_000, 3
	fill(b, log, entries, rows)
	rate := func(b *testing.B, n int) {
		b.ReportMetric(float64(n*entries)/b.Elapsed().Seconds(), "entries/s")
	}
	b.Run("deliveries", func(b *testing.B) {
		n := 0
		for b.Loop() {
			err := log.Deliveries(context.Background(), replog.Wanted{To: "b", UpTo: entries}, func(d *replog.Delivery) error {
				return d.Each(func(replog.LineKind, string) error { return nil })
			})
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		rate(b, n)
	})
	b.Run("entries", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if err := log.Entries(context.Background(), replog.Filter{}, func(replog.Entry) error { return nil }); err != nil {
				b.Fatal(err)
			}
			n++
		}
		rate(b, n)
	})
	b.Run("text", func(b *testing.B) {
		n := 0
		for b.Loop() {
			if err := log.Entries(context.Background(), replog.Filter{Text: "what is not there"}, func(replog.Entry) error { return nil }); err != nil {
				b.Fatal(err)
			}
			n++
		}
		rate(b, n)
	})
}

func BenchmarkConcurrent(b *testing.B) {
	log := newShop(b, Options{})
	random := rand.New(rand.NewPCG(1, 2))
	changes := storetest.Orders(random, 10_000)
	add(b, log, storetest.Entry(1, changes...))
	tx, err := log.Begin(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	n := 0
	for b.Loop() {
		past, err := tx.Concurrent(changes[n%len(changes)].Row(), 0, "b")
		if err != nil || len(past) != 1 {
			b.Fatal(past, err)
		}
		n++
	}
}

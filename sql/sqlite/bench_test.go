package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", size), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			path := filepath.Join(b.TempDir(), "log.db")
			log := create(b, path)
			n := 0
			for b.Loop() {
				b.StopTimer()
				e := storetest.Entry(replog.Seq(n+1), storetest.Orders(random, size)...)
				n++
				b.StartTimer()
				add(b, log, e)
			}
			b.ReportMetric(float64(n*size)/b.Elapsed().Seconds(), "rows/s")
			log.Close()
			if info, err := os.Stat(path); err == nil {
				b.ReportMetric(float64(info.Size())/float64(n*size), "B/row")
			}
		})
	}
}

// BenchmarkAppendInOneCommit leaves the cost of durability out.
func BenchmarkAppendInOneCommit(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	log := create(b, filepath.Join(b.TempDir(), "log.db"))
	tx, err := log.Begin(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		e := storetest.Entry(replog.Seq(n), storetest.Orders(random, 100)...)
		e.Revision = replog.Revision(n)
		_, e.Hash = e.Transaction.Encode()
		b.StartTimer()
		if err := tx.Append(e); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*100)/b.Elapsed().Seconds(), "rows/s")
	if err := tx.Rollback(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkEntries(b *testing.B) {
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("rows=%d", size), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			log := create(b, filepath.Join(b.TempDir(), "log.db"))
			tx, err := log.Begin(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			const entries = 200
			for n := range entries {
				e := storetest.Entry(replog.Seq(n+1), storetest.Orders(random, size)...)
				e.Revision = replog.Revision(n + 1)
				_, e.Hash = e.Transaction.Encode()
				err = errors.Join(err, tx.Append(e))
			}
			if err := errors.Join(err, tx.Commit()); err != nil {
				b.Fatal(err)
			}
			n := 0
			for b.Loop() {
				err := log.Entries(context.Background(), replog.Filter{}, func(replog.Entry) error {
					n += size
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func BenchmarkConcurrent(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	log := create(b, filepath.Join(b.TempDir(), "log.db"))
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

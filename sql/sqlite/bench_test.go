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
)

// orders makes n inserts like those of the figures: a random UUID as the key
// and a random note.
func orders(random *rand.Rand, n int) []replog.Change {
	letters := "abcdefghijklmnopqrstuvwxyz"
	changes := make([]replog.Change, n)
	for i := range changes {
		id := replog.Text(fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x",
			random.Uint32(), random.Uint32()>>16, random.Uint32()>>20, random.Uint32()>>20, random.Uint64()>>16))
		note := make([]byte, 20+random.IntN(41))
		for j := range note {
			note[j] = letters[random.IntN(len(letters))]
		}
		changes[i] = replog.Change{
			Table: "orders", Op: replog.Insert, Time: 1700000000000 + replog.Millis(i),
			Key: []replog.Value{id}, KeyColumns: []string{"id"},
			Columns: []string{"id", "customer", "item", "qty", "price", "note", "created_at"},
			New: []replog.Value{id, replog.Text("Customer 17"), replog.Text("item-42"), replog.Integer(int64(i % 50)),
				replog.Real(float64(random.IntN(100_000)) / 100), replog.Text(string(note)), replog.Text("2026-11-22T05:46:44Z")},
		}
	}
	return changes
}

func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("rows=%d", size), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2))
			path := filepath.Join(b.TempDir(), "log.db")
			log := create(b, path)
			n := 0
			for b.Loop() {
				b.StopTimer()
				e := entry(replog.Seq(n+1), orders(random, size)...)
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
		e := entry(replog.Seq(n), orders(random, 100)...)
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
				e := entry(replog.Seq(n+1), orders(random, size)...)
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
	changes := orders(random, 10_000)
	add(b, log, entry(1, changes...))
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

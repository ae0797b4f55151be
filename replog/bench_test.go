package replog

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// orders makes a transaction of n inserts like those of the figures in bench/.
func orders(n int) Transaction {
	random := rand.New(rand.NewPCG(1, 2))
	list := make([]Change, n)
	for i := range list {
		id := Text(fmt.Sprintf("%08x-0000-4000-8000-%012x", random.Uint32(), random.Uint64()>>16))
		note := make([]byte, 20+random.IntN(41))
		for j := range note {
			note[j] = byte('a' + random.IntN(26))
		}
		list[i] = Change{
			Table: "orders", Op: Insert, Time: 1700000000000 + Millis(i),
			Key: []Value{id}, KeyColumns: []string{"id"},
			Columns: []string{"id", "customer", "item", "qty", "price", "note", "created_at"},
			New: []Value{id, Text("customer-17"), Text("item-42"), Integer(int64(i % 50)),
				Real(float64(random.IntN(100_000)) / 100), Text(string(note)), Text("2026-11-22T05:46:44Z")},
		}
	}
	return transaction(list...)
}

const benchRows = 100_000

func BenchmarkEncode(b *testing.B) {
	x := orders(benchRows)
	for b.Loop() {
		form, _ := x.Encode()
		b.SetBytes(int64(len(form)))
	}
	b.ReportMetric(float64(b.N*benchRows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkDecode(b *testing.B) {
	x := orders(benchRows)
	form, _ := x.Encode()
	b.SetBytes(int64(len(form)))
	for b.Loop() {
		if _, _, err := DecodeTransaction(form); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*benchRows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkAsRecorded(b *testing.B) {
	x, y := orders(benchRows), orders(benchRows)
	e := Entry{Outcome: Applied, Transaction: x, Changes: mustList(y.NetChanges())}
	for b.Loop() {
		if !e.AsRecorded() {
			b.Fatal("differs")
		}
	}
}

// mustList is a list in memory.
func mustList(l Changes) []Change {
	list, err := InMemory(l)
	if err != nil {
		panic(err)
	}
	return list
}

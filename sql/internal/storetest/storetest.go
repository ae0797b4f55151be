// Package storetest is what the tests of both stores share besides logtest: entries,
// and a look at a store as any SQL program has it.
package storetest

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"testing"

	"replog/replog"
)

// Entry is one that did what its changes say.
func Entry(seq replog.Seq, changes ...replog.Change) replog.Entry {
	e := replog.Entry{Received: 1700000000500, Outcome: replog.Applied, Transaction: replog.Transaction{
		Device: "aaaaaaaa-0000-4000-8000-000000000001", Seq: seq, Time: 1700000000000, Nonce: "00",
	}}
	for _, c := range changes {
		e.Transaction.Statements = append(e.Transaction.Statements, replog.Statement{Change: c})
	}
	e.Changes = changes
	return e
}

// Insert is the change that makes item id.
func Insert(id int64, name string) replog.Change {
	return replog.Change{
		Table: "item", Op: replog.Insert, Time: 1700000000000,
		Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"id", "name"}, New: []replog.Value{replog.Integer(id), replog.Text(name)},
	}
}

// Orders makes n inserts like those of the figures: a random UUID as the key and a
// random note.
func Orders(random *rand.Rand, n int) []replog.Change {
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

// Exec runs a statement.
func Exec(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}

// Lines gives the rows of a query as text, NULL as "-".
func Lines(t testing.TB, db *sql.DB, query string, args ...any) [][]string {
	t.Helper()
	rows, err := db.Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var all [][]string
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		line := make([]string, len(columns))
		for i, v := range values {
			line[i] = "-"
			if v.Valid {
				line[i] = v.String
			}
		}
		all = append(all, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

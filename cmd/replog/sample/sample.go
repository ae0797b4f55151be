package sample

import (
	"database/sql"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
)

//go:embed schema.sql
var schema string

// Create writes the sample database to a new file at path. Its content is
// always the same. It fails, and leaves the file alone, if there is one.
func Create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_foreign_keys=1")
	if err != nil {
		return err
	}
	defer db.Close()
	if err := fill(db); err != nil {
		return fmt.Errorf("make the sample database: %w", err)
	}
	return db.Close()
}

func fill(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.Exec(schema); err != nil {
		return err
	}
	g := &generator{tx: tx, rand: rand.New(rand.NewPCG(20260105, 5000))}
	for _, table := range []func(){
		g.customers, g.sites, g.technicians, g.parts, g.stock, g.visits, g.orders, g.notes,
	} {
		table()
		if g.err != nil {
			return g.err
		}
	}
	return tx.Commit()
}

// The company's first day, and the day that the sample calls today.
var (
	founded = time.Date(2019, 3, 4, 0, 0, 0, 0, time.UTC)
	today   = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
)

// generator writes rows with values drawn from a seeded source. The first
// error stops all writing and is kept.
type generator struct {
	tx   *sql.Tx
	rand *rand.Rand
	err  error

	skus   []string
	prices map[string]float64
}

func (g *generator) insert(table string, values ...any) {
	if g.err != nil {
		return
	}
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
	if _, err := g.tx.Exec("INSERT INTO "+table+" VALUES("+marks+")", values...); err != nil {
		g.err = fmt.Errorf("insert into %s %v: %w", table, values, err)
	}
}

// chance is true p times in a hundred.
func (g *generator) chance(p int) bool { return g.rand.IntN(100) < p }

// upTo draws from 1 to n.
func (g *generator) upTo(n int) int { return 1 + g.rand.IntN(n) }

// money draws an amount with two decimals.
func (g *generator) money(least, most int) float64 {
	return float64(least*100+g.rand.IntN((most-least)*100)) / 100
}

// blob draws n bytes.
func (g *generator) blob(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.rand.Uint32())
	}
	return b
}

func (g *generator) day() time.Time {
	days := int(today.Sub(founded).Hours() / 24)
	return founded.AddDate(0, 0, g.rand.IntN(days))
}

func date(t time.Time) string    { return t.Format(time.DateOnly) }
func instant(t time.Time) string { return t.Format(time.DateTime) }

func pick[T any](g *generator, from []T) T { return from[g.rand.IntN(len(from))] }

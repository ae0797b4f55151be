package crash

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"replog/client/driver"
)

// What a transfer runs. Each is an intent.
const (
	take = "UPDATE account SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1"
	give = "UPDATE account SET balance = balance + ?1 WHERE id = ?2"
	note = "INSERT INTO receipt(id, payer, payee, amount) VALUES(?1, ?2, ?3, ?4)"
)

// teller is an application on the driver. It moves money until its standard input
// ends, and prints each transfer after the commit.
func teller(path string) {
	db, err := sql.Open(driver.Name, path+"?_busy_timeout=60000&_txlock=immediate")
	if err != nil {
		panic(err)
	}
	seed, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(seed, 2))
	done := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(done)
	}()
	for n := 1; ; n++ {
		select {
		case <-done:
			return
		case <-time.After(time.Duration(rng.Int64N(int64(20 * time.Millisecond)))):
		}
		name := fmt.Sprintf("%s-%d", os.Getenv("NAME"), n)
		payer := 1 + rng.IntN(accounts)
		payee := 1 + (payer+rng.IntN(accounts-1))%accounts
		err := transfer(db, name, payer, payee, 1+rng.IntN(60))
		var poor *driver.ExpectError
		if errors.As(err, &poor) {
			continue
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(name)
	}
}

func transfer(db *sql.DB, name string, payer, payee, amount int) error {
	ctx := driver.Label(context.Background(), name)
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	one := driver.Expect(ctx, 1)
	if _, err := tx.ExecContext(one, take, amount, payer); err != nil {
		return err
	}
	if _, err := tx.ExecContext(one, give, amount, payee); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, note, name, payer, payee, amount); err != nil {
		return err
	}
	return tx.Commit()
}

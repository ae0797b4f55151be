package model

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"testing"

	"replog/applier"
	"replog/replog"
	"replog/server"
	"replog/sql/postgres"
	"replog/sql/postgres/applied"
	"replog/test/cluster"
)

// On PostgreSQL there is one history for so many on SQLite: they take longer, and what
// they have of their own is the store.
const fewer = 20

func TestConvergenceOnPostgreSQL(t *testing.T) {
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", servers), func(t *testing.T) {
			runFewer(t)
			converge(t, &backend{servers: servers, make: newStores(t), settled: sameTables})
		})
	}
}

// runFewer lowers the number of cases for the test.
func runFewer(t *testing.T) {
	checks := flag.Lookup("rapid.checks").Value.String()
	n, err := strconv.Atoi(checks)
	if err == nil {
		err = flag.Set("rapid.checks", strconv.Itoa(max(1, n/fewer)))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set("rapid.checks", checks) })
}

// newStores gives each history a PostgreSQL database, with parts of the log so small
// that it goes through several.
func newStores(t *testing.T) func() (opening, func() error, error) {
	return func() (opening, func() error, error) {
		address, drop, err := cluster.Make()
		if err != nil {
			return nil, nil, err
		}
		if _, _, err := postgres.Migrate(context.Background(), address); err != nil {
			return nil, nil, errors.Join(err, drop())
		}
		open := func(string) (server.Stores, func() error, error) {
			s, err := postgres.Open(context.Background(), address, postgres.Options{PartitionRevisions: 8, Readers: 4})
			if err != nil {
				return nil, nil, err
			}
			return s, s.Close, nil
		}
		return open, drop, nil
	}
}

// sameTables compares the tables in PostgreSQL with a file.
func sameTables(log replog.Log, path string) error {
	c, err := applier.Open(path, applier.OpenOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer c.Close()
	var differences []string
	_, err = log.(*postgres.Log).CompareRows(context.Background(), applier.NewContent(c), func(d applied.Difference) error {
		differences = append(differences, fmt.Sprintf("%+v", d))
		return nil
	})
	if err == nil && len(differences) > 0 {
		err = fmt.Errorf("tables differ: %s", differences)
	}
	return err
}

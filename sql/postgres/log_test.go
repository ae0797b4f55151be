package postgres

import (
	"context"
	"errors"
	"os"
	"testing"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
	"replog/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

func TestConformance(t *testing.T) { logtest.Run(t, conform(t, Options{})) }

// TestConformanceAcrossParts has every test go over several parts of the log.
func TestConformanceAcrossParts(t *testing.T) {
	logtest.Run(t, conform(t, Options{PartitionRevisions: 5}))
}

// conform makes one store for all tests, with a database for each, as the one before is
// retired.
func conform(t *testing.T, o Options) logtest.Open {
	dsn := migrated(t)
	return func(t *testing.T) (replog.Log, func() replog.Log) {
		store := openStore(t, dsn, o)
		storetest.Exec(t, store.DB(), "UPDATE replog.database SET id = 'of test ' || n, retired_at = 0 WHERE retired_at IS NULL")
		create(t, store, "shop")
		return openLog(t, store), func() replog.Log {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			store = openStore(t, dsn, o)
			return openLog(t, store)
		}
	}
}

// migrated gives the address of a store.
func migrated(t testing.TB) string {
	t.Helper()
	dsn := cluster.Database(t)
	if _, _, err := Migrate(context.Background(), dsn); err != nil {
		t.Fatal(err)
	}
	return dsn
}

func openStore(t testing.TB, dsn string, o Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func create(t testing.TB, s *Store, name string) {
	t.Helper()
	if err := s.make(context.Background(), name, logtest.Start, nil); err != nil {
		t.Fatal(err)
	}
}

func openLog(t testing.TB, s *Store) *Log {
	t.Helper()
	l, err := s.Open(context.Background(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return l.(*Log)
}

// newShop makes a store with one database.
func newShop(t testing.TB, o Options) *Log {
	t.Helper()
	s := openStore(t, migrated(t), o)
	create(t, s, "shop")
	return openLog(t, s)
}

func begin(t testing.TB, l *Log) *Tx {
	t.Helper()
	tx, err := l.BeginTx(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	return tx
}

// add appends the entry at the next revision.
func add(t testing.TB, l *Log, e replog.Entry) {
	t.Helper()
	tx := begin(t, l)
	if err := errors.Join(appendTo(tx, e), tx.Commit()); err != nil {
		t.Fatal(err)
	}
}

func appendTo(tx *Tx, e replog.Entry) error {
	e.Revision = tx.Head().Revision + 1
	_, e.Hash = e.Transaction.Encode()
	return tx.Append(e)
}

func update(id int64, from, to string) replog.Change {
	return replog.Change{
		Table: "item", Op: replog.Update, Time: 1700000000000,
		Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
		Columns: []string{"name"}, Old: []replog.Value{replog.Text(from)}, New: []replog.Value{replog.Text(to)},
	}
}

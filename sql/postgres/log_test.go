package postgres

import (
	"context"
	"os"
	"testing"

	"replog/replog"
	"replog/replog/logtest"
	"replog/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

func TestConformance(t *testing.T) { logtest.Run(t, conform(Options{})) }

// TestConformanceAcrossParts has every test go over several parts of the log.
func TestConformanceAcrossParts(t *testing.T) {
	logtest.Run(t, conform(Options{PartitionRevisions: 3}))
}

// conform makes one store for all tests, each with a database of its own.
func conform(o Options) logtest.Open {
	return func(t *testing.T) (replog.Log, func() replog.Log) {
		dsn := migrated(t)
		store := open1(t, dsn, o)
		create(t, store, "shop")
		return openLog(t, store), func() replog.Log {
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			store = open1(t, dsn, o)
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

func open1(t testing.TB, dsn string, o Options) *Store {
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

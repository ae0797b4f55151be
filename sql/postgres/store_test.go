package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
	"replog/test/cluster"
)

func TestMigrateMakesAStoreOnceHoweverManyCallIt(t *testing.T) {
	dsn := cluster.Database(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, to, err := Migrate(context.Background(), dsn); err != nil || to != programVersion() {
				t.Errorf("version %d, %v", to, err)
			}
		})
	}
	all.Wait()
	from, to, err := Migrate(context.Background(), dsn)
	if err != nil || from != to {
		t.Errorf("a store of version %d was brought to %d: %v", from, to, err)
	}
	openStore(t, dsn, Options{})
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	if _, err := Open(context.Background(), cluster.Database(t), Options{}); !errors.Is(err, ErrNotStore) {
		t.Errorf("got error %v, want ErrNotStore", err)
	}
}

func TestAStoreOfAnotherVersionIsRefused(t *testing.T) {
	dsn := migrated(t)
	db := openStore(t, dsn, Options{}).DB()
	check := func(want int64) {
		t.Helper()
		var version *VersionError
		if _, err := Open(context.Background(), dsn, Options{}); !errors.As(err, &version) || version.Store != want || version.Program != programVersion() {
			t.Errorf("got error %v, want a VersionError of %d", err, want)
		}
	}
	storetest.Exec(t, db, "INSERT INTO replog.goose_db_version (version_id, is_applied) VALUES (99, true)")
	check(99)
	var version *VersionError
	if _, _, err := Migrate(context.Background(), dsn); !errors.As(err, &version) || version.Store != 99 {
		t.Errorf("Migrate: got error %v, want a VersionError", err)
	}
	storetest.Exec(t, db, "DELETE FROM replog.goose_db_version WHERE version_id > 1")
	check(1)
}

func TestADatabaseIsMadeWhole(t *testing.T) {
	ctx := context.Background()
	s := openStore(t, migrated(t), Options{})
	stop := errors.New("stop")
	err := s.make(ctx, "shop", logtest.Start, func(tx *Tx) error {
		return errors.Join(tx.Publish(replog.SchemaVersion{Fingerprint: "f"}), stop)
	})
	if !errors.Is(err, stop) {
		t.Errorf("got error %v, want that of fill", err)
	}
	if all, err := s.Databases(ctx); err != nil || len(all) != 0 {
		t.Errorf("there are databases: %v, %v", all, err)
	}
	if _, err := s.Open(ctx, "shop"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
	fill := func(tx *Tx) error { return tx.Publish(replog.SchemaVersion{Fingerprint: "f", Objects: "o\x00"}) }
	if err := s.make(ctx, "shop", logtest.Start, fill); err != nil {
		t.Fatal(err)
	}
	log := openLog(t, s)
	if v, err := log.SchemaAt(ctx, 0); err != nil || v.Objects != "o\x00" {
		t.Errorf("the schema is %+v, %v", v, err)
	}
	if head, err := log.Head(ctx); err != nil || head != logtest.Start {
		t.Errorf("head is %+v, %v", head, err)
	}
}

func TestANameIsTakenOnce(t *testing.T) {
	ctx := context.Background()
	s := openStore(t, migrated(t), Options{})
	create(t, s, "shop")
	other := logtest.Start
	other.Database = "22222222-2222-4333-8444-555555555555"
	var exists *ExistsError
	if err := s.make(ctx, "shop", other, nil); !errors.As(err, &exists) || exists.Name != "shop" {
		t.Errorf("got error %v, want an ExistsError", err)
	}
	if err := s.make(ctx, "bakery", other, nil); err != nil {
		t.Error(err)
	}
	all, err := s.Databases(ctx)
	if want := []string{"bakery", "shop"}; err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("databases: got %v, %v", all, err)
	}
}

// TestNothingNeedsASearchPath sees to it that a store works through connections of
// which nothing is known.
func TestNothingNeedsASearchPath(t *testing.T) {
	dsn := cluster.Database(t)
	db, err := open(dsn, unlimited)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := storetest.Lines(t, db, "SELECT current_database()")[0][0]
	storetest.Exec(t, db, "ALTER DATABASE "+name+" SET search_path = nowhere")
	storetest.Exec(t, db, "ALTER DATABASE "+name+" SET synchronous_commit = off")
	storetest.Exec(t, db, "ALTER DATABASE "+name+" SET statement_timeout = '10min'")
	if _, _, err := Migrate(context.Background(), dsn); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dsn, Options{PartitionRevisions: 2})
	create(t, s, "shop")
	log := openLog(t, s)
	for seq := range replog.Seq(5) {
		add(t, log, storetest.Entry(seq+1, storetest.Insert(int64(seq), "x")))
	}
	found := 0
	err = log.Entries(context.Background(), replog.Filter{Tables: []string{"ITEM"}, Text: "item"}, func(replog.Entry) error {
		found++
		return nil
	})
	if err != nil || found != 5 {
		t.Errorf("found %d, %v", found, err)
	}
	wantLines(t, storetest.Lines(t, s.DB(), "SELECT count(*) FROM replog.transaction_log"), [][]string{{"5"}})
}

func TestATransactionIsDurableWhateverTheServersDefaults(t *testing.T) {
	dsn := migrated(t)
	s := openStore(t, dsn, Options{})
	name := storetest.Lines(t, s.DB(), "SELECT current_database()")[0][0]
	create(t, s, "shop")
	for setting, value := range map[string]string{
		"default_transaction_isolation": "serializable", "default_transaction_read_only": "on",
		"synchronous_commit": "off", "statement_timeout": "'1min'", "lock_timeout": "'1min'", "idle_in_transaction_session_timeout": "'1min'",
	} {
		storetest.Exec(t, s.DB(), fmt.Sprintf("ALTER DATABASE %s SET %s = %s", name, setting, value))
	}
	tx := begin(t, openLog(t, openStore(t, dsn, Options{})))
	for setting, want := range map[string]string{
		"transaction_isolation": "read committed", "transaction_read_only": "off",
		"synchronous_commit": "on", "statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
	} {
		var got string
		if err := tx.c.row("SHOW "+setting, nil, &got); err != nil || got != want {
			t.Errorf("%s is %s, want %s: %v", setting, got, want, err)
		}
	}
}

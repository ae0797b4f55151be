package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
)

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T) (replog.Log, func() replog.Log) {
		path := filepath.Join(t.TempDir(), "log.db")
		log := create(t, path)
		return log, func() replog.Log {
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			log = reopen(t, path, Options{})
			return log
		}
	})
}

func create(t testing.TB, path string) *Log {
	t.Helper()
	log, err := Create(path, logtest.Start, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func reopen(t testing.TB, path string, o Options) *Log {
	t.Helper()
	log, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// add appends the entry at the next revision.
func add(t testing.TB, log *Log, e replog.Entry) {
	t.Helper()
	tx, err := log.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	e.Revision = tx.Head().Revision + 1
	_, e.Hash = e.Transaction.Encode()
	if err := errors.Join(tx.Append(e), tx.Commit()); err != nil {
		t.Fatal(err)
	}
}

func TestCreateRefusesAnExistingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	create(t, path)
	if _, err := Create(path, logtest.Start, Options{}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got error %v, want fs.ErrExist", err)
	}
	reopen(t, path, Options{})
}

func TestCreateThatFailsLeavesNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	if _, err := Create(filepath.Join(dir, "log.db"), logtest.Start, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want fs.ErrNotExist", err)
	}
}

func TestOpenRefusesWhatIsNoStore(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "absent.db"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: got error %v, want fs.ErrNotExist", err)
	}
	for name, content := range map[string]string{"empty.db": "", "text.db": "This is no database, whatever its name says, and longer than a header."} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{}, {ReadOnly: true}} {
			if _, err := Open(path, o); !errors.Is(err, ErrNotStore) {
				t.Errorf("%s, %+v: got error %v, want ErrNotStore", name, o, err)
			}
		}
	}
}

func TestOpenLeavesAnotherDatabaseAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "shop.db")
	db := shell(t, path)
	storetest.Exec(t, db, "CREATE TABLE head (a)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNotStore) {
		t.Errorf("got error %v, want ErrNotStore", err)
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(after) != string(before) {
		t.Error("the file was changed")
	}
}

func TestAStoreOfANewerProgramIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	create(t, path).Close()
	storetest.Exec(t, shell(t, path), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
	for _, o := range []Options{{}, {ReadOnly: true}} {
		var version *VersionError
		if _, err := Open(path, o); !errors.As(err, &version) || version.Store != 99 || version.Program != 2 {
			t.Errorf("%+v: got error %v, want a VersionError of 99 and 2", o, err)
		}
	}
}

func TestAReadOnlyStoreIsReadWhileItsOwnerWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	owner := create(t, path)
	add(t, owner, storetest.Entry(1, storetest.Insert(1, "one")))
	second := reopen(t, path, Options{ReadOnly: true})
	tx, err := owner.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if head, err := second.Head(context.Background()); err != nil || head.Revision != 1 {
		t.Errorf("head is %+v, %v; want revision 1", head, err)
	}
	if _, err := second.Begin(context.Background()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Begin: got error %v, want ErrReadOnly", err)
	}
}

func TestAReadOnlyStoreIsReadWithoutItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	owner := create(t, path)
	add(t, owner, storetest.Entry(1, storetest.Insert(1, "one")))
	owner.Close()
	e, err := reopen(t, path, Options{ReadOnly: true}).Entry(context.Background(), 1)
	if err != nil || e.Revision != 1 {
		t.Errorf("got entry %+v, %v; want revision 1", e, err)
	}
}

func TestAnotherWriterIsABusyError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	create(t, path).Close()
	log := reopen(t, path, Options{BusyTimeout: time.Millisecond})
	other := shell(t, path)
	storetest.Exec(t, other, "BEGIN IMMEDIATE")
	var busy *BusyError
	if _, err := log.Begin(context.Background()); !errors.As(err, &busy) || busy.Path != path {
		t.Errorf("got error %v, want a BusyError of %s", err, path)
	}
	storetest.Exec(t, other, "ROLLBACK")
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
}

func TestALogThatClosesUnderAWriterEndsItsTransaction(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	tx, err := log.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	log.Close()
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if _, err := log.Begin(context.Background()); err == nil {
		t.Error("a closed log began a transaction")
	}
	add(t, reopen(t, path, Options{}), storetest.Entry(1, storetest.Insert(1, "one")))
}

func TestADamagedEntryIsNotGivenOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.db")
	log := create(t, path)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	storetest.Exec(t, shell(t, path), `UPDATE recorded_statement SET body = replace(body, '"one"', '"two"')`)
	if _, err := log.Entry(context.Background(), 1); !errors.Is(err, replog.ErrForm) {
		t.Errorf("got error %v, want replog.ErrForm", err)
	}
}

func TestACommitIsDurable(t *testing.T) {
	log := create(t, filepath.Join(t.TempDir(), "log.db"))
	begun, err := log.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = begun.Rollback() }()
	tx := begun.(*tx)
	var journal string
	var synchronous int
	if err := errors.Join(tx.s.row("PRAGMA journal_mode", nil, &journal), tx.s.row("PRAGMA synchronous", nil, &synchronous)); err != nil {
		t.Fatal(err)
	}
	const full = 2
	if journal != "wal" || synchronous != full {
		t.Errorf("journal_mode is %s and synchronous %d, want wal and %d", journal, synchronous, full)
	}
}

func TestACommitThatFailsHasAnUnknownOutcomeAndTheNextWriterBegins(t *testing.T) {
	log := create(t, filepath.Join(t.TempDir(), "log.db"))
	begun, err := log.Begin(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	// Without a transaction SQLite refuses to commit.
	if err := begun.(*tx).s.exec("ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := begun.Commit(); !errors.Is(err, replog.ErrUnknownOutcome) {
		t.Errorf("got error %v, want ErrUnknownOutcome", err)
	}
	if head, err := log.Head(context.Background()); err != nil || head != logtest.Start {
		t.Errorf("head is %+v, %v", head, err)
	}
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
}

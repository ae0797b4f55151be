package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"replog/replog"
	"replog/sql/internal/storetest"
	"replog/test/cluster"
)

// backend is the process that serves a transaction.
func backend(t testing.TB, tx *Tx) int {
	t.Helper()
	var pid int
	if err := tx.c.row("SELECT pg_backend_pid()", nil, &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// waitFor polls until a query gives true.
func waitFor(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		var is bool
		if err := s.DB().QueryRow(query, args...).Scan(&is); err != nil {
			t.Fatal(err)
		}
		if is {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: never", query)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func wantHead(t testing.TB, l *Log, want replog.Revision) {
	t.Helper()
	if head, err := l.Head(context.Background()); err != nil || head.Revision != want {
		t.Errorf("head is %+v, %v; want revision %d", head, err, want)
	}
}

func TestAConnectionThatIsLostBeforeTheCommitIsNoCommit(t *testing.T) {
	log := newShop(t, Options{})
	tx := begin(t, log)
	if err := appendTo(tx, storetest.Entry(1, storetest.Insert(1, "one"))); err != nil {
		t.Fatal(err)
	}
	pid := backend(t, tx)
	storetest.Exec(t, log.store.DB(), "SELECT pg_terminate_backend($1)", pid)
	waitFor(t, log.store, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1)", pid)
	if err := tx.Commit(); err == nil || errors.Is(err, replog.ErrUnknownOutcome) {
		t.Errorf("got error %v, want one that says that nothing was appended", err)
	}
	wantHead(t, log, 0)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
}

// TestACommitWhoseAnswerIsLostHasAnUnknownOutcome has a server wait for a standby that
// it does not have, and ends the connection, or the server, meanwhile.
func TestACommitWhoseAnswerIsLostHasAnUnknownOutcome(t *testing.T) {
	server := cluster.Start(t, cluster.Options{Fast: true})
	dsn := server.DSN("postgres")
	if _, _, err := Migrate(context.Background(), dsn); err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dsn, Options{})
	create(t, s, "shop")
	log := openLog(t, s)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	storetest.Exec(t, s.DB(), "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	storetest.Exec(t, s.DB(), "SELECT pg_reload_conf()")
	commitsWait(t, s)

	for n, lose := range []func(pid int){
		func(pid int) { storetest.Exec(t, s.DB(), "SELECT pg_terminate_backend($1)", pid) },
		func(int) { server.Kill() },
	} {
		tx := begin(t, log)
		if err := appendTo(tx, storetest.Entry(replog.Seq(n+2), storetest.Insert(int64(n+2), "x"))); err != nil {
			t.Fatal(err)
		}
		pid := backend(t, tx)
		committed := make(chan error)
		go func() { committed <- tx.Commit() }()
		waitFor(t, s, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep')", pid)
		lose(pid)
		if err := <-committed; !errors.Is(err, replog.ErrUnknownOutcome) {
			t.Errorf("got error %v, want ErrUnknownOutcome", err)
		}
	}
	if err := server.Run(); err != nil {
		t.Fatal(err)
	}
	// Both are there, and whoever begins next knows of them.
	tx := begin(t, log)
	if got := tx.Head().Revision; got != 3 {
		t.Errorf("head is %d, want 3", got)
	}
	past, err := tx.Concurrent(replog.RowID{Table: "item", Key: "[3]"}, 0, "b")
	if err != nil || len(past) != 1 {
		t.Errorf("concurrent: %v, %v", past, err)
	}
	if last, err := tx.LastSeq("aaaaaaaa-0000-4000-8000-000000000001"); err != nil || last != 3 {
		t.Errorf("last seq is %d, %v", last, err)
	}
}

// commitsWait returns once commits wait for a standby: the server's processes learn of
// it one after the other.
func commitsWait(t *testing.T, s *Store) {
	t.Helper()
	const ended = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
	for n := range 10_000 {
		done := make(chan struct{}, 1)
		go func() {
			_, _ = s.DB().Exec(fmt.Sprintf("CREATE TABLE waits_%d ()", n)) // it may be ended
			done <- struct{}{}
		}()
		for committed := false; !committed; {
			if len(storetest.Lines(t, s.quick, ended)) > 0 {
				<-done
				return
			}
			committed = len(done) > 0
		}
	}
	t.Fatal("no commit waits")
}

func TestACommitThatTheServerRefusesAppendsNothing(t *testing.T) {
	log := newShop(t, Options{})
	storetest.Exec(t, log.store.DB(), `
		CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
		CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON replog.head
		DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	tx := begin(t, log)
	if err := appendTo(tx, storetest.Entry(1, storetest.Insert(1, "one"))); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err == nil || errors.Is(err, replog.ErrUnknownOutcome) {
		t.Errorf("got error %v, want that of the server", err)
	}
	wantHead(t, log, 0)
	storetest.Exec(t, log.store.DB(), "DROP TRIGGER refuse ON replog.head")
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
}

func TestATransactionOfWhichAStatementFailedIsNotCommitted(t *testing.T) {
	log := newShop(t, Options{})
	tx := begin(t, log)
	if err := appendTo(tx, storetest.Entry(1, storetest.Insert(1, "one"))); err != nil {
		t.Fatal(err)
	}
	if err := tx.c.run("SELECT 1 / 0"); err == nil {
		t.Fatal("division by zero")
	}
	if err := tx.Commit(); err == nil || errors.Is(err, replog.ErrUnknownOutcome) {
		t.Errorf("got error %v", err)
	}
	wantHead(t, log, 0)
}

// TestACommitWithoutAppendsWrites: it has to write, or a synchronous standby is not
// waited for.
func TestACommitWithoutAppendsWrites(t *testing.T) {
	log := newShop(t, Options{})
	tx := begin(t, log)
	if err := tx.prepare(); err != nil {
		t.Fatal(err)
	}
	var writes bool
	if err := tx.c.row("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", nil, &writes); err != nil || !writes {
		t.Errorf("it writes: %v, %v", writes, err)
	}
}

func TestTheLockIsHeldAgainstOtherServersUntilTheirContextIsDone(t *testing.T) {
	dsn := migrated(t)
	s, other := openStore(t, dsn, Options{}), openStore(t, dsn, Options{})
	create(t, s, "shop")
	first := begin(t, openLog(t, s))
	ctx, cancel := context.WithCancel(context.Background())
	log := openLog(t, other)
	began := make(chan error)
	go func() {
		_, err := log.Begin(ctx)
		began <- err
	}()
	waitFor(t, s, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database())")
	cancel()
	if err := <-began; !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want that of the context", err)
	}
	if err := errors.Join(appendTo(first, storetest.Entry(1, storetest.Insert(1, "one"))), first.Commit()); err != nil {
		t.Fatal(err)
	}
	add(t, log, storetest.Entry(2, storetest.Insert(2, "two")))
	wantHead(t, log, 2)
}

// TestServersThatWriteOneLogLeaveNoGap has two of them append by turns as they come, and
// ask what the other did: what they remember must be what is so.
func TestServersThatWriteOneLogLeaveNoGap(t *testing.T) {
	dsn := migrated(t)
	create(t, openStore(t, dsn, Options{}), "shop")
	const each, rows = 40, 5
	var all sync.WaitGroup
	for n, device := range []replog.DeviceID{"aaaaaaaa-0000-4000-8000-000000000001", "bbbbbbbb-0000-4000-8000-000000000002"} {
		log := openLog(t, openStore(t, dsn, Options{PartitionRevisions: 7}))
		all.Go(func() {
			for seq := replog.Seq(1); seq <= each; seq++ {
				if err := appendAndAsk(log, device, seq, rows); err != nil {
					t.Errorf("server %d, transaction %d: %v", n, seq, err)
					return
				}
				if seq%5 == 0 {
					tx, err := log.BeginTx(context.Background())
					if err == nil {
						err = errors.Join(appendBy(tx, device, seq+1, rows), tx.Rollback())
					}
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	log := openLog(t, openStore(t, dsn, Options{}))
	last := map[replog.DeviceID]replog.Seq{}
	revision := replog.Revision(0)
	err := log.Entries(context.Background(), replog.Filter{}, func(e replog.Entry) error {
		if e.Revision != revision+1 || e.Transaction.Seq != last[e.Transaction.Device]+1 {
			t.Errorf("revision %d, seq %d after %d and %d", e.Revision, e.Transaction.Seq, revision, last[e.Transaction.Device])
		}
		revision, last[e.Transaction.Device] = e.Revision, e.Transaction.Seq
		return nil
	})
	if err != nil || revision != 2*each {
		t.Errorf("%d entries, %v", revision, err)
	}
}

func appendBy(tx *Tx, device replog.DeviceID, seq replog.Seq, rows int64) error {
	e := storetest.Entry(seq, update(int64(seq)%rows, "x", fmt.Sprint(device, seq)))
	e.Transaction.Device = device
	return appendTo(tx, e)
}

// appendAndAsk appends, and compares what the transaction answers with what is stored.
func appendAndAsk(log *Log, device replog.DeviceID, seq replog.Seq, rows int64) error {
	tx, err := log.BeginTx(context.Background())
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if last, err := tx.LastSeq(device); err != nil || last != seq-1 {
		return fmt.Errorf("last seq is %d, %w", last, err)
	}
	if err := appendBy(tx, device, seq, rows); err != nil {
		return err
	}
	for id := range rows {
		after := max(0, tx.Head().Revision-replog.Revision(3*id))
		row := replog.RowID{Table: "item", Key: fmt.Sprintf("[%d]", id)}
		got, err := tx.Concurrent(row, after, device)
		if err != nil {
			return err
		}
		if err := tx.send(); err != nil {
			return err
		}
		var want int
		err = tx.c.row(tx.log.text(`SELECT count(*) FROM replog.changed_row_{n} r JOIN replog.entry_{n} e USING (revision)
			WHERE r.row = $1 AND revision > $2 AND e.device <> $3`), []any{string(rowHash(row.Table, row.Key)), int64(after), string(device)}, &want)
		if err != nil || len(got) != want {
			return fmt.Errorf("%d concurrent changes of %s after %d, want %d: %w", len(got), row, after, want, err)
		}
	}
	return tx.Commit()
}

func TestALogThatGaveUpRevisionsIsLearntAnew(t *testing.T) {
	dsn := migrated(t)
	s := openStore(t, dsn, Options{})
	create(t, s, "shop")
	log := openLog(t, s)
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	add(t, log, storetest.Entry(2, update(1, "one", "two")))
	// Another server took over a standby that lacks the second, and went on.
	for _, table := range []string{"entry_{n}", "recorded_statement_{n}", "changed_row_{n}", "received"} {
		storetest.Exec(t, s.DB(), log.text("DELETE FROM replog."+table+" WHERE revision = 2"))
	}
	storetest.Exec(t, s.DB(), log.text("DELETE FROM replog.statement_text WHERE operation = 'update'"))
	storetest.Exec(t, s.DB(), log.text("UPDATE replog.head SET revision = 1, chain = (SELECT chain FROM replog.entry_{n} WHERE revision = 1)"))
	other := openLog(t, openStore(t, dsn, Options{}))
	add(t, other, storetest.Entry(2, storetest.Insert(2, "other")))
	add(t, other, storetest.Entry(3, storetest.Insert(3, "other")))

	tx := begin(t, log)
	past, err := tx.Concurrent(replog.RowID{Table: "item", Key: "[1]"}, 0, "b")
	if err != nil || len(past) != 1 || past[0].Revision != 1 {
		t.Errorf("concurrent: %+v, %v", past, err)
	}
	if err := errors.Join(appendTo(tx, storetest.Entry(4, update(1, "one", "four"))), tx.Commit()); err != nil {
		t.Fatal(err)
	}
	e, err := log.Entry(context.Background(), 4)
	if err != nil || e.Transaction.Seq != 4 {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestOldPartsCanBeDropped(t *testing.T) {
	log := newShop(t, Options{PartitionRevisions: 4})
	for seq := range replog.Seq(10) {
		add(t, log, storetest.Entry(seq+1, update(1, "x", fmt.Sprint(seq))))
	}
	for _, table := range divided {
		storetest.Exec(t, log.store.DB(), log.text("ALTER TABLE replog."+table+"_{n} DETACH PARTITION replog."+table+"_{n}_p0 CONCURRENTLY"))
		storetest.Exec(t, log.store.DB(), log.text("DROP TABLE replog."+table+"_{n}_p0"))
	}
	log = openLog(t, log.store)
	var got []replog.Revision
	err := log.Entries(context.Background(), replog.Filter{Tables: []string{"item"}}, func(e replog.Entry) error {
		got = append(got, e.Revision)
		return nil
	})
	if err != nil || len(got) != 7 || got[0] != 4 {
		t.Errorf("read %v, %v; want 4 to 10", got, err)
	}
	if _, err := log.Entry(context.Background(), 2); !errors.Is(err, replog.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
	tx := begin(t, log)
	past, err := tx.Concurrent(replog.RowID{Table: "item", Key: "[1]"}, 0, "b")
	if err != nil || len(past) != 7 {
		t.Errorf("%d concurrent changes, %v; want 7", len(past), err)
	}
	// What was received stays known.
	var seq *SeqError
	if err := appendTo(tx, storetest.Entry(2, storetest.Insert(1, "again"))); !errors.As(err, &seq) {
		t.Errorf("got error %v, want a SeqError", err)
	}
	if err := errors.Join(appendTo(tx, storetest.Entry(11, storetest.Insert(11, "x"))), tx.Commit()); err != nil {
		t.Error(err)
	}
}

func TestADamagedEntryIsNotGivenOut(t *testing.T) {
	log := newShop(t, Options{})
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	storetest.Exec(t, log.store.DB(), log.text(`UPDATE replog.recorded_statement_{n} SET new = replace(new, '"one"', '"two"')`))
	if _, err := log.Entry(context.Background(), 1); !errors.Is(err, replog.ErrForm) {
		t.Errorf("got error %v, want replog.ErrForm", err)
	}
}

func TestAClosedLogBeginsNothing(t *testing.T) {
	log := newShop(t, Options{})
	log.Close()
	if _, err := log.Begin(context.Background()); !errors.Is(err, ErrClosed) {
		t.Errorf("got error %v, want ErrClosed", err)
	}
}

func TestAnEntryOfAwkwardTextComesBack(t *testing.T) {
	log := newShop(t, Options{})
	e := storetest.Entry(1, awkward()...)
	e.Transaction.Label = "\x00\xff" + escapeText
	e.Outcome, e.Changes = replog.Rejected, nil
	e.Reason = replog.Reason{Code: replog.ReasonConstraint, Detail: "a\x00b\xff" + escapeText + "00"}
	add(t, log, e)
	got, err := log.Entry(context.Background(), 1)
	if err != nil || got.Reason != e.Reason {
		t.Errorf("got %+v, %v", got.Reason, err)
	}
	found := 0
	err = log.Entries(context.Background(), replog.Filter{Tables: []string{"ODD \"table\" \x00 " + escapeText}}, func(replog.Entry) error {
		found++
		return nil
	})
	if err != nil || found != 1 {
		t.Errorf("found %d, %v", found, err)
	}
}

func TestARowWithAKeyThatNoIndexTakesIsFound(t *testing.T) {
	log := newShop(t, Options{})
	long := make([]byte, 100_000)
	for i := range long {
		long[i] = byte('a' + i*i%26 + i%3)
	}
	c := storetest.Insert(1, "x")
	c.Key = []replog.Value{replog.Text(string(long))}
	c.New[0] = c.Key[0]
	e := storetest.Entry(1, c)
	e.Transaction.Label = string(long)
	add(t, log, e)
	for _, f := range []replog.Filter{{Tables: []string{"item"}, Keys: []string{replog.KeyString(c.Key)}}, {Label: string(long)}} {
		found := 0
		if err := log.Entries(context.Background(), f, func(replog.Entry) error { found++; return nil }); err != nil || found != 1 {
			t.Errorf("found %d, %v", found, err)
		}
	}
	past, err := begin(t, openLog(t, log.store)).Concurrent(c.Row(), 0, "b")
	if err != nil || len(past) != 1 {
		t.Errorf("concurrent: %d, %v", len(past), err)
	}
}

func TestPartsThatAFailoverLostAreMadeAgain(t *testing.T) {
	log := newShop(t, Options{PartitionRevisions: 4})
	add(t, log, storetest.Entry(1, storetest.Insert(1, "one")))
	tx := begin(t, log)
	if err := errors.Join(appendTo(tx, storetest.Entry(2, storetest.Insert(2, "two"))), tx.Rollback()); err != nil {
		t.Fatal(err)
	}
	// The log stands where it did, without the part that was made ahead.
	for _, table := range divided {
		storetest.Exec(t, log.store.DB(), fmt.Sprintf("DROP TABLE replog.%s_%d_p4", table, log.n))
	}
	storetest.Exec(t, log.store.DB(), "DELETE FROM replog.part WHERE from_revision = 4")
	for seq := replog.Seq(2); seq <= 5; seq++ {
		add(t, log, storetest.Entry(seq, storetest.Insert(int64(seq), "more")))
	}
}

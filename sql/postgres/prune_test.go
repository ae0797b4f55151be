package postgres

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"replog/replog"
	"replog/sql/internal/storetest"
)

func TestAPrunedLogGoesOnFromItsHorizon(t *testing.T) {
	ctx := context.Background()
	log := newShop(t, Options{PartitionRevisions: 4})
	for seq := range replog.Seq(11) {
		add(t, log, storetest.Entry(seq+1, storetest.Insert(int64(seq), "one")))
	}
	var early *PruneError
	if _, err := log.store.Prune(ctx, "shop", 8); !errors.As(err, &early) || early.Kept != 0 {
		t.Fatalf("without a content that is late enough: %v", err)
	}
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	info := SnapshotInfo{Revision: 9, Chain: mustChain(t, log, 9), Epoch: head.Epoch, Size: 3}
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader([]byte("abc"))); err != nil {
		t.Fatal(err)
	}
	if horizon, err := log.store.Prune(ctx, "shop", 9); err != nil || horizon != 8 {
		t.Fatalf("the horizon is %d, %v; want 8", horizon, err)
	}
	if horizon, err := log.store.Prune(ctx, "shop", 3); err != nil || horizon != 8 {
		t.Errorf("again: the horizon is %d, %v; want 8", horizon, err)
	}
	read := func(after replog.Revision) (list []replog.Revision, err error) {
		err = log.Deliveries(ctx, replog.Wanted{After: after, UpTo: 11, AsChanges: true}, func(d *replog.Delivery) error {
			list = append(list, d.Revision)
			return nil
		})
		return list, err
	}
	for _, after := range []replog.Revision{0, 7} {
		if list, err := read(after); !errors.Is(err, replog.ErrHorizon) || list != nil {
			t.Errorf("after %d: %v, %v", after, list, err)
		}
	}
	if list, err := read(8); err != nil || len(list) != 3 {
		t.Errorf("after the horizon: %v, %v", list, err)
	}
	place, err := log.Place(ctx, "aaaaaaaa-0000-4000-8000-000000000001", 8)
	if err != nil || place.Head.Horizon != 8 || place.LastSeq != 11 || place.Chain != mustChain(t, log, 8) {
		t.Errorf("%+v, %v", place, err)
	}
	tx := begin(t, log)
	if tx.Head().Horizon != 8 {
		t.Errorf("%+v", tx.Head())
	}
	if err := errors.Join(appendTo(tx, storetest.Entry(12, storetest.Insert(12, "more"))), tx.Commit()); err != nil {
		t.Error(err)
	}
}

func mustChain(t *testing.T, log *Log, r replog.Revision) replog.Chain {
	t.Helper()
	c, err := log.ChainAt(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWhoReadsALogKeepsItsOldPartsAndNobodyWaitsForLong(t *testing.T) {
	ctx := context.Background()
	log := newShop(t, Options{PartitionRevisions: 4})
	for seq := range replog.Seq(11) {
		add(t, log, storetest.Entry(seq+1, storetest.Insert(int64(seq), "one")))
	}
	info := SnapshotInfo{Revision: 9, Chain: mustChain(t, log, 9), Size: 3}
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader([]byte("abc"))); err != nil {
		t.Fatal(err)
	}
	pruned := make(chan error, 1)
	err := log.view(ctx, log.store.readers, func(v *view) error {
		if err := log.reaches(v, 0); err != nil {
			return err
		}
		go func() {
			_, err := log.store.Prune(ctx, "shop", 9)
			pruned <- err
		}()
		waitFor(t, log.store, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock')")
		// It does not hold up those who write, and has not overtaken who reads.
		add(t, log, storetest.Entry(12, storetest.Insert(12, "more")))
		rows, err := entryRows(v, log.text(selectJudged+"ORDER BY revision"))
		if err == nil && (len(rows) == 0 || rows[0].Revision != 1) {
			t.Errorf("%d entries are left to who began before", len(rows))
		}
		return err
	})
	if err == nil {
		err = <-pruned
	}
	if err != nil {
		t.Fatal(err)
	}
	if head, err := log.Head(ctx); err != nil || head.Horizon != 8 {
		t.Errorf("%+v, %v", head, err)
	}
}

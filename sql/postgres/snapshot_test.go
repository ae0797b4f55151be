package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
)

func TestASnapshotComesBack(t *testing.T) {
	ctx := context.Background()
	s := openStore(t, migrated(t), Options{})
	random := rand.NewChaCha8([32]byte{1})
	file := make([]byte, 5<<20+17)
	if _, err := random.Read(file); err != nil {
		t.Fatal(err)
	}
	first := SnapshotInfo{Epoch: logtest.Start.Epoch, Chain: logtest.Start.Chain, Size: 3, Digest: "d0", MadeAt: 7}
	err := s.make(ctx, "shop", logtest.Start, func(tx *Tx) error { return tx.KeepSnapshot(first, bytes.NewReader(file[:3])) })
	if err != nil {
		t.Fatal(err)
	}
	log := openLog(t, s)
	var infos []SnapshotInfo
	for n := range 4 {
		add(t, log, storetest.Entry(replog.Seq(n+1), storetest.Insert(int64(n), "x")))
		head, err := log.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		info := SnapshotInfo{Revision: head.Revision, Epoch: head.Epoch, Chain: head.Chain, Size: int64(len(file) - n), Digest: "d", MadeAt: 8}
		if err := log.KeepSnapshot(ctx, info, bytes.NewReader(file[n:])); err != nil {
			t.Fatal(err)
		}
		infos = append(infos, info)
	}
	for _, tc := range []struct {
		upTo replog.Revision
		want SnapshotInfo
		from int
		to   int
	}{{9, infos[3], 3, len(file)}, {3, infos[2], 2, len(file)}, {2, first, 0, 3}, {0, first, 0, 3}} {
		info, r, err := log.NewestSnapshot(ctx, tc.upTo)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || info != tc.want || !bytes.Equal(got, file[tc.from:tc.to]) {
			t.Errorf("up to %d: got %+v, %d bytes, %v", tc.upTo, info, len(got), err)
		}
	}
}

func TestASnapshotOfAnotherLogIsNotKeptNorGiven(t *testing.T) {
	ctx := context.Background()
	log := newShop(t, Options{})
	add(t, log, storetest.Entry(1, storetest.Insert(1, "x")))
	head, err := log.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	info := SnapshotInfo{Revision: 1, Epoch: head.Epoch, Chain: "other", Size: 1}
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader([]byte{1})); !errors.Is(err, ErrOtherChain) {
		t.Errorf("got error %v, want ErrOtherChain", err)
	}
	info.Revision = 2
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader([]byte{1})); !errors.Is(err, ErrOtherChain) {
		t.Errorf("got error %v, want ErrOtherChain", err)
	}
	info.Revision, info.Chain = 1, head.Chain
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader(nil)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got error %v, want io.ErrUnexpectedEOF", err)
	}
	if err := log.KeepSnapshot(ctx, info, bytes.NewReader([]byte{1})); err != nil {
		t.Fatal(err)
	}
	storetest.Exec(t, log.store.DB(), log.text("UPDATE replog.entry_{n} SET chain = 'given up'"))
	if _, _, err := log.NewestSnapshot(ctx, 9); !errors.Is(err, replog.ErrNotFound) {
		t.Errorf("got error %v, want ErrNotFound", err)
	}
}

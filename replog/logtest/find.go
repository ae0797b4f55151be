package logtest

import (
	"context"
	"errors"
	"testing"

	"replog/replog"
)

func testNotFound(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)))
	for _, r := range []replog.Revision{-1, 0, 2} {
		_, err := log.Entry(context.Background(), r)
		wantNotFound(t, err)
	}
	tx := begin(t, log)
	_, err := tx.Find(anna, 2)
	wantNotFound(t, err)
	_, err = tx.Find(bert, 1)
	wantNotFound(t, err)
}

func testLastSeq(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log,
		applied(anna, 1, insert(1, 1)),
		refused(replog.Held, anna, 2, insert(2, 2)),
		applied(bert, 1, insert(3, 3)))
	tx := begin(t, log)
	must(t, tx.Append(sealed(applied(bert, 2, insert(4, 4)), 4)))
	for device, want := range map[replog.DeviceID]replog.Seq{anna: 2, bert: 2, clara: 0} {
		got, err := tx.LastSeq(device)
		must(t, err)
		same(t, "last seq of "+device.Short(), got, want)
	}
	must(t, tx.Rollback())
	now := head(t, log)
	for _, want := range []struct {
		device replog.DeviceID
		at     replog.Revision
		place  replog.Place
	}{
		{bert, 3, replog.Place{Head: now, LastSeq: 1, Chain: now.Chain}},
		{anna, 1, replog.Place{Head: now, LastSeq: 2, Chain: chainAt(t, log, 1)}},
		{clara, 0, replog.Place{Head: now, Chain: Start.Chain}},
		{anna, 4, replog.Place{Head: now, LastSeq: 2}},
	} {
		got, err := log.Place(context.Background(), want.device, want.at)
		must(t, err)
		same(t, "place", got, want.place)
	}
}

func chainAt(t *testing.T, log replog.Log, r replog.Revision) replog.Chain {
	t.Helper()
	c, err := log.ChainAt(context.Background(), r)
	must(t, err)
	return c
}

func testPlanned(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log,
		refused(replog.Conflict, anna, 1, insert(1, 1), insert(2, 2)),
		rekeyed(anna, 2, 3, 4),
		cancelled(applied(anna, 3, insert(5, 5))))
	tx := begin(t, log)
	for _, e := range entries {
		var got []replog.Change
		must(t, tx.Planned(e.Revision, func(n int, c *replog.Change) error {
			same(t, "number", n, len(got))
			got = append(got, *c)
			return nil
		}))
		same(t, "planned", len(got), e.Transaction.NetChanges().Len())
		for i := range got {
			same(t, "planned", got[i], netOf(&e.Transaction)[i])
		}
	}
	stop := errors.New("stop")
	if err := tx.Planned(1, func(int, *replog.Change) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an error of yield came back as %v", err)
	}
}

func testUnsettled(t *testing.T, open Open) {
	log, _ := open(t)
	entries := write(t, log,
		applied(anna, 1, insert(1, 1)),
		applied(bert, 1, insert(2, 2)),
		refused(replog.Conflict, anna, 2, insert(2, 3)),
		applied(anna, 3, insert(3, 3)),
		refused(replog.Ignored, anna, 4, insert(3, 4)))
	tx := begin(t, log)
	own := sealed(refused(replog.Held, anna, 5, insert(4, 4)), 6)
	must(t, tx.Append(own))
	got, err := tx.Unsettled(anna, 1)
	must(t, err)
	same(t, "anna's unsettled entries since 1", got, []replog.Judged{judged(entries[2]), judged(own)})
	got, err = tx.Unsettled(anna, 2)
	must(t, err)
	same(t, "anna's unsettled entries since 2", got, []replog.Judged{judged(own)})
	got, err = tx.Unsettled(anna, 5)
	must(t, err)
	same(t, "anna's unsettled entries since 5", len(got), 0)
	found, err := tx.Find(anna, 5)
	must(t, err)
	same(t, "own append", found, judged(own))
}

func testForeign(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log,
		applied(anna, 1, insert(1, 1)),
		applied(bert, 1, insert(2, 2)),
		applied(anna, 2, insert(3, 3)),
		withoutEffect(applied(bert, 2, remove(9, 9))),
		refused(replog.Conflict, clara, 1, insert(2, 3)),
		applied(anna, 3, insert(4, 4)))
	tx := begin(t, log)
	check := func(device replog.DeviceID, after, want replog.Revision) {
		t.Helper()
		got, err := tx.Foreign(after, device)
		must(t, err)
		if got != want {
			t.Errorf("foreign of %s after %d is %d, want %d", device.Short(), after, got, want)
		}
	}
	check(anna, 0, 2)
	check(anna, 1, 2)
	check(anna, 2, 0)
	check(bert, 0, 6)
	check(bert, 5, 6)
	check(bert, 6, 0)
	check(clara, 3, 6)
	must(t, tx.Append(sealed(applied(clara, 2, insert(5, 5)), 7)))
	check(anna, 0, 7)
	check(clara, 0, 6)
	must(t, tx.Rollback())
	tx = begin(t, log)
	check(anna, 0, 2)
}

func testConcurrent(t *testing.T, open Open) {
	log, _ := open(t)
	row := change(insert(1, 1)).Row()
	stale := partlyStale(applied(bert, 2, update(1, 2, 3), update(2, 0, 1)))
	back := restored(applied(bert, 4, update(3, 30, 31)))
	net := netted(applied(bert, 5, update(1, 2, 6), update(1, 6, 7)))
	write(t, log,
		applied(anna, 1, insert(1, 1)),
		applied(bert, 1, insert(8, 8), update(1, 1, 2)),
		stale,
		refused(replog.Conflict, clara, 1, update(1, 2, 9)),
		withoutEffect(applied(clara, 2, update(1, 2, 2))),
		moved(applied(clara, 3, remove(1, 2), insert(7, 2))),
		refused(replog.Ignored, bert, 3, update(1, 2, 4)),
		back,
		net)
	tx := begin(t, log)
	own := sealed(applied(clara, 4, update(1, 7, 8)), 10)
	must(t, tx.Append(own))
	check := func(what string, row replog.RowID, after replog.Revision, device replog.DeviceID, want ...replog.PastChange) {
		t.Helper()
		got, err := tx.Concurrent(row, after, device)
		must(t, err)
		same(t, what, got, want)
	}
	inserted := replog.PastChange{Revision: 1, Device: anna, Change: insert(1, 1)}
	updated := replog.PastChange{Revision: 2, Device: bert, Change: update(1, 1, 2)}
	gone := remove(1, 2)
	gone.Unit = 1
	removed := replog.PastChange{Revision: 6, Device: clara, Change: gone}
	twice := replog.PastChange{Revision: 9, Device: bert, Change: net.Changes[0]}
	last := replog.PastChange{Revision: 10, Device: clara, Change: update(1, 7, 8)}
	check("others than anna", row, 0, anna, updated, removed, twice, last)
	check("others than bert", row, 0, bert, inserted, removed, last)
	check("others than clara", row, 0, clara, inserted, updated, twice)
	check("after 2", row, 2, anna, removed, twice, last)
	check("after the last", row, 10, anna)
	check("a restored row", change(insert(3, 3)).Row(), 0, anna,
		replog.PastChange{Revision: 8, Device: bert, Change: back.Changes[0]})
	check("a changed old value", change(insert(2, 2)).Row(), 0, anna,
		replog.PastChange{Revision: 3, Device: bert, Change: stale.Changes[0]})
}

// testConcurrentRows uses keys that only class, case or table tell apart.
func testConcurrentRows(t *testing.T, open Open) {
	log, _ := open(t)
	keys := []replog.Value{
		replog.Integer(1), replog.Real(1), replog.Text("1"), replog.Blob([]byte("1")),
		replog.Text("a"), replog.Text("A"), replog.Text("a "), replog.Text(""), replog.Blob(nil),
		replog.Real(0), replog.Text("\xff"), replog.Text("a\x00"),
	}
	var changes []replog.Change
	for i, key := range keys {
		for _, table := range []string{"item", "ITEM"} {
			c := update(0, 0, int64(i))
			c.Table, c.Key = table, []replog.Value{key}
			changes = append(changes, c)
		}
	}
	write(t, log, applied(anna, 1, changes...))
	tx := begin(t, log)
	for _, c := range changes {
		got, err := tx.Concurrent(c.Row(), 0, bert)
		must(t, err)
		same(t, c.Row().String(), got, []replog.PastChange{{Revision: 1, Device: anna, Change: c}})
	}
}

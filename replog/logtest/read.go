package logtest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"replog/replog"
)

func testVisibility(t *testing.T, open Open) {
	log, _ := open(t)
	first := write(t, log, applied(anna, 1, insert(1, 1)))
	tx := begin(t, log)
	own := sealed(applied(anna, 2, insert(2, 2)), 2)
	must(t, tx.Append(own))

	found, err := tx.Find(anna, 2)
	must(t, err)
	same(t, "own append", found, judged(own))
	same(t, "head of the writer", tx.Head().Revision, replog.Revision(2))
	same(t, "head of a reader", head(t, log).Revision, replog.Revision(1))
	same(t, "entries of a reader", read(t, log, replog.Filter{}), first)
	_, err = log.Entry(context.Background(), 2)
	wantNotFound(t, err)

	must(t, tx.Commit())
	same(t, "head after the commit", head(t, log).Revision, replog.Revision(2))
	same(t, "entries after the commit", read(t, log, replog.Filter{}), append(first, own))
}

func testCancelledReader(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)), applied(anna, 2, insert(2, 2)))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	err := log.Entries(ctx, replog.Filter{}, func(replog.Entry) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("read %d entries with error %v, want 1 and the context's error", n, err)
	}
}

func testFilters(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log,
		applied(anna, 1, insert(1, 1)),
		applied(bert, 1, insert(2, 2)),
		refused(replog.Conflict, anna, 2, insert(2, 3)),
		refused(replog.Ignored, bert, 2, update(1, 1, 2)),
		withoutEffect(applied(anna, 3, remove(9, 9))),
		applied(bert, 3, update(1, 1, 3)))
	for _, test := range []struct {
		name   string
		filter replog.Filter
		want   []replog.Revision
	}{
		{"all", replog.Filter{}, []replog.Revision{1, 2, 3, 4, 5, 6}},
		{"after", replog.Filter{After: 4}, []replog.Revision{5, 6}},
		{"after the head", replog.Filter{After: 6}, nil},
		{"up to", replog.Filter{UpTo: 2}, []replog.Revision{1, 2}},
		{"between", replog.Filter{After: 2, UpTo: 4}, []replog.Revision{3, 4}},
		{"beyond the head", replog.Filter{After: 5, UpTo: 99}, []replog.Revision{6}},
		{"nothing between", replog.Filter{After: 4, UpTo: 2}, nil},
		{"applied", replog.Filter{AppliedOnly: true}, []replog.Revision{1, 2, 5, 6}},
		{"device", replog.Filter{Devices: []replog.DeviceID{anna}}, []replog.Revision{1, 3, 5}},
		{"unknown device", replog.Filter{Devices: []replog.DeviceID{clara}}, nil},
		{"descending", replog.Filter{Descending: true}, []replog.Revision{6, 5, 4, 3, 2, 1}},
		{"limit", replog.Filter{Limit: 2}, []replog.Revision{1, 2}},
		{"newest two", replog.Filter{Limit: 2, Descending: true}, []replog.Revision{6, 5}},
		{"limit above the number", replog.Filter{Limit: 99, After: 4}, []replog.Revision{5, 6}},
		{"everything at once", replog.Filter{After: 1, UpTo: 5, AppliedOnly: true, Devices: []replog.DeviceID{anna}, Descending: true, Limit: 1}, []replog.Revision{5}},
	} {
		var got []replog.Revision
		for _, e := range read(t, log, test.filter) {
			got = append(got, e.Revision)
		}
		same(t, test.name, got, test.want)
	}
}

func testYieldError(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)), applied(anna, 2, insert(2, 2)))
	stop := errors.New("stop")
	n := 0
	err := log.Entries(context.Background(), replog.Filter{}, func(replog.Entry) error {
		n++
		return stop
	})
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("read %d entries with error %v, want 1 and the error of yield", n, err)
	}
}

// testOneView writes while a reader reads, from within its yield: a store that
// made readers and writers wait for each other would not end.
func testOneView(t *testing.T, open Open) {
	log, _ := open(t)
	write(t, log, applied(anna, 1, insert(1, 1)), applied(anna, 2, insert(2, 2)))
	seq := replog.Seq(3)
	var seen []replog.Revision
	must(t, log.Entries(context.Background(), replog.Filter{}, func(e replog.Entry) error {
		seen = append(seen, e.Revision)
		write(t, log, applied(anna, seq, insert(int64(seq), 1)))
		seq++
		return nil
	}))
	same(t, "revisions", seen, []replog.Revision{1, 2})
	same(t, "head", head(t, log).Revision, replog.Revision(4))
}

// testFollow reads with several readers, each asking for what is after its last
// revision, while a writer appends in transactions of one and of three entries
// and rolls some back.
func testFollow(t *testing.T, open Open) {
	log, _ := open(t)
	const target = replog.Revision(200)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for last := replog.Revision(0); last < target; {
				err := log.Entries(ctx, replog.Filter{After: last}, func(e replog.Entry) error {
					if e.Revision != last+1 || e.Transaction.Seq != replog.Seq(e.Revision) {
						t.Errorf("revision %d, seq %d came after %d", e.Revision, e.Transaction.Seq, last)
					}
					last = e.Revision
					return nil
				})
				if ctx.Err() != nil {
					return // the writer gave up
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for n := replog.Seq(0); n < replog.Seq(target); {
		batch := []replog.Entry{applied(anna, n+1, insert(int64(n), 1))}
		if n%4 == 0 {
			batch = append(batch, applied(anna, n+2, insert(int64(n), 1)), applied(anna, n+3, insert(int64(n), 1)))
		}
		tx := begin(t, log)
		for i, e := range batch {
			must(t, tx.Append(sealed(e, replog.Revision(n)+replog.Revision(i)+1)))
		}
		if n%5 == 1 {
			must(t, tx.Rollback())
			write(t, log, batch...)
		} else {
			must(t, tx.Commit())
		}
		n += replog.Seq(len(batch))
	}
	readers.Wait()
}

// testDeliveries: what a device gets follows from the entries.
func testDeliveries(t *testing.T, open Open) {
	log, _ := open(t)
	partly := applied(bert, 4, insert(4, 4))
	partly.Changes = []replog.Change{insert(4, 5)}
	netted := applied(bert, 3, update(1, 2, 3))
	netted.Transaction.Statements = append(netted.Transaction.Statements, replog.Statement{Change: insert(7, 7)}, replog.Statement{Change: remove(7, 7)})
	netted.Transaction.Net = netted.Changes
	entries := write(t, log,
		applied(anna, 1, insert(1, 1)),
		refused(replog.Conflict, anna, 2, insert(1, 3)),
		applied(bert, 1, insert(2, 2), update(1, 1, 2)),
		refused(replog.Ignored, bert, 2, update(1, 1, 2)),
		withoutEffect(applied(anna, 3, remove(9, 9))),
		netted,
		partly)
	for _, to := range []replog.DeviceID{anna, bert, "somebody"} {
		for after := replog.Revision(0); after < 3; after++ {
			checkDeliveries(t, log, entries, replog.Wanted{To: to, After: after, UpTo: 6})
		}
	}
}

func verdictText(t *testing.T, v *replog.Verdict) string {
	b, err := json.Marshal(v)
	must(t, err)
	return " verdict " + string(b)
}

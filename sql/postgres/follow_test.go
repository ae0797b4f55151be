package postgres

import (
	"cmp"
	"context"
	"net/url"
	"testing"
	"time"

	"replog/replog"
	"replog/replog/logtest"
	"replog/sql/internal/storetest"
)

// follow gives what Follow tells, until the test ends.
func follow(t *testing.T, s *Store, every time.Duration) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told, ended := make(chan string, 100), make(chan struct{})
	go func() {
		s.Follow(ctx, every, func(id string) { told <- id })
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return told
}

func wantTold(t *testing.T, told <-chan string) {
	t.Helper()
	select {
	case id := <-told:
		if id != logtest.Start.Database {
			t.Errorf("told of %s", id)
		}
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was told")
	}
}

// listens waits until somebody listens.
func listens(t *testing.T, s *Store) {
	waitFor(t, s, "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database())")
}

func TestWhoFollowsIsToldWhatIsAnnounced(t *testing.T) {
	dsn := migrated(t)
	s, other := openStore(t, dsn, Options{}), openStore(t, dsn, Options{})
	create(t, s, "shop")
	told := follow(t, other, time.Hour)
	wantTold(t, told) // where it stands at first
	listens(t, s)
	log := openLog(t, s)
	for seq := range 3 {
		add(t, log, storetest.Entry(replog.Seq(seq+1), storetest.Insert(int64(seq), "x")))
		s.Announce(log.id)
		wantTold(t, told)
	}
	// A lost connection is made again.
	storetest.Exec(t, s.DB(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
	add(t, log, storetest.Entry(4, storetest.Insert(4, "x")))
	wantTold(t, told)
	select {
	case <-told:
		t.Error("told twice")
	default:
	}
}

func TestWhoFollowsFindsWhatNobodyAnnounced(t *testing.T) {
	dsn := migrated(t)
	s := openStore(t, dsn, Options{})
	create(t, s, "shop")
	told := follow(t, openStore(t, dsn, Options{}), 10*time.Millisecond)
	wantTold(t, told)
	add(t, openLog(t, s), storetest.Entry(1, storetest.Insert(1, "x")))
	wantTold(t, told)
}

func TestWhoFollowsMayHaveAnAddressOfSeveralHosts(t *testing.T) {
	address, err := url.Parse(migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	q := address.Query()
	host, port := address.Hostname(), cmp.Or(address.Port(), defaultPort)
	if q.Has("host") {
		host, port = q.Get("host"), cmp.Or(q.Get("port"), defaultPort)
	}
	q.Del("host")
	q.Del("port")
	address.RawQuery = q.Encode()
	address.Host = host + ":" + port + "," + host + ":" + port
	s := openStore(t, address.String(), Options{})
	create(t, s, "shop")
	wantTold(t, follow(t, s, time.Hour))
	listens(t, s)
}

package crash

import (
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
	"time"

	"replog/test/cluster"
)

const failovers = 5

func TestNothingAcknowledgedIsLostWherePrimariesAreKilledAndTheirStandbysPromoted(t *testing.T) {
	seed := uint64(number(t, "REPLOG_CRASH_SEED", time.Now().UnixNano()))
	t.Logf("REPLOG_CRASH_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	primary := cluster.Start(t, cluster.Options{Fast: true})
	standby := primary.Standby(t, true)
	s := newSite(t, schema, place{store: cluster.DSNOfBoth(primary, standby, "postgres"), servers: 2})
	var modes []string
	for range 8 {
		modes = append(modes, "wal")
	}
	devices := s.enrol(modes...)
	for _, d := range devices {
		d.startWriter(rng.Int64N(1 << 31))
		d.startSyncing()
	}
	for range failovers {
		pause(time.Duration(rng.Int64N(int64(time.Second))))
		gone := primary
		gone.Kill()
		if err := standby.Promote(); err != nil {
			t.Fatal(err)
		}
		pause(time.Duration(rng.Int64N(int64(time.Second))))
		primary, standby = standby, standby.StandbyAt(t, gone.Port, true)
	}
	seen, entries := s.settle(devices)
	applied, _ := checkSeen(t, entries, checkInserted(t, entries), seen)
	if applied == 0 {
		t.Error("nothing was applied: too little was tried")
	}
	t.Logf("%d failovers, %d entries, %d rows applied", failovers, len(entries), applied)
}

// A standby that lags behind when it takes over lacks what was acknowledged. Nobody
// goes on as if nothing had happened, and nothing is lost that a device has.
func TestWhatAFailoverLostComesBackFromTheDevices(t *testing.T) {
	primary := cluster.Start(t, cluster.Options{Fast: true})
	standby := primary.Standby(t, false)
	s := newSite(t, "CREATE TABLE note(id TEXT PRIMARY KEY, text TEXT); INSERT INTO note VALUES('first', 'x');",
		place{store: cluster.DSNOfBoth(primary, standby, "postgres"), servers: 2})
	devices := s.enrol("wal", "wal", "wal")
	write := func(d *device, id string) {
		t.Helper()
		s.shell(d.path, "INSERT INTO note VALUES('"+id+"', '"+d.name+"')")
	}
	sync := func(code int, d *device, args ...string) {
		t.Helper()
		s.run([]int{code}, "X=", append([]string{"sync", d.path}, args...)...)
	}
	for _, d := range devices {
		write(d, "before "+d.name)
	}
	s.syncUntilQuiet(devices)
	if err := primary.CaughtUp(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Detach(); err != nil {
		t.Fatal(err)
	}
	ahead, behind := devices[:2], devices[2]
	for _, d := range ahead {
		write(d, "lost "+d.name)
		sync(0, d)
	}
	sync(0, ahead[0]) // has the other's, too
	primary.Kill()
	if err := standby.Promote(); err != nil {
		t.Fatal(err)
	}
	s.waitReady(s.servers[0])
	s.waitReady(s.servers[1])

	// Who knows nothing of it goes on, and takes the numbers that were given up.
	for _, id := range []string{"meanwhile 1", "meanwhile 2", "meanwhile 3"} {
		write(behind, id)
		sync(0, behind)
	}
	for _, d := range ahead {
		write(d, "later "+d.name)
		sync(6, d)
		sync(6, d)
		sync(0, d, "--rejoin")
	}
	s.syncUntilQuiet(devices)
	s.checkEqual(devices)
	s.checkTables(devices[0])
	checkRevisions(t, s.log(devices[0]))
	for _, d := range devices {
		got, err := exec.Command("sqlite3", d.path, "SELECT group_concat(id, ', ') FROM (SELECT id FROM note ORDER BY id)").Output()
		want := "before d0, before d1, before d2, first, later d0, later d1, lost d0, lost d1, meanwhile 1, meanwhile 2, meanwhile 3"
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s has %s, want %s (%v)", d.name, got, want, err)
		}
	}
}

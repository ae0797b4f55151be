package crash

import (
	"fmt"
	"math/rand/v2"
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
	s := newSite(t, schema, cluster.DSNOfBoth(primary, standby, "postgres"), 2)
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
	seen := map[*device][]string{}
	for _, d := range devices {
		d.stopSyncing()
		seen[d] = d.stopWriter()
	}
	s.syncUntilQuiet(devices)
	s.checkEqual(devices)
	s.checkTables(devices[0])
	entries := s.log(devices[0])
	checkRevisions(t, entries)
	applied, _ := checkSeen(t, entries, checkInserted(t, entries), seen)
	if applied == 0 {
		t.Error("nothing was applied: too little was tried")
	}
	t.Log(fmt.Sprintf("%d failovers, %d entries, %d rows applied", failovers, len(entries), applied))
}

// Package crash kills real processes at random moments, with SIGKILL, and checks
// that nothing is lost, doubled or torn.
//
// A failure prints the seed; REPLOG_CRASH_SEED=n chooses the same kinds of kills
// and delays again, though not the same instants. REPLOG_CRASH_KILLS=n says how
// many processes are killed.
package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"replog/replog"
)

const schema = `
CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT, visits INTEGER NOT NULL DEFAULT 0);
CREATE TABLE item(id TEXT PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner(id), body BLOB);
CREATE TABLE part(item TEXT NOT NULL REFERENCES item(id), n INTEGER NOT NULL, size REAL, PRIMARY KEY(item, n)) WITHOUT ROWID;
CREATE TABLE journal(id INTEGER PRIMARY KEY, what TEXT);
CREATE TRIGGER owner_named AFTER UPDATE OF name ON owner WHEN NEW.visits % 50 = 0
BEGIN UPDATE owner SET visits = visits + 1 WHERE id = NEW.id; END;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 19) INSERT INTO owner(id, name) SELECT i, 'owner ' || i FROM n;`

func number(t *testing.T, variable string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

func TestNothingIsLostOrDoubledWhereServerAndDevicesAreKilled(t *testing.T) {
	kills := int(number(t, "REPLOG_CRASH_KILLS", 200))
	seed := uint64(number(t, "REPLOG_CRASH_SEED", time.Now().UnixNano()))
	t.Logf("REPLOG_CRASH_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t)
	devices := s.enrol("wal", "delete", "wal")
	for _, d := range devices {
		d.startWriter(rng.Int64N(1 << 31))
		d.startSyncing()
	}
	// One kill in four is the server's; the rest are of syncs.
	for n := range kills {
		pause(time.Duration(rng.Int64N(int64(60 * time.Millisecond))))
		if n%4 == 0 {
			s.killServer()
			s.startServer()
		} else {
			devices[rng.IntN(len(devices))].killSync()
		}
	}
	written := map[string]bool{}
	for _, d := range devices {
		d.stopSyncing()
		for _, key := range d.stopWriter() {
			written[key] = true
		}
	}
	if len(written) == 0 {
		t.Fatal("nothing was written")
	}
	s.syncUntilQuiet(devices)
	s.checkEqual(devices)
	applied := checkLog(t, s.log(devices[0]), written)
	t.Logf("%d kills, %d rows written, %d transactions applied", kills, len(written), applied)
}

// pause lets time pass between kills: their moments are the experiment.
func pause(d time.Duration) { <-time.After(d) }

// checkLog checks that revisions have no gaps, that no transaction is there
// twice or missing, and that each row whose commit an application saw was
// inserted by exactly one applied statement.
func checkLog(t *testing.T, entries []replog.LogLine, written map[string]bool) (applied int) {
	t.Helper()
	next := map[replog.DeviceID]replog.Seq{}
	inserted := map[string]int{}
	for i, e := range entries {
		if e.Revision != replog.Revision(i+1) {
			t.Fatalf("entry %d has revision %d", i+1, e.Revision)
		}
		next[e.Device]++
		if e.Seq != next[e.Device] {
			t.Fatalf("revision %d: device %s has seq %d, want %d", e.Revision, e.Device, e.Seq, next[e.Device])
		}
		if e.Outcome == replog.Applied {
			applied++
		}
		for _, statement := range e.Statements {
			if statement.Outcome == replog.Applied && len(statement.Args) == 3 && statement.SQL == insertItem {
				inserted[statement.Args[0].Bytes()]++
			}
		}
	}
	for key := range written {
		if inserted[key] != 1 {
			t.Errorf("row %q, whose commit was seen, was inserted %d times", key, inserted[key])
		}
	}
	for key, n := range inserted {
		if n != 1 {
			t.Errorf("row %q was inserted %d times", key, n)
		}
	}
	return applied
}

// insertItem is how the log shows an insert into item.
var insertItem = fmt.Sprintf("INSERT INTO %s(%s, %s, %s) VALUES(?, ?, ?)",
	replog.QuoteName("item"), replog.QuoteName("id"), replog.QuoteName("owner"), replog.QuoteName("body"))

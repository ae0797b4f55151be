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
	"strings"
	"testing"
	"time"

	"replog/replog"
	"replog/test/cluster"
)

const schema = `
CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT, visits INTEGER NOT NULL DEFAULT 0);
CREATE TABLE item(id TEXT PRIMARY KEY, owner INTEGER NOT NULL REFERENCES owner(id), body BLOB);
CREATE TABLE part(item TEXT NOT NULL REFERENCES item(id), n INTEGER NOT NULL, size REAL, PRIMARY KEY(item, n)) WITHOUT ROWID;
CREATE TABLE slot(id INTEGER PRIMARY KEY, who TEXT NOT NULL);
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
	onEveryStore(t, killEverything)
}

// onEveryStore runs a test on SQLite, and with fewer kills on PostgreSQL, with one
// server, with three, and with two that reach it through PgBouncer.
func onEveryStore(t *testing.T, test func(t *testing.T, at place, kills int)) {
	kills := int(number(t, "REPLOG_CRASH_KILLS", 200))
	t.Run("SQLite", func(t *testing.T) { test(t, place{servers: 1}, kills) })
	for _, servers := range []int{1, 3} {
		t.Run(fmt.Sprintf("PostgreSQL and %d servers", servers), func(t *testing.T) {
			test(t, place{store: cluster.Database(t), servers: servers}, kills/2)
		})
	}
	t.Run("PostgreSQL behind PgBouncer", func(t *testing.T) {
		direct := cluster.Database(t)
		test(t, place{store: cluster.Bouncer(t, direct), direct: direct, servers: 2}, kills/2)
	})
}

func killEverything(t *testing.T, at place, kills int) {
	seed := uint64(number(t, "REPLOG_CRASH_SEED", time.Now().UnixNano()))
	t.Logf("REPLOG_CRASH_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newSite(t, schema, at)
	devices := s.enrol("wal", "delete", "wal")
	for _, d := range devices {
		d.startWriter(rng.Int64N(1 << 31))
		d.startSyncing()
	}
	// One kill in four is the server's, one in eight an application's; the rest
	// are of syncs.
	for n := range kills {
		pause(time.Duration(rng.Int64N(int64(60 * time.Millisecond))))
		d := devices[rng.IntN(len(devices))]
		switch {
		case n%4 == 0:
			s.restartServer(rng)
		case n%8 == 1:
			d.killWriter()
			d.startWriter(rng.Int64N(1 << 31))
		default:
			d.killSync()
		}
	}
	seen, entries := s.settle(devices)
	inserted := checkInserted(t, entries)
	applied, kept := checkSeen(t, entries, inserted, seen)
	if applied == 0 || kept == 0 {
		t.Errorf("%d rows applied, %d kept as conflicts: too little was tried", applied, kept)
	}
	t.Logf("%d kills, %d entries, %d rows applied, %d kept as conflicts", kills, len(entries), applied, kept)
}

// pause lets time pass between kills: their moments are the experiment.
func pause(d time.Duration) { <-time.After(d) }

// checkRevisions checks that revisions have no gaps, and that no transaction is
// there twice or missing.
func checkRevisions(t *testing.T, entries []replog.LogLine) {
	t.Helper()
	next := map[replog.DeviceID]replog.Seq{}
	for i, e := range entries {
		if e.Revision != replog.Revision(i+1) {
			t.Fatalf("entry %d has revision %d", i+1, e.Revision)
		}
		next[e.Device]++
		if e.Seq != next[e.Device] {
			t.Fatalf("revision %d: device %s has seq %d, want %d", e.Revision, e.Device, e.Seq, next[e.Device])
		}
	}
}

// row names a row as writer.py prints it. No two of an item, or of a slot, are
// the same: the first value is the key.
func row(table string, values []replog.Value) string {
	if table == "item" {
		return "item " + values[0].Bytes()
	}
	return fmt.Sprintf("slot %s %s", values[0], values[1].Bytes())
}

// checkInserted returns the rows that applied statements inserted, and checks
// that no key was inserted twice.
func checkInserted(t *testing.T, entries []replog.LogLine) map[string]bool {
	t.Helper()
	rows := map[string]bool{}
	keys := map[string]replog.Revision{}
	for _, e := range entries {
		for _, s := range e.Statements {
			table, ok := insertedInto(s.SQL)
			if !ok || s.Outcome != replog.Applied {
				continue
			}
			key := table + " " + s.Args[0].String()
			if other, ok := keys[key]; ok {
				t.Errorf("%s was inserted in revisions %d and %d", key, other, e.Revision)
			}
			keys[key] = e.Revision
			rows[row(table, s.Args)] = true
		}
	}
	return rows
}

// insertedInto tells which of the tables whose rows are counted a statement of
// the log inserts into.
func insertedInto(sql string) (string, bool) {
	for _, table := range []string{"item", "slot"} {
		if strings.HasPrefix(sql, "INSERT INTO "+replog.QuoteName(table)+"(") {
			return table, true
		}
	}
	return "", false
}

// checkSeen checks that each row whose commit an application saw was inserted or
// is in the conflicts of its device, and counts both.
func checkSeen(t *testing.T, entries []replog.LogLine, inserted map[string]bool, seen map[*device][]string) (applied, kept int) {
	t.Helper()
	for d, rows := range seen {
		conflicts := d.conflicts()
		for _, name := range rows {
			switch {
			case inserted[name]:
				applied++
			case conflicts[name]:
				kept++
			default:
				t.Errorf("%s of %s, whose commit was seen, is neither in the log as applied nor in the device's conflicts: %s", name, d.name, fate(entries, name))
			}
		}
	}
	return applied, kept
}

// fate tells what the log says of a row.
func fate(entries []replog.LogLine, name string) string {
	for _, e := range entries {
		for _, s := range e.Statements {
			if table, ok := insertedInto(s.SQL); ok && row(table, s.Args) == name {
				return fmt.Sprintf("revision %d, seq %d of %s: %s %+v", e.Revision, e.Seq, e.Device, s.Outcome, s.Reason)
			}
		}
	}
	return "the log does not know it"
}

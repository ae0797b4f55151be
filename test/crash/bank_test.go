package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"replog/replog"
	"replog/test/cluster"
)

// The accounts begin with 100 each. A receipt is part of the transaction that moved
// the money.
const bank = `
CREATE TABLE account(id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
CREATE TABLE receipt(id TEXT NOT NULL PRIMARY KEY, payer INTEGER NOT NULL, payee INTEGER NOT NULL, amount INTEGER NOT NULL);
INSERT INTO account VALUES(1, 100), (2, 100), (3, 100), (4, 100), (5, 100), (6, 100);`

const (
	accounts = 6
	money    = 100 * accounts
)

// In each account is what it began with and what the receipts say, and that is never
// less than nothing. The query gives a line for whatever is wrong, and the sum.
const audit = `
SELECT 'account ' || id || ' has ' || balance FROM account WHERE balance < 0
UNION ALL SELECT 'account ' || id || ' does not fit its receipts' FROM account AS a
	WHERE balance <> 100 + (SELECT total(amount) FROM receipt WHERE payee = a.id) - (SELECT total(amount) FROM receipt WHERE payer = a.id)
UNION ALL SELECT sum(balance) FROM account;`

func TestMain(m *testing.M) {
	if path := os.Getenv("REPLOG_CRASH_TELLER"); path != "" {
		teller(path)
		return
	}
	os.Exit(cluster.Main(m))
}

func TestNoMoneyIsLostOrMadeWhereServerAndDevicesAreKilled(t *testing.T) {
	onEveryStore(t, moveMoney)
}

func moveMoney(t *testing.T, at place, kills int) {
	kills /= 2
	seed := uint64(number(t, "REPLOG_CRASH_SEED", time.Now().UnixNano()))
	t.Logf("REPLOG_CRASH_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	s := newSite(t, bank, at)
	devices := s.enrol("wal", "delete", "wal", "wal", "delete")
	for _, d := range devices {
		d.startTeller(rng.Int64N(1 << 31))
		d.startSyncing()
	}
	for n := range kills {
		pause(time.Duration(rng.Int64N(int64(60 * time.Millisecond))))
		d := devices[rng.IntN(len(devices))]
		switch {
		case n%4 == 0:
			s.restartServer(rng)
		case n%8 == 1:
			d.killWriter()
			d.startTeller(rng.Int64N(1 << 31))
		default:
			d.killSync()
		}
		s.checkMoney(d.path)
	}
	seen, entries := s.settle(devices)
	s.checkMoney(s.path("fresh.db"))
	applied, kept := s.checkTransfers(entries, seen)
	if applied == 0 || kept == 0 {
		t.Errorf("%d transfers applied, %d kept as conflicts: too little was tried", applied, kept)
	}
	t.Logf("%d kills, %d entries, %d transfers applied, %d kept as conflicts", kills, len(entries), applied, kept)
}

// checkMoney checks a file as it is, which somebody may be writing.
func (s *site) checkMoney(path string) {
	s.t.Helper()
	out, err := exec.Command("sqlite3", "-cmd", ".timeout 60000", path, audit).CombinedOutput()
	if got, want := strings.TrimSpace(string(out)), fmt.Sprint(money); err != nil || got != want {
		s.t.Fatalf("%s: %v: %s, want %s", path, err, got, want)
	}
}

// checkTransfers checks that each transfer whose commit was seen was applied once, as
// intents, or is in the conflicts of its device, and counts both.
func (s *site) checkTransfers(entries []replog.LogLine, seen map[*device][]string) (applied, kept int) {
	s.t.Helper()
	outcomes := map[string]replog.Outcome{}
	for _, e := range entries {
		if _, twice := outcomes[e.Label]; twice {
			s.t.Errorf("revision %d: transfer %s is there twice", e.Revision, e.Label)
		}
		outcomes[e.Label] = e.Outcome
		for _, st := range e.Statements {
			if !strings.Contains(st.SQL, "?1") {
				s.t.Errorf("revision %d: %s is no intent", e.Revision, st.SQL)
			}
		}
	}
	for d, names := range seen {
		conflicts := d.labels()
		for _, name := range names {
			switch {
			case outcomes[name] == replog.Applied && !conflicts[name]:
				applied++
			case outcomes[name].Waits() && conflicts[name]:
				kept++
			default:
				s.t.Errorf("transfer %s of %s, whose commit was seen, is %q in the log; among the conflicts: %v", name, d.name, outcomes[name], conflicts[name])
			}
		}
	}
	return applied, kept
}

// labels are those of the transactions among the device's conflicts.
func (d *device) labels() map[string]bool {
	d.site.t.Helper()
	labels := map[string]bool{}
	dec := json.NewDecoder(strings.NewReader(d.site.run([]int{0}, "X=", "conflicts", "list", d.path, "--json")))
	for dec.More() {
		var conflict struct{ Label string }
		if err := dec.Decode(&conflict); err != nil {
			d.site.t.Fatal(err)
		}
		labels[conflict.Label] = true
	}
	return labels
}

// startTeller starts a process that moves money through the driver.
func (d *device) startTeller(seed int64) {
	d.site.t.Helper()
	program, err := os.Executable()
	if err != nil {
		d.site.t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "REPLOG_CRASH_TELLER="+d.path, "NAME="+d.nextWriter(), fmt.Sprintf("SEED=%d", seed))
	d.start(cmd)
}

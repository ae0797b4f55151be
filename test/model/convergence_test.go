package model

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
	"replog/test/cluster"
)

// cases is how many histories a run tries, unless -rapid.checks or RAPID_CHECKS
// says otherwise. Subtests that run beside each other share them.
const cases = 1000

func TestMain(m *testing.M) {
	flag.Parse()
	checks := cases
	chosen := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if chosen {
		checks, _ = strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	}
	if err := flag.Set("rapid.checks", strconv.Itoa(max(1, checks/shards()))); err != nil {
		panic(err)
	}
	os.Exit(cluster.Main(m))
}

// shards is the number of subtests that run beside each other: one where a seed is
// given, as all of them would draw the same histories from it.
func shards() int {
	if flag.Lookup("rapid.seed").Value.String() != "0" {
		return 1
	}
	return max(1, min(runtime.GOMAXPROCS(0), 4))
}

// tally counts, over a whole run, what the histories went through.
type tally struct {
	mu    sync.Mutex
	count map[string]int
}

func (t *tally) add(what string) { t.addMany(what, 1) }

func (t *tally) addMany(what string, n int) {
	t.mu.Lock()
	t.count[what] += n
	t.mu.Unlock()
}

// addLog counts the transactions of a history, and what was special in them.
func (t *tally) addLog(entries []*Entry) {
	for _, e := range entries {
		t.add("transactions")
		t.add("transactions " + string(e.Outcome))
		for _, v := range e.Verdicts {
			if v.Outcome != replog.Applied {
				t.add("groups " + string(v.Outcome) + ", " + v.Reason)
			} else if len(v.Stale) > 0 {
				t.add("groups applied without what was stale")
			}
		}
		if len(e.Verdicts) > 1 {
			t.add("transactions divided")
		}
		if len(e.Txn.Without) > 0 {
			t.add("transactions recorded without another")
		}
		if slices.ContainsFunc(e.Effects, func(x *Effect) bool { return x.Restored }) {
			t.add("transactions that brought a row back")
		}
		if slices.ContainsFunc(e.Effects, (*Effect).moves) {
			t.add("transactions that moved a row")
		}
	}
}

func (t *tally) String() string {
	text := ""
	for _, what := range slices.Sorted(maps.Keys(t.count)) {
		text += fmt.Sprintf("\n%7d %s", t.count[what], what)
	}
	return text
}

func TestConvergence(t *testing.T) {
	converge(t, &backend{servers: 1, make: onSQLite})
}

// converge runs histories on a backend.
func converge(t *testing.T, on *backend) {
	count := &tally{count: map[string]int{}}
	t.Run("histories", func(t *testing.T) {
		for i := range shards() {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				rapid.Check(t, func(rt *rapid.T) {
					if err := history(generator{rt}, on, rt.Logf, count); err != nil {
						rt.Fatal(err)
					}
				})
			})
		}
	})
	t.Log(count)
	all, applied := count.count["transactions"], count.count["transactions applied"]
	if all > 500 && applied*100 < all*60 {
		t.Errorf("%d of %d transactions were applied; the histories should be such that 60%% are", applied, all)
	}
	for _, c := range []struct {
		from int // transactions
		what []string
	}{{500, often}, {4000, seldom}} {
		for _, what := range c.what {
			if all > c.from && count.count[what] == 0 {
				t.Errorf("no %s", what)
			}
		}
	}
}

// often is what has to occur in a short run, and seldom what has to in a long one.
var (
	often = []string{
		"syncs that took a short cut", "syncs that took a short cut beside others' changes",
		"tables made anew", "triggers of capture dropped", "times that capture saw again", "rows that capture missed",
		"statements recorded as intents", "statements recorded as rows", "statements recorded as rows: function",
		"statements recorded as rows: key", "statements AsRows", "statements Optional", "statements that Expect any number",
		"statements that Expect a number", "transfers", "counters", "guarded updates", "bulk updates", "INSERT … SELECT",
		"deletes by predicate", "UPSERT", "DEFAULT CURRENT_TIMESTAMP", "random() and times", "keys that SQLite chooses",
		"savepoints rolled back through the driver", "transactions rolled back through the driver",
		"transactions with intents applied", "transactions with intents held, builds-on", "transactions with intents and row statements",
		"entries that others get as steps", "entries of intents that others get as changes", "intents that did something else on the server",
		"entries that did something else when they were run again", "rebases that ran intents of the outbox again",
	}
	seldom = []string{
		"transactions with intents applied, optional", "transactions with intents conflict, affected", "transactions with intents conflict, partly-stale",
		"transactions with intents rejected, constraint", "transfers that did not go through",
	}
)

// memory is where Linux has a file system without a disk: histories write
// durably, and would wait for one.
const memory = "/dev/shm"

func history(g generator, on *backend, logf func(string, ...any), count *tally) error {
	parent := ""
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		parent = memory
	}
	dir, err := os.MkdirTemp(parent, "replog-model-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	w, err := newWorld(g, on, dir, logf, count)
	if err == nil {
		err = w.run()
	}
	if w.host != nil {
		err = errors.Join(err, w.close())
	}
	if err != nil {
		return err
	}
	count.addLog(w.server.Log)
	return nil
}

// run lets things happen, then brings everything together.
func (w *world) run() error {
	for range 6 + w.g.upTo(24, "operations") {
		if err := w.operate(); err != nil {
			return err
		}
		if w.failed != nil {
			return w.failed
		}
	}
	return w.settle()
}

// settle syncs until nobody has anything to send or to fetch, and compares all
// replicas.
func (w *world) settle() error {
	w.ending = true
	for round := 0; !w.quiet(); round++ {
		if round == 4 {
			return fmt.Errorf("the devices do not come to rest")
		}
		for _, n := range w.nodes {
			if quiet, err := n.quiet(); quiet || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			if err := n.syncCalmly(); err != nil {
				return err
			}
		}
	}
	head := w.server.States[w.server.Head()]
	path := w.file("snapshot")
	if err := w.host.snapshot(path); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	snapshot, err := w.family.readFile(path)
	if err != nil {
		return err
	}
	if d := snapshot.Difference(head); d != nil {
		return fmt.Errorf("the server's snapshot against the model:\n  %s", strings.Join(d, "\n  "))
	}
	if look := w.host.backend.settled; look != nil {
		if err := look(w.host.log(), path); err != nil {
			return fmt.Errorf("what the stores hold: %w", err)
		}
	}
	for _, n := range w.nodes {
		if err := n.sameByDiff(path); err != nil {
			return err
		}
		if d := n.model.Visible.Difference(head); d != nil {
			return fmt.Errorf("device %d in the end against the head:\n  %s", n.number, strings.Join(d, "\n  "))
		}
	}
	return nil
}

func (w *world) quiet() bool {
	for _, n := range w.nodes {
		if quiet, err := n.quiet(); err != nil || !quiet {
			return false
		}
	}
	return true
}

// quiet tells whether the device has nothing to send or to fetch.
func (n *node) quiet() (bool, error) {
	gathered, err := n.gathered()
	return gathered == 0 && !n.model.IsBlind() && len(n.model.Outbox) == 0 && n.model.SyncPoint == n.server.Head(), err
}

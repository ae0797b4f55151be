package applier

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// matrixCase is one way of writing that capture must get right.
type matrixCase struct {
	name string
	// schema and rows make the file, by the sqlite3 shell; later runs after
	// capture was installed.
	schema, rows, later string
	pragmas             []string // of the application's connection
	run                 []step
	// fails is how many of the statements must fail; -1 for any number.
	fails int
	// net is how many net changes must come out; -1 for any number above 0, -2
	// for any.
	net int
	// skipped are the tables that must be left out.
	skipped []string
	// rowids: tables without a key are captured by rowid.
	rowids bool
}

func stmts(statements ...string) []step {
	steps := make([]step, len(statements))
	for i, s := range statements {
		steps[i].sql = s
	}
	return steps
}

func bound(query string, args ...replog.Value) []step { return []step{{query, args}} }

func (c *matrixCase) hasArgs() bool {
	return slices.ContainsFunc(c.run, func(s step) bool { return len(s.args) > 0 })
}

// checkCapture writes through f to a copy of the file made, with capture, and to
// another without. It checks that the application saw the same on both, that both
// hold the same, that undoing what was captured gives the file as it was, that
// redoing it gives the file as it is, and that applying it to a copy from before
// does too.
func checkCapture(t *testing.T, tc *matrixCase, made string, f foreign) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name+".db") }
	for _, name := range []string{"live", "plain", "before"} {
		copyFile(t, made, file(name))
	}
	if tc.rowids {
		for _, name := range []string{"live", "plain", "before"} {
			r := openReplica(t, file(name))
			r.in(t, "keep rowids", r.KeepRowIDs)
		}
	}
	skipped := installCapture(t, file("live"))
	installCapture(t, file("before"))
	if !slices.Equal(skipped, tc.skipped) {
		t.Errorf("left out %q, want %q", skipped, tc.skipped)
	}
	for _, name := range []string{"live", "plain"} {
		openReplica(t, file(name)).script(t, tc.later)
	}

	// Waiting for the disk would only take time.
	pragmas := append([]string{"synchronous=OFF"}, tc.pragmas...)
	seen, want := f.run(t, file("live"), pragmas, tc.run), f.run(t, file("plain"), pragmas, tc.run)
	if !slices.Equal(seen.results, want.results) {
		t.Errorf("with capture the application sees\n%s\nwithout\n%s", strings.Join(seen.results, "\n"), strings.Join(want.results, "\n"))
	}
	if tc.fails >= 0 && want.failed != tc.fails {
		t.Fatalf("%d statements fail, want %d:\n%s", want.failed, tc.fails, strings.Join(want.results, "\n"))
	}
	live, plain, before := openReplica(t, file("live")), openReplica(t, file("plain")), openReplica(t, file("before"))
	mustEqual(t, "with and without capture", live.Conn, plain.Conn, nil)
	checkGathered(t, live, plain, before, tc)
	plain.in(t, "uninstall", plain.Uninstall)
	live.checkRemoval(t, plain)
}

// checkGathered closes what live holds and checks it against the other two.
func checkGathered(t testingT, live, plain, before *testReplica, tc *matrixCase) {
	t.Helper()
	leftOut := func(name string) bool { return live.Schema.Table(name) == nil }
	list := live.gather(t)
	net, vanished := 0, 0
	for _, g := range list {
		net += len(g.Net)
		vanished += g.Vanished
	}
	if tc.net >= 0 && net != tc.net || tc.net == -1 && net == 0 {
		t.Errorf("%d net changes, want %d:%s", net, tc.net, describeGathered(list))
	}
	if vanished > 0 {
		t.Errorf("%d rows vanished:%s", vanished, describeGathered(list))
	}
	changes := recorded(t, list)

	live.write(t, "undo", func() error {
		for _, g := range slices.Backward(list) {
			if err := live.Revert(replog.ChangeList(g.Net)); err != nil {
				return err
			}
		}
		return nil
	})
	failed := !mustEqual(t, "undone and before", live.Conn, before.Conn, leftOut)
	before.write(t, "apply", func() error {
		for _, c := range changes {
			if err := before.Apply(replog.ChangeList(c)); err != nil {
				return err
			}
		}
		return nil
	})
	failed = !mustEqual(t, "applied and after", before.Conn, plain.Conn, leftOut) || failed
	live.write(t, "redo", func() error {
		for _, c := range changes {
			if _, err := live.Replay(replog.ChangeList(c)); err != nil && !isForeignKey(err) {
				return err
			}
		}
		return nil
	})
	failed = !mustEqual(t, "redone and after", live.Conn, plain.Conn, leftOut) || failed
	if failed {
		t.Logf("gathered:%s", describeGathered(list))
	}
}

// isForeignKey: an application with foreign keys off may leave orphans, which
// replay then refuses.
func isForeignKey(err error) bool {
	var e *ForeignKeyError
	return errors.As(err, &e)
}

// recorded returns the net changes as they come out of the recorded form, which
// is how the server and other devices get them.
func recorded(t testingT, list []*Gathered) [][]replog.Change {
	t.Helper()
	var out [][]replog.Change
	last := replog.Millis(0)
	for i, g := range list {
		tx := replog.Transaction{Device: "d", Seq: replog.Seq(i + 1), Statements: g.Statements}
		tx.SetNet(g.Net)
		b, hash := tx.Encode()
		back, sameHash, err := replog.DecodeTransaction(b)
		if err != nil || hash != sameHash {
			t.Fatalf("the recorded form does not read back: %v\n%s", err, b)
		}
		changes, err := replog.InMemory(back.NetChanges())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, changes)
		for _, s := range g.Statements {
			if s.Time < last {
				t.Errorf("time goes back from %d to %d", last, s.Time)
			}
			last = s.Time
		}
	}
	return out
}

func describeGathered(list []*Gathered) string {
	var b strings.Builder
	for _, g := range list {
		for _, s := range g.Statements {
			fmt.Fprintf(&b, "\n  statement %s %s %v: %v %v -> %v", s.Op, s.Table, s.Key, s.Columns, s.Old, s.New)
		}
		for _, c := range g.Net {
			fmt.Fprintf(&b, "\n  net %s %s %v: %v %v -> %v", c.Op, c.Table, c.Key, c.Columns, c.Old, c.New)
		}
	}
	return b.String()
}

// mustEqual compares two databases and shows the first differences.
func mustEqual(t testingT, what string, a, b *Conn, skip func(string) bool) bool {
	t.Helper()
	var lines []string
	c, err := Compare(a, b, CompareOptions{Skip: skip, Row: func(d RowDifference) error {
		if len(lines) < 5 {
			lines = append(lines, fmt.Sprintf("%s: %v / %v", d.Table, d.A, d.B))
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Equal {
		return true
	}
	t.Errorf("%s differ:\n%s", what, strings.Join(lines, "\n"))
	return false
}

// testingT is what a test and a property have in common.
type testingT interface {
	Helper()
	Errorf(string, ...any)
	Fatal(...any)
	Fatalf(string, ...any)
	Logf(string, ...any)
}

// testReplica is a replica whose failures end the test.
type testReplica struct{ *Replica }

func openReplica(t testing.TB, path string) *testReplica {
	t.Helper()
	return newTestReplica(t, reopened(t, path))
}

func newTestReplica(t testingT, c *Conn) *testReplica {
	t.Helper()
	r, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	return &testReplica{r}
}

func (r *testReplica) script(t testingT, script string) {
	t.Helper()
	if err := r.Script(script); err != nil {
		t.Fatalf("%v in %s", err, script)
	}
}

// in runs f in a transaction.
func (r *testReplica) in(t testingT, what string, f func() error) {
	t.Helper()
	err := r.Begin()
	if err == nil {
		err = f()
	}
	if err == nil {
		err = r.Commit()
	}
	if err != nil {
		_ = r.Rollback()
		t.Errorf("%s: %v", what, err)
	}
}

// write runs f with triggers out of the way.
func (r *testReplica) write(t testingT, what string, f func() error) {
	t.Helper()
	r.in(t, what, func() error { return r.WithoutTriggers(f) })
}

func (r *testReplica) gather(t testingT) (list []*Gathered) {
	t.Helper()
	r.in(t, "gather", func() (err error) {
		if list, err = r.Gather(0); err != nil {
			return err
		}
		for size := 1; size < 4; size++ {
			r.sameInBatches(t, batchSize{size, math.MaxInt}, list)
			r.sameInBatches(t, batchSize{size, size}, list)
		}
		return r.Forget()
	})
	return list
}

// sameInBatches checks that what is gathered does not depend on how much of it
// is worked on at a time.
func (r *testReplica) sameInBatches(t testingT, size batchSize, want []*Gathered) {
	t.Helper()
	var list []*Gathered
	err := r.gatherBack(0, size, nil, func(g *Gathered) error {
		list = append(list, g)
		return g.load()
	})
	slices.Reverse(list)
	same := reflect.DeepEqual(list, want)
	if size.part != math.MaxInt {
		same = sameNets(list, want)
	}
	if err != nil || !same {
		t.Errorf("in batches of %v: %v%s\nwant%s", size, err, describeGathered(list), describeGathered(want))
	}
}

// sameNets tells whether transactions have the same net changes, in any order:
// where a batch ends within a transaction, what happened around its end may be
// told otherwise, with the same result. A key change, then, may be one row gone and
// another come; never the other way round.
func sameNets(got, want []*Gathered) bool {
	return slices.EqualFunc(got, want, func(got, want *Gathered) bool {
		return got.Follows == want.Follows && got.Marked == want.Marked && got.Label == want.Label && got.Time == want.Time &&
			reflect.DeepEqual(got.Intent, want.Intent) && reflect.DeepEqual(got.Ran, want.Ran) &&
			maps.EqualFunc(netsByRow(got.Net), netsByRow(want.Net), func(got, want replog.Change) bool {
				if got.Unit == 0 {
					want.Unit = 0
				}
				return got.Equal(&want)
			})
	})
}

func netsByRow(net []replog.Change) map[replog.RowID]replog.Change {
	of := map[replog.RowID]replog.Change{}
	for _, c := range net {
		c.Unit = min(c.Unit, 1)
		of[c.Row()] = c
	}
	return of
}

// checkRemoval uninstalls and checks that nothing of ours is left, and nothing
// of the application's gone.
func (r *testReplica) checkRemoval(t *testing.T, plain *testReplica) {
	t.Helper()
	r.in(t, "uninstall", r.Uninstall)
	if now, want := r.schemaSQL(t), plain.schemaSQL(t); !slices.Equal(now, want) {
		t.Errorf("after removal the schema is\n%s\nwant\n%s", strings.Join(now, "\n"), strings.Join(want, "\n"))
	}
	row, err := r.QueryRow("PRAGMA integrity_check")
	if err != nil || row[0] != replog.Text("ok") {
		// SQLite 3.40 stores values that a later one calls damaged.
		if want, _ := plain.QueryRow("PRAGMA integrity_check"); !slices.Equal(row, want) {
			t.Errorf("integrity_check: %v, %v", row, err)
		}
	}
}

func (r *testReplica) schemaSQL(t *testing.T) []string {
	t.Helper()
	var out []string
	err := r.Query("SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1", func(row []replog.Value) error {
		out = append(out, row[0].Bytes())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func makeFile(t *testing.T, path string, scripts ...string) {
	t.Helper()
	cmd := exec.Command("sqlite3", "-batch", "-bail", path)
	cmd.Stdin = strings.NewReader(strings.Join(scripts, ";\n") + ";\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sqlite3: %v: %s", err, out)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func installCapture(t *testing.T, path string) (skipped []string) {
	t.Helper()
	r := openReplica(t, path)
	for _, s := range r.Schema.Skipped {
		skipped = append(skipped, s.Name)
	}
	r.in(t, "install", r.Install)
	return skipped
}

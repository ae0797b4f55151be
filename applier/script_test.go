package applier

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// memoryLog is a log of entries that were applied as they are.
type memoryLog struct {
	replog.Log
	entries []replog.Entry
}

func (l *memoryLog) Head(context.Context) (replog.Head, error) {
	return replog.Head{Revision: replog.Revision(len(l.entries)), Database: "d", Epoch: "e"}, nil
}

func (l *memoryLog) SchemaAt(context.Context, replog.Revision) (replog.SchemaVersion, error) {
	return replog.SchemaVersion{}, replog.ErrNotFound
}

func (l *memoryLog) Entries(_ context.Context, f replog.Filter, yield func(replog.Entry) error) error {
	n := 0
	for i := range l.entries {
		if f.Descending {
			i = len(l.entries) - 1 - i
		}
		e := l.entries[i]
		if e.Revision <= f.After || f.UpTo != 0 && e.Revision > f.UpTo {
			continue
		}
		if err := yield(e); err != nil {
			return err
		}
		if n++; n == f.Limit {
			return nil
		}
	}
	return nil
}

func (l *memoryLog) add(changes ...replog.Change) {
	l.entries = append(l.entries, replog.Entry{
		Revision: replog.Revision(len(l.entries) + 1), Outcome: replog.Applied, Changes: changes,
	})
}

// scriptOf writes the script of a filter.
func scriptOf(t testingT, base *Conn, log replog.Log, f replog.Filter) string {
	t.Helper()
	var b strings.Builder
	if err := WriteScript(context.Background(), base, log, f, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// runShell runs a script by the sqlite3 shell and returns what it said.
func runShell(path, script string) (string, error) {
	cmd := exec.Command("sqlite3", "-batch", path)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestAScriptMakesRandomChangesAgainInTheShell runs what random statements and
// triggers did on a copy that has the same triggers.
func TestAScriptMakesRandomChangesAgainInTheShell(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		w := writer{r, rapid.SampledFrom(scenes).Draw(r, "scene")}
		// Rows with NULL in their key are not captured.
		schema := strings.ReplaceAll(w.scene.schema, "ANY PRIMARY KEY", "ANY NOT NULL PRIMARY KEY")
		triggers := w.triggers("triggers", "")
		var fill []string
		for range rapid.IntRange(0, 8).Draw(r, "rows") {
			table := w.table()
			fill = append(fill, "INSERT OR IGNORE INTO "+table.name+"("+strings.Join(table.columns, ", ")+") VALUES"+w.values(table, nil))
		}
		live := sceneReplica(r, schema, "PRAGMA foreign_keys = 1", fill, triggers)
		defer live.Close()
		w.scene.keepRowIDs(r, live)
		path := filepath.Join(folder, "base.db")
		_ = os.Remove(path)
		if err := live.Backup(path); err != nil {
			r.Fatal(err)
		}
		live.in(r, "install", live.Install)
		log := &memoryLog{}
		for range 3 {
			runSteps(r, live.Conn, w.steps(), "SELECT 1")
			if !live.conn.AutoCommit() {
				_ = live.Script("COMMIT")
				_ = live.Rollback()
			}
			for _, g := range live.gather(r) {
				log.add(g.Net...)
			}
		}
		c, err := Open(path, OpenOptions{})
		if err != nil {
			r.Fatal(err)
		}
		defer c.Close()
		script := scriptOf(r, c, log, replog.Filter{})
		if out, err := runShell(path, script); err != nil {
			r.Fatalf("%v: %s\n%s", err, out, script)
		}
		if !mustEqual(r, "the script's result and the database", c, live.Conn, func(name string) bool { return IsOwn(name) }) {
			r.Fatalf("%s", script)
		}
	})
}

func TestAScriptHoldsEveryValueExactly(t *testing.T) {
	values := []replog.Value{
		{}, replog.Integer(math.MinInt64), replog.Integer(math.MaxInt64),
		replog.Real(0), replog.Real(math.Copysign(0, -1)), replog.Real(math.Inf(1)), replog.Real(math.Inf(-1)),
		replog.Real(math.MaxFloat64), replog.Real(math.SmallestNonzeroFloat64), replog.Real(0x1p-1022),
		replog.Text(""), replog.Text("a\x00b"), replog.Text("\x00"), replog.Text("it's"), replog.Text("a\r\nb\r\n.quit\n"),
		replog.Text("\ufeff\x1b[31m\u0085"), replog.Text("'||x'"), replog.Text(strings.Repeat("line\r\n", 3000)),
		replog.Text("日本語 🙂 עברית"), replog.Blob(nil), replog.Blob([]byte{0, 1, 255}), replog.Blob([]byte("text")),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		values = append(values,
			replog.Real(math.Float64frombits(random.Uint64())),                       // any
			replog.Real(float64(random.Int64N(1e15))/1e6),                            // decimals
			replog.Real(float64(random.Int64N(1e12))*math.Pow10(random.IntN(40)-20))) // about as people write
	}
	const schema = "CREATE TABLE t(id INTEGER PRIMARY KEY, v)"
	for encoding, more := range map[string][]replog.Value{
		"UTF-8": {replog.Text("\xff\x00\xed\xa0\x80\r\n"), replog.Text("\ufffe\uffff")}, "UTF-16": nil,
	} {
		base, want := scripted(t, "base", "PRAGMA encoding = '"+encoding+"'", schema), scripted(t, "want", schema, "BEGIN")
		log := &memoryLog{}
		var changes []replog.Change
		for i, v := range append(values, more...) {
			id := replog.Integer(int64(i))
			changes = append(changes, replog.Change{
				Table: "t", Op: replog.Insert, Key: []replog.Value{id}, KeyColumns: []string{"id"},
				Columns: []string{"id", "v"}, New: []replog.Value{id, v},
			})
			if err := want.Exec("INSERT INTO t VALUES(?, ?)", id, v); err != nil {
				t.Fatal(err)
			}
		}
		if err := want.Commit(); err != nil {
			t.Fatal(err)
		}
		log.add(changes...)
		script := scriptOf(t, base, log, replog.Filter{})
		for line := range strings.Lines(script) {
			if strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' }) {
				t.Errorf("%s: a control character in %q", encoding, line)
			}
		}
		if out, err := runShell(base.Path(), script); err != nil || out != "" {
			t.Fatalf("%v: %s", err, out)
		}
		mustEqual(t, encoding, base, want, nil)
	}
}

// swap is a log of one transaction that swaps the unique values of two rows.
func swap() *memoryLog {
	log := &memoryLog{}
	set := func(id int64, from, to string) replog.Change {
		return replog.Change{
			Table: "t", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"},
			Columns: []string{"a"}, Old: []replog.Value{replog.Text(from)}, New: []replog.Value{replog.Text(to)},
		}
	}
	log.add(set(1, "x", "y"), set(2, "y", "x"))
	log.add(set(2, "x", "z"))
	return log
}

const swapSchema = "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b); INSERT INTO t VALUES(1, 'x', 5), (2, 'y', 6)"

func TestAScriptStopsWhereTheRowsAreNotAsTheLogSays(t *testing.T) {
	for name, test := range map[string]struct{ before, says string }{
		"a row that is gone": {"DELETE FROM t WHERE id = 2", "the rows are not as the log says they were"},
		"a value in the way": {"INSERT INTO t VALUES(3, 'z', 0)", "UNIQUE constraint failed: t.a"},
		"a device's file":    {"CREATE TABLE replog_device(x)", "this file is a device's"},
	} {
		base := scripted(t, "base", swapSchema)
		script := scriptOf(t, base, swap(), replog.Filter{})
		if err := base.Script(test.before); err != nil {
			t.Fatal(err)
		}
		out, err := runShell(base.Path(), script)
		if err == nil || !strings.Contains(out, test.says) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

func TestAScriptOfTheNewestGoesOnFromTheStateBefore(t *testing.T) {
	base := scripted(t, "base", swapSchema)
	log := swap()
	for _, f := range []replog.Filter{{UpTo: 1}, {Limit: 1, Descending: true}, {After: 2}, {After: 1, UpTo: 1}, {After: 5}} {
		if out, err := runShell(base.Path(), scriptOf(t, base, log, f)); err != nil {
			t.Fatalf("%+v: %v: %s", f, err, out)
		}
	}
	want := scripted(t, "want", swapSchema, "UPDATE t SET a = 'z' WHERE id = 2; UPDATE t SET a = 'y' WHERE id = 1")
	mustEqual(t, "the script's result and what is wanted", base, want, nil)
}

func TestAScriptBeginsWhereTheLogDoes(t *testing.T) {
	head := replog.Head{Revision: 9, Horizon: 4}
	for after, want := range map[replog.Revision]replog.Revision{0: 3, 3: 3, 5: 5} {
		f, err := inCommitOrder(t.Context(), nil, head, replog.Filter{After: after})
		if err != nil || f.After != want || f.UpTo != 9 {
			t.Errorf("after %d: %+v, %v", after, f, err)
		}
	}
}

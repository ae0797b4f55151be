package applier

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

// stashed is a replica as a server keeps one: without capture, and with the
// application's triggers kept elsewhere.
func stashed(t *testing.T, scripts ...string) (*testReplica, *Intents) {
	t.Helper()
	r := newTestReplica(t, scripted(t, "server", scripts...))
	theirs, err := r.triggersOfTables()
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{}
	for _, x := range theirs {
		texts = append(texts, x.sql)
	}
	if err := r.dropTriggers(theirs); err != nil {
		t.Fatal(err)
	}
	return r, NewIntents(r.Replica, IntentOptions{Triggers: texts})
}

// run runs intents in a transaction and describes what became of each.
func run(t *testing.T, r *testReplica, x *Intents, statements ...string) (told []string) {
	t.Helper()
	r.in(t, "run", func() error {
		for _, sql := range statements {
			result, err := x.Run(context.Background(), &Intent{SQL: sql})
			switch {
			case IntentRefused(err):
				told = append(told, fmt.Sprintf("%T", err))
			case err != nil:
				return fmt.Errorf("%s: %w", sql, err)
			default:
				var rows []string
				err = replog.EachChange(result.Net, func(_ int, c *replog.Change) error {
					rows = append(rows, fmt.Sprintf("%s %s %s", strings.ToUpper(string(c.Op)), c.Table, replog.KeyString(c.Key)))
					return nil
				})
				if err != nil {
					return err
				}
				slices.Sort(rows)
				told = append(told, fmt.Sprintf("%d: %s", result.Affected, strings.Join(rows, ", ")))
			}
		}
		return x.Off()
	})
	return told
}

//go:embed testdata/bank_rows.sql
var bankRows string

var runCases = []struct{ sql, want string }{
	{"UPDATE account SET balance = balance - 3 WHERE id = 1", "1: UPDATE account [1]"},
	{"UPDATE account SET balance = balance - 3 WHERE id = 1 AND balance > 100", "0: "},
	{"UPDATE account SET balance = balance", "2: "},
	{"UPDATE account SET balance = -1 WHERE id = 1", "*applier.IntentError"},
	{"UPDATE meter SET v = v + 1 WHERE id = 2", "1: UPDATE meter [2], UPDATE meter_sum [1]"},
	{"INSERT INTO meter(id, v) VALUES(2, 9) ON CONFLICT(id) DO UPDATE SET v = excluded.v", "1: UPDATE meter [2], UPDATE meter_sum [1]"},
	{"UPDATE guarded SET v = 5 WHERE id = 1", "1: UPDATE guarded [1]"},
	{"UPDATE guarded SET v = -1 WHERE id = 1", "*applier.IntentError"},
	{"DELETE FROM account WHERE id = 1", "1: DELETE account [1], DELETE entry [1,1], DELETE entry [1,2]"},
	{"DELETE FROM node WHERE id = 1", "1: DELETE node [1], DELETE node [2], DELETE node [3], DELETE node [4]"},
	{"DELETE FROM node WHERE id = 9", "1: DELETE node [9]"},
	{"UPDATE node SET id = 5 WHERE id = 4", "1: DELETE node [4], INSERT node [5]"},
	{"UPDATE node SET id = 5 WHERE id = 2", "*applier.ForeignKeyError"},
	{"DELETE FROM box WHERE id = 1", "*applier.ForeignKeyError"},
	{"DELETE FROM box WHERE id = 2", "1: DELETE box [2]"},
	{"INSERT INTO entry(account, n, amount) VALUES(5, 1, 1)", "*applier.ForeignKeyError"},
	{"INSERT INTO entry(account, n, amount) SELECT id, 9, balance FROM account", "2: INSERT entry [1,9], INSERT entry [2,9]"},
	{"INSERT INTO log(id, what) VALUES(5, 'x'), (6, 'y') RETURNING what", "2: INSERT log [5], INSERT log [6]"},
	{"INSERT INTO log(id, what) VALUES(5, 'x'), (5, 'y')", "*applier.IntentError"},
	{"INSERT INTO total(day, n) VALUES('d', 'no number')", "*applier.IntentError"},
	{"UPDATE account SET balance = abs(-9223372036854775808)", "*applier.IntentError"},
	{"UPDATE account SET balance = random()", "*applier.UnsafeError"},
	{"DROP TABLE account", "*applier.UnsafeError"},
}

// An intent does what it does with the application's triggers and foreign-key
// actions, and what it did is told, on a server and on a device.
func TestRunTellsWhatAnIntentDid(t *testing.T) {
	for _, tc := range runCases {
		r, x := stashed(t, bank, bankRows)
		if got := run(t, r, x, tc.sql); got[0] != tc.want {
			t.Errorf("%s\n  %s\n  want %s", tc.sql, got[0], tc.want)
		}
		device := newTestReplica(t, scripted(t, "device", bank, bankRows))
		device.in(t, "install", device.Install)
		before := device.schemaSQL(t)
		device.write(t, "device", func() error {
			x := NewIntents(device.Replica, IntentOptions{})
			result, err := x.Run(context.Background(), &Intent{SQL: tc.sql})
			if err != nil && !IntentRefused(err) {
				return err
			}
			if err == nil && !strings.HasPrefix(tc.want, fmt.Sprint(result.Affected)) {
				t.Errorf("%s on a device affects %d rows", tc.sql, result.Affected)
			}
			return x.Off()
		})
		mustEqual(t, tc.sql, r.Conn, device.Conn, nil)
		if after := device.schemaSQL(t); !slices.Equal(before, after) {
			t.Errorf("%s leaves the schema\n%s\nit was\n%s", tc.sql, strings.Join(after, "\n"), strings.Join(before, "\n"))
		}
		device.script(t, "INSERT INTO log(id) VALUES(77)")
		if got := device.gather(t); len(got) != 1 {
			t.Errorf("capture is not on again: %s", describeGathered(got))
		}
	}
}

// What an intent did can be undone and made again elsewhere by its net changes.
func TestRunIntentsOneAfterAnother(t *testing.T) {
	r, x := stashed(t, bank, bankRows)
	before := newTestReplica(t, scripted(t, "before", bank, bankRows))
	before.in(t, "install", before.Install)
	for _, tc := range runCases {
		r.in(t, tc.sql, func() error {
			result, err := x.Run(context.Background(), &Intent{SQL: tc.sql})
			if err != nil && !IntentRefused(err) {
				return err
			}
			if off := x.Off(); off != nil || err != nil {
				return off
			}
			before.write(t, "apply", func() error { return before.Apply(result.Net) })
			return nil
		})
	}
	mustEqual(t, "run and applied", r.Conn, before.Conn, nil)
}

// Where savepoints and transactions are rolled back, so are the switches.
func TestRollbacksDoNotConfuseTheSwitches(t *testing.T) {
	r, x := stashed(t, bank, bankRows)
	failed := errors.New("failed")
	schema := r.schemaSQL(t)
	intent := func(sql string) {
		t.Helper()
		if _, err := x.Run(context.Background(), &Intent{SQL: sql}); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
	outer := func() error {
		err := r.Savepoint(func() error {
			intent("UPDATE meter SET v = 5 WHERE id = 1")
			return failed
		})
		if !errors.Is(err, failed) {
			return err
		}
		intent("UPDATE account SET rate = 1")
		err = r.Savepoint(func() error {
			intent("DELETE FROM node WHERE id = 1")
			intent("UPDATE guarded SET v = 2 WHERE id = 1")
			return failed
		})
		if !errors.Is(err, failed) {
			return err
		}
		if got := run2(t, x, "UPDATE meter SET v = 5 WHERE id = 1"); got != 2 {
			t.Errorf("%d net changes", got)
		}
		return nil
	}
	if err := errors.Join(r.Begin(), outer(), r.Rollback()); err != nil {
		t.Fatal(err)
	}
	if err := x.Off(); err != nil {
		t.Error(err)
	}
	if after := r.schemaSQL(t); !slices.Equal(schema, after) {
		t.Errorf("the schema is %s", strings.Join(after, "\n"))
	}
	row, err := r.QueryRow("PRAGMA recursive_triggers")
	if err != nil || row[0].Int64() != 0 {
		t.Errorf("recursive_triggers %v, %v", row, err)
	}
	if got := run(t, r, x, "DELETE FROM node WHERE id = 1"); got[0] != "1: DELETE node [1], DELETE node [2], DELETE node [3], DELETE node [4]" {
		t.Error(got)
	}
}

func run2(t *testing.T, x *Intents, sql string) int {
	t.Helper()
	result, err := x.Run(context.Background(), &Intent{SQL: sql})
	if err != nil {
		t.Fatal(err)
	}
	return result.Net.Len()
}

// A BEFORE trigger that puts a row in the way of another is no riddle to capture.
func TestCaptureFiresLastOfTheTriggersBefore(t *testing.T) {
	r, x := stashed(t, `
		CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b);
		CREATE TRIGGER x BEFORE INSERT ON t BEGIN UPDATE t SET a = NEW.a WHERE id = 1; END;
		INSERT INTO t VALUES(1, 1, 1);`)
	// No such statement is safe, as it depends on conflict clauses; capture is to
	// be right all the same.
	i := &Inspection{SQL: "INSERT OR REPLACE INTO t(id, a, b) VALUES(2, 2, 2)", Touches: []string{"t"}}
	r.in(t, "run", func() error {
		if err := x.refresh(); err != nil {
			return err
		}
		if err := x.switchOn(i.Touches); err != nil {
			return err
		}
		result := &IntentResult{}
		if err := x.run(context.Background(), i, nil, result); err != nil {
			return err
		}
		if first, err := result.Net.At(0); result.Net.Len() != 2 || err != nil || first.Op != replog.Delete {
			t.Errorf("%+v, %v", result.Net, err)
		}
		return x.Off()
	})
}

// Full-text indexes follow, in files that take the other engine.
func TestIntentsRunWithFullTextIndexes(t *testing.T) {
	path := t.TempDir() + "/fts.db"
	e, err := openFTS5("file:"+path, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.Exec(`
		CREATE TABLE doc(id INTEGER PRIMARY KEY, body TEXT, n INTEGER);
		CREATE VIRTUAL TABLE words USING fts5(body, content='doc', content_rowid='id');
		CREATE TRIGGER doc_au AFTER UPDATE ON doc BEGIN
			INSERT INTO words(words, rowid, body) VALUES('delete', OLD.id, OLD.body);
			INSERT INTO words(rowid, body) VALUES(NEW.id, NEW.body);
		END;
		INSERT INTO doc VALUES(1, 'one', 1), (2, 'two', 2);
		INSERT INTO words(words) VALUES('rebuild');`, nil)
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	r := openReplica(t, path)
	x := NewIntents(r.Replica, IntentOptions{})
	if got := run(t, r, x, "UPDATE doc SET body = body || ' changed'", "UPDATE doc SET n = random()"); got[0] != "2: UPDATE doc [1], UPDATE doc [2]" || got[1] != "*applier.UnsafeError" {
		t.Error(got)
	}
	row, err := r.QueryRow("SELECT count(*) FROM words WHERE words MATCH 'changed'")
	if err != nil || row[0].Int64() != 2 {
		t.Errorf("%v, %v", row, err)
	}
}

func BenchmarkIntent(b *testing.B) {
	for _, tc := range []struct {
		name string
		each func(x *Intents) error
	}{
		{"plain", nil},
		{"run", func(*Intents) error { return nil }},
		{"run and off", (*Intents).Off},
	} {
		b.Run(tc.name, func(b *testing.B) {
			c := scripted(b, "bank", bank, bankRows)
			for i := range 100 {
				if err := c.Script(fmt.Sprintf("CREATE TABLE more%d(id INTEGER PRIMARY KEY, a, b, c)", i)); err != nil {
					b.Fatal(err)
				}
			}
			r, err := NewReplica(c)
			if err != nil {
				b.Fatal(err)
			}
			x := NewIntents(r, IntentOptions{Triggers: []string{}})
			if err := r.Begin(); err != nil {
				b.Fatal(err)
			}
			in := &Intent{SQL: "UPDATE account SET balance = balance + ? WHERE id = ?", Args: []replog.Value{replog.Integer(1), replog.Integer(1)}}
			for b.Loop() {
				if tc.each == nil {
					err = r.Exec(in.SQL, in.Args...)
				} else if _, err = x.Run(context.Background(), in); err == nil {
					err = tc.each(x)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			_ = r.Rollback()
		})
	}
}

package applier

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tight are limits that a test need not wait for.
func tight() Limits {
	l := DefaultLimits()
	l.Time, l.Changes, l.Length, l.SQLLength = 50*time.Millisecond, 1_000, 100_000, 100_000
	return l
}

// hostileRows make some statements take very long.
//
//go:embed testdata/hostile_rows.sql
var hostileRows string

// What a device must not get through is refused at once or at its limit, nothing of
// it stays, and the transaction goes on.
func TestHostileIntentsAreRefused(t *testing.T) {
	lines := hostile(t)
	if len(lines) < 50 {
		t.Errorf("%d statements", len(lines))
	}
	scripts := []string{bank, bankRows, hostileRows}
	t.Run("go-sqlite3 of mattn", func(t *testing.T) {
		r, _ := stashed(t, scripts...)
		refuseHostile(t, r, openReplica(t, copied(t, r.Path())), lines)
	})
	t.Run("go-sqlite3 of ncruces", func(t *testing.T) {
		path := t.TempDir() + "/fts.db"
		e, err := openFTS5("file:"+path, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Exec(strings.Join(scripts, "\n")+"CREATE VIRTUAL TABLE words USING fts5(body)", nil); err != nil {
			t.Fatal(err)
		}
		e.Close()
		r := openReplica(t, path)
		theirs, err := r.triggersOfTables()
		if err == nil {
			err = r.dropTriggers(theirs)
		}
		if err != nil {
			t.Fatal(err)
		}
		refuseHostile(t, r, openReplica(t, copied(t, path)), lines)
	})
}

func copied(t *testing.T, path string) string {
	t.Helper()
	copyFile(t, path, path+"-copy")
	return path + "-copy"
}

func refuseHostile(t *testing.T, r, plain *testReplica, lines []string) {
	x := NewIntents(r.Replica, IntentOptions{Triggers: triggersOf(bank), Limits: tight()})
	harmless := &Intent{SQL: "UPDATE meter SET v = v + 1 WHERE id = 1"}
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	for n, line := range lines {
		want, sql, _ := strings.Cut(line, "\t")
		// Only what must run into it has little time: others may be slow here.
		x.o.Limits.Time = time.Minute
		if want == "limit time" {
			x.o.Limits.Time = tight().Time
		}
		_, err := x.Run(context.Background(), &Intent{SQL: sql})
		if got := became(err); got != want {
			t.Errorf("%s\n  becomes %s, want %s: %v", abbreviate(sql), got, want, err)
		}
		if r.conn.AutoCommit() {
			t.Fatalf("%s\n  ends the transaction: %v", abbreviate(sql), err)
		}
		x.o.Limits.Time = time.Minute
		result, err := x.Run(context.Background(), harmless)
		if err != nil || result.Net.Len() != 2 {
			t.Fatalf("after %s: %v", abbreviate(sql), err)
		}
		if n%10 == 0 { // so that all is switched on anew now and then
			if err := x.Off(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(x.Off(), r.Commit()); err != nil {
		t.Fatal(err)
	}
	plain.script(t, fmt.Sprintf("UPDATE meter SET v = v + %[1]d WHERE id = 1; UPDATE meter_sum SET n = n + %[1]d", len(lines)))
	mustEqual(t, "after all that", r.Conn, plain.Conn, nil)
}

func became(err error) string {
	var unsafe *UnsafeError
	var limit *LimitError
	var refused *IntentError
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &unsafe):
		return string(unsafe.Class)
	case errors.As(err, &limit):
		return "limit " + limit.Limit
	case errors.As(err, &refused):
		return "refused"
	}
	return fmt.Sprintf("%T", err)
}

var repetition = regexp.MustCompile(`\{(\d+) ([^{}]*)\}`)

// hostile reads the statements, with their repetitions spelled out.
func hostile(t *testing.T) (lines []string) {
	t.Helper()
	f, err := os.Open("testdata/hostile.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		if line := s.Text(); line != "" && line[0] != '#' {
			lines = append(lines, repetition.ReplaceAllStringFunc(line, func(m string) string {
				part := repetition.FindStringSubmatch(m)
				n, _ := strconv.Atoi(part[1])
				return strings.Repeat(part[2], n)
			}))
		}
	}
	return lines
}

// triggersOf picks the CREATE TRIGGERs on tables out of a script.
func triggersOf(script string) (list []string) {
	for _, text := range regexp.MustCompile(`(?s)CREATE TRIGGER.*?END;`).FindAllString(script, -1) {
		list = append(list, strings.TrimSuffix(text, ";"))
	}
	return list
}

// A trigger of the application's own may take too long where nothing of ours is
// asked. Then the transaction is lost, and the connection goes on.
func TestAStatementThatOnlyInterruptingStopsTakesTheTransaction(t *testing.T) {
	const slow = `CREATE TRIGGER slow AFTER UPDATE ON box BEGIN UPDATE meter_sum SET n = (SELECT count(*) FROM big a, big b, big c, big d) WHERE id = 1; END`
	r, _ := stashed(t, bank, bankRows, hostileRows)
	x := NewIntents(r.Replica, IntentOptions{Triggers: []string{slow}, Limits: tight()})
	before := r.schemaSQL(t)
	if err := r.Begin(); err != nil {
		t.Fatal(err)
	}
	_, err := x.Run(context.Background(), &Intent{SQL: "UPDATE box SET v = 5 WHERE id = 1"})
	var lost *LostError
	if !errors.As(err, &lost) || became(errors.Unwrap(err)) != "limit time" {
		t.Fatalf("%v", err)
	}
	if err := errors.Join(x.Off(), r.Rollback()); err != nil {
		t.Fatal(err)
	}
	if after := r.schemaSQL(t); strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("the schema is %s", strings.Join(after, "\n"))
	}
	if got := run(t, r, x, "UPDATE account SET balance = 1 WHERE id = 1"); got[0] != "1: UPDATE account [1]" {
		t.Error(got)
	}
}

// The caller may give up too.
func TestRunHeedsItsContext(t *testing.T) {
	r, _ := stashed(t, bank, bankRows, hostileRows)
	x := NewIntents(r.Replica, IntentOptions{Triggers: []string{}, Limits: tight()})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r.in(t, "run", func() error {
		_, err := x.Run(ctx, &Intent{SQL: "DELETE FROM log WHERE id IN (SELECT a.v FROM big a, big b, big c)"})
		if !errors.Is(err, context.Canceled) || IntentRefused(err) {
			t.Errorf("%v", err)
		}
		return x.Off()
	})
}

package server

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"replog/applier"
	"replog/replog"
)

// tight are limits that a test need not wait for.
func tight(c *Config) {
	c.Limits.Intents = applier.DefaultLimits()
	l := &c.Limits.Intents
	l.Time, l.Changes, l.Length, l.SQLLength = 200*time.Millisecond, 1_000, 100_000, 100_000
}

// hostileBank is the schema, with content, that the hostile statements are about.
func (h *harness) hostileBank(more string) {
	h.t.Helper()
	script := ""
	for _, name := range []string{"bank.sql", "bank_rows.sql", "hostile_rows.sql"} {
		b, err := os.ReadFile(filepath.Join("..", "applier", "testdata", name))
		h.must(err)
		script += string(b)
	}
	h.publish("bank", script+more)
}

// hostile reads statements that a device must not get through, with the class of each.
func hostile(t *testing.T) (list [][2]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "applier", "testdata", "hostile.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		line = repeat(strings.TrimSuffix(line, "\n"))
		if class, sql, ok := strings.Cut(line, "\t"); ok && !strings.HasPrefix(line, "#") {
			list = append(list, [2]string{class, sql})
		}
	}
	return list
}

var repetition = regexp.MustCompile(`\{(\d+) ([^{}]*)\}`)

// repeat writes {n text} out.
func repeat(line string) string {
	return repetition.ReplaceAllStringFunc(line, func(m string) string {
		part := repetition.FindStringSubmatch(m)
		n, _ := strconv.Atoi(part[1])
		return strings.Repeat(part[2], n)
	})
}

// judgedOnItsOwn: the device has seen all verdicts before.
func judgedOnItsOwn(t *replog.Transaction) { t.Seen = t.Seq - 1 }

// Each is refused, the queue moves on, and the next transaction is applied.
func TestHostileIntentsAreRejected(t *testing.T) {
	list := hostile(t)
	if len(list) < 100 {
		t.Fatalf("%d statements", len(list))
	}
	h := newHarness(t, tight)
	h.hostileBank("")
	d := h.enrol("bank")
	for _, l := range list {
		judgedOnItsOwn(d.steps(&replog.Intent{SQL: l[1]}))
		judgedOnItsOwn(d.steps(intent("UPDATE meter SET v = v + 1 WHERE id = 1")))
	}
	verdicts := d.sync().verdicts
	if len(verdicts) != 2*len(list) {
		t.Fatalf("%d verdicts", len(verdicts))
	}
	for i, l := range list {
		reason := "limit"
		switch class, _, _ := strings.Cut(l[0], " "); class {
		case "limit":
		case "refused":
			reason = "constraint statement"
		case "table":
			reason = "schema"
		case "syntax":
			reason = "unsafe schema"
		default:
			reason = "unsafe"
		}
		v, next := verdicts[2*i], verdicts[2*i+1]
		if v.Outcome != replog.Rejected || !strings.Contains(reason, v.Reason.Code) {
			t.Errorf("%.200s\n  becomes %s %v, want rejected, %s", l[1], v.Outcome, v.Reason, reason)
		}
		if next.Outcome != replog.Applied {
			t.Errorf("%.200s\n  the next becomes %s %v", l[1], next.Outcome, next.Reason)
		}
	}
	if got, want := h.replicaRows("bank", "SELECT v FROM meter WHERE id = 1"), fmt.Sprintf("[%d]\n", 1+len(list)); got != want {
		t.Errorf("the meter stands at %s, want %s", got, want)
	}
	h.sameRebuilt("bank")
}

// slowTrigger makes some statements so slow that only interrupting helps, which takes
// the transaction of the whole batch.
const slowTrigger = `
	CREATE TRIGGER slow AFTER UPDATE ON box BEGIN
		UPDATE meter_sum SET n = (SELECT count(*) FROM big a, big b, big c, big d) WHERE id = 1; END;`

// What was judged before it, by itself and by others, is judged again, to the same
// end, and the batch goes on.
func TestAnIntentThatTakesTheBatchWithItIsRejected(t *testing.T) {
	h := newHarness(t, tight)
	h.hostileBank(slowTrigger)
	lost := func() *replog.Intent { return intent("UPDATE box SET v = 5 WHERE id = 1") }
	meter := func() *replog.Intent { return intent("UPDATE meter SET v = v + 1 WHERE id = 1") }
	d := h.enrol("bank")
	judgedOnItsOwn(d.steps(meter()))
	judgedOnItsOwn(d.steps(meter(), lost(), meter()))
	judgedOnItsOwn(d.steps(meter()))
	judgedOnItsOwn(d.steps(optional(lost())))
	judgedOnItsOwn(d.record(rowOf("parent", 77)))
	judgedOnItsOwn(d.steps(meter()))
	var got []string
	for _, v := range d.sync().verdicts {
		got = append(got, describeVerdict(&v))
	}
	want := "applied | rejected; rejected, limit, [] | applied | rejected; rejected, limit, [] | applied | applied"
	if strings.Join(got, " | ") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, " | "), want)
	}
	if rows := h.replicaRows("bank", "SELECT v FROM meter WHERE id = 1 UNION ALL SELECT v FROM box WHERE id = 1 UNION ALL SELECT id FROM parent WHERE id = 77"); rows != "[4]\n[1]\n[77]\n" {
		t.Errorf("rows %s", rows)
	}
	h.sameRebuilt("bank")
	// It is in the log, with the tables that it would have written.
	if v := h.syncAgain(d); v.Outcome != replog.Rejected || strings.Join(v.Tables, " ") != "box meter meter_sum" {
		t.Errorf("%s, tables %v", describeVerdict(&v), v.Tables)
	}
}

// syncAgain asks for the verdict on the device's second transaction once more.
func (h *harness) syncAgain(d *double) replog.Verdict {
	h.t.Helper()
	d.header.SyncPoint, d.header.Chain = 0, ""
	return d.sync().verdicts[1]
}

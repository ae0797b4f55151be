package server

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"replog/replog"
)

// BenchmarkUpload is one device that uploads transactions, a thousand at a time: of a
// row statement, of an intent, or of both.
func BenchmarkUpload(b *testing.B) {
	b.Cleanup(replog.SetMemory(4<<20, 2<<20))
	const accounts = 1000
	schema := "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));"
	for i := range accounts {
		schema += fmt.Sprintf("INSERT INTO account VALUES (%d, 1000000);", i)
	}
	take := func(i int64) *replog.Intent {
		return having(intent("UPDATE account SET balance = balance - ? WHERE id = ? AND balance >= ?", 1, i%accounts, 1),
			setBalance(i%accounts, 1000000-i/accounts, 1000000-i/accounts-1))
	}
	insert := func(i int64) replog.Change {
		c := rowChange(replog.Insert, "account", accounts+i)
		c.Columns, c.New = []string{"id", "balance"}, []replog.Value{replog.Integer(accounts + i), replog.Integer(1)}
		return c
	}
	for _, tc := range []struct {
		name   string
		record func(d *double, i int64)
	}{
		{"row", func(d *double, i int64) {
			d.record(setBalance(i%accounts, 1000000-i/accounts, 1000000-i/accounts-1))
		}},
		{"intent", func(d *double, i int64) { d.steps(take(i)) }},
		{"both", func(d *double, i int64) { d.steps(insert(i), take(i)) }},
	} {
		for _, tables := range []int{0, 120} {
			b.Run(fmt.Sprintf("%s of %d tables", tc.name, tables+1), func(b *testing.B) {
				h := newHarness(b)
				more := ""
				for i := range tables {
					more += fmt.Sprintf("CREATE TABLE more%d (id INTEGER PRIMARY KEY, a, b, c REFERENCES account(id));", i)
				}
				h.publish("bank", schema+more)
				d := h.enrol("bank")
				d.header.PushOnly = true
				n := int64(0)
				for b.Loop() {
					b.StopTimer()
					for range 1000 {
						tc.record(d, n)
						n++
					}
					body := d.upload()
					b.StartTimer()
					r, err := d.send(body)
					h.must(err)
					h.ok(r, 200)
					d.outbox, d.seen = nil, d.header.LastSeq
				}
				b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "tx/s")
			})
		}
	}
}

// BenchmarkMillion is one intent that changes a million rows, and what another device
// gets of it.
func BenchmarkMillion(b *testing.B) {
	b.Cleanup(replog.SetMemory(4<<20, 2<<20))
	h := newHarness(b)
	h.publish("bank", `
		CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, y TEXT);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) INSERT INTO t SELECT i, i, 'row ' || i FROM n;`)
	d, other := h.enrol("bank"), h.enrol("bank")
	for b.Loop() {
		in := intent("UPDATE t SET x = x + 1")
		in.Affected = 1_000_000
		d.steps(in)
		if v := d.sync().verdicts[0]; v.Outcome != replog.Applied {
			b.Fatal(describeVerdict(&v))
		}
		if e := other.sync().entries[0]; e.Lines != 1 {
			b.Fatal(e.describe())
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	h.must(err)
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmHWM") {
			b.Log(line)
		}
	}
}

// BenchmarkSmallSyncOfAnIntent is one device that uploads one intent at a time, beside a
// hundred other tables.
func BenchmarkSmallSyncOfAnIntent(b *testing.B) {
	h := newHarness(b)
	more := ""
	for i := range 100 {
		more += fmt.Sprintf("CREATE TABLE more%d (id INTEGER PRIMARY KEY, a, b, c REFERENCES account(id));", i)
	}
	h.publish("bank", bankSchema+more)
	d := h.enrol("bank")
	for name, sql := range map[string]string{
		"with a trigger": "UPDATE account SET balance = balance + 1 WHERE id = 1", "without": "UPDATE memo SET text = id WHERE id = 1",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d.steps(intent(sql))
				d.sync()
			}
		})
	}
}

// BenchmarkSchemaStatement is one device that uploads a column, beside a hundred other
// tables, and then drops it.
func BenchmarkSchemaStatement(b *testing.B) {
	h := newHarness(b)
	more := ""
	for i := range 100 {
		more += fmt.Sprintf("CREATE TABLE more%d (id INTEGER PRIMARY KEY, a, b, c REFERENCES account(id));", i)
	}
	h.publish("bank", bankSchema+more)
	d := h.enrol("bank")
	for b.Loop() {
		d.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more"))
		d.steps(schemaStatement("ALTER TABLE memo DROP COLUMN more"))
		d.sync()
	}
}

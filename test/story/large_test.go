package story

import (
	"fmt"
	"testing"
)

// What waits between two syncs may be more than is kept in memory: then it goes
// through a temporary table, and comes out in the order in which it was written.
func TestLargeTransactionsAreNumberedAsTheyWereWritten(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", "CREATE TABLE t(id INTEGER PRIMARY KEY, n, data); INSERT INTO t VALUES(1, 0, NULL)")
	b := w.clone("b.db")
	const transactions = 7
	for n := 1; n <= transactions; n++ {
		a.write(fmt.Sprintf("INSERT INTO replog_transaction(label) VALUES('%d'); UPDATE t SET n = %[1]d, data = randomblob(3000000)", n))
	}
	w.converge(a, b)
	b.shows("SELECT n FROM t", fmt.Sprintf("[%d]", transactions))
	if status := a.status(); status.SyncPoint != transactions {
		t.Errorf("it is at revision %d", status.SyncPoint)
	}
}

// Rows that several batches of facts are about are worked out back through all
// of them.
func TestManyTransactionsOnTheSameRowsAreWorkedOut(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", "CREATE TABLE t(k TEXT PRIMARY KEY, n, data)")
	b := w.clone("b.db")
	for n := range 6 {
		a.write(fmt.Sprintf(`INSERT INTO replog_transaction(label) VALUES('%d');
			WITH RECURSIVE number(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 4000)
			INSERT INTO t SELECT 'k' || (i * (%[1]d + 1) %% 9000), %[1]d, NULL FROM number WHERE true ON CONFLICT DO UPDATE SET n = n + 100, data = excluded.n;
			DELETE FROM t WHERE n %% 7 = %[1]d`, n))
	}
	w.converge(a, b)
}

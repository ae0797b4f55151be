package applied

import (
	"fmt"
	"testing"
	"time"

	"replog/replog"
)

// benchRows is the number of rows of one transaction.
const benchRows = 10_000

// BenchmarkTransaction writes transactions of 10,000 rows, with one Exec a row and with
// Apply, and reports how many times as long the former takes.
func BenchmarkTransaction(b *testing.B) {
	for _, op := range []replog.Op{replog.Insert, replog.Update, replog.Delete} {
		b.Run(string(op), func(b *testing.B) {
			db := open(b)
			var single, applied time.Duration
			for b.Loop() {
				m, changes := benchChanges(op)
				s := newSite(b, db, m)
				start := time.Now()
				for i := range changes {
					execRow(b, s, &changes[i])
				}
				single += time.Since(start)
				s.tx.Rollback()

				s = newSite(b, db, m)
				start = time.Now()
				s.apply(changes...)
				s.flush()
				applied += time.Since(start)
				s.tx.Rollback()
			}
			b.ReportMetric(float64(single.Microseconds())/float64(b.N)/1000, "exec-ms")
			b.ReportMetric(float64(applied.Microseconds())/float64(b.N)/1000, "apply-ms")
			b.ReportMetric(single.Seconds()/applied.Seconds(), "times")
		})
	}
}

// benchChanges gives a table, and changes of all of its rows.
func benchChanges(op replog.Op) (*memory, []replog.Change) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT", "price REAL", "n INTEGER", "at DATETIME"))
	after := newMemory(m.shapes...)
	var changes []replog.Change
	for i := range int64(benchRows) {
		row := []replog.Value{
			replog.Integer(i), replog.Text(fmt.Sprintf("item number %d", i)), replog.Real(float64(i) / 4),
			replog.Integer(i % 7), replog.Text("2024-01-02 03:04:05"),
		}
		after.put("item", row...)
		switch op {
		case replog.Insert:
			changes = append(changes, after.insert("item", row...))
			continue
		case replog.Update:
			changes = append(changes, after.update("item", integers(i), set{"n": replog.Integer(i), "price": replog.Real(1)}))
		default:
			changes = append(changes, after.remove("item", replog.Integer(i)))
		}
		m.put("item", row...)
	}
	return m, changes
}

// execRow writes a change of item as one statement.
func execRow(b *testing.B, s *site, c *replog.Change) {
	id := c.Key[0].Int64()
	var err error
	switch c.Op {
	case replog.Insert:
		_, err = s.tx.ExecContext(b.Context(), "INSERT INTO shop.item (id, name, price, n, at) VALUES ($1, $2, $3, $4, $5)",
			id, c.New[1].Bytes(), c.New[2].Float64(), c.New[3].Int64(), c.New[4].Bytes())
	case replog.Update:
		_, err = s.tx.ExecContext(b.Context(), "UPDATE shop.item SET price = $1, n = $2 WHERE id = $3",
			c.New[0].Float64(), c.New[1].Int64(), id)
	default:
		_, err = s.tx.ExecContext(b.Context(), "DELETE FROM shop.item WHERE id = $1", id)
	}
	if err != nil {
		b.Fatal(err)
	}
}

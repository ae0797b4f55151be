package applier

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// hostileValues are few, so that rows and keys meet often, and near each other.
var hostileValues = []replog.Value{
	{}, replog.Integer(0), replog.Integer(1), replog.Integer(-1),
	replog.Integer(math.MaxInt64), replog.Integer(math.MaxInt64 - 1), replog.Integer(math.MinInt64), replog.Integer(1<<53 + 1),
	replog.Real(0), replog.Real(math.Copysign(0, -1)), replog.Real(1), replog.Real(1.5), replog.Real(math.Inf(1)), replog.Real(math.Inf(-1)),
	replog.Real(1 << 53), replog.Real(1 << 63), replog.Real(-(1 << 63)), replog.Real(0.1 + 0.2),
	replog.Text(""), replog.Text("a"), replog.Text("A"), replog.Text("a\x00b"), replog.Text("a\x00"), replog.Text("\xff"), replog.Text("é"), replog.Text("1"), replog.Text("a "),
	replog.Blob(nil), replog.Blob([]byte("a")), replog.Blob([]byte{0xff}),
}

// compareTables are tables with columns a, b, c; key says how many lead the key.
var compareTables = []struct {
	sql string
	key int
}{
	{"CREATE TABLE t(a, b, c)", 0},
	{"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)", 1},
	{"CREATE TABLE t(a PRIMARY KEY, b, c)", 1},
	{"CREATE TABLE t(a TEXT COLLATE NOCASE PRIMARY KEY, b, c) WITHOUT ROWID", 1},
	{"CREATE TABLE t(a, b COLLATE RTRIM, c REAL, PRIMARY KEY(a DESC, b))", 2},
	{"CREATE TABLE t(a COLLATE NOCASE, b INT, c NUMERIC, PRIMARY KEY(a, b)) WITHOUT ROWID", 2},
}

func TestCompareAgreesWithAComparisonInMemory(t *testing.T) {
	values := rapid.SampledFrom(hostileValues)
	rapid.Check(t, func(r *rapid.T) {
		table := rapid.SampledFrom(compareTables).Draw(r, "table")
		encoding := rapid.SampledFrom([]string{"UTF-8", "UTF-8", "UTF-16le"}).Draw(r, "encoding")
		a, b := memory(r, encoding, table.sql), memory(r, encoding, table.sql)
		defer a.Close()
		defer b.Close()
		for range rapid.IntRange(0, 30).Draw(r, "statements") {
			row := []replog.Value{values.Draw(r, "a"), values.Draw(r, "b"), values.Draw(r, "c")}
			sides := rapid.SampledFrom([][]*Conn{{a, b}, {a, b}, {a}, {b}}).Draw(r, "sides")
			query := rapid.SampledFrom([]string{"INSERT OR IGNORE INTO t VALUES(?, ?, ?)", "INSERT OR REPLACE INTO t VALUES(?, ?, ?)"}).Draw(r, "query")
			for _, c := range sides {
				if err := c.Exec(query, row...); err != nil && !IsConstraint(err) {
					r.Fatal(err)
				}
			}
		}
		var told TableComparison
		told.Table = "t"
		got, err := Compare(a, b, CompareOptions{Row: func(d RowDifference) error {
			switch {
			case d.B == nil:
				told.OnlyA += d.Count
			case d.A == nil:
				told.OnlyB += d.Count
			default:
				told.Different++
			}
			return nil
		}})
		if err != nil {
			r.Fatal(err)
		}
		want := naiveComparison(allRows(r, a), allRows(r, b), table.key)
		if got.Tables[0] != want || told != want {
			r.Fatalf("got %+v, told %+v, want %+v", got.Tables[0], told, want)
		}
		da, errA := DigestTable(a, "T")
		db, errB := DigestTable(b, "t")
		if errA != nil || errB != nil || (da == db) != got.Equal {
			r.Fatalf("digests %s and %s with %+v, %v, %v", da, db, want, errA, errB)
		}
	})
}

func memory(r *rapid.T, encoding, sql string) *Conn {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		r.Fatal(err)
	}
	if err := c.Script("PRAGMA encoding = '" + encoding + "';" + sql); err != nil {
		r.Fatal(err)
	}
	return c
}

func allRows(r *rapid.T, c *Conn) [][]replog.Value {
	var rows [][]replog.Value
	err := c.Query("SELECT +a, +b, +c FROM t", func(row []replog.Value) error {
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		r.Fatal(err)
	}
	return rows
}

// naiveComparison pairs rows by the exact text of their key; rows without one
// by all of their values.
func naiveComparison(a, b [][]replog.Value, key int) TableComparison {
	n := TableComparison{Table: "t"}
	index := func(rows [][]replog.Value) (keyed map[string]string, rest map[string]int64) {
		keyed, rest = map[string]string{}, map[string]int64{}
		for _, row := range rows {
			whole := fmt.Sprintf("%q", replog.KeyString(row))
			if key == 0 || slices.ContainsFunc(row[:key], replog.Value.IsNull) {
				rest[whole]++
			} else {
				keyed[replog.KeyString(row[:key])] = whole
			}
		}
		return keyed, rest
	}
	ka, ra := index(a)
	kb, rb := index(b)
	for k, row := range ka {
		if other, ok := kb[k]; !ok {
			n.OnlyA++
		} else if other != row {
			n.Different++
		}
	}
	for k := range kb {
		if _, ok := ka[k]; !ok {
			n.OnlyB++
		}
	}
	for whole := range maps.Keys(ra) {
		n.OnlyA += max(0, ra[whole]-rb[whole])
	}
	for whole := range maps.Keys(rb) {
		n.OnlyB += max(0, rb[whole]-ra[whole])
	}
	return n
}

func TestCompareLooselyOrdersAsSQLite(t *testing.T) {
	c := scripted(t, "order", "CREATE TABLE v(n INTEGER PRIMARY KEY, x)")
	for i, v := range hostileValues {
		if err := c.Exec("INSERT INTO v VALUES(?, ?)", replog.Integer(int64(i)), v); err != nil {
			t.Fatal(err)
		}
	}
	err := c.Query("SELECT l.n, r.n, (l.x > r.x) - (l.x < r.x) FROM v AS l, v AS r WHERE l.x IS NOT NULL AND r.x IS NOT NULL", func(row []replog.Value) error {
		l, r := hostileValues[row[0].Int64()], hostileValues[row[1].Int64()]
		if got := compareValues(l, r); int64(got) != row[2].Int64() {
			t.Errorf("%s and %s: %d, SQLite says %s", l, r, got, row[2])
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkCompare gives rows a second, a row being there on both sides.
func BenchmarkCompare(b *testing.B) {
	const rows = 100_000
	for _, key := range []string{"id INTEGER PRIMARY KEY", "id TEXT PRIMARY KEY", "id TEXT COLLATE NOCASE PRIMARY KEY", "id"} {
		b.Run(strings.ReplaceAll(key, " ", "-"), func(b *testing.B) {
			script := fmt.Sprintf(`CREATE TABLE t(%s, name TEXT, price REAL, stock INTEGER, note TEXT);
				WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
				INSERT INTO t SELECT i * 7919 %% 1000003, 'name ' || i, i / 7.0, i %% 100, 'a note of some length, number ' || i FROM n`, key, rows)
			left, right := scripted(b, "a", script), scripted(b, "b", script)
			b.ResetTimer()
			for range b.N {
				c, err := Compare(left, right, CompareOptions{})
				if err != nil || !c.Equal {
					b.Fatal(c, err)
				}
			}
			b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkDigest gives rows a second.
func BenchmarkDigest(b *testing.B) {
	const rows = 100_000
	c := scripted(b, "a", fmt.Sprintf(`CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, price REAL, stock INTEGER, note TEXT);
		WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO t SELECT i, 'name ' || i, i / 7.0, i %% 100, 'a note of some length, number ' || i FROM n`, rows))
	b.ResetTimer()
	for range b.N {
		if _, err := DigestDatabase(c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(rows*b.N)/b.Elapsed().Seconds(), "rows/s")
}

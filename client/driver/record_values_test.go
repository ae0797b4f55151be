package driver_test

import (
	"database/sql"
	"math"
	"testing"
	"time"

	"replog/replog"
)

// What is recorded of an argument is what SQLite got, not what Go had.
func TestArgumentsAreRecordedAsSQLiteGotThem(t *testing.T) {
	db, path := device(t)
	db.SetMaxOpenConns(1)
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("x", 7200))
	values := []any{
		nil, 0, 1, int64(math.MaxInt64), int64(math.MinInt64), uint32(7), 1.0, 0.1, -2.5e300, math.Inf(1), math.Inf(-1), math.NaN(), math.Copysign(0, -1), float32(0.5),
		true, false, "", "text", "a\x00b", "\xff\xfe", "日本", []byte(nil), []byte{}, []byte{0, 255}, at, time.Time{}, &at, sql.NullString{}, sql.NullInt64{Int64: 5, Valid: true}, sql.RawBytes("raw"),
	}
	for i, v := range values {
		for _, args := range [][]any{{v}, {sql.Named("v", v)}} {
			query := "UPDATE pair SET v = :v WHERE a = 'x'"
			if _, named := args[0].(sql.NamedArg); !named {
				query = "UPDATE pair SET v = ? WHERE a = 'x'"
			}
			must(t, db, "INSERT OR REPLACE INTO pair(a, b, v) VALUES('x', 'y', 'before')")
			must(t, db, query, args...)
			c := reader(t, path)
			row, err := c.QueryRow("SELECT +v FROM pair WHERE a = 'x'")
			if err != nil {
				t.Fatal(err)
			}
			list := recordedStatements(t, path)
			last := list[len(list)-1]
			if last.Class != "" || len(last.Args) != 1 || !same(last.Args[0], row[0]) {
				t.Errorf("%d: %T %v is stored as %s (%s), recorded as %v <%s>", i, v, v, row[0], row[0].Kind(), last.Args, last.Class)
			}
			c.Close()
		}
	}
}

// same are equal values, where -0.0 is stored as 0.0.
func same(a, b replog.Value) bool {
	return a == b || a == replog.Real(math.Copysign(0, -1)) && b == replog.Real(0)
}

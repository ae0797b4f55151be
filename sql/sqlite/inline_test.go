package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

// TestSQLWithItsArgumentsInPlaceSaysTheSame puts random parameters, and what is none,
// before SQLite: with its arguments bound, and with them in their places.
func TestSQLWithItsArgumentsInPlaceSaysTheSame(t *testing.T) {
	db := shell(t, ":memory:")
	rapid.Check(t, func(r *rapid.T) {
		term := rapid.SampledFrom([]string{
			"?", "?1", "?2", "?5", "?01", ":a", ":A", ":b1", "@a", "$a", "$a::b", "$a::b(c d", "$a(b)", "'?'", "'it''s :a'", `"?"`, "[?]", "`:a`",
			"1 -- ?\n", "/* ? ' */ 2", "x'00'", "-?", "1-?", "?-?", "(?)", "1.5e1", "e$1", "? ", "?=?1",
		})
		terms := rapid.SliceOfN(term, 1, 8).Draw(r, "terms")
		query := "SELECT " + strings.Join(terms, ",") + ` FROM (SELECT 7 AS "?", 8 AS ":a", 9 AS e$1)`
		count, err := parameterCount(db, query)
		if err != nil {
			return // such as a name with parentheses that is left open
		}
		values := rapid.SliceOfN(rapid.SampledFrom([]replog.Value{
			{}, replog.Integer(0), replog.Integer(-5), replog.Real(2.5), replog.Text("it's ? :a"), replog.Blob([]byte("?")),
		}), count, count).Draw(r, "args")
		bound := make([]any, count)
		for i, v := range values {
			bound[i] = plain(v)
		}
		inline := replog.Inline(query, values, replog.Value.String)
		want, got := firstRow(r, db, query, len(terms), bound...), firstRow(r, db, inline, len(terms))
		if !reflect.DeepEqual(got, want) {
			r.Fatalf("%s\n%s\n got %v\nwant %v", query, inline, got, want)
		}
	})
}

func parameterCount(db *sql.DB, query string) (n int, err error) {
	conn, err := db.Conn(context.Background())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return n, conn.Raw(func(c any) error {
		stmt, err := c.(driver.Conn).Prepare(query)
		if err != nil {
			return err
		}
		n = stmt.NumInput()
		return stmt.Close()
	})
}

func firstRow(r *rapid.T, db *sql.DB, query string, columns int, args ...any) []any {
	row, into := make([]any, columns), make([]any, columns)
	for i := range row {
		into[i] = &row[i]
	}
	if err := db.QueryRow(query, args...).Scan(into...); err != nil {
		r.Fatalf("%s: %v", query, err)
	}
	return row
}

func plain(v replog.Value) any {
	switch v.Kind() {
	case replog.KindInteger:
		return v.Int64()
	case replog.KindReal:
		return v.Float64()
	case replog.KindText:
		return v.Bytes()
	case replog.KindBlob:
		return []byte(v.Bytes())
	}
	return nil
}

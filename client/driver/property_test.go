package driver_test

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"replog/applier"
	"replog/client/driver"
)

// steps are what a random history is made of. The rows are few, so that they often
// clash.
var steps = []string{
	"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "END", "ROLLBACK",
	"SAVEPOINT a", "SAVEPOINT b", "RELEASE a", "RELEASE B", "ROLLBACK TO a", "ROLLBACK TO b",
	"INSERT INTO item(id) VALUES(%d)", "INSERT OR IGNORE INTO item(id) VALUES(%d), (1)", "INSERT OR FAIL INTO item(id) VALUES(%d), (1)",
	"INSERT OR ROLLBACK INTO item(id) VALUES(%d)", "REPLACE INTO item(id, price) VALUES(%d, 1)", "UPDATE item SET price = coalesce(price, 0) + 1 WHERE id <= %d",
	"DELETE FROM item WHERE id = %d", "UPDATE item SET id = id + 1 WHERE id = %d", "INSERT INTO part(item) VALUES(%d)", "DELETE FROM part WHERE item = %d",
	"INSERT INTO pair VALUES('a', %d, 1) ON CONFLICT DO UPDATE SET v = v + 1 RETURNING v", "DELETE FROM pair RETURNING b",
	"SELECT id, price FROM item WHERE id = %d", "SELECT changes(), last_insert_rowid()", "INSERT INTO seen(what) VALUES(changes())",
	"BEGIN; INSERT INTO seen(what) VALUES(%d); COMMIT", "INSERT INTO seen(what) VALUES(%d); DELETE FROM seen WHERE what = 2",
	"CREATE TABLE IF NOT EXISTS more(id INTEGER PRIMARY KEY)", "INSERT OR IGNORE INTO more VALUES(%d)", "EXPLAIN QUERY PLAN DELETE FROM item",
	"UPDATE item SET name = 'cup' WHERE id = %d RETURNING name", "UPDATE OR FAIL item SET id = 1 WHERE id <= %d RETURNING id", "UPDATE item SET price = -1 WHERE id = %d", "INSERT OR FAIL INTO item(id) VALUES(9), (1) RETURNING id",
	"PRAGMA ignore_check_constraints = %d", "PRAGMA defer_foreign_keys = %d", "SELECT changes()",
}

// content is all that the application's tables hold, as others see it.
const content = `
	SELECT (SELECT group_concat(quote(id) || quote(name) || quote(price), ' ') FROM item), (SELECT group_concat(id || ' ' || item, ',') FROM part),
		(SELECT group_concat(a || b || v, ' ') FROM pair), (SELECT group_concat(id || quote(what), ' ') FROM seen)`

func TestRandomHistoriesHaveTheBoundariesOfTheirTransactions(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var probes [2]*probe
		var paths [2]string
		for i, name := range []string{"sqlite3", driver.Name} {
			paths[i] = newFile(t, true)
			db, err := sql.Open(name, paths[i]+options)
			if err != nil {
				r.Fatal(err)
			}
			defer db.Close()
			p := &probe{t: t, ctx: context.Background(), db: db}
			if p.conn, err = db.Conn(p.ctx); err != nil {
				r.Fatal(err)
			}
			defer p.conn.Close()
			probes[i] = p
		}
		other, err := applier.Open(paths[1], applier.OpenOptions{})
		if err != nil {
			r.Fatal(err)
		}
		defer other.Close()
		seen := func() string {
			row, err := other.QueryRow(content)
			if err != nil {
				r.Fatal(err)
			}
			return fmt.Sprint(row)
		}
		committed, several := 0, false
		before := seen()
		for range rapid.IntRange(1, 40).Draw(r, "steps") {
			step := rapid.SampledFrom(steps).Draw(r, "step")
			if strings.Contains(step, "%d") {
				step = fmt.Sprintf(step, rapid.IntRange(1, 6).Draw(r, "n"))
			}
			asQuery := rapid.Bool().Draw(r, "query")
			for _, p := range probes {
				if asQuery {
					p.query(step)
				} else {
					p.exec(step)
				}
			}
			a, b := strings.Join(probes[0].log, "\n"), strings.Join(probes[1].log, "\n")
			if a != b {
				r.Fatalf("%s (query %t):\n%s\nwith mattn's driver\n%s", step, asQuery, b, a)
			}
			probes[0].log, probes[1].log = nil, nil
			after := seen()
			several = several || strings.Contains(step, ";") && !strings.HasPrefix(step, "BEGIN")
			if after != before {
				committed++
			}
			before = after
		}
		more := regexp.MustCompile(`insert more \[\d+\](, )?`)                                                                                // which content leaves out
		got := slices.DeleteFunc(recorded(t, paths[1]), func(g string) bool { return strings.HasSuffix(more.ReplaceAllString(g, ""), ": ") }) // without net change
		if i := slices.IndexFunc(got, func(g string) bool { return strings.HasPrefix(g, "-") }); i >= 0 {
			r.Fatalf("not marked: %q", got[i])
		}
		if !several && len(got) != committed {
			r.Fatalf("%d transactions were committed, and recorded %q", committed, got)
		}
	})
}

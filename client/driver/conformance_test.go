package driver_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	replogdriver "replog/client/driver"
)

// probe is one connection of one of the drivers, and what a case saw on it.
type probe struct {
	t    *testing.T
	db   *sql.DB
	conn *sql.Conn
	ctx  context.Context
	log  []string
}

func (p *probe) note(format string, args ...any) { p.log = append(p.log, fmt.Sprintf(format, args...)) }

type runner interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

func (p *probe) exec(query string, args ...any) { p.execOn(p.conn, query, args...) }

func (p *probe) execOn(r runner, query string, args ...any) {
	result, err := r.ExecContext(p.ctx, query, args...)
	p.result(result, err)
}

func (p *probe) result(result sql.Result, err error) {
	if err != nil {
		p.note("exec: %s", describe(err))
		return
	}
	id, e1 := result.LastInsertId()
	n, e2 := result.RowsAffected()
	p.note("exec: id %d, %d rows, %v %v", id, n, e1, e2)
}

func (p *probe) query(query string, args ...any) { p.queryOn(p.conn, query, args...) }

func (p *probe) queryOn(r runner, query string, args ...any) {
	rows, err := r.QueryContext(p.ctx, query, args...)
	p.rows(rows, err)
}

func (p *probe) rows(rows *sql.Rows, err error) {
	if err != nil {
		p.note("query: %s", describe(err))
		return
	}
	types, err := rows.ColumnTypes()
	for _, c := range types {
		null, ok := c.Nullable()
		p.note("column %s %s %v %t %t", c.Name(), c.DatabaseTypeName(), c.ScanType(), null, ok)
	}
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
			values := make([]any, len(types))
			into := make([]any, len(types))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				p.note("scan: %v", err)
			}
			for i, v := range values {
				p.note("value %d %T %v", i, v, v)
			}
		}
	}
	p.note("rows: %v, %s, %v", err, describe(rows.Err()), rows.Close())
}

func (p *probe) content() {
	for _, table := range []string{"item", "part", "pair", "seen"} {
		p.query("SELECT * FROM " + table)
	}
}

var conformance = []struct {
	name string
	run  func(p *probe)
}{
	{"statements", func(p *probe) {
		p.exec("INSERT INTO item(name, price) VALUES(?, ?)", "jar", 1.5)
		p.exec("UPDATE item SET price = price + 1 WHERE price IS NOT NULL")
		p.exec("DELETE FROM item WHERE id = 3")
		p.exec("DELETE FROM item WHERE id = 99")
		p.exec("INSERT INTO pair VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1")
		p.exec("INSERT INTO pair VALUES('a', 'b', 1) ON CONFLICT DO UPDATE SET v = v + 1")
		p.exec("REPLACE INTO item(id, name) VALUES(7, 'cup')")
		p.query("SELECT last_insert_rowid(), id FROM item ORDER BY id")
	}},
	{"values", func(p *probe) {
		at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("x", 7200))
		p.exec("INSERT INTO item(id, name, price, data, made, sold) VALUES(?, ?, ?, ?, ?, ?)", 10, "a\x00b", 1e300, []byte{0, 1, 255}, at, true)
		p.exec("INSERT INTO item(id, name, price, data, made, sold) VALUES(?, ?, ?, ?, ?, ?)", 11, nil, nil, []byte{}, "2026-01-02", false)
		p.exec("INSERT INTO item(id, name, data, made) VALUES(?, ?, ?, ?)", int64(-1)<<62, "", []byte(nil), int64(1_700_000_000))
		p.exec("INSERT INTO item(id) VALUES(?)", struct{}{})
		p.exec("INSERT INTO item(id) VALUES(?)", sql.NullInt64{})
		p.query("SELECT id AS i, name, price, data, made, sold, 1 + 1, typeof(data), NULL FROM item ORDER BY id")
	}},
	{"named parameters", func(p *probe) {
		p.exec("INSERT INTO pair VALUES(:a, @b, $c)", sql.Named("a", "x"), sql.Named("b", "y"), sql.Named("c", 3))
		p.exec("INSERT INTO pair VALUES(?2, ?1, ?2)", "p", "q")
		p.exec("INSERT INTO pair VALUES(:a, :a, 1); INSERT INTO pair VALUES(:a, :b, 2)", sql.Named("a", "m"), sql.Named("b", "n"))
		p.query("SELECT :v, :v || 'x', ?", sql.Named("v", "a"), 2)
		p.exec("INSERT INTO pair VALUES(:a, :b, 1)", sql.Named("a", "m"))
		p.content()
	}},
	{"several statements in a string", func(p *probe) {
		p.exec("INSERT INTO seen(what) VALUES(?); UPDATE seen SET what = ? WHERE what = ?", "a", "b", "a")
		p.exec("INSERT INTO seen(what) VALUES('c'); ; -- the end\n")
		p.exec("INSERT INTO seen(what) VALUES('d');\n")
		p.exec(" ; ")
		p.exec("")
		p.exec("-- nothing")
		p.exec("INSERT INTO seen(what) VALUES('e'); INSERT INTO nowhere VALUES(1); INSERT INTO seen(what) VALUES('f')")
		p.exec("INSERT INTO seen(what) VALUES(?); INSERT INTO seen(what) VALUES(?)", 1)
		p.exec("INSERT INTO seen(what) VALUES(?)", 1, 2)
		p.exec("INSERT INTO seen(what) VALUES(?)")
		p.query("INSERT INTO seen(what) VALUES(8); SELECT what FROM seen")
		p.query("SELECT 1; -- nothing")
		p.query("")
		p.query("SELECT ?; SELECT ?", 1, 2)
		p.query("SELECT ?; SELECT ?", 1)
		p.exec("CREATE TEMP TABLE tt(a); CREATE TEMP TRIGGER x AFTER INSERT ON seen BEGIN INSERT INTO tt VALUES(NEW.id); INSERT INTO tt VALUES(0); END; INSERT INTO seen(what) VALUES('t')")
		p.query("SELECT count(*) FROM tt")
		p.content()
	}},
	{"transactions in a string", func(p *probe) {
		p.exec("BEGIN; INSERT INTO seen(what) VALUES(1); INSERT INTO seen(what) VALUES(2); COMMIT")
		p.exec("BEGIN; INSERT INTO seen(what) VALUES(3); ROLLBACK")
		p.exec("BEGIN; INSERT INTO seen(what) VALUES(4); INSERT INTO seen(id) VALUES(1); COMMIT")
		p.exec("COMMIT")
		p.exec("COMMIT")
		p.exec("SAVEPOINT a; INSERT INTO seen(what) VALUES(5); SAVEPOINT b; INSERT INTO seen(what) VALUES(6); ROLLBACK TO b; RELEASE a")
		p.exec("RELEASE a")
		p.exec("EXPLAIN INSERT INTO seen(what) VALUES(9)")
		p.exec("EXPLAIN COMMIT")
		p.content()
	}},
	{"errors", func(p *probe) {
		p.exec("INSERT INTO item(name) VALUES('cup')")
		p.exec("INSERT INTO item(id) VALUES(1)")
		p.exec("INSERT INTO item(price) VALUES(-1)")
		p.exec("INSERT INTO item(id) VALUES('x')")
		p.exec("INSERT INTO part(item, n) VALUES(1, NULL)")
		p.exec("INSERT INTO part(item) VALUES(99)")
		p.query("INSERT INTO part(item) VALUES(99) RETURNING id")
		p.exec("INSERT INTO nothing VALUES(1)")
		p.exec("INSRT INTO item VALUES(1)")
		p.exec("INSERT INTO item(name) VALUES('unended)")
		p.exec("INSERT OR FAIL INTO item(id) VALUES(20), (21), (1), (22)")
		p.exec("INSERT OR IGNORE INTO item(id) VALUES(30), (1), (31)")
		p.exec("INSERT OR ROLLBACK INTO item(id) VALUES(40), (1)")
		p.exec("UPDATE item SET id = 1")
		p.query("SELECT abs(-9223372036854775808)")
		p.query("SELECT json('x') FROM item")
		p.content()
	}},
	{"queries that write", func(p *probe) {
		p.query("INSERT INTO item(name) VALUES('a'), ('b') RETURNING id, name")
		p.query("UPDATE item SET price = 1 WHERE id < 3 RETURNING *")
		p.query("DELETE FROM item WHERE id = 99 RETURNING id")
		p.query("INSERT INTO seen(what) VALUES('q')")
		p.exec("INSERT INTO seen(what) VALUES('r'), ('s') RETURNING id")
		var id int
		p.note("%v %d", p.conn.QueryRowContext(p.ctx, "INSERT INTO seen(what) VALUES('t'), ('u') RETURNING id").Scan(&id), id)
		p.query("INSERT INTO item(name) VALUES('a') RETURNING id")
		rows, err := p.conn.QueryContext(p.ctx, "INSERT INTO seen(what) VALUES('v'), ('w') RETURNING id")
		if err == nil {
			p.note("%t %v", rows.Next(), rows.Close())
		}
		p.content()
	}},
	{"prepared statements", func(p *probe) {
		for _, query := range []string{"INSERT INTO seen(what) VALUES(?)", "INSERT INTO seen(what) VALUES(?), ('x') RETURNING id", "SELECT what FROM seen WHERE what = ?", "INSERT INTO item(id) VALUES(?)"} {
			s, err := p.conn.PrepareContext(p.ctx, query)
			if err != nil {
				p.note("%v", err)
				continue
			}
			for i := range 3 {
				p.result(s.ExecContext(p.ctx, i))
				p.rows(s.QueryContext(p.ctx, i))
			}
			p.result(s.ExecContext(p.ctx))
			p.rows(s.QueryContext(p.ctx, 1, 2))
			p.note("%v", s.Close())
		}
		_, err := p.conn.PrepareContext(p.ctx, "SELEC 1")
		p.note("%s", describe(err))
		s, err := p.conn.PrepareContext(p.ctx, "INSERT INTO seen(what) VALUES('first'); INSERT INTO seen(what) VALUES('second')")
		p.note("%v", err)
		p.result(s.ExecContext(p.ctx))
		p.note("%v", s.Close())
		p.content()
	}},
	{"transactions", func(p *probe) {
		for _, o := range []*sql.TxOptions{nil, {ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
			tx, err := p.conn.BeginTx(p.ctx, o)
			if err != nil {
				p.note("begin: %s", describe(err))
				continue
			}
			p.execOn(tx, "INSERT INTO item(name) VALUES(?)", "a")
			p.execOn(tx, "SAVEPOINT x")
			p.execOn(tx, "INSERT INTO item(name) VALUES(?)", "b")
			p.execOn(tx, "INSERT INTO item(name) VALUES(?)", "b")
			p.execOn(tx, "ROLLBACK TO x")
			p.execOn(tx, "RELEASE x")
			p.execOn(tx, "RELEASE x")
			p.execOn(tx, "BEGIN")
			p.queryOn(tx, "SELECT name FROM item")
			p.queryOn(tx, "INSERT INTO seen(what) VALUES('t') RETURNING id")
			p.note("%s", describe(tx.Commit()))
			p.note("%v", tx.Commit())
		}
		tx, _ := p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "DELETE FROM item")
		p.note("%v", tx.Rollback())
		tx, _ = p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "INSERT INTO part(item) VALUES(99)")
		p.note("%s", describe(tx.Commit()))
		tx, _ = p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "INSERT INTO seen(what) VALUES('gone')")
		p.execOn(tx, "INSERT OR ROLLBACK INTO item(id) VALUES(1)")
		p.execOn(tx, "INSERT INTO seen(what) VALUES('after')")
		p.note("%s", describe(tx.Commit()))
		p.content()
	}},
	{"a transaction that cannot be committed yet", func(p *probe) {
		p.exec("BEGIN")
		p.exec("INSERT INTO part(item) VALUES(99)")
		p.exec("DELETE FROM part WHERE id = 99")
		p.exec("COMMIT")
		p.query("SELECT changes()")
		p.exec("INSERT INTO item(id) VALUES(99)")
		p.exec("COMMIT")
		p.exec("SAVEPOINT a")
		p.exec("INSERT INTO part(item) VALUES(98)")
		p.exec("RELEASE A")
		p.exec("ROLLBACK TO a")
		p.exec("RELEASE a")
		p.content()
	}},
	{"cascades, triggers and views", func(p *probe) {
		p.exec("INSERT INTO part(item, n) VALUES(1, 1), (1, 2), (2, 3)")
		p.exec("DELETE FROM item WHERE id = 1")
		p.exec("CREATE TRIGGER cheap_insert INSTEAD OF INSERT ON cheap BEGIN INSERT INTO item(name, price) VALUES(NEW.name, 1); END")
		p.exec("INSERT INTO cheap(name) VALUES('tin')")
		p.query("SELECT last_insert_rowid()")
		p.content()
	}},
	{"schema, pragmas and other files", func(p *probe) {
		p.exec("CREATE TABLE more(id INTEGER PRIMARY KEY, x)")
		p.exec("INSERT INTO more(x) VALUES(1)")
		p.exec("ALTER TABLE more ADD COLUMN y DEFAULT 5")
		p.query("SELECT * FROM more")
		p.exec("CREATE INDEX more_x ON more(x)")
		p.exec("DROP TABLE more")
		p.exec("CREATE TEMP TABLE tmp AS SELECT id FROM item")
		p.query("SELECT * FROM tmp")
		p.exec("DELETE FROM tmp WHERE id = 1")
		p.query("SELECT changes()")
		p.exec("ATTACH ':memory:' AS other")
		p.exec("CREATE TABLE other.t(a); INSERT INTO other.t VALUES(1)")
		p.exec("DETACH other")
		p.exec("ANALYZE")
		p.exec("REINDEX")
		p.exec("VACUUM")
		p.query("PRAGMA user_version = 7")
		p.query("PRAGMA user_version")
		p.exec("PRAGMA query_only = 1")
		p.exec("INSERT INTO seen(what) VALUES(1)")
		p.exec("PRAGMA query_only = 0")
		p.query("EXPLAIN QUERY PLAN SELECT * FROM item")
		p.content()
	}},
	{"contexts", func(p *probe) {
		ctx, cancel := context.WithCancel(p.ctx)
		p.ctx = ctx
		p.exec("INSERT INTO seen(what) VALUES(1)")
		tx, _ := p.conn.BeginTx(ctx, nil)
		p.execOn(tx, "INSERT INTO seen(what) VALUES(2)")
		p.note("%v", tx.Commit())
		p.query("SELECT what FROM seen")
		p.query("INSERT INTO seen(what) VALUES(3) RETURNING id")
		cancel()
		p.query("INSERT INTO seen(what) VALUES(4) RETURNING id")
		p.query("SELECT 1")
		p.ctx = context.Background()
		p.content()
	}},
	{"a statement that is cancelled", func(p *probe) {
		ctx, cancel := context.WithTimeout(p.ctx, 50*time.Millisecond)
		defer cancel()
		_, err := p.conn.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO seen(what) SELECT i FROM n")
		p.note("%v", err)
		p.exec("INSERT INTO seen(what) VALUES('after')")
		tx, _ := p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "INSERT INTO seen(what) VALUES('before')")
		ctx, cancel = context.WithTimeout(p.ctx, 50*time.Millisecond)
		defer cancel()
		_, err = tx.ExecContext(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) INSERT INTO seen(what) SELECT i FROM n")
		p.note("%v", err)
		p.execOn(tx, "INSERT INTO seen(what) VALUES('later')")
		p.note("%s", describe(tx.Commit()))
		p.content()
	}},
	{"rows that are open while others write", func(p *probe) {
		rows, err := p.conn.QueryContext(p.ctx, "SELECT id FROM item ORDER BY id")
		p.note("%v", err)
		for rows.Next() {
			var id int
			p.note("%v", rows.Scan(&id))
			p.exec("UPDATE item SET price = ? WHERE id = ?", id, id)
			p.exec("INSERT INTO item(id) VALUES(1)")
			p.exec("UPDATE item SET sold = 1")
			p.query("SELECT changes(), last_insert_rowid()")
		}
		p.note("%v %v", rows.Err(), rows.Close())
		p.content()
	}},
	{"rows of what writes that are open while others write", func(p *probe) {
		for _, begin := range []string{"BEGIN", "SELECT 1"} {
			p.exec(begin)
			p.exec("UPDATE item SET price = 3")
			rows, err := p.conn.QueryContext(p.ctx, "UPDATE item SET price = 4 WHERE id < 3 RETURNING id")
			p.note("%v %t", err, rows.Next())
			p.query("SELECT id, price FROM item")
			p.query("SELECT last_insert_rowid() FROM item WHERE changes() < 0")
			p.exec("UPDATE item SET price = 5 WHERE id = 3")
			p.exec("INSERT INTO item(id) VALUES(1)")
			p.query("INSERT INTO seen(what) VALUES(1), (2) RETURNING id")
			if begin == "BEGIN" {
				p.exec("SAVEPOINT a")
				p.exec("COMMIT")
			}
			p.note("%t", rows.Next())
			p.exec("INSERT OR FAIL INTO item(id) VALUES(60), (1)")
			p.note("%t %v %v", rows.Next(), rows.Err(), rows.Close())
			p.query("SELECT last_insert_rowid()")
			p.exec("UPDATE item SET price = 6 WHERE id = 2")
			p.query("SELECT changes()")
			p.exec("COMMIT")
			p.content()
		}
		p.exec("BEGIN")
		rows, err := p.conn.QueryContext(p.ctx, "DELETE FROM seen RETURNING id")
		p.note("%v %t", err, rows.Next())
		p.exec("ROLLBACK")
		p.note("%t %v %v", rows.Next(), rows.Err(), rows.Close())
		p.content()
	}},
	{"patterns and settings", func(p *probe) {
		p.exec("CREATE INDEX item_name ON item(name COLLATE NOCASE)")
		s, err := p.conn.PrepareContext(p.ctx, "UPDATE item SET sold = 1 WHERE name LIKE ?")
		p.note("%v", err)
		for _, pattern := range []string{"c%", "p%", "C%"} {
			p.result(s.ExecContext(p.ctx, pattern))
			p.exec("PRAGMA case_sensitive_like = 1")
		}
		p.note("%v", s.Close())
		for _, pragma := range []string{"ignore_check_constraints = 1", "foreign_keys = 0", "foreign_keys = 1", "recursive_triggers = 1", "query_only = 1"} {
			p.exec("PRAGMA " + pragma)
			p.exec("UPDATE item SET price = -1 WHERE id = 1")
			p.query("UPDATE item SET price = -1 WHERE id = 2 RETURNING price")
			p.exec("INSERT INTO part(id, item) VALUES(?, 99)", len(pragma))
		}
		p.content()
	}},
	{"several connections", func(p *probe) {
		other, err := p.db.Conn(p.ctx)
		p.note("%v", err)
		p.execOn(other, "PRAGMA busy_timeout = 10")
		tx, _ := p.conn.BeginTx(p.ctx, nil)
		p.queryOn(tx, "SELECT count(*) FROM seen")
		p.execOn(other, "INSERT INTO seen(what) VALUES('other')")
		p.queryOn(tx, "SELECT count(*) FROM seen")
		p.execOn(tx, "INSERT INTO seen(what) VALUES('stale')")
		p.note("%v", tx.Rollback())
		tx, _ = p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "INSERT INTO seen(what) VALUES('holds')")
		p.execOn(other, "INSERT INTO seen(what) VALUES('waits')")
		p.queryOn(other, "INSERT INTO seen(what) VALUES('waits') RETURNING id")
		p.queryOn(other, "SELECT count(*) FROM seen")
		p.note("%v", tx.Commit())
		p.execOn(other, "INSERT INTO seen(what) VALUES('waited')")
		p.note("%v", other.Close())
		p.content()
	}},
	{"changes()", func(p *probe) {
		p.exec("UPDATE item SET price = 1")
		p.query("SELECT changes()")
		p.query("SELECT changes(), last_insert_rowid()")
		p.query("INSERT INTO item(name) VALUES('x'), ('y') RETURNING id")
		p.exec("INSERT INTO seen(what) SELECT changes()")
		p.exec("DELETE FROM item WHERE id = 99")
		p.query("SELECT changes()")
		p.exec("UPDATE item SET price = 2 WHERE id < 3")
		tx, _ := p.conn.BeginTx(p.ctx, nil)
		p.execOn(tx, "INSERT INTO seen(what) SELECT changes()")
		p.execOn(tx, "UPDATE item SET price = 3")
		p.queryOn(tx, "SELECT changes()")
		p.note("%v", tx.Commit())
		p.query("SELECT changes()")
		p.exec("BEGIN; UPDATE item SET price = 2 WHERE id < 3; COMMIT")
		rows, err := p.conn.QueryContext(p.ctx, "SELECT id FROM item")
		p.note("%v %t", err, rows.Next())
		p.exec("UPDATE item SET price = 4")
		p.query("SELECT changes()")
		p.note("%t %v %v", rows.Next(), rows.Err(), rows.Close())
		p.exec("INSERT INTO seen(what) VALUES(changes()); INSERT INTO seen(what) VALUES(changes())")
		p.content()
	}},
	{"ping and raw", func(p *probe) {
		p.note("%v", p.conn.PingContext(p.ctx))
		p.note("%v", p.conn.Raw(func(c any) error {
			_, session := c.(driver.SessionResetter)
			_, valid := c.(driver.Validator)
			_, checker := c.(driver.NamedValueChecker)
			p.note("%t %t %t", session, valid, checker)
			return nil
		}))
	}},
}

func TestItBehavesAsMattnsDriver(t *testing.T) {
	for _, file := range []struct {
		name    string
		capture bool
		options string
	}{{"on a file that is no device", false, ""}, {"on a device", true, ""}, {"on a device, with locks taken at once", true, "&_txlock=immediate"}} {
		t.Run(file.name, func(t *testing.T) {
			for _, c := range conformance {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					var logs [2][]string
					for i, name := range []string{"sqlite3", replogdriver.Name} {
						p := &probe{t: t, ctx: context.Background(), db: openDB(t, name, newFile(t, file.capture)+options+file.options)}
						var err error
						if p.conn, err = p.db.Conn(p.ctx); err != nil {
							t.Fatal(err)
						}
						c.run(p)
						if err := p.conn.Close(); err != nil {
							t.Fatal(err)
						}
						logs[i] = p.log
					}
					compare(t, logs[0], logs[1])
				})
			}
		})
	}
}

func compare(t *testing.T, want, got []string) {
	t.Helper()
	for i := range max(len(want), len(got)) {
		a, b := at(want, i), at(got, i)
		if a != b {
			t.Fatalf("after\n  %s\nmattn's: %s\nours:    %s", strings.Join(want[max(0, i-4):min(i, len(want))], "\n  "), a, b)
		}
	}
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(nothing)"
}

func TestAWrongDSNFailsAlike(t *testing.T) {
	for _, dsn := range []string{"/nowhere/x.db", "x.db?_txlock=never", "file:x.db?mode=wrong", t.TempDir()} {
		a, b := openDB(t, "sqlite3", dsn), openDB(t, replogdriver.Name, dsn)
		if e1, e2 := a.Ping(), b.Ping(); describe(e1) != describe(e2) {
			t.Errorf("%s: %v, want %v", dsn, e2, e1)
		}
		_, e1 := a.Exec("CREATE TABLE t(a)")
		_, e2 := b.Exec("CREATE TABLE t(a)")
		if describe(e1) != describe(e2) || errors.Is(e2, driver.ErrBadConn) {
			t.Errorf("%s: %v, want %v", dsn, e2, e1)
		}
	}
}

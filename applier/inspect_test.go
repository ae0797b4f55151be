package applier

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"replog/replog"
)

// bank is the schema that statements are inspected against.
//
//go:embed testdata/bank.sql
var bank string

// inspections are a verdict and a statement a line; "safe" is one.
const inspections = `
safe UPDATE account SET balance = balance - ? WHERE id = ?
safe UPDATE account SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1
safe update Account set Balance = Balance + :n where ID = :id
safe UPDATE main.account SET balance = 0
safe UPDATE account AS a SET balance = a.balance * 2 WHERE a.id = 5
safe UPDATE account SET rate = rate * 1.1, balance = round(rate)
safe UPDATE account SET owner = upper(trim(owner)) WHERE owner LIKE 'a%'
safe UPDATE account SET owner = replace(owner, 'a', 'b')
safe UPDATE account SET seen = CASE WHEN balance > 5 THEN 'x' ELSE NULL END
safe UPDATE account SET balance = balance + 1 WHERE id IN (1, 2, 3)
safe UPDATE account SET balance = balance + 1 WHERE id IN (SELECT account FROM entry WHERE amount > 5)
safe UPDATE account SET balance = balance + 1 WHERE EXISTS (SELECT * FROM entry e WHERE e.account = account.id)
safe UPDATE account SET balance = (SELECT count(*) FROM entry WHERE entry.account = account.id)
safe UPDATE account SET balance = coalesce((SELECT max(n) FROM entry e WHERE e.account = account.id), 0)
safe UPDATE account SET balance = (SELECT amount FROM entry e WHERE e.account = account.id AND e.n = 1)
safe UPDATE account SET owner = (SELECT what FROM log WHERE log.id = account.id)
safe UPDATE account SET balance = (SELECT n FROM total WHERE day = ?) WHERE id = 3
safe UPDATE account SET balance = (SELECT sum(total.n) FROM total)
safe UPDATE account SET tag = 'x' WHERE id = 1
safe UPDATE account SET id = 7 WHERE id = 1
safe UPDATE account SET balance = 1 WHERE tag = 'a'
safe UPDATE account SET balance = 1 WHERE id = 1; 
safe UPDATE account SET balance = 1 WHERE id = 1 -- the first
safe UPDATE account SET balance = 1 WHERE id = 1 RETURNING balance, random()
safe UPDATE account SET balance = 1 /* one; two */ WHERE owner = 'a;b'
safe UPDATE account SET balance = 1 WHERE owner = 'random()'
safe UPDATE account SET "balance" = 1 WHERE [id] = 1
safe UPDATE account SET balance = balance + 1 WHERE owner = 'x' OR balance BETWEEN 1 AND 5
safe UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM rich)
safe UPDATE account SET balance = 1 WHERE id IN (SELECT value FROM json_each(?))
safe UPDATE account SET seen = json_set('{}', '$.a', balance)
safe UPDATE account SET seen = owner ->> '$.name'
safe UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM account ORDER BY id LIMIT 3)
safe UPDATE account SET balance = 1 WHERE id IN (SELECT a.id FROM account a ORDER BY a.owner, a.id DESC LIMIT 3 OFFSET 2)
syntax UPDATE account SET balance = 1 ORDER BY id LIMIT 5
safe UPDATE account SET balance = 1 WHERE id IN (SELECT 1 UNION ALL SELECT account FROM entry)
safe UPDATE account SET balance = 1 WHERE id IN (SELECT e.account FROM entry e JOIN account a ON a.id = e.account WHERE a.balance > 1)
safe UPDATE account SET balance = 1 WHERE id IN (SELECT e.account FROM entry e LEFT JOIN log l ON l.id = e.n, total)
safe UPDATE OR ABORT account SET balance = 1 WHERE id = 1
safe UPDATE entry SET note = 'x' WHERE account = 1 AND n = 2
safe UPDATE entry SET note = 'x' WHERE account = 1
safe UPDATE guarded SET v = -1 WHERE id = 1
safe UPDATE meter SET v = v + 1 WHERE id = 1
safe UPDATE odd SET v = 'a'
safe UPDATE "order" SET "from" = 'a', [to] = 'b' WHERE id = 1
safe UPDATE doc SET key = ? WHERE key = ?
safe UPDATE total SET n = n + 1
safe UPDATE person SET age = age + 1
safe UPDATE node SET label = 'x' WHERE parent = 1
safe UPDATE account SET balance = max(balance, 5, ?)
safe UPDATE account SET owner = printf('%d', balance)
safe UPDATE account SET owner = "owner" || 'x'
safe DELETE FROM account WHERE id = 1
safe DELETE FROM account WHERE balance < 0
safe DELETE FROM account
safe DELETE FROM entry WHERE account IN (SELECT id FROM account WHERE owner = 'x')
safe DELETE FROM entry AS e WHERE NOT EXISTS (SELECT 1 FROM account WHERE account.id = e.account)
syntax DELETE FROM account ORDER BY id DESC LIMIT 1
safe DELETE FROM node WHERE id = 4
safe DELETE FROM node WHERE label = 'x'
safe DELETE FROM box WHERE id = 1
safe DELETE FROM evicting WHERE id = 1
safe INSERT INTO account(id, owner, seen) VALUES(1, 'x', 'now')
safe INSERT INTO account(id, owner, seen, balance) VALUES(?, ?, ?, 5), (?, 'b', NULL, 1 + 1)
safe INSERT INTO account(id, owner, seen) VALUES(-1, 'x', 'now') ON CONFLICT(id) DO NOTHING
safe INSERT INTO total(day, n, x) VALUES(?, 1, 1.5) ON CONFLICT(day) DO UPDATE SET n = n + excluded.n
safe INSERT OR IGNORE INTO total(day, n) VALUES(?, 1)
safe INSERT OR REPLACE INTO total(day, n) VALUES(?, 1)
safe REPLACE INTO doc(key, body) VALUES('a', 'b')
safe INSERT INTO entry(account, n, amount) VALUES(1, 2, (SELECT balance FROM account WHERE id = 1))
safe INSERT INTO entry(account, n, amount) SELECT id, 1, balance FROM account WHERE balance > 5
safe INSERT INTO log(id, what) SELECT a.id, a.owner AS what FROM account a
safe INSERT INTO log(id, what) VALUES(5, 'x') RETURNING id
safe INSERT INTO doc(key, body) VALUES(x'61', zeroblob(5))
safe INSERT INTO clash(id, v) VALUES(1, 2)
syntax UPDATE account SET
syntax UPDATE account SET balance = nothing
syntax INSERT INTO account(id) VALUES(1, 2)
syntax DELETE FROM account WHERE id = (
several UPDATE account SET balance = 1; DELETE FROM account
safe DELETE FROM account; --
several ;
several
several -- nothing
statement SELECT 1
statement SELECT * FROM account
statement PRAGMA foreign_keys = OFF
statement ATTACH 'x.db' AS x
statement DETACH x
statement BEGIN
statement COMMIT
statement SAVEPOINT a
statement VACUUM
statement CREATE TABLE t(a)
statement DROP TABLE account
statement ALTER TABLE account ADD COLUMN c
statement EXPLAIN DELETE FROM account
statement REINDEX
statement VALUES(1)
with WITH x AS (SELECT 1) DELETE FROM account
with WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x) INSERT INTO log(id) SELECT i FROM x
with DELETE FROM account WHERE id IN (WITH x AS (SELECT 1) SELECT * FROM x)
window UPDATE account SET balance = (SELECT count(*) OVER () FROM entry)
window INSERT INTO log(id, what) SELECT row_number() OVER (ORDER BY balance), owner FROM account
rollback UPDATE OR ROLLBACK account SET balance = 1 WHERE id = 1
rollback INSERT OR ROLLBACK INTO log(id) VALUES(1)
rollback UPDATE brutal SET v = 1 WHERE id = 1
quoted UPDATE account SET owner = "nobody knows"
quoted DELETE FROM account WHERE owner = "xyz"
columns INSERT INTO account VALUES(1, 'x', 1, 1, 'now', NULL)
columns INSERT INTO log DEFAULT VALUES
columns INSERT INTO log(id, what) SELECT * FROM meter
columns DELETE FROM account WHERE id IN (SELECT id FROM meter_sum NATURAL JOIN meter)
index UPDATE account INDEXED BY i SET balance = 1
index UPDATE account NOT INDEXED SET balance = 1
index DELETE FROM account WHERE id IN (SELECT account FROM entry NOT INDEXED)
own DELETE FROM replog_change
own INSERT INTO replog_transaction(label) VALUES('x')
own UPDATE account SET balance = (SELECT count(*) FROM sqlite_schema)
own DELETE FROM sqlite_sequence
own DELETE FROM account WHERE id IN (SELECT cid FROM pragma_table_info('account'))
own INSERT INTO "replog_control"(recording) VALUES(0)
own UPDATE account SET balance = (SELECT count(*) FROM main.sqlite_master)
schema INSERT INTO temp.scratch(id) VALUES(1)
schema DELETE FROM scratch
schema DELETE FROM account WHERE id IN (SELECT id FROM scratch)
schema UPDATE other.account SET balance = 1
table DELETE FROM loose
table UPDATE account SET balance = (SELECT max(a) FROM loose)
table DELETE FROM area
table UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM area)
table UPDATE editable SET v = 1 WHERE id = 1
syntax INSERT INTO nowhere(id) VALUES(1)
rowid UPDATE doc SET size = rowid
rowid DELETE FROM doc WHERE _rowid_ > 5
rowid UPDATE total SET n = 1 WHERE oid = 1
rowid INSERT INTO doc(rowid, key) VALUES(1, 'a')
function UPDATE account SET balance = random() WHERE id = 1
function UPDATE account SET balance = abs(random() % 5)
function INSERT INTO doc(key, body) VALUES('a', randomblob(5))
function INSERT INTO doc(key, body) VALUES(hex(randomblob(16)), 1)
function UPDATE account SET seen = CURRENT_TIMESTAMP
function UPDATE account SET seen = current_date WHERE id = 1
function UPDATE account SET seen = datetime('now')
function UPDATE account SET seen = date('2020-01-01', '+1 day')
function UPDATE account SET seen = strftime('%s', seen)
function UPDATE account SET balance = julianday('now')
function UPDATE account SET balance = unixepoch()
function UPDATE account SET balance = last_insert_rowid()
function UPDATE account SET balance = changes()
function UPDATE account SET balance = total_changes()
own UPDATE account SET seen = sqlite_version()
function UPDATE account SET owner = mine(owner)
function UPDATE account SET owner = "mine"(owner)
function DELETE FROM account WHERE id IN (SELECT id FROM today)
function UPDATE account SET balance = 1 WHERE EXISTS (SELECT 1 FROM entry WHERE amount > random())
trigger UPDATE stamped SET v = 1 WHERE id = 1
function UPDATE dated SET v = '2020-01-01' WHERE id = 1
function UPDATE account SET balance = instr(owner, tag)
function UPDATE account SET owner = trim(owner, tag)
function UPDATE account SET owner = load_extension('x')
function INSERT INTO total(day, n) VALUES('x', 1) ON CONFLICT(day) DO UPDATE SET n = random()
function UPDATE account SET seen = json_patch(seen, seen)
function DELETE FROM account ORDER BY random() LIMIT 1
collation UPDATE account SET owner = 'x' WHERE owner = 'a' COLLATE german
order UPDATE account SET balance = (SELECT amount FROM entry WHERE account = 1)
order UPDATE account SET balance = (SELECT amount FROM entry e WHERE e.account = e.n AND n = 1)
order UPDATE account SET balance = (SELECT amount FROM entry WHERE account = 1 LIMIT 1)
order UPDATE account SET balance = (SELECT amount FROM entry WHERE account = 1 ORDER BY amount LIMIT 1)
order UPDATE account SET balance = (SELECT amount FROM entry WHERE account = 1 AND n = 2 OR amount = 3)
order UPDATE account SET balance = (SELECT age FROM person WHERE name = 'a')
order UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM account LIMIT 3)
order UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM account ORDER BY balance LIMIT 3)
order UPDATE account SET balance = 1 WHERE id IN (SELECT balance AS id FROM account ORDER BY id LIMIT 3)
order UPDATE account SET balance = 1 WHERE id IN (SELECT id FROM best)
syntax UPDATE account SET balance = 1 LIMIT 5
syntax DELETE FROM account LIMIT 1
order UPDATE account SET balance = n FROM entry WHERE entry.account = account.id
order UPDATE account SET balance = (SELECT 1 UNION ALL SELECT 2)
order UPDATE account SET owner = (SELECT what FROM log WHERE log.what = account.owner)
aggregate UPDATE account SET seen = (SELECT group_concat(note) FROM entry)
aggregate UPDATE account SET seen = (SELECT group_concat(note ORDER BY note) FROM entry)
aggregate UPDATE account SET seen = (SELECT string_agg(note, ',') FROM entry)
aggregate UPDATE account SET seen = (SELECT json_group_array(n) FROM entry)
aggregate UPDATE account SET seen = (SELECT json_group_object(n, note) FROM entry)
aggregate UPDATE account SET rate = (SELECT sum(x) FROM total)
aggregate UPDATE account SET rate = (SELECT avg(amount) FROM entry)
aggregate UPDATE account SET rate = (SELECT total(x) FROM total)
aggregate UPDATE account SET rate = (SELECT max(x) FROM total)
aggregate UPDATE account SET rate = (SELECT min(note) FROM entry)
aggregate UPDATE account SET owner = (SELECT min(name) FROM person)
aggregate UPDATE account SET balance = (SELECT amount + max(n) FROM entry)
aggregate INSERT INTO total(day, n) SELECT note, count(*) FROM entry
distinct UPDATE account SET balance = 1 WHERE id IN (SELECT DISTINCT account FROM entry)
distinct INSERT INTO doc(key, size) SELECT DISTINCT owner, balance FROM account
distinct INSERT INTO total(day, n) SELECT owner, count(*) FROM account GROUP BY owner
distinct UPDATE account SET balance = 1 WHERE id IN (SELECT account FROM entry UNION SELECT id FROM log)
distinct DELETE FROM account WHERE id IN (SELECT id FROM log EXCEPT SELECT account FROM entry)
key INSERT INTO log(what) VALUES('x')
key INSERT INTO log(id, what) VALUES(NULL, 'x')
key INSERT INTO log(id, what) VALUES(1, 'x'), (NULL, 'y')
key INSERT INTO log(id, what) VALUES((SELECT max(id) + 1 FROM log), 'x')
key INSERT INTO account(owner, seen) VALUES('a', 'b')
key INSERT INTO log(what) SELECT owner FROM account
key INSERT INTO log(id, what) SELECT balance + 1, owner FROM account
key INSERT INTO log(id, what) SELECT l.id, a.owner FROM account a LEFT JOIN log l ON l.what = a.owner
key INSERT INTO doc(body) VALUES(1)
key INSERT INTO doc(key, body) VALUES(NULL, 1)
key UPDATE doc SET key = body
key UPDATE logged SET v = 1 WHERE id = 1
default INSERT INTO account(id, owner) VALUES(1, 'x')
default INSERT INTO entry(account, n) VALUES(1, 2)
default DELETE FROM meter_sum WHERE id = 1
default REPLACE INTO late(id, at) VALUES(1, ?)
unique UPDATE account SET id = id + 1
unique UPDATE account SET tag = 'x' || id
unique UPDATE entry SET n = n + 1 WHERE account = 1
conflict UPDATE OR IGNORE account SET rate = 1
conflict UPDATE OR REPLACE total SET day = 'x'
conflict INSERT OR IGNORE INTO total(day, n) SELECT owner, 1 FROM account
conflict INSERT INTO total(day, n) SELECT owner, 1 FROM account WHERE true ON CONFLICT DO NOTHING
conflict INSERT OR REPLACE INTO account(id, owner, seen) VALUES(1, 'x', 'y')
conflict DELETE FROM clash
conflict REPLACE INTO evicting(id, v) VALUES(1, 2)
reads UPDATE total SET n = (SELECT max(t.n) FROM total t)
reads UPDATE meter_sum SET n = (SELECT count(*) FROM meter_sum)
reads DELETE FROM total WHERE n < (SELECT max(n) FROM total)
trigger UPDATE meter SET v = v + 1
trigger UPDATE twice SET v = 1 WHERE id = 1
trigger UPDATE again SET v = 1 WHERE id = 1
trigger DELETE FROM evicting
foreign-key DELETE FROM box
`

func TestInspectTellsWhichIntentsAreSafe(t *testing.T) {
	for _, live := range []bool{true, false} {
		c := scripted(t, "bank", bank)
		r := newTestReplica(t, c)
		r.in(t, "install", r.Install)
		r.script(t, "CREATE TEMP TABLE scratch(id INTEGER PRIMARY KEY)")
		if err := r.define("mine", func(int64) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if live {
			r.script(t, "PRAGMA foreign_keys = ON")
		}
		x := NewIntents(r.Replica, IntentOptions{Live: live})
		lines := strings.Split(strings.Trim(inspections, "\n"), "\n")
		if len(lines) < 150 {
			t.Errorf("%d statements", len(lines))
		}
		for _, line := range lines {
			want, sql, _ := strings.Cut(line, " ")
			i, err := x.Inspect(sql)
			if err != nil {
				t.Errorf("%s: %v", sql, err)
				continue
			}
			got := "safe"
			if i.Unsafe != nil {
				got = string(i.Unsafe.Class)
			}
			if got != want {
				t.Errorf("live %t: %s\n  is %s, want %s: %v", live, sql, got, want, i.Unsafe)
			}
		}
	}
}

// A parameter for a key that SQLite would choose is looked at when it is known.
func TestNullForAKeyMakesAnIntentUnsafe(t *testing.T) {
	x := NewIntents(newTestReplica(t, scripted(t, "bank", bank)).Replica, IntentOptions{})
	for _, tc := range []struct {
		sql  string
		args []replog.Value
		safe bool
	}{
		{"INSERT INTO log(id, what) VALUES(?, ?)", []replog.Value{replog.Integer(1), {}}, true},
		{"INSERT INTO log(id, what) VALUES(?, ?)", []replog.Value{{}, replog.Integer(1)}, false},
		{"INSERT INTO log(what, id) VALUES(?, ?)", []replog.Value{{}, replog.Integer(1)}, true},
		{"INSERT INTO log(id, what) VALUES(:a, 'x'), (:b, :a)", []replog.Value{replog.Integer(1), {}}, false},
		{"INSERT INTO log(id, what) VALUES(?2, ?1)", []replog.Value{{}, replog.Integer(1)}, true},
		{"INSERT INTO doc(key) VALUES($key)", []replog.Value{{}}, false},
		{"INSERT INTO doc(key) VALUES($key)", []replog.Value{replog.Text("a")}, true},
		{"INSERT INTO doc(key) VALUES($key)", nil, false},
		{"INSERT INTO total(day) VALUES(?)", []replog.Value{{}}, true}, // NOT NULL refuses it everywhere
	} {
		i, err := x.Inspect(tc.sql)
		if err != nil {
			t.Fatal(err)
		}
		if err := i.Certain(tc.args); (err == nil) != tc.safe {
			t.Errorf("%s with %v: %v", tc.sql, tc.args, err)
		}
	}
}

func TestInspectTellsWhatAStatementNames(t *testing.T) {
	x := NewIntents(newTestReplica(t, scripted(t, "bank", bank)).Replica, IntentOptions{})
	i, err := x.Inspect("DELETE FROM ACCOUNT WHERE upper(owner) IN (SELECT owner FROM rich WHERE id > (SELECT count(*) FROM log)) RETURNING id;")
	if err != nil || i.Unsafe == nil || i.Unsafe.Class != UnsafeReadsOwn {
		t.Fatalf("%+v, %v", i, err)
	}
	i, err = x.Inspect("DELETE FROM ACCOUNT WHERE upper(owner) IN (SELECT body FROM doc WHERE size > ?) RETURNING id;")
	if err != nil || i.Unsafe != nil {
		t.Fatalf("%+v, %v", i, err)
	}
	for sql, want := range map[string]string{
		"INSERT INTO meter(id, v) VALUES(1, 1)":                                               "[meter]",
		"INSERT INTO meter(id, v) VALUES(1, 1) ON CONFLICT DO NOTHING":                        "[meter]",
		"INSERT INTO meter(id, v) VALUES(1, 1) ON CONFLICT(id) DO UPDATE SET v = meter.v + 1": "[meter meter_sum]",
	} {
		if i, err := x.Inspect(sql); err != nil || i.Unsafe != nil || fmt.Sprint(i.Touches) != want {
			t.Errorf("%s: %+v, %v, want %s", sql, i, err, want)
		}
	}
	got := fmt.Sprintf("%s %t %d %q %q %q %q %s", i.Kind, i.One, i.Parameters, i.Reads, i.Writes, i.Functions, i.Touches, i.SQL)
	want := `delete true 1 ["account" "doc"] ["account"] ["upper"] ["account" "entry"] DELETE FROM ACCOUNT WHERE upper(owner) IN (SELECT body FROM doc WHERE size > ?)`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Settings of the application's connection count.
func TestSettingsOfTheConnectionMakeAnIntentUnsafe(t *testing.T) {
	c := scripted(t, "bank", bank)
	x := NewIntents(newTestReplica(t, c).Replica, IntentOptions{Live: true})
	check := func(sql, want string) {
		t.Helper()
		i, err := x.Inspect(sql)
		got := ""
		if err == nil && i.Unsafe != nil {
			got = string(i.Unsafe.Class)
		}
		if err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", sql, got, err, want)
		}
	}
	check("UPDATE entry SET note = 'x'", "setting")
	check("UPDATE total SET n = 1", "")
	set := func(pragma string) {
		if err := c.Script("PRAGMA " + pragma); err != nil {
			t.Fatal(err)
		}
	}
	set("foreign_keys = ON")
	check("UPDATE entry SET note = 'x'", "")
	check("DELETE FROM total WHERE day LIKE 'a'", "")
	set("case_sensitive_like = ON")
	check("DELETE FROM total WHERE day LIKE 'a'", "function")
	// From then on SQLite lists LIKE as if it were the application's.
	set("case_sensitive_like = OFF")
	check("DELETE FROM total WHERE day LIKE 'a'", "function")
	check("DELETE FROM total WHERE day = 'a'", "")
	set("ignore_check_constraints = ON")
	check("UPDATE total SET n = 1", "setting")
	set("ignore_check_constraints = OFF")
	check("UPDATE total SET n = 1", "")
	if err := c.Script("CREATE TEMP TABLE total(day, n)"); err != nil {
		t.Fatal(err)
	}
	check("UPDATE account SET balance = (SELECT count(*) FROM total)", "schema")
}

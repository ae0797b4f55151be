package story

// What a statement has in its text, to be known again in the log: it has to be run
// elsewhere as it is, or must not be, or nothing is said.
const (
	safeMark   = "/*safe*/"
	unsafeMark = "/*unsafe*/"
	eitherMark = "/*either*/"
)

const mixedSchema = `
CREATE TABLE item(id INTEGER PRIMARY KEY, n INTEGER, x REAL, s TEXT);
CREATE TABLE hidden(id INTEGER PRIMARY KEY, n, at TEXT DEFAULT CURRENT_TIMESTAMP, r DEFAULT (random()), d DEFAULT (date('now')));
CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT, n);
CREATE TABLE loose(a, b);
CREATE TABLE code(k TEXT NOT NULL PRIMARY KEY, label, n INTEGER) WITHOUT ROWID;
CREATE TABLE tagged(id INTEGER PRIMARY KEY, u INTEGER UNIQUE, n);
CREATE TABLE fired(id INTEGER PRIMARY KEY, n);
CREATE TABLE trail(id INTEGER PRIMARY KEY, what, at);
CREATE TABLE checked(id INTEGER PRIMARY KEY, n, CHECK(random() IS NOT NULL));
CREATE TABLE bounded(id INTEGER PRIMARY KEY, n INTEGER CHECK(n < 1000));
CREATE TABLE watched(id INTEGER PRIMARY KEY, n, m);
CREATE TABLE derived(id INTEGER PRIMARY KEY, n INTEGER, twice AS (n * 2), kind TEXT AS (typeof(n)) STORED);
CREATE TABLE parent(id INTEGER PRIMARY KEY, n);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE, n);
CREATE TABLE counted(id INTEGER PRIMARY KEY, n);
CREATE TABLE tally(id INTEGER PRIMARY KEY, n);
CREATE TABLE stamped(id INTEGER PRIMARY KEY, n);
CREATE VIEW chance AS SELECT random() % 10 AS c;
CREATE VIEW today AS SELECT date('now') AS d, max(n) AS n FROM item;
CREATE TRIGGER fired_insert AFTER INSERT ON fired BEGIN INSERT INTO trail(id, what) VALUES(NEW.id, hex(randomblob(4))); END;
CREATE TRIGGER fired_update AFTER UPDATE ON fired BEGIN UPDATE trail SET at = strftime('%f', 'now') WHERE id = NEW.id; END;
CREATE TRIGGER stamped_update BEFORE UPDATE ON stamped WHEN abs(random()) > 5 BEGIN UPDATE tally SET n = n + 1 WHERE id = 2; END;
CREATE TRIGGER counted_update AFTER UPDATE ON counted BEGIN UPDATE tally SET n = n + 1 WHERE id = 1; END;
`

// mixedTables are those that are replicated: not the one without a primary key.
var mixedTables = []string{
	"item", "hidden", "auto", "code", "tagged", "fired", "trail", "checked", "bounded", "watched", "derived", "parent", "child", "counted", "tally", "stamped",
}

// mixedRows fills the tables with 100 rows each, in an order by which i is numbered.
func mixedRows(i string) string {
	fill := func(table, values string) string {
		return "WITH o(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM o WHERE i < 100), n(i) AS (SELECT " + i + " FROM o) INSERT INTO " + table + " SELECT " + values + " FROM n;\n"
	}
	return fill("item(id, n, x, s)", "i, i % 10, i / 7.0, char(97 + i % 26) || i") + fill("hidden", "i, i, 'then', 1, 'once'") +
		fill("code", "'k' || i, 'label ' || (i % 5), i") + fill("tagged", "i, i * 1000, 0") + fill("fired", "i, i") +
		"DELETE FROM trail;" + fill("trail", "i, 'first', NULL") + fill("checked", "i, i") + fill("bounded", "i, i") + fill("watched", "i, i, i") +
		fill("derived(id, n)", "i, i") + fill("parent", "i, i") + fill("child", "i, i, i") + fill("counted", "i, i") +
		fill("stamped", "i, i") + "INSERT INTO tally VALUES(1, 0), (2, 0);"
}

// openCalls are expressions whose value is another elsewhere, or may be.
var openCalls = []string{
	"random()", "abs(random() % 9)", "hex(randomblob(3))", "length(randomblob(3)) + random() % 3",
	"CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "date('now')", "time('now')", "datetime('now', '+1 day')",
	"julianday('now')", "unixepoch()", "unixepoch('now', 'subsec')", "strftime('%s', 'now')", "timediff('now', '2020-01-01')",
	"date('2020-01-01', n || ' days')", "strftime('%Y', '2020-01-01', 'localtime')", "datetime(1600000000, 'unixepoch')",
	"last_insert_rowid()", "changes()", "total_changes()", "sqlite_version()", "sqlite_source_id()",
	"(SELECT random() FROM item WHERE id = {id})", "CASE WHEN random() > 0 THEN 1 ELSE 2 END", "max(n, random())", "printf('%d', random())",
}

// mixedForm is a form of statements. {new} is a key that nobody else gives, {id} one of
// 1 to 100, {n} a small number and {open} one of openCalls; a question mark is bound.
type mixedForm struct {
	name, mark string
	text       []string
	pragma     string // set before, for this alone
	own        bool   // it calls a function of the application's
	rows       bool   // the application asks for row statements
}

var mixedForms = []mixedForm{
	{name: "a counter", mark: safeMark, text: []string{
		"UPDATE item SET n = n + ? WHERE id = {id}", "UPDATE code SET n = n + ?1 WHERE k = 'k{id}'", "UPDATE bounded SET n = n + 1 WHERE id = {id}",
		"UPDATE derived SET n = n + ? WHERE id = {id}",
	}},
	{name: "a guarded update", mark: safeMark, text: []string{"UPDATE item SET n = n - ?1 WHERE id = {id} AND n >= ?1"}},
	{name: "a bulk update", mark: safeMark, text: []string{
		"UPDATE item SET n = n + 1 WHERE n < {n}", "UPDATE item SET s = upper(s) WHERE id BETWEEN {id} AND {id}", "UPDATE code SET label = label || '.' WHERE n > 9{n}",
		"UPDATE item SET x = x * 2 WHERE s LIKE 'a%'",
	}},
	{name: "rows given", mark: safeMark, text: []string{
		"INSERT INTO item(id, n, s) VALUES({new}, ?, 'x')", "INSERT INTO item(id, n) VALUES({new}, 1), ({new}, 2)", "INSERT INTO code(k, n) VALUES('n{new}', ?)",
		"INSERT INTO hidden(id, n, at, r, d) VALUES({new}, 1, 'given', 2, 'd')",
	}},
	{name: "a deletion", mark: safeMark, text: []string{"DELETE FROM item WHERE id > 1000 AND n > {n}", "DELETE FROM code WHERE k = 'n{id}'", "DELETE FROM child WHERE id = {id}"}},
	{name: "an upsert", mark: safeMark, text: []string{"INSERT INTO item(id, n) VALUES({id}, 1) ON CONFLICT(id) DO UPDATE SET n = item.n + excluded.n"}},
	{name: "a row that a key pins", mark: safeMark, text: []string{"UPDATE item SET n = (SELECT n FROM counted WHERE id = {id}) WHERE id = {id}"}},
	{name: "a trigger that is safe", mark: safeMark, text: []string{"UPDATE counted SET n = n + 1 WHERE id = {id}"}},
	{name: "foreign-key actions", mark: safeMark, text: []string{"DELETE FROM parent WHERE id = {id}", "INSERT INTO parent(id, n) VALUES({new}, 1)"}},
	{name: "RETURNING", mark: safeMark, text: []string{"UPDATE item SET n = n + 1 WHERE id = {id} RETURNING id, n", "INSERT INTO item(id, n) VALUES({new}, ?) RETURNING random()"}},
	{name: "what may be either", mark: eitherMark, text: []string{
		"UPDATE item SET x = (SELECT sum(x) FROM tagged JOIN item AS i ON i.id = tagged.id) WHERE id = {id}", "REPLACE INTO item(id, n) VALUES({id}, ?)",
		"INSERT INTO tagged(id, n) SELECT item.id + {new}, code.n FROM code JOIN item ON item.n = code.n WHERE item.id < {n}",
		"UPDATE item SET s = (SELECT min(label) FROM code WHERE n = item.n) WHERE id = {id}", "UPDATE item SET n = (SELECT count(*) FROM child) WHERE id = {id}",
		"INSERT OR IGNORE INTO item(id, n) VALUES({id}, 1), ({new}, 2)", "UPDATE OR REPLACE tagged SET u = {id}000 WHERE id = {id}",
		"UPDATE item SET x = x / 3 WHERE n = {n}", "DELETE FROM item WHERE id IN (SELECT id FROM tagged WHERE n > 5) AND id > 1000",
	}},

	{name: "functions in SET", mark: unsafeMark, text: []string{"UPDATE item SET s = {open} WHERE id = {id}", "UPDATE item SET n = n + 1, s = {open} WHERE n = {n}"}},
	{name: "functions in WHERE", mark: unsafeMark, text: []string{"UPDATE item SET n = n + 1 WHERE id = {id} AND {open} IS NOT NULL", "DELETE FROM item WHERE id > 1000 AND {open} IS NULL"}},
	{name: "functions in VALUES", mark: unsafeMark, text: []string{"INSERT INTO item(id, n, s) SELECT {new}, n, {open} FROM item WHERE id = {id}", "INSERT INTO code(k, n) VALUES('r{new}', random() % 5)"}},
	{name: "functions of its own", mark: unsafeMark, own: true, text: []string{"UPDATE item SET n = mine(n) WHERE id = {id}", "INSERT INTO item(id, n) VALUES({new}, mine(?))"}},
	{name: "in a DEFAULT", mark: unsafeMark, text: []string{"INSERT INTO hidden(id, n) VALUES({new}, ?)", "INSERT INTO hidden(id, at, r) VALUES({new}, 'x', 1)"}},
	{name: "in a trigger", mark: unsafeMark, text: []string{"INSERT INTO fired(id, n) VALUES({new}, ?)", "UPDATE fired SET n = n + 1 WHERE id = {id}", "UPDATE stamped SET n = n + 1 WHERE id = {id}"}},
	{name: "in a view", mark: unsafeMark, text: []string{"UPDATE item SET n = (SELECT c FROM chance) WHERE id = {id}", "INSERT INTO item(id, s) SELECT {new}, d FROM today", "DELETE FROM item WHERE id > 1000 AND n = (SELECT c FROM chance)"}},
	{name: "in a CHECK", mark: unsafeMark, text: []string{"UPDATE checked SET n = n + 1 WHERE id = {id}", "INSERT INTO checked(id, n) VALUES({new}, ?)"}},
	{name: "LIMIT without a total order", mark: unsafeMark, text: []string{
		"UPDATE item SET n = 3 WHERE id IN (SELECT id FROM item LIMIT {n})", "UPDATE item SET n = (SELECT n FROM code LIMIT 1 OFFSET {n}) WHERE id = {id}",
		"UPDATE item SET n = (SELECT n FROM code ORDER BY label LIMIT 1) WHERE id = {id}", "DELETE FROM item WHERE id IN (SELECT id FROM item WHERE id > 1000 ORDER BY n LIMIT 1)",
		"UPDATE item SET n = (SELECT n FROM code) WHERE id = {id}",
	}},
	{name: "a key that SQLite chooses", mark: unsafeMark, text: []string{
		"INSERT INTO item(n) VALUES(?)", "INSERT INTO item(id, n) VALUES(NULL, ?)", "INSERT INTO auto(n) VALUES(?)", "INSERT INTO loose(a, b) VALUES(?, 'x')",
		"INSERT INTO auto(n) SELECT n FROM item WHERE id < {n}", "INSERT INTO loose(a) SELECT s FROM item WHERE id < {n}", "INSERT INTO item DEFAULT VALUES",
	}},
	{name: "another file", mark: unsafeMark, text: []string{"UPDATE item SET n = (SELECT max(v) FROM side.other) WHERE id = {id}", "INSERT INTO item(id, n) SELECT {new}, v FROM side.other WHERE v = 2"}},
	{name: "a temporary table", mark: unsafeMark, text: []string{"UPDATE item SET n = (SELECT max(v) FROM aside) WHERE id = {id}", "DELETE FROM item WHERE id > 1000 AND n IN (SELECT v FROM temp.aside)"}},
	{name: "a temporary trigger", mark: unsafeMark, text: []string{"UPDATE watched SET n = n + 1 WHERE id = {id}"}},
	{name: "PRAGMA case_sensitive_like", mark: unsafeMark, pragma: "case_sensitive_like=ON", text: []string{"UPDATE item SET n = n + 1 WHERE s LIKE 'B%'"}},
	{name: "PRAGMA foreign_keys", mark: unsafeMark, pragma: "foreign_keys=OFF", text: []string{"UPDATE child SET n = n + 1 WHERE id = {id}", "DELETE FROM parent WHERE id = {id} AND id NOT IN (SELECT parent FROM child)"}},
	{name: "PRAGMA ignore_check_constraints", mark: unsafeMark, pragma: "ignore_check_constraints=ON", text: []string{"UPDATE bounded SET n = n + 1 WHERE id = {id} AND n < 900"}},
	{name: "PRAGMA reverse_unordered_selects", mark: unsafeMark, pragma: "reverse_unordered_selects=ON", text: []string{"UPDATE item SET n = (SELECT n FROM code LIMIT 1) WHERE id = {id}"}},
	{name: "RETURNING an argument", mark: unsafeMark, text: []string{"UPDATE item SET n = n + 1 WHERE id = {id} RETURNING n + ?"}},
	{name: "a common table expression", mark: unsafeMark, text: []string{
		"WITH c AS (SELECT max(n) AS v FROM code) UPDATE item SET n = (SELECT v FROM c) WHERE id = {id}", "WITH c(v) AS (VALUES({new})) INSERT INTO item(id, n) SELECT v, 1 FROM c",
		"WITH RECURSIVE c(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM c WHERE v < 5) DELETE FROM item WHERE id > 1000 AND n IN (SELECT v FROM c)",
	}},
	{name: "a window function", mark: unsafeMark, text: []string{"UPDATE item SET n = (SELECT max(r) FROM (SELECT row_number() OVER () AS r FROM code)) WHERE id = {id}", "UPDATE item SET n = (SELECT sum(n) OVER (ORDER BY label) FROM code WHERE k = 'k{id}') WHERE id = {id}"}},
	{name: "an aggregate that depends on order", mark: unsafeMark, text: []string{
		"UPDATE item SET s = (SELECT group_concat(label) FROM code WHERE n < 2{n}) WHERE id = {id}", "UPDATE item SET s = (SELECT json_group_array(k) FROM code WHERE n < {n}) WHERE id = {id}",
		"UPDATE item SET s = (SELECT k FROM (SELECT k, max(label) FROM code)) WHERE id = {id}", "UPDATE item SET s = (SELECT string_agg(label, '-') FROM code WHERE n < 2{n}) WHERE id = {id}",
	}},
	{name: "ON CONFLICT of several rows", mark: unsafeMark, text: []string{
		"INSERT OR IGNORE INTO tagged(id, u) SELECT id + {new}, n FROM item WHERE id < {n}", "INSERT INTO item(id, n) SELECT n, 1 FROM code WHERE n < {n} ON CONFLICT(id) DO UPDATE SET n = item.n + 1",
		"UPDATE OR IGNORE tagged SET u = u / 2 WHERE id < 2{n}", "REPLACE INTO tagged(id, u) SELECT id, n FROM item WHERE id < {n}",
	}},
	{name: "unique values of several rows", mark: unsafeMark, text: []string{"UPDATE tagged SET u = u + 1", "UPDATE item SET id = id + 100000 WHERE id > 1000 AND n = {n}"}},
	{name: "UPDATE FROM", mark: unsafeMark, text: []string{"UPDATE item SET n = code.n FROM code WHERE code.label = 'label 1' AND item.id = {id}"}},
	{name: "no columns named", mark: unsafeMark, text: []string{"INSERT INTO item VALUES({new}, 1, 2, 'x')"}},
	{name: "an index named", mark: unsafeMark, text: []string{"UPDATE tagged INDEXED BY sqlite_autoindex_tagged_1 SET n = {n} WHERE u = {id}000"}},
	{name: "OR ROLLBACK", mark: unsafeMark, text: []string{"UPDATE OR ROLLBACK item SET n = n + 1 WHERE id = {id}"}},
	{name: "a rowid that is no key", mark: unsafeMark, text: []string{"UPDATE loose SET b = rowid WHERE a = {n}", "DELETE FROM loose WHERE rowid % 7 = {n} AND a = {n}"}},
	{name: "a string in double quotes", mark: unsafeMark, text: []string{`UPDATE item SET s = "nothing of this name" WHERE id = {id}`}},
	{name: "a condition on what is being written", mark: unsafeMark, text: []string{"UPDATE item SET n = (SELECT max(n) FROM item) + 1 WHERE id < {n}"}},
	{name: "AsRows", mark: unsafeMark, rows: true, text: []string{"UPDATE item SET n = n + 1 WHERE id = {id}", "INSERT INTO item(id, n) VALUES({new}, ?)"}},
}

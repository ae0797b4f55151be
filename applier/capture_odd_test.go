package applier

import (
	"math"

	"replog/replog"
)

// negativeZero, and the statements that bind it, are told apart from 0.0 by
// their bytes only.
var negativeZero = replog.Real(math.Copysign(0, -1))

// oddMatrix are cases in which what a trigger sees, what an index compares and
// what is stored differ, or in which statements get in each other's way.
var oddMatrix = []matrixCase{
	// Keys under collations, and defaults, affinities and NULL in keys.
	{name: "a row whose key its column takes for the same is evicted", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE, v UNIQUE, PRIMARY KEY(k COLLATE BINARY))",
		rows: "INSERT INTO t VALUES('a',1),('A',2)", run: stmts("UPDATE OR REPLACE t SET v = 2 WHERE k COLLATE BINARY = 'a'"), net: 2},
	{name: "a key changes to one that its column takes for the same", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE, v, PRIMARY KEY(k COLLATE BINARY))",
		rows: "INSERT INTO t VALUES('a',1),('A',2)", run: stmts("UPDATE OR REPLACE t SET k = 'A' WHERE k COLLATE BINARY = 'a'"), net: 2},
	{name: "two indexes of other collations evict two rows", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, u TEXT); CREATE UNIQUE INDEX i ON t(u COLLATE NOCASE); CREATE UNIQUE INDEX j ON t(u COLLATE RTRIM)",
		rows: "INSERT INTO t VALUES('a','x'),('b','y'),('c','z')", run: stmts("UPDATE OR REPLACE t SET k = 'B', u = 'Z' WHERE k = 'a'", "REPLACE INTO t VALUES('q','Z  ')"), net: 4},
	{name: "a number as the default of a text key", schema: "CREATE TABLE t(k TEXT NOT NULL DEFAULT 5 PRIMARY KEY, v)", rows: "INSERT INTO t VALUES('a',1)", run: stmts("REPLACE INTO t VALUES(NULL,1)"), net: 1},
	{name: "a text as the default of an integer key", schema: "CREATE TABLE t(k INT NOT NULL DEFAULT '7' PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(1,1)", run: stmts("REPLACE INTO t VALUES(NULL,1)"), net: 1},
	{name: "an integer as the default of a real key", schema: "CREATE TABLE t(k REAL NOT NULL DEFAULT 7 PRIMARY KEY, v) WITHOUT ROWID", rows: "INSERT INTO t VALUES(1,1)",
		run: stmts("REPLACE INTO t VALUES(NULL,1)", "UPDATE OR REPLACE t SET k = NULL WHERE k = 1"), net: 2},
	{name: "defaults that convert evict by the key", schema: "CREATE TABLE t(k TEXT NOT NULL DEFAULT 1, l REAL NOT NULL DEFAULT 2, v, PRIMARY KEY(k, l))", rows: "INSERT INTO t VALUES('1',2,'a'),('x',1,'b')",
		run: stmts("REPLACE INTO t VALUES(NULL,NULL,'c')", "UPDATE OR REPLACE t SET k = NULL, l = NULL WHERE k = 'x'"), net: 2},
	{name: "a default in a key that WITHOUT ROWID makes NOT NULL", schema: "CREATE TABLE t(k TEXT DEFAULT 'q' PRIMARY KEY, v) WITHOUT ROWID", rows: "INSERT INTO t VALUES('q',1)",
		run: stmts("REPLACE INTO t VALUES(NULL,2)", "UPDATE OR REPLACE t SET k = 'z'", "UPDATE OR REPLACE t SET k = NULL"), net: 1},
	{name: "a default in a key of which another column may be NULL", schema: "CREATE TABLE t(a NOT NULL DEFAULT 1, b, v, PRIMARY KEY(a, b))", rows: "INSERT INTO t VALUES(5,1,1)",
		run: stmts("UPDATE OR REPLACE t SET a = NULL"), net: 2},
	{name: "keys that get and lose their NULL", schema: "CREATE TABLE t(a, b, v UNIQUE, PRIMARY KEY(a, b))", rows: "INSERT INTO t VALUES(1,1,1),(2,2,2)",
		run: stmts("UPDATE t SET b = NULL WHERE a = 1", "UPDATE OR REPLACE t SET v = 1 WHERE a = 2", "UPDATE t SET a = NULL", "UPDATE t SET a = 7 WHERE a IS NULL"), net: 3},
	{name: "0, 0.0 and -0.0 as a key", schema: "CREATE TABLE t(k PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(0,'x')", net: -1,
		run: []step{{"REPLACE INTO t VALUES(?1, 'w')", []replog.Value{negativeZero}}, {"UPDATE t SET k = 0.0", nil},
			{"INSERT INTO t VALUES(?1, 'q') ON CONFLICT DO UPDATE SET k = excluded.k, v = 'u'", []replog.Value{negativeZero}}}},
	{name: "-0.0 in DESC keys", schema: "CREATE TABLE t(a, b, v, PRIMARY KEY(a DESC, b DESC)) WITHOUT ROWID", rows: "INSERT INTO t VALUES(0.0,1,'x'),(1,0.0,'y')", net: -1,
		run: []step{{"UPDATE t SET a = ?1, v = 'z' WHERE a = 0", []replog.Value{negativeZero}}, {"REPLACE INTO t VALUES(0.0, 1, 'w')", nil}, {"UPDATE t SET b = ?1", []replog.Value{negativeZero}}}},
	{name: "keys of one text, number and blob", schema: "CREATE TABLE t(k PRIMARY KEY, v UNIQUE)", rows: "INSERT INTO t VALUES('1',1),(1,2),(x'31',3),('01',4)",
		run: stmts("UPDATE OR REPLACE t SET k = CAST(k AS BLOB)", "UPDATE OR REPLACE t SET k = CAST(k AS TEXT)", "UPDATE OR REPLACE t SET k = CAST(k AS INT)"), net: -1},

	// Conditions of partial indexes, which compare by affinity and collation.
	{name: "a partial index whose condition converts", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, u); CREATE UNIQUE INDEX i ON t(u) WHERE n = '5'",
		rows: "INSERT INTO t VALUES(1,5,1),(2,6,1)", run: stmts("REPLACE INTO t VALUES(9,5,1)"), net: 2},
	{name: "a partial index whose condition ignores case", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'd' COLLATE NOCASE, u); CREATE UNIQUE INDEX i ON t(u) WHERE a = 'x'",
		rows: "INSERT INTO t VALUES(1,'X',1),(2,'y',1)", run: stmts("REPLACE INTO t VALUES(9,'X',1)"), net: 2},
	{name: "a partial index whose condition tests an assigned key", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, u); CREATE UNIQUE INDEX i ON t(u) WHERE id > 5",
		rows: "INSERT INTO t VALUES(6,1),(2,1)", run: stmts("REPLACE INTO t(u) VALUES(1)"), net: 2},
	{name: "an update into a partial index by its condition alone", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, live); CREATE UNIQUE INDEX i ON t(a) WHERE live",
		rows: "INSERT INTO t VALUES(1,1,1),(2,1,0)", run: stmts("UPDATE OR REPLACE t SET live = 1 WHERE id = 2"), net: 2},
	{name: "a partial index that does not hold the new row evicts nothing", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, u); CREATE UNIQUE INDEX i ON t(u) WHERE n = 5",
		rows: "INSERT INTO t VALUES(1,5,1),(2,6,1)", run: stmts("REPLACE INTO t VALUES(9,7,1)", "UPDATE OR REPLACE t SET n = 8 WHERE id = 2"), net: 2},
	{name: "a collation within an expression", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT); CREATE UNIQUE INDEX i ON t(a = 'x' COLLATE NOCASE)",
		rows: "INSERT INTO t VALUES(1,'X'),(2,'y')", run: stmts("REPLACE INTO t VALUES(3,'x')", "UPDATE OR REPLACE t SET a = 'z' WHERE id = 3"), net: 3},

	// Keys that SQLite assigns.
	{name: "keys around -1", schema: uniqueT, rows: "INSERT INTO t VALUES(-1,'a','x'),(-3,'b','y')",
		run: stmts("REPLACE INTO t VALUES(-1,'b',1)", "INSERT INTO t(u) VALUES('q')", "DELETE FROM t WHERE id >= -1", "INSERT INTO t VALUES(-3,'m',1)", "INSERT INTO t(u) VALUES('r'),('s')", "INSERT OR IGNORE INTO t(u) VALUES('s')", "UPDATE OR REPLACE t SET id = -1"), net: -1},
	{name: "the largest and the smallest key", schema: uniqueT, rows: "INSERT INTO t VALUES(9223372036854775806,'a','x')",
		run: stmts("INSERT INTO t(u) VALUES('b')", "UPDATE t SET id = id - 1 WHERE u = 'a'", "REPLACE INTO t VALUES(9223372036854775807,'a',2)", "UPDATE OR REPLACE t SET id = -9223372036854775808"), net: 2},
	{name: "AUTOINCREMENT where the tail was deleted", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, u UNIQUE, v); CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.v = 'del' BEGIN DELETE FROM t WHERE id = NEW.id; END",
		rows: threeT + "; DELETE FROM t WHERE id > 1", run: stmts("INSERT INTO t(u,v) VALUES('q','del'),('r','stay'),('s','del'),('t','stay')", "DELETE FROM t WHERE u = 't'", "REPLACE INTO t(u) VALUES('a')", "INSERT INTO t VALUES(100,'x','del')", "INSERT INTO t(u) VALUES('y')"), net: -1},
	{name: "AUTOINCREMENT that is exhausted", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, u)", rows: "INSERT INTO t VALUES(9223372036854775807,1)",
		run: stmts("INSERT INTO t(u) VALUES(2)", "DELETE FROM t", "INSERT INTO t(u) VALUES(2)", "INSERT INTO t VALUES(-7,2)"), fails: 2, net: 2},
	{name: "a newer trigger that ends the others of an insert", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, u UNIQUE, v)", later: "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT RAISE(IGNORE); END",
		rows: threeT + "; DELETE FROM t WHERE id = 3", run: stmts("INSERT INTO t(u) VALUES('q'),('r')", "REPLACE INTO t(u) VALUES('a'),('r')"), net: -1},
	{name: "hidden rowids that evict", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v UNIQUE)", rows: "INSERT INTO t(rowid,k,v) VALUES(-1,'m',0),(1,'a',1),(2,'b',2),(3,'c',3)",
		run: stmts("UPDATE OR REPLACE t SET rowid = 2, k = 'c' WHERE k = 'a'", "REPLACE INTO t(rowid,k,v) VALUES(-1,'z',2)", "REPLACE INTO t(k,v) VALUES('zz',9)", "INSERT INTO t(rowid,k,v) VALUES(2,'zz',77) ON CONFLICT(k) DO UPDATE SET rowid = 5, v = 78"), net: -1},

	// Statements within statements.
	{name: "a row that refers to itself, deferred", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, u UNIQUE)",
		rows: "INSERT INTO t VALUES(1,1,'a'),(2,1,'b'),(3,2,'c'),(4,4,'d')", pragmas: enforce,
		run: stmts("UPDATE t SET id = 9 WHERE id = 1", "REPLACE INTO t VALUES(9,9,'d')", "UPDATE OR REPLACE t SET id = 4, u = 'e' WHERE id = 9", "DELETE FROM t WHERE id = 4"), net: -1},
	{name: "SET NULL on the table itself", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id) ON DELETE SET NULL ON UPDATE SET NULL, u UNIQUE)",
		rows: "INSERT INTO t VALUES(1,1,'a'),(2,1,'b'),(3,2,'c'),(4,4,'d')", pragmas: enforce,
		run: stmts("UPDATE t SET id = 9 WHERE id = 1", "REPLACE INTO t VALUES(9,9,'d')", "UPDATE OR REPLACE t SET id = 3, u = 'e' WHERE id = 2", "DELETE FROM t WHERE id = 9"), net: -1},
	{name: "a composite NOCASE reference of a table to itself", schema: "CREATE TABLE t(a TEXT COLLATE NOCASE, b INT, ua TEXT, ub INT, PRIMARY KEY(a,b), FOREIGN KEY(ua,ub) REFERENCES t(a,b) ON DELETE CASCADE ON UPDATE CASCADE) WITHOUT ROWID",
		rows: "INSERT INTO t VALUES('a',1,'A',1),('b',1,'A',1),('c',2,'B',1)", pragmas: enforce, run: stmts("UPDATE t SET a = upper(a), b = b + 1", "REPLACE INTO t VALUES('b',2,NULL,NULL)"), net: -1},
	{name: "an evicted row whose eviction updates another that is evicted", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE, up REFERENCES t(id) ON DELETE SET NULL)",
		rows: "INSERT INTO t VALUES(1,1,NULL,NULL),(2,NULL,2,1),(3,3,NULL,4),(4,NULL,4,NULL)", pragmas: enforce,
		run: stmts("REPLACE INTO t VALUES(9,1,2,NULL)", "REPLACE INTO t VALUES(8,3,4,NULL)"), net: 6},
	{name: "REPLACE within REPLACE, and a key change among them", schema: uniqueT, rows: threeT, pragmas: []string{"recursive_triggers=ON"},
		later: "CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.v > 0 BEGIN REPLACE INTO t VALUES(NEW.id + 1, NEW.u || '', NEW.v - 1); UPDATE OR REPLACE t SET id = id - 1 WHERE v = 0; END",
		run:   stmts("REPLACE INTO t VALUES(1,'c',3)", "REPLACE INTO t VALUES(3,'b',2),(1,'x',2)"), net: -1},
	{name: "RAISE(FAIL) in the trigger of an evicted row", schema: uniqueT + ";" + logTable, rows: threeT, pragmas: []string{"recursive_triggers=ON"},
		later: "CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO log(what) VALUES(OLD.u); SELECT RAISE(FAIL, 'no') WHERE OLD.id = 2; END",
		run:   stmts("REPLACE INTO t VALUES(9,'a',1),(8,'b',1)", "DELETE FROM t"), fails: 1, net: -1},
	{name: "a REPLACE clause within the trigger of an update", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE ON CONFLICT REPLACE, b UNIQUE ON CONFLICT IGNORE)",
		later: "CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO t VALUES(NEW.id + 10, NEW.a, NEW.b + 1); END",
		rows:  "INSERT INTO t VALUES(1,1,1),(2,2,5),(3,3,9)", run: stmts("UPDATE t SET a = 2 WHERE id = 1", "UPDATE t SET a = a + 1", "UPDATE OR REPLACE t SET b = 2"), net: -1},
	{name: "UPDATE FROM that moves and evicts", schema: uniqueT + "; CREATE TABLE s(id INTEGER PRIMARY KEY, x, y)", rows: threeT + "; INSERT INTO s VALUES(1,1,'n'),(3,2,'m'),(4,3,'b')",
		run: stmts("UPDATE OR REPLACE t SET u = s.y, id = t.id + 10 FROM s WHERE s.x = t.id", "UPDATE t SET v = (SELECT max(u) FROM t)"), net: -1},
	{name: "UPSERT of keys on several targets", schema: "CREATE TABLE t(a, b, v UNIQUE, PRIMARY KEY(a DESC, b)) WITHOUT ROWID", rows: "INSERT INTO t VALUES(1,1,1),(2,1,2)",
		run: stmts("INSERT INTO t VALUES(1,1,2),(3,3,2) ON CONFLICT(v) DO UPDATE SET a = excluded.a + 10, b = -0.0 ON CONFLICT(a, b) DO UPDATE SET v = 9", "INSERT INTO t VALUES(1,1,8) ON CONFLICT(b, a) DO UPDATE SET a = b, b = a + 1, v = excluded.v"), net: -1},
	{name: "keys swapped in one statement", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR REPLACE t SET id = 3 - id WHERE id < 3", "UPDATE OR REPLACE t SET id = 4 - id"), net: -1},
	{name: "rows that are back in the end", schema: uniqueT, rows: threeT,
		run: stmts("BEGIN", "DELETE FROM t WHERE id = 1", "UPDATE t SET id = 1 WHERE id = 2", "UPDATE OR REPLACE t SET id = 2 WHERE id = 1", "REPLACE INTO t VALUES(1,'a','x')", "REPLACE INTO t VALUES(2,'b','y')", "COMMIT"), net: 0},
	{name: "STRICT with values that convert, and a default that evicts", schema: "CREATE TABLE t(k ANY PRIMARY KEY, r REAL UNIQUE, i INT UNIQUE, x TEXT NOT NULL DEFAULT 'd' UNIQUE) STRICT", rows: "INSERT INTO t VALUES(1,1,1,'a'),('1',2,2,'b')",
		run: stmts("REPLACE INTO t VALUES(1.0,'2','1',NULL)", "UPDATE OR REPLACE t SET r = '1.0', i = '5', x = 7", "REPLACE INTO t VALUES(8,8,8,'8'),(9,8.0,9,'d')"), net: -1},
	{name: "rows from a recursive query that evict each other", schema: uniqueT, rows: threeT,
		run: stmts("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5) REPLACE INTO t SELECT x, char(96 + x % 3), x FROM n RETURNING id, u", "UPDATE OR REPLACE t SET u = 'a' RETURNING u"), net: -1},
}

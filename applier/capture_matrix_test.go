package applier

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"replog/replog"
)

// Schemas that several cases share.
const (
	plainT  = "CREATE TABLE t(id INTEGER PRIMARY KEY, v, w)"
	uniqueT = "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE, v)"
	threeT  = "INSERT INTO t VALUES(1,'a','x'),(2,'b','y'),(3,'c','z')"
	parentT = "CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT UNIQUE, v)"
	threeP  = "INSERT INTO p VALUES(1,'one',0),(2,'two',0),(3,'three',0)"
	childT  = "CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER DEFAULT 3 REFERENCES p(id) %s)"
	threeC  = "INSERT INTO c VALUES(10,1),(11,1),(12,2)"
	// manyNumbers goes before a SELECT from number.
	manyNumbers = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 400) "
	logTable    = "CREATE TABLE log(id INTEGER PRIMARY KEY, what, at)"
)

var enforce = []string{"foreign_keys=ON"}

var captureMatrix = []matrixCase{
	// Plain statements.
	{name: "insert one row", schema: plainT, run: stmts("INSERT INTO t VALUES(1,'a','b')"), net: 1},
	{name: "insert several rows", schema: plainT, run: stmts("INSERT INTO t VALUES(1,1,1),(2,2,2),(3,3,3)"), net: 3},
	{name: "insert from a select on itself", schema: plainT, rows: threeT, run: stmts("INSERT INTO t SELECT id + 10, v, w FROM t"), net: 3},
	{name: "insert from a table of the same shape", schema: plainT + "; CREATE TABLE s(id INTEGER PRIMARY KEY, v, w); INSERT INTO s VALUES(1,2,3)",
		run: stmts("INSERT INTO t SELECT * FROM s", "DELETE FROM s"), net: 2},
	{name: "insert default values", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, v DEFAULT 'd', w DEFAULT (1 + 1))",
		run: stmts("INSERT INTO t DEFAULT VALUES", "INSERT INTO t(v) VALUES(NULL)"), net: 2},
	{name: "an integer key that SQLite assigns", schema: plainT, run: stmts("INSERT INTO t(v) VALUES('a')", "INSERT INTO t VALUES(NULL,'b',1),(NULL,'c',1)"), net: 3},
	{name: "AUTOINCREMENT", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, v)",
		run: stmts("INSERT INTO t(v) VALUES('a'),('b')", "DELETE FROM t WHERE id = 2", "INSERT INTO t(v) VALUES('c')"), net: 2},
	{name: "update several rows", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = v || '!'"), net: 3},
	{name: "update one of several columns", schema: plainT, rows: threeT, run: stmts("UPDATE t SET w = 0 WHERE id = 2"), net: 1},
	{name: "update from another table", schema: plainT + "; CREATE TABLE s(id INTEGER PRIMARY KEY, x)", rows: threeT + "; INSERT INTO s VALUES(1,'n'),(3,'m')",
		run: stmts("UPDATE t SET v = s.x FROM s WHERE s.id = t.id"), net: 2},
	{name: "update the same row many times", schema: plainT, rows: threeT,
		run: stmts("UPDATE t SET v = 1", "UPDATE t SET v = 2, w = 2", "UPDATE t SET w = 3 WHERE id < 3", "UPDATE t SET v = 4 WHERE id = 1"), net: 3},
	{name: "delete some rows", schema: plainT, rows: threeT, run: stmts("DELETE FROM t WHERE id > 1"), net: 2},
	{name: "delete all rows at once", schema: plainT, rows: threeT, run: stmts("DELETE FROM t"), net: 3},
	{name: "delete and insert again the same", schema: plainT, rows: threeT, run: stmts("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES(1,'a','x')"), net: 0},
	{name: "delete and insert again otherwise", schema: plainT, rows: threeT, run: stmts("DELETE FROM t WHERE id = 1", "INSERT INTO t VALUES(1,'a','y')"), net: 1},
	{name: "insert and delete", schema: plainT, rows: threeT, run: stmts("INSERT INTO t VALUES(4,1,1)", "UPDATE t SET v = 2 WHERE id = 4", "DELETE FROM t WHERE id = 4"), net: 0},

	// No-ops.
	{name: "an update to the same values records nothing", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = v, w = w, id = id", "UPDATE t SET v = 'a' WHERE id = 1"), net: 0},
	{name: "there and back records nothing in the end", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = 0", "UPDATE t SET v = char(96 + id)"), net: 0},
	{name: "an update of no row", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = 1 WHERE 0", "DELETE FROM t WHERE 0"), net: 0},

	// UPSERT and OR clauses that evict nothing.
	{name: "upsert that updates", schema: plainT, rows: threeT, run: stmts("INSERT INTO t VALUES(1,'n','n'),(4,'m','m') ON CONFLICT(id) DO UPDATE SET v = excluded.v"), net: 2},
	{name: "upsert that does nothing", schema: plainT, rows: threeT, run: stmts("INSERT INTO t VALUES(1,'n','n') ON CONFLICT DO NOTHING"), net: 0},
	{name: "upsert on a unique column", schema: uniqueT, rows: threeT, run: stmts("INSERT INTO t VALUES(9,'a','n') ON CONFLICT(u) DO UPDATE SET v = excluded.v, u = 'A'"), net: 1},
	{name: "upsert whose update is refused by WHERE", schema: uniqueT, rows: threeT, run: stmts("INSERT INTO t VALUES(9,'a','n') ON CONFLICT(u) DO UPDATE SET v = 1 WHERE 0"), net: 0},
	{name: "upsert that changes the key", schema: uniqueT, rows: threeT, run: stmts("INSERT INTO t VALUES(9,'a','n') ON CONFLICT(u) DO UPDATE SET id = excluded.id"), net: 2},
	{name: "upsert with several targets", schema: uniqueT, rows: threeT,
		run: stmts("INSERT INTO t VALUES(1,'n','n'),(7,'b','n') ON CONFLICT(u) DO UPDATE SET v = 'u' ON CONFLICT(id) DO UPDATE SET v = 'i'"), net: 2},
	{name: "upsert, then evict and delete the same row", schema: uniqueT, rows: threeT,
		run: stmts("INSERT INTO t VALUES(1,'a','n') ON CONFLICT DO NOTHING", "UPDATE t SET v = 5 WHERE id = 1", "REPLACE INTO t VALUES(8,'a',6)", "DELETE FROM t WHERE id = 8"), net: 1},
	{name: "INSERT OR IGNORE", schema: uniqueT, rows: threeT, run: stmts("INSERT OR IGNORE INTO t VALUES(1,'q','q'),(5,'b','q'),(6,'f','q')"), net: 1},
	{name: "INSERT OR IGNORE, then delete what was ignored", schema: uniqueT, rows: threeT, run: stmts("INSERT OR IGNORE INTO t VALUES(1,'q','q')", "DELETE FROM t WHERE id = 1"), net: 1},
	{name: "INSERT OR IGNORE, then move what was ignored", schema: uniqueT, rows: threeT,
		run: stmts("INSERT OR IGNORE INTO t VALUES(1,'q','q')", "UPDATE t SET id = 9 WHERE id = 1", "INSERT INTO t VALUES(1,'n','n')"), net: 2},
	{name: "INSERT OR FAIL", schema: uniqueT, rows: threeT, run: stmts("INSERT OR FAIL INTO t VALUES(5,'q','q'),(1,'r','r'),(6,'s','s')"), fails: 1, net: 1},
	{name: "INSERT OR ABORT", schema: uniqueT, rows: threeT, run: stmts("INSERT OR ABORT INTO t VALUES(5,'q','q'),(1,'r','r')"), fails: 1, net: 0},
	{name: "INSERT OR ROLLBACK", schema: uniqueT, rows: threeT,
		run: stmts("BEGIN", "UPDATE t SET v = 0", "INSERT OR ROLLBACK INTO t VALUES(1,'r','r')", "INSERT INTO t VALUES(4,'d','d')"), fails: 1, net: 1},
	{name: "UPDATE OR IGNORE", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR IGNORE t SET u = 'a'"), net: 0},
	{name: "UPDATE OR FAIL", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR FAIL t SET u = CASE id WHEN 1 THEN 'n' ELSE 'm' END"), fails: 1, net: 2},
	{name: "UPDATE OR ROLLBACK", schema: uniqueT, rows: threeT, run: stmts("BEGIN", "DELETE FROM t WHERE id = 3", "UPDATE OR ROLLBACK t SET u = 'q'", "UPDATE t SET v = 1 WHERE id = 1"), fails: 1, net: 1},

	// Evictions.
	{name: "INSERT OR REPLACE by the key", schema: plainT, rows: threeT, run: stmts("INSERT OR REPLACE INTO t VALUES(1,'n','n')"), net: 1},
	{name: "INSERT OR REPLACE with the same row", schema: plainT, rows: threeT, run: stmts("REPLACE INTO t VALUES(1,'a','x')"), net: 0},
	{name: "INSERT OR REPLACE by a unique column", schema: uniqueT, rows: threeT, run: stmts("INSERT OR REPLACE INTO t VALUES(9,'a','n')"), net: 2},
	{name: "INSERT OR REPLACE that evicts several rows at once", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE, c)",
		rows: "INSERT INTO t VALUES(1,1,1,1),(2,2,2,2),(3,3,3,3),(4,4,4,4)", run: stmts("INSERT OR REPLACE INTO t VALUES(1,2,3,9)"), net: 3},
	{name: "INSERT OR REPLACE of several rows that evict each other", schema: uniqueT, rows: threeT, run: stmts("REPLACE INTO t VALUES(1,'b',1),(2,'c',2),(3,'b',3),(4,'c',4)"), net: 4},
	{name: "INSERT OR REPLACE without a key of its own", schema: uniqueT, rows: threeT, run: stmts("REPLACE INTO t(u, v) VALUES('a',1),('b',2)"), net: 4},
	{name: "INSERT OR REPLACE where the row -1 is", schema: uniqueT, rows: "INSERT INTO t VALUES(-1,'a','x')", run: stmts("REPLACE INTO t(u, v) VALUES('b',1)", "REPLACE INTO t(u, v) VALUES('a',2)"), net: 3},
	{name: "UPDATE OR REPLACE by a unique column", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR REPLACE t SET u = 'b' WHERE id = 1"), net: 2},
	{name: "UPDATE OR REPLACE of the key", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR REPLACE t SET id = 2 WHERE id = 1"), net: 2},
	{name: "UPDATE OR REPLACE of all rows to one value", schema: uniqueT, rows: threeT, run: stmts("UPDATE OR REPLACE t SET u = 'q'"), net: 3},
	{name: "UPDATE OR REPLACE that evicts several rows at once", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b UNIQUE)",
		rows: "INSERT INTO t VALUES(1,1,1),(2,2,2),(3,3,3),(4,4,4)", run: stmts("UPDATE OR REPLACE t SET id = 2, a = 3, b = 4 WHERE id = 1"), net: 4},
	{name: "REPLACE on a composite unique index", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, UNIQUE(a, b))", rows: "INSERT INTO t VALUES(1,1,1),(2,1,2),(3,NULL,1)",
		run: stmts("REPLACE INTO t VALUES(4,1,2),(5,NULL,1)"), net: 3},
	{name: "REPLACE on a partial index", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, live); CREATE UNIQUE INDEX i ON t(a) WHERE live",
		rows: "INSERT INTO t VALUES(1,1,1),(2,1,0),(3,3,0)", run: stmts("REPLACE INTO t VALUES(4,1,1)", "UPDATE OR REPLACE t SET a = 1, live = 1 WHERE id = 3", "REPLACE INTO t VALUES(5,1,0)"), net: 3},
	{name: "REPLACE on an expression index", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b); CREATE UNIQUE INDEX i ON t(lower(a), b % 10)",
		rows: "INSERT INTO t VALUES(1,'x',11),(2,'Y',12)", run: stmts("REPLACE INTO t VALUES(3,'X',1)", "UPDATE OR REPLACE t SET a = 'y', b = 2 WHERE id = 3"), net: 3},
	{name: "REPLACE on a NOCASE unique index", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b COLLATE NOCASE UNIQUE); CREATE UNIQUE INDEX i ON t(a COLLATE RTRIM DESC)",
		rows: "INSERT INTO t VALUES(1,'x','k'),(2,'y','l')", run: stmts("REPLACE INTO t VALUES(3,'x  ','L')"), net: 3},
	{name: "REPLACE through 1 = 1.0", schema: uniqueT, rows: "INSERT INTO t VALUES(1,1,'x')", run: stmts("REPLACE INTO t VALUES(2,1.0,'y')"), net: 2},
	{name: "REPLACE through the affinity of a column", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, u INTEGER UNIQUE, w TEXT UNIQUE)", rows: "INSERT INTO t VALUES(1,1,'1'),(2,2,'2')",
		run: stmts("REPLACE INTO t VALUES(3,'1',2)"), net: 3},
	{name: "REPLACE by rowid where the key is another", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v)", rows: "INSERT INTO t(rowid, k, v) VALUES(1,'a',1),(2,'b',2)",
		run: stmts("REPLACE INTO t(rowid, k, v) VALUES(1,'c',3)", "UPDATE OR REPLACE t SET rowid = 2 WHERE k = 'c'"), net: 3},
	{name: "REPLACE on a unique generated column", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a % 10) UNIQUE, h AS (a || 'x') STORED); CREATE UNIQUE INDEX i ON t(h)",
		rows: "INSERT INTO t(id, a) VALUES(1,1),(2,2)", run: stmts("REPLACE INTO t(id, a) VALUES(3,11)", "UPDATE OR REPLACE t SET a = 2 WHERE id = 3"), net: 3},
	{name: "conflict clauses in the schema: REPLACE", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT REPLACE, u UNIQUE ON CONFLICT REPLACE, v NOT NULL ON CONFLICT REPLACE DEFAULT 'd')",
		rows: threeT, run: stmts("INSERT INTO t VALUES(1,'n',NULL)", "INSERT INTO t VALUES(9,'b','y')", "UPDATE t SET u = 'c', v = NULL WHERE id = 9"), net: 4},
	{name: "conflict clauses in the schema: a default that evicts", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, u NOT NULL ON CONFLICT REPLACE DEFAULT 'a' UNIQUE ON CONFLICT REPLACE, v)",
		rows: threeT, run: stmts("INSERT INTO t VALUES(9,NULL,'n')", "UPDATE OR REPLACE t SET u = NULL WHERE id = 2"), net: 2},
	{name: "REPLACE into NOT NULL with a default that evicts", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, u NOT NULL DEFAULT 'a' UNIQUE, v)",
		rows: threeT, run: stmts("REPLACE INTO t VALUES(9,NULL,'n')"), net: 2},
	{name: "conflict clauses in the schema: IGNORE, FAIL", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY ON CONFLICT IGNORE, u UNIQUE ON CONFLICT FAIL, v)",
		rows: threeT, run: stmts("INSERT INTO t VALUES(1,'n',1)", "INSERT INTO t VALUES(7,'n',1),(8,'a',1)"), fails: 1, net: 1},
	{name: "the statement's clause over the schema's", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, u UNIQUE ON CONFLICT REPLACE, v)", rows: threeT,
		run: stmts("INSERT OR IGNORE INTO t VALUES(9,'a',1)", "UPDATE OR FAIL t SET u = 'b' WHERE id = 1"), fails: 1, net: 0},

	{name: "defaults of every form under REPLACE", schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT "it's" UNIQUE, b NOT NULL DEFAULT bare UNIQUE, c NOT NULL DEFAULT -1 UNIQUE,
		d NOT NULL DEFAULT (1 + 1) UNIQUE, e NOT NULL DEFAULT x'00ff' UNIQUE, f NOT NULL DEFAULT TRUE UNIQUE, g NOT NULL DEFAULT (hex('g')) UNIQUE, h NOT NULL DEFAULT CURRENT_DATE, i NOT NULL DEFAULT [b c] UNIQUE, j NOT NULL DEFAULT 1.5e1 UNIQUE)`,
		rows: "INSERT INTO t(id, a) VALUES(1,'x')",
		run: stmts("INSERT INTO t VALUES(2,'a','b','c','d','e','f','g','h','i','j')", "REPLACE INTO t VALUES(3,'b',NULL,'c1','d1','e1','f1','g1','h','i1','j1')",
			"INSERT INTO t VALUES(4,NULL,1,2,3,4,5,6,7,8,9)", "REPLACE INTO t VALUES(5,1,'b2',NULL,'d2','e2','f2','g2','h','i2','j2')"), fails: 1, net: 4},
	{name: "REPLACE on indexes with conditions and functions", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, doc TEXT, kind, n); CREATE UNIQUE INDEX i ON t(json_extract(doc, '$.k')) WHERE kind IN ('a', 'b'); CREATE UNIQUE INDEX j ON t(CASE WHEN n > 0 THEN n END) WHERE n IS NOT NULL",
		rows: `INSERT INTO t VALUES(1,'{"k":1}','a',1),(2,'{"k":1}','c',2),(3,'{"k":2}','b',NULL)`,
		run:  stmts(`REPLACE INTO t VALUES(4,'{"k":1}','b',3)`, "UPDATE OR REPLACE t SET kind = 'a', n = 3 WHERE id = 2", `INSERT OR IGNORE INTO t VALUES(5,'{"k":2}','a',NULL)`), net: 2},

	// So many rows that they are read together.
	{name: "many rows with keys that SQLite assigns", schema: uniqueT, rows: manyNumbers + "INSERT INTO t SELECT n, n, n FROM number",
		run: stmts(manyNumbers+"INSERT INTO t(u, v) SELECT 1000 + n, n FROM number", "UPDATE t SET v = v + 1 WHERE id % 3 = 0", "DELETE FROM t WHERE id % 5 = 0",
			"REPLACE INTO t(u, v) SELECT u, 'r' FROM t WHERE id % 7 = 0", "UPDATE t SET id = -id WHERE id % 11 = 0"), net: -1},
	{name: "many rows with keys that differ in case", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v)", rows: manyNumbers + "INSERT INTO t SELECT 'k' || n, n FROM number",
		run: stmts("UPDATE t SET k = upper(k) WHERE v % 2 = 0", "DELETE FROM t WHERE v % 3 = 0", "INSERT INTO t SELECT upper(k) || 'x', v FROM t", "REPLACE INTO t SELECT upper(k), 'r' FROM t WHERE v % 5 = 0"), net: -1},
	{name: "many rows with keys of several columns", schema: "CREATE TABLE t(a, b TEXT, v, PRIMARY KEY(b DESC, a)) WITHOUT ROWID", rows: manyNumbers + "INSERT INTO t SELECT CASE n % 3 WHEN 0 THEN -0.0 WHEN 1 THEN x'00' ELSE n END, n, n FROM number",
		run: stmts("UPDATE t SET v = NULL WHERE b % 2 = 0", "UPDATE t SET a = 0.0 WHERE a = 0", "DELETE FROM t WHERE b % 7 = 0", "UPDATE t SET b = 1000 + b WHERE typeof(a) = 'blob'"), net: -1},

	// Key changes.
	{name: "a key change", schema: plainT, rows: threeT, run: stmts("UPDATE t SET id = 9 WHERE id = 1"), net: 2},
	{name: "a key change with other columns", schema: plainT, rows: threeT, run: stmts("UPDATE t SET id = id + 10, v = 'n'"), net: 6},
	{name: "keys shifted over each other", schema: plainT, rows: threeT, run: stmts("UPDATE t SET id = -id", "UPDATE t SET id = 1 - id"), net: 4},
	{name: "keys swapped", schema: plainT, rows: threeT, run: stmts("UPDATE t SET id = 99 WHERE id = 1", "UPDATE t SET id = 1 WHERE id = 2", "UPDATE t SET id = 2 WHERE id = 99"), net: 2},
	{name: "a key moved and back", schema: plainT, rows: threeT, run: stmts("UPDATE t SET id = 9 WHERE id = 1", "UPDATE t SET v = 'n' WHERE id = 9", "UPDATE t SET id = 1 WHERE id = 9"), net: 1},
	{name: "a row moved onto a deleted one", schema: plainT, rows: threeT, run: stmts("DELETE FROM t WHERE id = 2", "UPDATE t SET id = 2 WHERE id = 1"), net: 2},
	{name: "unique values swapped", schema: uniqueT, rows: threeT, run: stmts("UPDATE t SET u = NULL WHERE id = 1", "UPDATE t SET u = 'a' WHERE id = 2", "UPDATE t SET u = 'b' WHERE id = 1"), net: 2},
	{name: "unique values passed on in a ring", schema: uniqueT, rows: threeT,
		run: stmts("UPDATE t SET u = u || '_'", "UPDATE t SET u = CASE id WHEN 1 THEN 'b' WHEN 2 THEN 'c' ELSE 'a' END"), net: 3},

	// Foreign keys.
	{name: "ON DELETE CASCADE", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE CASCADE"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("DELETE FROM p WHERE id = 1"), net: 3},
	{name: "ON DELETE SET NULL", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE SET NULL"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("DELETE FROM p WHERE id = 1"), net: 3},
	{name: "ON DELETE SET DEFAULT", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE SET DEFAULT"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("DELETE FROM p WHERE id = 1"), net: 3},
	{name: "ON DELETE RESTRICT", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE RESTRICT"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("DELETE FROM p WHERE id = 1", "DELETE FROM p WHERE id = 3"), fails: 1, net: 1},
	{name: "ON UPDATE CASCADE", schema: parentT + ";" + fmt.Sprintf(childT, "ON UPDATE CASCADE"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("UPDATE p SET id = 9 WHERE id = 1"), net: 4},
	{name: "ON UPDATE SET NULL", schema: parentT + ";" + fmt.Sprintf(childT, "ON UPDATE SET NULL"), rows: threeP + ";" + threeC, pragmas: enforce, run: stmts("UPDATE p SET id = 9 WHERE id = 1"), net: 4},
	{name: "ON DELETE CASCADE of a row that REPLACE evicts", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE CASCADE"), rows: threeP + ";" + threeC, pragmas: enforce,
		run: stmts("REPLACE INTO p VALUES(7,'one',1)"), net: 4},
	{name: "ON DELETE SET NULL of a row that REPLACE evicts by its key", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE SET NULL"), rows: threeP + ";" + threeC, pragmas: enforce,
		run: stmts("REPLACE INTO p VALUES(1,'uno',1)"), net: 3},
	{name: "a tree that refers to itself", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, up REFERENCES t(id) ON DELETE CASCADE ON UPDATE CASCADE, v)",
		rows: "INSERT INTO t VALUES(1,NULL,0),(2,1,0),(3,2,0),(4,1,0)", pragmas: enforce, run: stmts("UPDATE t SET id = 20 WHERE id = 2", "DELETE FROM t WHERE id = 20", "UPDATE t SET id = 9 WHERE id = 1"), net: 5},
	{name: "a cascade over two levels", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE CASCADE") + "; CREATE TABLE g(id INTEGER PRIMARY KEY, c REFERENCES c ON DELETE CASCADE)",
		rows: threeP + ";" + threeC + "; INSERT INTO g VALUES(100,10),(101,12)", pragmas: enforce, run: stmts("DELETE FROM p WHERE id <= 1"), net: 4},
	{name: "deferred foreign keys", schema: parentT + ";" + fmt.Sprintf(childT, "DEFERRABLE INITIALLY DEFERRED"), rows: threeP, pragmas: enforce,
		run: stmts("BEGIN", "INSERT INTO c VALUES(20,50)", "INSERT INTO p VALUES(50,'n',1)", "COMMIT", "INSERT INTO c VALUES(21,51)"), fails: 1, net: 2},
	{name: "orphans, as foreign keys are off by default", schema: parentT + ";" + fmt.Sprintf(childT, "ON DELETE CASCADE"), rows: threeP + ";" + threeC, run: stmts("DELETE FROM p WHERE id = 1"), net: 1},

	// Transactions.
	{name: "ROLLBACK", schema: plainT, rows: threeT, run: stmts("BEGIN", "DELETE FROM t", "ROLLBACK"), net: 0},
	{name: "SAVEPOINT", schema: plainT, rows: threeT,
		run: stmts("SAVEPOINT a", "UPDATE t SET v = 1 WHERE id = 1", "SAVEPOINT b", "DELETE FROM t", "ROLLBACK TO b", "UPDATE t SET v = 2 WHERE id = 2", "RELEASE a"), net: 2},
	{name: "several transactions", schema: plainT, rows: threeT, run: stmts("BEGIN IMMEDIATE", "UPDATE t SET v = 1", "COMMIT", "BEGIN", "UPDATE t SET w = 1", "END"), net: 3},
	{name: "WAL mode", schema: "PRAGMA journal_mode=WAL; " + uniqueT, rows: threeT, run: stmts("BEGIN", "REPLACE INTO t VALUES(9,'a',1)", "COMMIT", "DELETE FROM t WHERE id = 2"), net: 3},

	// What the application sees.
	{name: "RETURNING", schema: uniqueT, rows: threeT,
		run: stmts("INSERT INTO t VALUES(NULL,'n',1) RETURNING id, u", "REPLACE INTO t VALUES(NULL,'a',1) RETURNING *", "UPDATE t SET v = 'r' RETURNING id, v", "DELETE FROM t WHERE id < 3 RETURNING u",
			"INSERT INTO t VALUES(3,'q',1) ON CONFLICT DO UPDATE SET v = 'w' RETURNING v"), net: 5},
	{name: "last_insert_rowid and changes within statements", schema: plainT, rows: threeT,
		run: stmts("INSERT INTO t(v) VALUES('n')", "INSERT INTO t(v, w) VALUES(last_insert_rowid(), changes())", "UPDATE t SET w = changes()", "INSERT INTO t(v, w) SELECT last_insert_rowid(), changes()"), net: 6},
	{name: "errors", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, n NOT NULL, c CHECK (c > 0), s TEXT UNIQUE)",
		run: stmts("INSERT INTO t VALUES(1,NULL,1,'')", "INSERT INTO t VALUES(1,1,0,'')", "INSERT INTO t VALUES('x',1,1,'')", "INSERT INTO t VALUES(1,1,1,'s')", "INSERT INTO t VALUES(2,1,1,'s')", "INSERT INTO t VALUES(1,1,1,'t')", "INSERT INTO nothing VALUES(1)"), fails: 6, net: 1},

	{name: "an application that does not trust the schema", schema: uniqueT, rows: threeT, pragmas: []string{"trusted_schema=OFF", "ignore_check_constraints=ON"}, run: stmts("REPLACE INTO t VALUES(9,'a',1)", "UPDATE t SET v = 1.5 WHERE id = 2"), net: 3},

	// Values.
	{name: "a NOCASE column changes case", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, v COLLATE NOCASE, w COLLATE RTRIM)", rows: "INSERT INTO t VALUES(1,'abc','x'),(2,'d','y')",
		run: stmts("UPDATE t SET v = upper(v) WHERE id = 1", "UPDATE t SET w = w || '  ' WHERE id = 2"), net: 2},
	{name: "a NOCASE key changes case", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v)", rows: "INSERT INTO t VALUES('abc',1),('d',2)", run: stmts("UPDATE t SET k = 'ABC' WHERE k = 'abc'"), net: 2},
	{name: "a NOCASE key replaced in another case", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE PRIMARY KEY, v) WITHOUT ROWID", rows: "INSERT INTO t VALUES('abc',1),('d',2)", run: stmts("REPLACE INTO t VALUES('ABC',1)"), net: 2},
	{name: "1 becomes 1.0 and '1'", schema: plainT, rows: "INSERT INTO t VALUES(1,1,1)", run: stmts("UPDATE t SET v = 1.0, w = '1'"), net: 1},
	{name: "a key 1 becomes 1.0", schema: "CREATE TABLE t(k PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(1,1),(2,2)", run: stmts("UPDATE t SET k = 1.0 WHERE k = 1", "UPDATE t SET v = 5 WHERE k = 1"), net: 2},
	{name: "0.0 becomes -0.0", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, v, r REAL, b BLOB)", rows: "INSERT INTO t VALUES(1,0.0,0.0,0.0)",
		run: bound("UPDATE t SET v = ?1, r = ?1, b = ?1", replog.Real(math.Copysign(0, -1))), net: 1},
	{name: "-0.0 becomes 0.0", schema: plainT, run: append(bound("INSERT INTO t VALUES(1,?1,?1)", replog.Real(math.Copysign(0, -1))), bound("UPDATE t SET v = ?1", replog.Real(0))...), net: 1},
	{name: "-0.0 in a key", schema: "CREATE TABLE t(k PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(0.0,1)", run: bound("UPDATE t SET k = ?1", replog.Real(math.Copysign(0, -1))), net: 2},
	{name: "infinities", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = 9e999, w = -9e999", "INSERT INTO t VALUES(4, -9e999, 1)"), net: 4},
	{name: "doubles of 17 digits", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, v REAL)", rows: "INSERT INTO t VALUES(1,0.1)",
		run: append(bound("UPDATE t SET v = ?1", replog.Real(0.1+0.2)), bound("INSERT INTO t VALUES(2, ?1),(3, ?2),(4, ?3)", replog.Real(math.Pi*1e300), replog.Real(5e-324), replog.Real(math.MaxFloat64))...), net: 4},
	{name: "integers up to 2^63-1", schema: plainT, rows: "INSERT INTO t VALUES(9223372036854775807,9223372036854775806,0)",
		run: stmts("UPDATE t SET v = v + 1, w = -9223372036854775808", "INSERT INTO t VALUES(-9223372036854775808,9007199254740993,9007199254740992)"), net: 2},
	{name: "NUL inside text", schema: plainT, rows: "INSERT INTO t VALUES(1,CAST(x'610062' AS TEXT),'a')",
		run: append(stmts("UPDATE t SET v = CAST(x'610063' AS TEXT)", "INSERT INTO t VALUES(2, CAST(x'00' AS TEXT), x'00')"), step{sql: "UPDATE t SET w = char(97, 0, 98) WHERE id = 1"}), net: 2},
	{name: "NUL in a text key", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(CAST(x'610062' AS TEXT),1),('a',2)",
		run: stmts("UPDATE t SET v = 3 WHERE k = char(97, 0, 98)", "DELETE FROM t WHERE k = 'a'"), net: 2},
	{name: "text that is not UTF-8", schema: plainT, rows: "INSERT INTO t VALUES(1,CAST(x'ff' AS TEXT),1)", run: stmts("UPDATE t SET v = CAST(x'fe80' AS TEXT)", "INSERT INTO t VALUES(2,CAST(x'c3' AS TEXT),CAST(x'eda080' AS TEXT))"), net: 2},
	{name: "blobs, empty strings, NULL", schema: plainT, rows: "INSERT INTO t VALUES(1,x'00ff','')",
		run: stmts("UPDATE t SET v = x'', w = NULL", "INSERT INTO t VALUES(2,'',x''),(3,NULL,zeroblob(1000))", "UPDATE t SET v = '' WHERE id = 1", "UPDATE t SET w = '' WHERE id = 1"), net: 3},
	{name: "text becomes the blob of its bytes", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = CAST(v AS BLOB)"), net: 3},
	{name: "NULL becomes a value and back", schema: plainT, rows: "INSERT INTO t VALUES(1,NULL,1)", run: stmts("UPDATE t SET v = 1", "UPDATE t SET w = NULL", "UPDATE t SET v = NULL"), net: 1},
	{name: "long values", schema: plainT, rows: threeT, run: stmts("UPDATE t SET v = zeroblob(3000000) WHERE id = 1", "INSERT INTO t VALUES(4, hex(zeroblob(500000)), 1)"), net: 2},
	{name: "dates and booleans as declared types", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, d DATE, ts TIMESTAMP, b BOOLEAN, n DECIMAL(10,2))", rows: "INSERT INTO t VALUES(1,'2026-01-02','2026-01-02 03:04:05',1,1.50)",
		run: stmts("UPDATE t SET d = 1700000000, ts = 1700000000000, b = 'yes', n = '2.50'", "INSERT INTO t VALUES(2,'not a date',2.5,7,'abc')"), net: 2},
	{name: "a UTF-16 database", pragmas: []string{"encoding='UTF-16le'"}, schema: "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(k TEXT PRIMARY KEY, v COLLATE NOCASE)", rows: "INSERT INTO t VALUES('é','ß'),('😀','x')",
		run: stmts("UPDATE t SET v = 'X' WHERE k = '😀'", "REPLACE INTO t VALUES('é',char(97,0,128512))", "INSERT INTO t VALUES('ü',1)"), net: 3},

	// Keys and kinds of tables.
	{name: "a composite key", schema: "CREATE TABLE t(a, b, v, PRIMARY KEY(b, a))", rows: "INSERT INTO t VALUES(1,1,0),(1,2,0),(2,1,0)",
		run: stmts("UPDATE t SET v = 1 WHERE a = 1", "REPLACE INTO t VALUES(2,1,5)", "UPDATE t SET a = 7 WHERE a = 2", "DELETE FROM t WHERE b = 2"), net: 4},
	{name: "a text key", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v)", rows: "INSERT INTO t VALUES('a',1)", run: stmts("INSERT INTO t VALUES('b',2)", "UPDATE t SET v = 3", "REPLACE INTO t VALUES('a',9)"), net: 2},
	{name: "a blob key", schema: "CREATE TABLE t(k BLOB PRIMARY KEY NOT NULL, v)", rows: "INSERT INTO t VALUES(x'00',1),(x'0000',2)", run: stmts("UPDATE t SET v = 3", "DELETE FROM t WHERE k = x'00'", "INSERT INTO t VALUES(x'',1)"), net: 3},
	{name: "a real key", schema: "CREATE TABLE t(k REAL PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(1,1),(0.1,2)", run: stmts("UPDATE t SET v = 3", "UPDATE t SET k = 2 WHERE k = 1", "INSERT INTO t VALUES(9e999,0)"), net: 4},
	{name: "an integer key declared otherwise than INTEGER", schema: "CREATE TABLE t(k INT PRIMARY KEY, v)", rows: "INSERT INTO t VALUES(1,1)", run: stmts("INSERT INTO t VALUES(2,2)", "UPDATE t SET k = k + 10"), net: 3},
	{name: "INTEGER PRIMARY KEY DESC, which is no alias", schema: "CREATE TABLE t(k INTEGER PRIMARY KEY DESC, v)", rows: "INSERT INTO t VALUES(1,1),(5,5)", run: stmts("REPLACE INTO t VALUES(1,3)", "UPDATE t SET v = 0 WHERE k = 5", "INSERT INTO t VALUES(7,7)"), net: 3},
	{name: "DESC keys", schema: "CREATE TABLE t(a, b, v, PRIMARY KEY(a DESC, b)) WITHOUT ROWID", rows: "INSERT INTO t VALUES(1,1,0),(2,1,0)", run: stmts("REPLACE INTO t VALUES(1,1,3)", "UPDATE t SET b = 9 WHERE a = 2"), net: 3},
	{name: "aliases of the rowid", schema: plainT, rows: threeT, run: stmts("UPDATE t SET rowid = 9 WHERE _rowid_ = 1", "DELETE FROM t WHERE oid = 2", "INSERT INTO t(rowid, v) VALUES(4,'n')"), net: 4},
	{name: "a key under another collation than its column", schema: "CREATE TABLE t(k TEXT COLLATE NOCASE, v, PRIMARY KEY(k COLLATE BINARY))", rows: "INSERT INTO t VALUES('a',1),('A',2)",
		run: stmts("UPDATE t SET v = 3 WHERE k COLLATE BINARY = 'a'", "REPLACE INTO t VALUES('A',4)", "UPDATE t SET k = 'B' WHERE k COLLATE BINARY = 'A'", "DELETE FROM t WHERE k COLLATE BINARY = 'a'", "INSERT INTO t VALUES('b',1)"), net: 4},
	{name: "a key under a wider collation than its column", schema: "CREATE TABLE t(k TEXT, v, PRIMARY KEY(k COLLATE NOCASE))", rows: "INSERT INTO t VALUES('a',1),('B',2)",
		run: stmts("REPLACE INTO t VALUES('A',3)", "UPDATE OR REPLACE t SET k = 'b' WHERE k = 'A'"), net: 3},
	{name: "WITHOUT ROWID", schema: "CREATE TABLE t(a TEXT, b INT, v, PRIMARY KEY(a, b)) WITHOUT ROWID", rows: "INSERT INTO t VALUES('a',1,0),('a',2,0)",
		run: stmts("INSERT INTO t VALUES('b',1,1)", "UPDATE t SET v = 1 WHERE b = 2", "REPLACE INTO t VALUES('a',1,7)", "UPDATE OR REPLACE t SET b = 1 WHERE b = 2", "DELETE FROM t WHERE a = 'b'"), net: 2},
	{name: "WITHOUT ROWID with unique columns", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, u UNIQUE, v) WITHOUT ROWID", rows: "INSERT INTO t VALUES('a',1,0),('b',2,0),('c',3,0)",
		run: stmts("REPLACE INTO t VALUES('a',2,9)", "UPDATE OR REPLACE t SET k = 'c' WHERE k = 'a'"), net: 3},
	{name: "WITHOUT ROWID, all rows deleted at once", schema: "CREATE TABLE t(k PRIMARY KEY) WITHOUT ROWID", rows: "INSERT INTO t VALUES(1),('b')", run: stmts("DELETE FROM t"), net: 2},
	{name: "STRICT", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, i INT, r REAL, s TEXT, b BLOB, a ANY) STRICT", rows: "INSERT INTO t VALUES(1,1,1.5,'s',x'00','1')",
		run: stmts("UPDATE t SET r = 2, a = 1", "UPDATE t SET i = 'x'", "INSERT INTO t VALUES(2,'7',1,9,NULL,-0.5)", "UPDATE t SET a = '01' WHERE id = 2"), fails: 1, net: 2},
	{name: "STRICT with a text key", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v ANY) STRICT, WITHOUT ROWID", rows: "INSERT INTO t VALUES('a',1)", run: stmts("UPDATE t SET v = 1.0", "REPLACE INTO t VALUES('a',x'01'),('b',NULL)"), net: 2},
	{name: "generated columns", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, g AS (a * 2), b, s AS (a || b) STORED, c)", rows: "INSERT INTO t(id, a, b, c) VALUES(1,1,2,3)",
		run: stmts("UPDATE t SET a = 5", "INSERT INTO t(id, a, b, c) VALUES(2,1,1,1)", "UPDATE t SET c = g WHERE id = 2", "DELETE FROM t WHERE s = '12'"), net: 2},
	{name: "a generated column first, and an index on one", schema: "CREATE TABLE t(g AS (id + 1) STORED, id INTEGER PRIMARY KEY, a); CREATE INDEX i ON t(g)", rows: "INSERT INTO t(id, a) VALUES(1,1),(2,2)",
		run: stmts("UPDATE t SET id = id + 10", "REPLACE INTO t(id, a) VALUES(11,5)"), net: 4},
	{name: "only a key", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY)", rows: "INSERT INTO t VALUES(1),(2)", run: stmts("INSERT INTO t VALUES(3)", "UPDATE t SET id = 9 WHERE id = 1", "DELETE FROM t WHERE id = 2"), net: 4},
	{name: "NULL in a primary key has no identity", schema: "CREATE TABLE t(k TEXT PRIMARY KEY, v)", rows: "INSERT INTO t VALUES('a',1)", run: stmts("UPDATE t SET v = 2", "UPDATE t SET k = 'b'"), net: 2},

	// Identifiers.
	{name: "odd names of columns", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, \"a\"\"b\", [c d], `select`, \"it's\", é, \"1\", \"x;--\" UNIQUE, \"n1\", \"o1\", \"tbl\", \"op\", \"time\")",
		rows: "INSERT INTO t VALUES(1,1,1,1,1,1,1,1,1,1,1,1,1),(2,2,2,2,2,2,2,2,2,2,2,2,2)",
		run:  stmts("UPDATE t SET \"a\"\"b\" = 'x', [c d] = 'y', `select` = 'z', é = 'é', \"1\" = 0, o1 = 5, n1 = 6", "REPLACE INTO t(id, \"x;--\", time) VALUES(3,1,7)", "DELETE FROM t WHERE id = 2"), net: 3},
	{name: "odd names of tables", schema: "CREATE TABLE \"a \"\"b\"\" 'c' [d];--\"(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE \"order\"(id INTEGER PRIMARY KEY, u UNIQUE); CREATE TABLE ÜBER(id INTEGER PRIMARY KEY, u UNIQUE)",
		run: stmts("INSERT INTO \"a \"\"b\"\" 'c' [d];--\" VALUES(1,1),(2,2)", "REPLACE INTO \"a \"\"b\"\" 'c' [d];--\" VALUES(3,1)", "INSERT INTO \"order\" VALUES(1,1)", "REPLACE INTO ÜBER VALUES(1,1)"), net: 4},
	{name: "tables named new and old", schema: "CREATE TABLE new(id INTEGER PRIMARY KEY, u UNIQUE, v); CREATE TABLE old(id INTEGER PRIMARY KEY, u UNIQUE, v); CREATE UNIQUE INDEX n ON new(v + 0); CREATE UNIQUE INDEX o ON old(v + 0)",
		rows: "INSERT INTO new VALUES(1,1,1),(2,2,2); INSERT INTO old VALUES(1,1,1),(2,2,2),(3,3,3)",
		run:  stmts("REPLACE INTO new VALUES(3,1,2)", "UPDATE OR REPLACE old SET u = 2, v = 9 WHERE id = 1", "REPLACE INTO old VALUES(4,7,3)"), net: 7},
	{name: "columns named new, old, rowid", schema: "CREATE TABLE t(new TEXT, old TEXT UNIQUE, rowid TEXT PRIMARY KEY, _rowid_ TEXT, oid INT)", rows: "INSERT INTO t VALUES('a','a','a','a',1),('b','b','b','b',2)",
		run: stmts("UPDATE t SET new = old, old = 'c', oid = 3 WHERE rowid = 'a'", "REPLACE INTO t VALUES('x','b','y','z',1)", "UPDATE t SET rowid = 'q' WHERE rowid = 'y'"), net: 3},
	{name: "names that differ from keywords of the capture tables", schema: "CREATE TABLE recording(label INTEGER PRIMARY KEY, recording)", run: stmts("INSERT INTO recording VALUES(1,0)", "UPDATE recording SET recording = 1"), net: 1},
	{name: "names in another case", schema: "CREATE TABLE Mixed(Id INTEGER PRIMARY KEY, VaLue UNIQUE)", rows: "INSERT INTO mixed VALUES(1,1)", run: stmts("UPDATE MIXED SET value = 2", "REPLACE INTO mixed VALUES(2,2)"), net: 2},

	// Triggers of the application.
	{name: "a trigger on another table", schema: plainT + ";" + logTable + "; CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO log(what, at) VALUES(NEW.v, OLD.v); END", rows: threeT, run: stmts("UPDATE t SET v = 'n'"), net: 6},
	{name: "a trigger on another table, made after capture", schema: plainT + ";" + logTable, later: "CREATE TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO log(what, at) VALUES(NEW.v, OLD.v); END", rows: threeT, run: stmts("UPDATE t SET v = 'n'"), net: 6},
	{name: "a trigger on the same row", schema: plainT + "; CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET w = 'set' WHERE id = NEW.id; END", run: stmts("INSERT INTO t VALUES(1,'a',0)"), net: 1},
	{name: "a trigger on the same row, made after capture", schema: plainT, later: "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET w = 'set' WHERE id = NEW.id; END", run: stmts("INSERT INTO t VALUES(1,'a',0)"), net: 1},
	{name: "an update trigger on the same row", schema: plainT + "; CREATE TRIGGER g AFTER UPDATE OF v ON t BEGIN UPDATE t SET w = 'set' || OLD.v WHERE id = NEW.id; END", rows: threeT, run: stmts("UPDATE t SET v = 'n'", "UPDATE t SET v = 'm', w = 'k' WHERE id = 1"), net: 3},
	{name: "an update trigger on the same row, made after capture", schema: plainT, later: "CREATE TRIGGER g AFTER UPDATE OF v ON t BEGIN UPDATE t SET w = 'set' || OLD.v WHERE id = NEW.id; END", rows: threeT, run: stmts("UPDATE t SET v = 'n'", "UPDATE t SET v = 'm', w = 'k' WHERE id = 1"), net: 3},
	{name: "a trigger that takes back what was done", pragmas: []string{"recursive_triggers=OFF"}, schema: plainT, later: "CREATE TRIGGER g AFTER UPDATE OF v ON t BEGIN UPDATE t SET v = OLD.v WHERE id = NEW.id; END", rows: threeT, run: stmts("UPDATE t SET v = 'n'"), net: 0},
	{name: "a trigger that deletes the row", schema: plainT, later: "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM t WHERE id = NEW.id; END", run: stmts("INSERT INTO t VALUES(1,'a',0)"), net: 0},
	{name: "a trigger that moves the row", schema: plainT, later: "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET id = NEW.id + 100 WHERE id = NEW.id; END", rows: threeT, run: stmts("INSERT INTO t VALUES(9,'a',0)"), net: 1},
	{name: "a BEFORE trigger on another table", schema: plainT + ";" + logTable + "; CREATE TRIGGER g BEFORE DELETE ON t BEGIN INSERT INTO log(what) VALUES(OLD.v); END", rows: threeT, run: stmts("DELETE FROM t"), net: 6},
	{name: "a BEFORE trigger that updates the same table", schema: plainT + "; CREATE TRIGGER g BEFORE INSERT ON t BEGIN UPDATE t SET w = w || '+'; END", rows: threeT, run: stmts("INSERT INTO t VALUES(4,1,1),(5,1,1)"), net: 5},
	{name: "a BEFORE trigger that clears the way", schema: uniqueT, later: "CREATE TRIGGER g BEFORE INSERT ON t BEGIN DELETE FROM t WHERE u = NEW.u; END", rows: threeT, run: stmts("INSERT INTO t VALUES(4,'a',1)"), net: 2},
	{name: "a BEFORE trigger that clears the way, older than capture", schema: uniqueT + "; CREATE TRIGGER g BEFORE INSERT ON t BEGIN DELETE FROM t WHERE u = NEW.u; END", rows: threeT, run: stmts("INSERT INTO t VALUES(4,'a',1)", "REPLACE INTO t VALUES(5,'b',1)"), net: 4},
	{name: "RAISE(IGNORE) in a BEFORE trigger", schema: uniqueT, later: "CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.v = 'no' BEGIN SELECT RAISE(IGNORE); END", rows: threeT, run: stmts("REPLACE INTO t VALUES(1,'q','no'),(2,'r','yes')"), net: 1},
	{name: "RAISE(ABORT) in a trigger", schema: uniqueT + "; CREATE TRIGGER g AFTER UPDATE ON t WHEN NEW.id = 3 BEGIN SELECT RAISE(ABORT, 'no'); END", rows: threeT, run: stmts("UPDATE t SET v = 1", "UPDATE t SET v = 2 WHERE id = 1"), fails: 1, net: 1},
	{name: "RAISE(FAIL) in a trigger", schema: uniqueT, later: "CREATE TRIGGER g AFTER UPDATE ON t WHEN NEW.id = 3 BEGIN SELECT RAISE(FAIL, 'no'); END", rows: threeT, run: stmts("UPDATE t SET v = 1 WHERE id < 3", "UPDATE t SET v = 2 WHERE id = 1"), net: 2},
	{name: "RAISE(IGNORE) in an AFTER trigger older than capture", schema: plainT + "; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT RAISE(IGNORE); END", run: stmts("INSERT INTO t VALUES(1,1,1),(2,2,2)"), net: 2},
	{name: "RAISE(ROLLBACK) in a trigger", schema: plainT + "; CREATE TRIGGER g AFTER UPDATE ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END", rows: threeT, run: stmts("BEGIN", "DELETE FROM t WHERE id = 1", "UPDATE t SET v = 1", "DELETE FROM t WHERE id = 2"), fails: 1, net: 1},
	{name: "triggers that call each other", schema: plainT + ";" + logTable + "; CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log(what) VALUES(NEW.v); END; CREATE TRIGGER h AFTER INSERT ON log WHEN NEW.id < 5 BEGIN INSERT INTO t(v) VALUES(NEW.what || '.'); END",
		run: stmts("INSERT INTO t VALUES(1,'a',0)"), net: -1},
	{name: "a recursive trigger", schema: plainT + "; CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.id < 6 BEGIN INSERT INTO t VALUES(NEW.id + 1, NEW.v || '.', 0); END", pragmas: []string{"recursive_triggers=ON"}, run: stmts("INSERT INTO t VALUES(1,'a',0)"), net: 6},
	{name: "a recursive trigger on one row, made after capture", schema: plainT, later: "CREATE TRIGGER g AFTER UPDATE ON t WHEN NEW.v < 5 BEGIN UPDATE t SET v = v + 1 WHERE id = NEW.id; END", rows: "INSERT INTO t VALUES(1,0,0),(2,0,0)",
		pragmas: []string{"recursive_triggers=ON"}, run: stmts("UPDATE t SET v = 1"), net: 2},
	{name: "a trigger that REPLACEs into the same table", schema: uniqueT, later: "CREATE TRIGGER g AFTER INSERT ON t WHEN NEW.v = 'go' BEGIN REPLACE INTO t VALUES(NEW.id + 1, NEW.u, 'new'); END", rows: threeT, run: stmts("INSERT INTO t VALUES(10,'q','go')", "REPLACE INTO t VALUES(20,'a','go')"), net: 3},
	{name: "a trigger that UPSERTs a total", schema: plainT + "; CREATE TABLE total(k TEXT PRIMARY KEY, n INT) WITHOUT ROWID; CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO total VALUES(NEW.v, 1) ON CONFLICT DO UPDATE SET n = n + 1; END",
		run: stmts("INSERT INTO t VALUES(1,'a',0),(2,'a',0),(3,'b',0)"), net: 5},
	{name: "a DELETE trigger under REPLACE with recursive triggers", schema: uniqueT + ";" + logTable + "; CREATE TRIGGER g AFTER DELETE ON t BEGIN INSERT INTO log(what) VALUES(OLD.u); END", rows: threeT,
		pragmas: []string{"recursive_triggers=ON"}, run: stmts("REPLACE INTO t VALUES(9,'a',1)", "UPDATE OR REPLACE t SET u = 'b' WHERE id = 9"), net: 5},
	{name: "a temporary trigger", pragmas: []string{"recursive_triggers=OFF"}, schema: plainT + ";" + logTable, rows: threeT,
		run: stmts("CREATE TEMP TRIGGER g AFTER UPDATE ON t BEGIN INSERT INTO log(what) VALUES(NEW.v); UPDATE t SET w = 'temp' WHERE id = OLD.id; END", "UPDATE t SET v = 'n' WHERE id = 1"), net: 2},
	{name: "a view with INSTEAD OF triggers", schema: plainT + "; CREATE VIEW e AS SELECT id, v FROM t; CREATE TRIGGER i INSTEAD OF INSERT ON e BEGIN INSERT INTO t(id, v) VALUES(NEW.id, NEW.v); END; " +
		"CREATE TRIGGER u INSTEAD OF UPDATE ON e BEGIN UPDATE t SET v = NEW.v WHERE id = OLD.id; END; CREATE TRIGGER d INSTEAD OF DELETE ON e BEGIN DELETE FROM t WHERE id = OLD.id; END", rows: threeT,
		run: stmts("INSERT INTO e VALUES(4,'n')", "UPDATE e SET v = v || '!'", "DELETE FROM e WHERE id = 2"), net: 4},

	{name: "a view of a join with INSTEAD OF triggers", schema: parentT + "; CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id), w); CREATE VIEW e AS SELECT c.id, code, w FROM c JOIN p ON p.id = c.p; " +
		"CREATE TRIGGER i INSTEAD OF INSERT ON e BEGIN INSERT OR IGNORE INTO p(code) VALUES(NEW.code); INSERT INTO c(id, p, w) SELECT NEW.id, id, NEW.w FROM p WHERE code = NEW.code; END; " +
		"CREATE TRIGGER u INSTEAD OF UPDATE OF code, w ON e BEGIN UPDATE p SET code = NEW.code WHERE code = OLD.code AND NEW.code <> OLD.code; UPDATE c SET w = NEW.w WHERE id = OLD.id; END", rows: threeP,
		run: stmts("INSERT INTO e VALUES(1,'one','a'),(2,'four','b')", "UPDATE e SET w = w || code, code = upper(code)", "INSERT OR REPLACE INTO e VALUES(1,'ONE','c')"), net: -1},
	{name: "indexes that are partial, or on expressions, but not unique", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT COLLATE RTRIM); CREATE INDEX i ON t(a) WHERE b <> ''; CREATE INDEX j ON t(lower(b), a + 1 DESC); CREATE INDEX k ON t(b COLLATE NOCASE)", rows: threeT,
		run: stmts("UPDATE t SET b = '' WHERE a = 'b'", "UPDATE t SET b = 'Z ' WHERE b = 'z'", "UPDATE t SET b = 'z' WHERE b = 'Z '", "INSERT INTO t VALUES(9,1,'N')"), net: 2},

	// What is left out.
	{name: "a table without a primary key is left out", schema: plainT + "; CREATE TABLE n(a, b)", rows: threeT, run: stmts("INSERT INTO n VALUES(1,1)", "UPDATE t SET v = 0 WHERE id = 1"), net: 1, skipped: []string{"n"}},
	{name: "virtual tables are left out", schema: plainT + "; CREATE VIRTUAL TABLE f USING fts4(x); CREATE VIRTUAL TABLE r USING rtree(id, lo, hi)", rows: threeT,
		run: stmts("INSERT INTO f VALUES('one')", "INSERT INTO r VALUES(1,2,3)", "DELETE FROM t WHERE id = 1"), net: 1, skipped: []string{"f", "r"}},
	{name: "FTS5 tables are left out", rows: threeT,
		schema: plainT + "; CREATE VIRTUAL TABLE f USING fts5(v, content='t', content_rowid='id'); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO f(rowid, v) VALUES(NEW.id, NEW.v); END",
		run:    stmts("INSERT INTO t VALUES(4,'four',1)", "UPDATE t SET w = 1 WHERE id = 1", "SELECT rowid FROM f WHERE f MATCH 'four'"), net: 2, skipped: []string{"f"}},
}

func TestCaptureRecordsExactlyWhatForeignWritersDo(t *testing.T) {
	checkMatrix(t, slices.Concat(captureMatrix, oddMatrix, newRowMatrix))
}

// checkMatrix runs each case by the foreign writers named, or by every kind.
func checkMatrix(t *testing.T, cases []matrixCase, only ...string) {
	python := startPython(t)
	attached := *python
	attached.attached = true
	writers := map[string]foreign{
		"shell": shell{}, "python": python, "python attached": &attached,
		"driver": inProcess{}, "driver recursive": inProcess{pragmas: []string{"recursive_triggers=ON"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			made := filepath.Join(t.TempDir(), "made.db")
			makeFile(t, made, tc.schema, tc.rows)
			for name, f := range writers {
				if tc.hasArgs() && !f.binds() || only != nil && !slices.Contains(only, name) {
					continue
				}
				t.Run(name, func(t *testing.T) { checkCapture(t, &tc, made, f) })
			}
		})
	}
}

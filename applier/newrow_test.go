package applier

// newRowMatrix are cases in which a unique index holds what is computed from a
// row: it has to be computed from the new row as it will be stored, which a BEFORE
// trigger does not see.
var newRowMatrix = []matrixCase{
	// Keys that SQLite assigns.
	{name: "an expression of a key that SQLite assigns", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX i ON t(id % 3, a)",
		rows: "INSERT INTO t VALUES(1,'x'),(2,'y'),(3,'z')", run: stmts("REPLACE INTO t(a) VALUES('x'),('y')", "INSERT INTO t(a) VALUES('n')"), net: 5},
	{name: "an expression of the key -1, which is not to be assigned", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a); CREATE UNIQUE INDEX i ON t(abs(id))",
		rows: "INSERT INTO t VALUES(1,'x'),(2,'y')", run: stmts("REPLACE INTO t VALUES(-1,'n')", "UPDATE OR REPLACE t SET id = -2 WHERE id = -1"), net: 3},
	{name: "a generated column of a key that SQLite assigns", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a, h TEXT AS (g || a), g INT GENERATED ALWAYS AS (id / 10) STORED UNIQUE); CREATE UNIQUE INDEX i ON t(h)",
		rows: "INSERT INTO t VALUES(11,'x'),(22,'y')", run: stmts("REPLACE INTO t(a) VALUES('n')", "REPLACE INTO t(a) VALUES('m'),('l')"), net: 2},
	{name: "an expression of an AUTOINCREMENT key", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a); CREATE UNIQUE INDEX i ON t(id % 3)",
		rows: "INSERT INTO t VALUES(1,'x'),(2,'y'),(3,'z'); DELETE FROM t WHERE id = 3", run: stmts("REPLACE INTO t(a) VALUES('n'),('m')", "REPLACE INTO t(a) VALUES('l')"), net: 5},

	// Defaults that stand for NULL.
	{name: "a default in what a generated column is computed from", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 7, g AS (a % 5) UNIQUE, b)",
		rows: "INSERT INTO t VALUES(1,2,'x'),(2,3,'y')", run: stmts("REPLACE INTO t VALUES(9,NULL,'n')", "UPDATE OR REPLACE t SET a = NULL WHERE id = 2"), net: 2},
	{name: "a default that converts, in an expression", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 5, b REAL NOT NULL DEFAULT 1, c NUMERIC NOT NULL DEFAULT '2.0'); CREATE UNIQUE INDEX i ON t(typeof(a) || b || '/' || c)",
		rows: "INSERT INTO t VALUES(1,'x',1,2)", run: stmts("REPLACE INTO t VALUES(9,NULL,NULL,NULL)", "UPDATE OR REPLACE t SET a = 'n' WHERE id = 9"), net: 2},
	{name: "generated columns of one another, in any order", rows: "INSERT INTO t VALUES(1,1,2),(2,2,2),(3,3,3)",
		schema: `CREATE TABLE t(h TEXT /* AS (1) */ AS (g + "g 2" + length('AS (x)')) STORED UNIQUE -- , (
			, id INTEGER PRIMARY KEY, a INT NOT NULL DEFAULT 1 CHECK (a IN (1, 2, 3)), [b)] DEFAULT (2), "g 2" GENERATED ALWAYS AS ((g * 2) + [b)]), g INT GENERATED ALWAYS AS (a * 10 ) VIRTUAL, CONSTRAINT "as" UNIQUE(g, "g 2"))`,
		run: stmts("REPLACE INTO t(id, a, [b)]) VALUES(9,NULL,2)", "UPDATE OR REPLACE t SET a = NULL WHERE id = 2", "REPLACE INTO t(id, a) VALUES(7,3)"), net: 3},
	{name: "a generated column whose affinity another is computed from", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT '1.50', g NUMERIC AS (a), r REAL AS (a * 2), n TEXT AS (a + 0.5), x TEXT AS (g || '/' || r || '/' || n || '/' || typeof(g) || typeof(n)) UNIQUE)",
		rows: "INSERT INTO t VALUES(1,1.5),(2,'1e0'),(3,'x')", run: stmts("REPLACE INTO t VALUES(9,NULL)", "UPDATE OR REPLACE t SET a = 1.0 WHERE id = 3"), net: 4},
	{name: "a long chain of generated columns", rows: "INSERT INTO t VALUES(1,1),(2,2)", run: stmts("REPLACE INTO t VALUES(9,NULL)"), net: 2,
		schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, a INT NOT NULL DEFAULT 2, g1 INT AS (a+a), g2 INT AS (g1+g1-a), g3 INT AS (g2+g2-g1), g4 INT AS (g3+g3-g2), g5 INT AS (g4+g4-g3), g6 INT AS (g5+g5-g4),
			g7 INT AS (g6+g6-g5), g8 INT AS (g7+g7-g6), g9 INT AS (g8+g8-g7), g10 INT AS (g9+g9-g8), g11 INT AS (g10+g10-g9), g12 INT AS (g11+g11-g10) UNIQUE)`},
	{name: "a default and an assigned key in one generated column", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'D' COLLATE NOCASE, g AS ((id % 2) || a) COLLATE NOCASE UNIQUE, b)",
		rows: "INSERT INTO t VALUES(1,'d',1),(2,'d',2),(3,'e',3),(5,'f',5)", run: stmts("REPLACE INTO t(a, b) VALUES(NULL, 4),('E', 5)", "UPDATE OR REPLACE t SET a = NULL WHERE b = 5"), net: 6},

	// Comparisons.
	{name: "an expression that compares types", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT); CREATE UNIQUE INDEX i ON t(CASE WHEN a < '50' THEN b = 7 ELSE id END)",
		rows: "INSERT INTO t VALUES(1,5,'7'),(2,100,'7')", run: stmts("REPLACE INTO t VALUES(9,7,'7')", "UPDATE OR REPLACE t SET a = 20 WHERE id = 2"), net: 2},
	{name: "an expression that compares without regard to case", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'X' COLLATE NOCASE, b TEXT COLLATE RTRIM); CREATE UNIQUE INDEX i ON t(iif(a = 'x', 0, id), b = 'q', nullif(a, b) COLLATE NOCASE)",
		rows: "INSERT INTO t VALUES(1,'x','q'),(2,'y','q')", run: stmts("REPLACE INTO t VALUES(9,NULL,'q ')", "UPDATE OR REPLACE t SET a = 'X' WHERE id = 2"), net: 2},
	{name: "an expression that compares columns with each other", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT, c, d COLLATE NOCASE); CREATE UNIQUE INDEX i ON t(iif(a = b OR a = c, -1, id), iif(c = d, -1, id), d = c)",
		rows: "INSERT INTO t VALUES(1,'7',7,'X','X'),(2,'7',8,7,7),(3,'8',9,'y','y'),(4,'a','b','c','d')",
		run:  stmts("REPLACE INTO t VALUES(9,'8',8,'z','z')", "REPLACE INTO t VALUES(8,'7',9,7,'7')", "UPDATE OR REPLACE t SET c = 'a' WHERE id = 2"), net: -1},
	{name: "an explicit collation outweighs that of a column", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT 'X' COLLATE NOCASE); CREATE UNIQUE INDEX i ON t(a = 'x' COLLATE BINARY, a IN ('x', 'y'))",
		rows: "INSERT INTO t VALUES(1,'x'),(2,'Y')", run: stmts("REPLACE INTO t VALUES(9,NULL)", "REPLACE INTO t VALUES(8,'x')"), net: 4},
	{name: "a comparison with a generated column", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 5, g TEXT AS (a) COLLATE NOCASE); CREATE UNIQUE INDEX i ON t(g = 5, iif(g = 'x', 1, id))",
		rows: "INSERT INTO t VALUES(1,5),(2,'X')", run: stmts("REPLACE INTO t VALUES(1,NULL)", "REPLACE INTO t VALUES(9,'x')"), net: 2},
	{name: "a string in double quotes in an expression", schema: `CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 'X', g AS (a || "it's")); CREATE UNIQUE INDEX i ON t(lower(g))`,
		rows: "INSERT INTO t VALUES(1,'x'),(2,'y')", run: stmts("REPLACE INTO t VALUES(9,NULL)", "UPDATE OR REPLACE t SET a = 'Y' WHERE id = 9"), net: 3},
	{name: "expressions on a table named new", schema: "CREATE TABLE new(new INTEGER PRIMARY KEY, old TEXT NOT NULL DEFAULT 'X' COLLATE NOCASE, g AS ((new % 2) || old)); CREATE UNIQUE INDEX i ON new(g, old = 'x')",
		rows: "INSERT INTO new VALUES(1,'X'),(2,'x'),(3,'Y')", run: stmts("REPLACE INTO new VALUES(NULL,NULL)", "UPDATE OR REPLACE new SET old = NULL WHERE new = 3"), net: -1},
	{name: "columns that are named by a pragma in full", pragmas: []string{"full_column_names=ON", "short_column_names=OFF"}, schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a NOT NULL DEFAULT 7, g AS (a % 5), h AS (g + 1) UNIQUE)",
		rows: "INSERT INTO t VALUES(1,2),(2,3)", run: stmts("REPLACE INTO t VALUES(9,NULL)", "UPDATE OR REPLACE t SET a = NULL WHERE id = 2"), net: 2},

	// Defaults that are computed.
	{name: "a computed default that evicts", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT (abs(-3)) UNIQUE, b NOT NULL DEFAULT (upper('x') || CAST(1.0 AS INT) /* ) */), v); CREATE UNIQUE INDEX i ON t(lower(b))",
		rows: "INSERT INTO t VALUES(1,3,'p',1),(2,'q','X1',2),(3,'r','s',3)", run: stmts("REPLACE INTO t VALUES(9,NULL,'m',9)", "UPDATE OR REPLACE t SET b = NULL WHERE id = 3"), net: 4},
	{name: "computed defaults in a key", schema: "CREATE TABLE t(k TEXT NOT NULL DEFAULT (abs(-3)), l REAL NOT NULL DEFAULT (1 + (1)), v, PRIMARY KEY(k, l))", rows: "INSERT INTO t VALUES('3',2,'a'),('x',1,'b')",
		run: stmts("REPLACE INTO t VALUES(NULL,NULL,'c')", "UPDATE OR REPLACE t SET k = NULL, l = NULL WHERE k = 'x'"), net: 2},
	{name: "a default of the time that evicts", schema: "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT NOT NULL DEFAULT (julianday('now') > 0) UNIQUE, b NOT NULL DEFAULT CURRENT_TIMESTAMP, g AS (b > '') UNIQUE)",
		rows: "INSERT INTO t VALUES(1,'x','x'),(4,1,4)", run: stmts("REPLACE INTO t VALUES(2,NULL,NULL)", "UPDATE t SET b = 'x'"), net: 3},
	{name: "a default with a comment at its end", schema: "CREATE TABLE t(k TEXT NOT NULL DEFAULT (1 + 1 -- two\n) PRIMARY KEY, a NOT NULL DEFAULT (abs(1) -- one\n) UNIQUE)", rows: "INSERT INTO t VALUES('2','x'),('y',1)",
		run: stmts("REPLACE INTO t VALUES(NULL,NULL)"), net: 2},
}

package server

import (
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

// schemaStatement is one that an application ran.
func schemaStatement(sql string) *replog.Intent {
	return &replog.Intent{SQL: sql, Schema: replog.SchemaRun}
}

func derivedStatement(sql string) *replog.Intent {
	return &replog.Intent{SQL: sql, Schema: replog.SchemaDerived}
}

// putNote inserts a row of a table that devices create.
func putNote(table string, id int64, more ...any) replog.Change {
	c := rowChange(replog.Insert, table, id)
	c.Columns, c.New = []string{"id"}, []replog.Value{replog.Integer(id)}
	for i := 0; i < len(more); i += 2 {
		c.Columns, c.New = append(c.Columns, more[i].(string)), append(c.New, replog.Text(more[i+1].(string)))
	}
	return c
}

const createNote = "CREATE TABLE note(id INTEGER PRIMARY KEY, text TEXT)"

func TestSchemaStatementsAreJudged(t *testing.T) {
	testSchemaStatements(t)
	t.Run("with lists on disk", func(t *testing.T) {
		t.Cleanup(replog.SetMemory(1, 1))
		testSchemaStatements(t)
	})
}

// Each case is recorded by b, after a was there and b was not told.
func testSchemaStatements(t *testing.T) {
	t.Helper()
	one := func(parts ...any) func(*double) { return func(d *double) { d.steps(parts...) } }
	for _, tc := range []struct {
		name        string
		first, then func(*double)
		want        []string
		query, rows string
	}{
		{"a table with its first rows", nil,
			one(schemaStatement(createNote), putNote("note", 1, "text", "x"), schemaStatement("CREATE INDEX note_text ON note(text)"), putNote("note", 2, "text", "y")),
			[]string{"applied"}, "SELECT * FROM note", `[1,"x"] [2,"y"]`},
		{"a row twice, before and after a column came", nil,
			one(schemaStatement(createNote), putNote("note", 1, "text", "x"), schemaStatement("ALTER TABLE note ADD COLUMN more DEFAULT 'm'"), func() replog.Change {
				c := rowChange(replog.Update, "note", 1)
				c.Columns, c.Old, c.New = []string{"more"}, []replog.Value{replog.Text("m")}, []replog.Value{replog.Text("n")}
				return c
			}()),
			[]string{"applied"}, "SELECT * FROM note", `[1,"x","n"]`},
		{"a table made anew", nil,
			one(schemaStatement("CREATE TABLE memo_new(extra TEXT DEFAULT 'e', text TEXT NOT NULL, id INTEGER PRIMARY KEY)"),
				putNote("memo_new", 1, "text", "old"), putNote("memo_new", 2, "text", "old"),
				schemaStatement("DROP TABLE memo"), schemaStatement("ALTER TABLE memo_new RENAME TO memo")),
			[]string{"applied"}, "SELECT id, text, extra FROM memo", `[1,"old","e"] [2,"old","e"]`},
		{"a table of which others changed rows meanwhile is not made anew", func(a *double) { a.record(putMemo(7, "a's")) },
			one(schemaStatement("CREATE TABLE memo_new(id INTEGER PRIMARY KEY, text)"), schemaStatement("DROP TABLE memo"), schemaStatement("ALTER TABLE memo_new RENAME TO memo")),
			[]string{"conflict; conflict, schema, []"}, "SELECT id FROM memo", `[1] [2] [7]`},
		{"nor is a column dropped that others gave the table", func(a *double) { a.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more")) },
			one(schemaStatement("ALTER TABLE memo DROP COLUMN more")),
			[]string{"conflict; conflict, schema, []"}, "SELECT * FROM memo", `[1,"old",null] [2,"old",null]`},
		{"what is there already", one(schemaStatement("create table NOTE (text text, id integer primary key) -- the same")),
			one(schemaStatement(createNote), schemaStatement("ALTER TABLE memo ADD COLUMN more")),
			[]string{"applied"}, "SELECT more FROM memo", `[null] [null]`},
		{"derived statements are run, too", nil, one(derivedStatement(createNote)), []string{"applied"}, "SELECT count(*) FROM note", "[0]"},
		{"another object of the name", one(schemaStatement("CREATE TABLE note(id TEXT PRIMARY KEY)")), one(schemaStatement(createNote)),
			[]string{"rejected; rejected, schema-clash, []"}, "SELECT count(*) FROM note", "[0]"},
		{"another column of the name", one(schemaStatement("ALTER TABLE memo ADD COLUMN more INTEGER")), one(derivedStatement("ALTER TABLE memo ADD COLUMN more TEXT")),
			[]string{"rejected; rejected, schema-clash, []"}, "SELECT typeof(more) FROM memo", `["null"] ["null"]`},
		{"what cannot be replicated", nil, one(schemaStatement("CREATE TABLE note AS SELECT * FROM memo")), []string{"rejected; rejected, schema, []"}, "SELECT 1", "[1]"},
		{"what the rows do not allow leaves nothing", nil,
			one(schemaStatement(createNote), putNote("note", 1), schemaStatement("CREATE UNIQUE INDEX memo_text ON memo(text)")),
			[]string{"rejected; rejected, constraint, [0]"}, "SELECT name FROM sqlite_schema WHERE name IN ('note', 'memo_text')", ""},
		{"row statements beside them break a constraint", nil,
			one(schemaStatement(createNote), setBalance(1, 10, -1)), []string{"rejected; rejected, constraint, [0]"}, "SELECT name FROM sqlite_schema WHERE name = 'note'", ""},
		{"row statements beside them are in conflict", func(a *double) { a.record(putMemo(7, "a's")) },
			one(schemaStatement(createNote), putMemo(7, "b's")), []string{"conflict; conflict, exists, [0]"}, "SELECT name FROM sqlite_schema WHERE name = 'note'", ""},
		{"row statements beside them leave an orphan", nil,
			one(schemaStatement(createNote), putBooking(9, 99)), []string{"rejected; rejected, foreign-key, [0]"}, "SELECT name FROM sqlite_schema WHERE name = 'note'", ""},
		{"an orphan that gets its parent later", nil,
			one(schemaStatement("CREATE TABLE child(id INTEGER PRIMARY KEY, text REFERENCES parent(id))"), putNote("child", 1, "text", "p"),
				schemaStatement("CREATE TABLE parent(id TEXT PRIMARY KEY)"), func() replog.Change {
					c := putNote("parent", 0)
					c.Key, c.New = []replog.Value{replog.Text("p")}, []replog.Value{replog.Text("p")}
					return c
				}()),
			[]string{"applied"}, "SELECT * FROM child", `[1,"p"]`},
		{"an intent beside them", nil, one(schemaStatement(createNote), take(1, 1)), []string{"rejected; rejected, malformed-change, []"}, "SELECT 1", "[1]"},
		{"a transaction that does not say so", nil, func(b *double) { b.steps(schemaStatement(createNote)).Schema = false },
			[]string{"rejected; rejected, malformed-change, []"}, "SELECT 1", "[1]"},
		{"a transaction that says so and has none", nil, func(b *double) { b.record(putMemo(7, "x")).Schema = true },
			[]string{"rejected; rejected, malformed-change, [0]"}, "SELECT count(*) FROM memo", "[2]"},
		{"too many of them", nil, func(b *double) {
			var parts []any
			for range maxSchemaStatements + 1 {
				parts = append(parts, schemaStatement("DROP VIEW nothing"))
			}
			b.steps(parts...)
		}, []string{"rejected; rejected, limit, []"}, "SELECT 1", "[1]"},
		{"a row of a table that is gone", one(schemaStatement("DROP TABLE memo")), func(b *double) { b.record(putMemo(7, "x")) },
			[]string{"rejected; rejected, schema, [0]"}, "SELECT 1", "[1]"},
		{"rows of which a column is gone", one(schemaStatement("ALTER TABLE memo DROP COLUMN text")), func(b *double) { b.record(setMemo(1, "old", "x"), setTotal(60, 61)) },
			[]string{"applied; rejected, schema, [0]"}, "SELECT n FROM total", "[61]"},
		{"an intent that names what is gone", one(schemaStatement("ALTER TABLE memo RENAME TO remark")), one(affecting(2, intent("UPDATE memo SET text = 'x'"))),
			[]string{"rejected; rejected, schema, []"}, "SELECT text FROM remark", `["old"] ["old"]`},
		{"what builds on one that was refused", nil, func(b *double) {
			b.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more"), schemaStatement("CREATE UNIQUE INDEX i ON memo(text)"))
			b.record(setMemo(1, "old", "x"))
			b.record(setTotal(60, 61))
			b.steps(schemaStatement("CREATE INDEX j ON memo(id, text)"))
			judgedOnItsOwn(b.steps(schemaStatement("CREATE INDEX j ON memo(id, text)")))
		}, []string{"rejected; rejected, constraint, []", "held; held, builds-on, [0]", "applied", "held; held, builds-on, []", "applied"}, "SELECT text FROM memo", `["old"] ["old"]`},
		{"intents before and after", nil, func(b *double) {
			b.steps(take(1, 1))
			b.steps(schemaStatement("ALTER TABLE account RENAME TO konto"), schemaStatement("CREATE TRIGGER konto_note AFTER UPDATE ON total BEGIN UPDATE memo SET text = text || '!' WHERE id = 1; END"))
			b.steps(intent("UPDATE konto SET balance = balance - 2 WHERE id = 1"))
			b.steps(schemaStatement("DROP TRIGGER konto_note"))
			b.steps(intent("UPDATE konto SET balance = balance - 3 WHERE id = 1"))
		}, []string{"applied", "applied", "applied", "applied", "applied"}, "SELECT balance FROM konto WHERE id = 1 UNION ALL SELECT n FROM total UNION ALL SELECT text FROM memo WHERE id = 1", `[4] [54] ["old!"]`},
		{"intents go on after one that was refused", nil, func(b *double) {
			b.steps(take(1, 1))
			judgedOnItsOwn(b.steps(schemaStatement("DROP TRIGGER account_total"), schemaStatement("CREATE UNIQUE INDEX i ON memo(text)")))
			judgedOnItsOwn(b.steps(take(2, 1)))
			judgedOnItsOwn(b.record(setMemo(1, "old", "x")))
		}, []string{"applied", "rejected; rejected, constraint, []", "applied", "applied"}, "SELECT n FROM total UNION ALL SELECT text FROM memo WHERE id = 1", `[57] ["x"]`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			h.publish("bank", bankSchema)
			a, b := h.enrol("bank"), h.enrol("bank")
			if tc.first != nil {
				tc.first(a)
				if v := a.sync().verdicts[0]; v.Outcome != replog.Applied {
					t.Fatalf("a's is %s: %v", v.Outcome, v.Reason)
				}
			}
			tc.then(b)
			var got, why []string
			for _, v := range b.sync().verdicts {
				got = append(got, describeVerdict(&v))
				if v.Reason != nil {
					why = append(why, v.Reason.Detail)
				}
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("verdicts\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"), strings.Join(why, "\n"))
			}
			if rows := strings.TrimSpace(strings.ReplaceAll(h.replicaRows("bank", tc.query), "\n", " ")); rows != tc.rows {
				t.Errorf("rows\n%s\nwant\n%s", rows, tc.rows)
			}
			h.sameRebuilt("bank")
			h.restart()
			h.sameRebuilt("bank")
		})
	}
}

// Both sides are in the text that people see.
func TestAClashNamesBothVersions(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a, b := h.enrol("bank"), h.enrol("bank")
	a.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more INTEGER"))
	a.sync()
	b.steps(schemaStatement("ALTER TABLE memo ADD COLUMN more TEXT"))
	detail := b.sync().verdicts[0].Reason.Detail
	for _, part := range []string{"ADD COLUMN more TEXT", "more INTEGER", "server", "device"} {
		if !strings.Contains(detail, part) {
			t.Errorf("%q is not in %s", part, detail)
		}
	}
}

// A server that was away from its replica, at whichever of its revisions, catches up.
func TestAReplicaCatchesUpThroughSchemaStatements(t *testing.T) {
	h := newHarness(t)
	h.publish("bank", bankSchema)
	a := h.enrol("bank")
	path := h.srv.opened("bank").replicaPath()
	a.steps(schemaStatement(createNote), putNote("note", 1, "text", "x"))
	a.sync()
	a.steps(take(1, 1)) // leaves tables of capture
	a.sync()
	h.stop()
	kept := h.keepFile(path)
	h.start()
	a.steps(schemaStatement("ALTER TABLE account RENAME COLUMN balance TO amount"), schemaStatement("ALTER TABLE note ADD COLUMN more TEXT DEFAULT 'm'"), putNote("note", 2, "text", "y", "more", "z"))
	a.record(putNote("note", 3, "text", "q"))
	a.steps(intent("UPDATE account SET amount = amount - 1 WHERE id = 1"))
	a.sync()
	h.sameRebuilt("bank")
	h.stop()
	h.must(removeReplica(path))
	h.must(copyFile(path, kept))
	h.start()
	h.sameRebuilt("bank")
	if rows := h.replicaRows("bank", "SELECT * FROM note"); rows != "[1,\"x\",\"m\"]\n[2,\"y\",\"z\"]\n[3,\"q\",\"m\"]\n" {
		t.Errorf("rows %s", rows)
	}
	a.steps(intent("UPDATE account SET amount = amount - 1 WHERE id = 1"))
	if v := a.sync().verdicts[0]; v.Outcome != replog.Applied || h.replicaRows("bank", "SELECT n FROM total") != "[57]\n" {
		t.Errorf("%s", describeVerdict(&v))
	}
}

// keepFile copies a closed database, with what SQLite keeps beside it.
func (h *harness) keepFile(path string) string {
	h.t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	h.must(err)
	defer c.Close()
	kept := h.t.TempDir() + "/kept.db"
	h.must(c.Backup(kept))
	return kept
}

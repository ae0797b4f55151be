package server

import (
	"context"
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

// bankSchema has accounts whose changes a trigger sums up, rows that refer to them,
// and tables that have nothing to do with them.
const bankSchema = `
	CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0), note TEXT);
	CREATE TABLE total (id INTEGER PRIMARY KEY, n INTEGER);
	CREATE TRIGGER account_total AFTER UPDATE OF balance ON account BEGIN
		UPDATE total SET n = n + NEW.balance - OLD.balance WHERE id = 1; END;
	CREATE TABLE booking (id INTEGER PRIMARY KEY, account INTEGER REFERENCES account(id), amount INTEGER);
	CREATE TABLE slip (id INTEGER PRIMARY KEY, booking INTEGER REFERENCES booking(id) ON DELETE CASCADE);
	CREATE TABLE memo (id INTEGER PRIMARY KEY, text TEXT);
	INSERT INTO account VALUES (1, 10, NULL), (2, 20, NULL), (3, 30, NULL);
	INSERT INTO total VALUES (1, 60);
	INSERT INTO booking VALUES (1, 1, 1);
	INSERT INTO slip VALUES (1, 1), (2, 1);
	INSERT INTO memo VALUES (1, 'old'), (2, 'old');`

// intent is one that changed a row on its device, and so much with its trigger.
func intent(sql string, args ...int64) *replog.Intent {
	in := &replog.Intent{SQL: sql, Affected: 1, Changes: 2}
	for _, a := range args {
		in.Args = append(in.Args, replog.Integer(a))
	}
	return in
}

// take is what applications do to accounts.
func take(n, id int64) *replog.Intent {
	return intent("UPDATE account SET balance = balance - ?1 WHERE id = ?2 AND balance >= ?1", n, id)
}

func optional(in *replog.Intent) *replog.Intent { in.Optional = true; return in }

func expecting(n int64, in *replog.Intent) *replog.Intent { in.Expect = &n; return in }

// affecting is an intent that changed so many rows on its device.
func affecting(n int64, in *replog.Intent) *replog.Intent { in.Affected = n; return in }

func setMemo(id int64, from, to string) replog.Change {
	c := rowChange(replog.Update, "memo", id)
	c.Columns, c.Old, c.New = []string{"text"}, []replog.Value{replog.Text(from)}, []replog.Value{replog.Text(to)}
	return c
}

func putMemo(id int64, text string) replog.Change {
	c := rowChange(replog.Insert, "memo", id)
	c.Columns, c.New = []string{"id", "text"}, []replog.Value{replog.Integer(id), replog.Text(text)}
	return c
}

func setBalance(id, from, to int64) replog.Change {
	c := rowChange(replog.Update, "account", id)
	c.Columns, c.Old, c.New = []string{"balance"}, []replog.Value{replog.Integer(from)}, []replog.Value{replog.Integer(to)}
	return c
}

func setTotal(from, to int64) replog.Change {
	c := rowChange(replog.Update, "total", 1)
	c.Columns, c.Old, c.New = []string{"n"}, []replog.Value{replog.Integer(from)}, []replog.Value{replog.Integer(to)}
	return c
}

func putBooking(id, account int64) replog.Change {
	c := rowChange(replog.Insert, "booking", id)
	c.Columns, c.New = []string{"id", "account", "amount"}, []replog.Value{replog.Integer(id), replog.Integer(account), replog.Integer(5)}
	return c
}

// steps records a transaction of intents or schema statements (*replog.Intent), and
// of row statements (replog.Change) between them.
func (d *double) steps(parts ...any) *replog.Transaction {
	d.record()
	t := &d.outbox[len(d.outbox)-1]
	t.Marked = true
	for _, p := range parts {
		switch p := p.(type) {
		case *replog.Intent:
			p.Time = d.clock
			t.Schema = t.Schema || p.Schema != ""
			t.Steps = append(t.Steps, replog.Step{Intent: p})
		case replog.Change:
			p.Time = d.clock
			if n := len(t.Steps); n == 0 || t.Steps[n-1].Intent != nil {
				t.Steps = append(t.Steps, replog.Step{Statements: replog.ChangeList(nil)})
			}
			last := &t.Steps[len(t.Steps)-1]
			last.Statements = append(last.Statements.(replog.ChangeList), p)
		}
	}
	return t
}

// bankRows are what differs from the first content, in a line.
func (h *harness) bankRows() string {
	return strings.TrimSpace(strings.ReplaceAll(h.replicaRows("bank", `
		SELECT 'account', id, balance FROM account WHERE balance <> id * 10
		UNION ALL SELECT 'total', id, n FROM total WHERE n <> 60
		UNION ALL SELECT 'booking', id, account FROM booking WHERE id <> 1
		UNION ALL SELECT 'slip', id, booking FROM slip WHERE booking <> 1
		UNION ALL SELECT 'memo', id, text FROM memo WHERE text <> 'old'
		UNION ALL SELECT 'gone', count(*), 0 FROM slip HAVING count(*) <> 2
		ORDER BY 1, 2`), "\n", " "))
}

// Device a synced before b, whose base is revision 0. What is wanted are b's verdicts,
// and what differs on the server from the first content.
func TestATransactionWithIntentsIsJudged(t *testing.T) {
	const a5 = `["account",1,5] ["total",1,55]` // what a did
	takes := func(n, id int64) func(*double) { return func(a *double) { a.steps(take(n, id)) } }
	for _, tc := range []struct {
		name  string
		first func(a *double)
		then  func(b *double)
		want  []string
		rows  string
	}{
		{"both take from one balance", takes(5, 1),
			func(b *double) { b.steps(take(3, 1)) },
			[]string{"applied"}, `["account",1,2] ["total",1,52]`},
		{"there is not enough any more", takes(5, 1),
			func(b *double) { b.steps(take(6, 1)) },
			[]string{"conflict; conflict, affected, []"}, a5},
		{"any number will do", takes(5, 1),
			func(b *double) { b.steps(expecting(-1, take(6, 1))) },
			[]string{"applied"}, a5},
		{"another number than it asks for", nil,
			func(b *double) { b.steps(expecting(1, affecting(2, intent("UPDATE memo SET text = 'x'")))) },
			[]string{"conflict; conflict, affected, []"}, ""},
		{"just the number that it asks for", nil,
			func(b *double) { b.steps(expecting(2, intent("UPDATE memo SET text = text || id"))) },
			[]string{"applied"}, `["memo",1,"old1"] ["memo",2,"old2"]`},
		{"several, where it was several before", nil,
			func(b *double) { b.steps(affecting(5, intent("UPDATE memo SET text = text || id"))) },
			[]string{"applied"}, `["memo",1,"old1"] ["memo",2,"old2"]`},
		{"none, where it was none before", nil,
			func(b *double) { b.steps(affecting(0, intent("UPDATE account SET note = 'x' WHERE id = 99"))) },
			[]string{"applied"}, ""},
		{"a constraint refuses it", takes(5, 1),
			func(b *double) { b.steps(intent("UPDATE account SET balance = balance - 6 WHERE id = 1")) },
			[]string{"rejected; rejected, constraint, []"}, a5},
		{"a parent is missing", nil,
			func(b *double) { b.steps(intent("INSERT INTO booking(id, account, amount) VALUES (5, 9, 1)")) },
			[]string{"rejected; rejected, foreign-key, []"}, ""},
		{"children remain", nil,
			func(b *double) { b.steps(intent("DELETE FROM account WHERE id = 1")) },
			[]string{"rejected; rejected, foreign-key, []"}, ""},
		{"an action takes the children away", nil,
			func(b *double) { b.steps(intent("DELETE FROM booking WHERE id = 1")) },
			[]string{"applied"}, `["gone",0,0]`},
		{"a parent comes after its child", nil,
			func(b *double) {
				b.steps(putBooking(5, 9), intent("INSERT INTO account(id, balance) VALUES (9, 90)"))
			},
			[]string{"applied"}, `["booking",5,9]`},
		{"SQLite cannot compute it", nil,
			func(b *double) {
				b.steps(intent("UPDATE account SET balance = abs(-9223372036854775807 - 1) WHERE id = 1"))
			},
			[]string{"rejected; rejected, statement, []"}, ""},
		{"it may do something else elsewhere", nil,
			func(b *double) { b.steps(intent("UPDATE account SET note = random() WHERE id = 1")) },
			[]string{"rejected; rejected, unsafe, []"}, ""},
		{"no statement that changes rows", nil,
			func(b *double) { b.steps(intent("DROP TABLE account")) },
			[]string{"rejected; rejected, unsafe, []"}, ""},
		{"a table that is not there", nil,
			func(b *double) { b.steps(intent("UPDATE nothing SET a = 1 WHERE id = 1")) },
			[]string{"rejected; rejected, schema, []"}, ""},
		{"a column that is not there", nil,
			func(b *double) { b.steps(intent("UPDATE account SET nothing = 1 WHERE id = 1")) },
			[]string{"rejected; rejected, schema, []"}, ""},
		{"an optional one is left out", takes(5, 1),
			func(b *double) {
				b.steps(take(1, 2), optional(take(6, 1)), optional(intent("UPDATE account SET balance = -1 WHERE id = 1")),
					optional(intent("UPDATE account SET note = random() WHERE id = 1")), optional(intent("DELETE FROM account WHERE id = 1")), putMemo(7, "new"))
			},
			[]string{"applied; ignored, optional, [], statements [1]; ignored, optional, [], statements [2]; ignored, optional, [], statements [3]; ignored, optional, [], statements [4]"},
			`["account",1,5] ["account",2,19] ["memo",7,"new"] ["total",1,54]`},
		{"an optional one is done", nil,
			func(b *double) { b.steps(optional(take(1, 2))) },
			[]string{"applied"}, `["account",2,19] ["total",1,59]`},
		{"nothing stays of what came before", nil,
			func(b *double) { b.steps(take(1, 2), putMemo(7, "new"), take(99, 1)) },
			[]string{"conflict; conflict, affected, [0]"}, ""},
		{"a row statement is in conflict", func(a *double) { a.record(putMemo(7, "a's")) },
			func(b *double) { b.steps(setMemo(1, "old", "b's"), take(1, 2), putMemo(7, "b's")) },
			[]string{"conflict; conflict, exists, [0 1]"}, `["memo",7,"a's"]`},
		{"a row statement is refused", nil,
			func(b *double) { b.steps(take(1, 2), setBalance(1, 10, -1)) },
			[]string{"rejected; rejected, constraint, [0]"}, ""},
		{"a row statement leaves an orphan", nil,
			func(b *double) { b.steps(take(1, 2), putBooking(5, 9)) },
			[]string{"rejected; rejected, foreign-key, [0]"}, ""},
		{"a row statement is stale", func(a *double) { a.clock += 5; a.record(setMemo(1, "old", "a's")) },
			func(b *double) { b.steps(take(1, 2), setMemo(1, "old", "b's")) },
			[]string{"conflict; conflict, partly-stale, [0]"}, `["memo",1,"a's"]`},
		{"unmarked, it is judged whole as well", func(a *double) { a.record(putMemo(7, "a's")) },
			func(b *double) { b.steps(take(1, 2), putMemo(7, "b's"), setMemo(1, "old", "b's")).Marked = false },
			[]string{"conflict; conflict, exists, [0 1]"}, `["memo",7,"a's"]`},
		{"a row statement of an unknown table", nil,
			func(b *double) { b.steps(take(1, 2), rowOf("nothing", 1)) },
			[]string{"rejected; rejected, schema, [0]"}, ""},
		{"one row in two steps", nil,
			func(b *double) { b.steps(setMemo(1, "old", "x"), take(1, 2), setMemo(1, "x", "y")) },
			[]string{"applied"}, `["account",2,19] ["memo",1,"y"] ["total",1,59]`},
		{"one row twice in a step", nil,
			func(b *double) { b.steps(take(1, 2), setMemo(1, "old", "x"), setMemo(1, "old", "y")) },
			[]string{"rejected; rejected, malformed-change, [0 1]"}, ""},
		{"what an intent did, a row statement goes on with", nil,
			func(b *double) { b.steps(take(1, 1), setBalance(1, 9, 8)) },
			[]string{"applied"}, `["account",1,8] ["total",1,59]`},
		{"row statements of others win over an earlier one, not over an intent",
			func(a *double) { a.clock += 100; a.record(setBalance(1, 10, 100)) },
			func(b *double) { b.steps(take(50, 1)) },
			[]string{"applied"}, `["account",1,50] ["total",1,10]`},
		{"a newer row statement wins over another's intent", func(a *double) { a.steps(take(5, 1)) },
			func(b *double) { b.clock += 100; b.record(setBalance(1, 10, 7)) },
			[]string{"applied"}, `["account",1,7] ["total",1,55]`},
		{"an older row statement is stale beside another's intent", func(a *double) { a.clock += 100; a.steps(take(5, 1)) },
			func(b *double) { b.record(setBalance(1, 10, 7)) },
			[]string{"ignored; ignored, stale, [0]"}, a5},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t)
			h.publish("bank", bankSchema)
			a, b := h.enrol("bank"), h.enrol("bank")
			if tc.first != nil {
				tc.first(a)
				a.sync()
			}
			tc.then(b)
			var got []string
			for _, v := range b.sync().verdicts {
				got = append(got, describeVerdict(&v))
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("verdicts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if rows := h.bankRows(); rows != tc.rows {
				t.Errorf("rows\n%s\nwant\n%s", rows, tc.rows)
			}
			h.sameRebuilt("bank")
		})
	}
}

func rowOf(table string, id int64) replog.Change {
	c := rowChange(replog.Insert, table, id)
	c.Columns, c.New = []string{"id"}, []replog.Value{replog.Integer(id)}
	return c
}

// sameRebuilt compares the replica, without what is ours, with one that is made of
// the first content and the log.
func (h *harness) sameRebuilt(database string) {
	h.t.Helper()
	d := h.srv.opened(database)
	head, err := d.log.Head(context.Background())
	h.must(err)
	path := h.t.TempDir() + "/again.db"
	h.must(buildReplica(path, h.basePath(database), replog.Head{Database: head.Database, Epoch: head.Epoch}))
	again, err := openReplica(path, &d.cfg.Limits)
	h.must(err)
	defer again.Close()
	h.must(again.catchUp(context.Background(), d.log, head))
	for _, table := range again.Schema.Tables {
		query := "SELECT * FROM " + replog.QuoteName(table.Name) + " ORDER BY 1"
		if was, is := h.replicaRows(database, query), h.rows(path, query); was != is {
			h.t.Errorf("table %s is\n%s\nmade of the log\n%s", table.Name, was, is)
		}
	}
	was, err := d.replica.objects()
	h.must(err)
	is, err := again.objects()
	h.must(err)
	if newest := h.schema(database, "").Objects; applier.FormatObjects(was) != newest || applier.FormatObjects(is) != newest {
		h.t.Errorf("the schema is\n%.2000s\nmade of the log\n%.2000s\nthe log says\n%.2000s", applier.FormatObjects(was), applier.FormatObjects(is), newest)
	}
	if triggers := h.replicaRows(database, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"); triggers != "" {
		h.t.Errorf("triggers are left: %s", triggers)
	}
}

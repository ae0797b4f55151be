package server

import (
	"fmt"
	"net/http"
	"os"
	"testing"

	"pgregory.net/rapid"

	"replog/applier"
	"replog/replog"
)

// schemaHistory draws what devices send to a server whose schema changes.
type schemaHistory struct {
	t      *rapid.T
	h      *harness
	serial int
}

func (y *schemaHistory) pick(label string, n int) int { return rapid.IntRange(0, n-1).Draw(y.t, label) }

// table is one as it was when the device last looked; names may have gone since.
func (y *schemaHistory) table(s *applier.Schema) *applier.Table {
	return s.Tables[y.pick("table", len(s.Tables))]
}

func (y *schemaHistory) statement(s *applier.Schema) *replog.Intent {
	y.serial++
	t := y.table(s)
	name, column := replog.QuoteName(t.Name), replog.QuoteName(t.Columns[y.pick("column", len(t.Columns))].Name)
	n := y.pick("number", 4)
	sql := []string{
		fmt.Sprintf("CREATE TABLE t%d(id INTEGER PRIMARY KEY, a, b TEXT DEFAULT 'b')", n),
		fmt.Sprintf("CREATE TABLE t%d(b TEXT DEFAULT 'b', a, id INTEGER PRIMARY KEY)", n),
		fmt.Sprintf("CREATE TABLE t%d(id INTEGER PRIMARY KEY, a REFERENCES t%d(id))", n, y.pick("parent", 4)),
		fmt.Sprintf("ALTER TABLE %s ADD COLUMN c%d DEFAULT %d", name, n, n),
		fmt.Sprintf("ALTER TABLE %s ADD COLUMN c%d", name, n),
		fmt.Sprintf("ALTER TABLE %s DROP COLUMN %s", name, column),
		fmt.Sprintf("ALTER TABLE %s RENAME COLUMN %s TO d%d", name, column, n),
		fmt.Sprintf("ALTER TABLE %s RENAME TO t%d", name, n),
		fmt.Sprintf("DROP TABLE %s", name),
		fmt.Sprintf("CREATE UNIQUE INDEX i%d ON %s(%s)", n, name, column),
		fmt.Sprintf("CREATE INDEX j%d ON %s(%s DESC)", n, name, column),
		fmt.Sprintf("DROP INDEX i%d", n),
		fmt.Sprintf("CREATE TRIGGER tr%d AFTER UPDATE ON %s BEGIN UPDATE keep SET a = a + 1 WHERE id = 1; END", n, name),
		fmt.Sprintf("DROP TRIGGER tr%d", n),
		fmt.Sprintf("CREATE VIEW v%d AS SELECT %s FROM %s", n, column, name),
		fmt.Sprintf("DROP VIEW v%d", n),
	}[y.pick("statement", 16)]
	in := schemaStatement(sql)
	if y.pick("derived", 3) == 0 {
		in = derivedStatement(sql)
	}
	in.Legacy = y.pick("legacy", 8) == 0
	return in
}

// row draws a change of a row, perhaps with fewer columns than there are.
func (y *schemaHistory) row(s *applier.Schema) replog.Change {
	t := y.table(s)
	id := int64(1 + y.pick("row", 4))
	op := []replog.Op{replog.Insert, replog.Update, replog.Delete}[y.pick("op", 3)]
	c := rowChange(op, t.Name, id)
	c.KeyColumns = t.KeyColumns()
	for i := range t.Columns {
		isKey := t.Columns[i].Name == c.KeyColumns[0]
		if isKey && op == replog.Update || !isKey && y.pick("left out", 4) == 0 {
			continue
		}
		v := replog.Integer(int64(y.pick("value", 5)))
		if isKey {
			v = replog.Integer(id)
		}
		c.Columns, c.Old, c.New = append(c.Columns, t.Columns[i].Name), append(c.Old, v), append(c.New, v)
	}
	if len(c.Columns) == 0 {
		return putNote("keep", id)
	}
	switch op {
	case replog.Insert:
		c.Old = nil
	case replog.Delete:
		c.New = nil
	}
	return c
}

func (y *schemaHistory) intent(s *applier.Schema) *replog.Intent {
	t := y.table(s)
	in := intent(fmt.Sprintf("UPDATE %s SET %s = 7 WHERE %s = ?", replog.QuoteName(t.Name),
		replog.QuoteName(t.Columns[y.pick("column", len(t.Columns))].Name), replog.QuoteName(t.KeyColumns()[0])), int64(1+y.pick("row", 4)))
	return expecting(-1, in)
}

// transaction records one of a device that knows a schema, which may be of before.
func (y *schemaHistory) transaction(d *double, s *applier.Schema) {
	var x *replog.Transaction
	var parts []any
	switch y.pick("kind", 4) {
	case 0:
		x = d.record(y.row(s), putNote("keep", int64(10+y.serial)))
	case 1:
		x = d.steps(y.intent(s))
	default:
		for range 1 + y.pick("steps", 4) {
			if y.pick("rows", 3) == 0 {
				parts = append(parts, y.row(s))
			}
			parts = append(parts, y.statement(s))
		}
		x = d.steps(parts...)
	}
	if y.pick("seen", 2) == 0 {
		judgedOnItsOwn(x)
	}
}

// Whatever comes, the server answers, and its replica, one made of the log, and a
// snapshot are the same, before and after a restart.
func TestRandomSchemaStatements(t *testing.T) {
	h := newHarness(t)
	n := 0
	name := func() string { return fmt.Sprintf("db%d", n) }
	outcomes := map[replog.Outcome]int{}
	rapid.Check(t, func(r *rapid.T) {
		n++
		h.publish(name(), `CREATE TABLE keep(id INTEGER PRIMARY KEY, a); INSERT INTO keep VALUES(1, 0);
			CREATE TABLE t0(id INTEGER PRIMARY KEY, a, b TEXT DEFAULT 'b'); INSERT INTO t0(id, a) VALUES(1, 1), (2, 2);
			CREATE TRIGGER tr0 AFTER INSERT ON t0 BEGIN UPDATE keep SET a = a + 1 WHERE id = 1; END;`)
		y := &schemaHistory{t: r, h: h}
		devices := []*double{h.enrol(name()), h.enrol(name()), h.enrolBy(name(), h.enrolmentToken(name()))}
		known := make([]*applier.Schema, len(devices))
		for range rapid.IntRange(1, 6).Draw(r, "syncs") {
			i := y.pick("device", len(devices))
			d := devices[i]
			d.clock += replog.Millis(y.pick("time", 20))
			if known[i] == nil || y.pick("look", 3) > 0 {
				known[i] = h.srv.opened(name()).replica.Schema
			}
			for range 1 + y.pick("transactions", 5) {
				y.transaction(d, known[i])
			}
			a, err := d.try()
			if err != nil {
				r.Fatal(err)
			}
			for _, v := range a.verdicts {
				outcomes[v.Outcome]++
			}
		}
		h.same(r, name())
	})
	if n > 50 && min(outcomes[replog.Applied], outcomes[replog.Rejected], outcomes[replog.Conflict], outcomes[replog.Held]) < n/5 {
		t.Errorf("of %d histories: %v", n, outcomes)
	}
	h.restart()
	h.sound(name())
	t.Logf("%d histories: %v", n, outcomes)
}

// same checks a replica and a snapshot.
func (h *harness) same(r *rapid.T, database string) {
	if h.sound(database); h.t.Failed() {
		r.Fatal("not the same")
	}
	answer := h.do("GET", "/v1/"+database+"/snapshot", h.admin(), nil, "Cache-Control", "no-cache")
	h.ok(answer, http.StatusOK)
	path := h.t.TempDir() + "/snapshot.db"
	h.must(os.WriteFile(path, answer.body, 0o600))
	list := h.baseObjects(path)
	if v := h.schema(database, ""); v.Objects != applier.FormatObjects(list) {
		r.Fatalf("the snapshot has\n%s\nwant\n%s", applier.FormatObjects(list), v.Objects)
	}
}

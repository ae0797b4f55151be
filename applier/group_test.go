package applier

import (
	"slices"
	"strings"
	"testing"

	"replog/replog"
)

const related = `
CREATE TABLE p(id INTEGER PRIMARY KEY, code TEXT COLLATE NOCASE UNIQUE, v);
CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id), code TEXT REFERENCES p(code), v);
CREATE TABLE node(id INTEGER PRIMARY KEY, up INT REFERENCES node(id), v);
CREATE TABLE pair(id INTEGER PRIMARY KEY, a, b, v, UNIQUE(a, b));
CREATE TABLE part(id INTEGER PRIMARY KEY, a, live); CREATE UNIQUE INDEX part_a ON part(a) WHERE live;
CREATE TABLE expr(id INTEGER PRIMARY KEY, a, v); CREATE UNIQUE INDEX expr_a ON expr(lower(a));
CREATE TABLE seat(id INTEGER PRIMARY KEY, pair INT REFERENCES pair(id), n, UNIQUE(pair, n));
CREATE TABLE spot(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID;
CREATE TABLE car(id INTEGER PRIMARY KEY, a, b, FOREIGN KEY(a, b) REFERENCES spot(a, b));
INSERT INTO p VALUES(1,'one',0),(2,'two',0),(3,'three',0);
INSERT INTO c VALUES(10,1,NULL,0),(11,1,NULL,0),(12,2,'two',0);
INSERT INTO node VALUES(1,NULL,0),(2,1,0),(3,2,0);
INSERT INTO pair VALUES(1,1,1,0),(2,1,2,0),(3,2,1,0);
INSERT INTO part VALUES(1,1,1),(2,1,0),(3,3,0);
INSERT INTO expr VALUES(1,'a',0),(2,'b',0);
INSERT INTO seat VALUES(1,1,1);
INSERT INTO spot VALUES(1,1);
INSERT INTO car VALUES(1,1,NULL);`

// net records what statements do as the net changes of one transaction.
func net(t *testing.T, r *testReplica, sql string) []replog.Change {
	t.Helper()
	r.script(t, sql)
	list := r.gather(t)
	if len(list) != 1 {
		t.Fatalf("%d transactions", len(list))
	}
	return list[0].Net
}

func describeGroups(changes []replog.Change, groups *Groups) string {
	var out []string
	for g := range groups.All() {
		var rows []string
		for _, n := range g {
			rows = append(rows, changes[n].Table+replog.KeyString(changes[n].Key))
		}
		out = append(out, strings.Join(rows, " "))
	}
	return strings.Join(out, " | ")
}

func TestGroupsJoinWhatBelongsTogether(t *testing.T) {
	for _, tc := range []struct{ name, sql, want string }{
		{"rows of their own", "UPDATE p SET v = 1", "p[1] | p[2] | p[3]"},
		{"a parent and its new child", "INSERT INTO p VALUES(9,NULL,0); UPDATE node SET v = 1 WHERE id = 1; INSERT INTO c VALUES(20,9,NULL,0)", "p[9] c[20] | node[1]"},
		{"siblings of a parent outside", "INSERT INTO c VALUES(20,1,NULL,0),(21,1,NULL,0)", "c[20] | c[21]"},
		{"siblings of a parent inside", "INSERT INTO c VALUES(20,3,NULL,0),(21,3,NULL,0); UPDATE p SET v = 1 WHERE id = 3", "c[20] c[21] p[3]"},
		{"a reference that did not change", "UPDATE c SET v = 1 WHERE id = 10; UPDATE p SET v = 1 WHERE id = 1", "c[10] | p[1]"},
		{"a reference that did not change, carried for a unique value", "UPDATE seat SET n = 2; UPDATE pair SET v = 1 WHERE id = 1", "seat[1] | pair[1]"},
		{"one column of a composite reference", "UPDATE car SET b = 1; DELETE FROM spot", "car[1] spot[1,1]"},
		{"a reference to another parent", "UPDATE c SET p = 2 WHERE id = 10; UPDATE p SET v = 1", "c[10] p[1] p[2] | p[3]"},
		{"a reference that is NULL", "UPDATE p SET v = 1 WHERE id = 1; INSERT INTO c VALUES(20,NULL,NULL,0)", "p[1] | c[20]"},
		{"a reference under the parent's collation", "UPDATE p SET v = 1 WHERE id = 3; INSERT INTO c VALUES(20,NULL,'THREE',0)", "p[3] c[20]"},
		{"a deleted parent and child", "DELETE FROM c WHERE p = 1; DELETE FROM p WHERE id < 3; DELETE FROM c WHERE p = 2", "c[10] c[11] p[1] | p[2] c[12]"},
		{"a chain through a tree", "UPDATE node SET v = 1 WHERE id = 1; UPDATE node SET up = 1, v = 1 WHERE id = 3; INSERT INTO node VALUES(4,3,0)", "node[1] node[3] node[4]"},
		{"a key change", "UPDATE p SET id = 30 WHERE id = 3; UPDATE p SET v = 1 WHERE id = 2", "p[3] p[30] | p[2]"},
		{"keys that were swapped", "UPDATE node SET id = 99 WHERE id = 1; UPDATE node SET id = 1 WHERE id = 3; UPDATE node SET id = 3 WHERE id = 99", "node[1] node[3]"},
		{"a unique value handed over", "UPDATE p SET code = 'x' WHERE id = 1; UPDATE p SET code = 'ONE' WHERE id = 2", "p[1] p[2]"},
		{"a unique value of a deleted row", "DELETE FROM p WHERE id = 3; UPDATE p SET v = 1 WHERE id = 2; INSERT INTO p VALUES(9,'Three',0)", "p[3] p[9] | p[2]"},
		{"a unique value that is NULL", "INSERT INTO p VALUES(8,NULL,0),(9,NULL,0)", "p[8] | p[9]"},
		{"one column of a composite unique value", "UPDATE pair SET b = 9 WHERE id = 1; UPDATE pair SET a = 1, b = 1 WHERE id = 3", "pair[1] pair[3]"},
		{"half of a composite unique value", "UPDATE pair SET b = 9 WHERE id = 1; UPDATE pair SET b = 8 WHERE id = 2", "pair[1] | pair[2]"},
		{"1 and 1.0 in a unique index", "DELETE FROM pair WHERE id = 1; INSERT INTO pair VALUES(9,1.0,1,0)", "pair[1] pair[9]"},
		{"a partial index counts whole", "UPDATE part SET a = 5 WHERE id = 1; UPDATE part SET a = 1 WHERE id = 3", "part[1] part[3]"},
		{"an index on an expression joins all", "UPDATE expr SET v = 1 WHERE id = 1; UPDATE p SET v = 1 WHERE id = 1; UPDATE expr SET v = 1 WHERE id = 2", "expr[1] expr[2] | p[1]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			changes := net(t, r, tc.sql)
			groups, err := r.Schema.Groups(replog.ChangeList(changes))
			if err != nil {
				t.Fatal(err)
			}
			if got := describeGroups(changes, groups); got != tc.want {
				t.Errorf("%s\nwant %s", got, tc.want)
			}
		})
	}
}

// chain is n rows of which each refers to the next, the last first.
func chain(n int64) []replog.Change {
	var list []replog.Change
	for id := n; id > 0; id-- {
		list = append(list, replog.Change{
			Table: "node", Op: replog.Insert, Key: ints(id), KeyColumns: []string{"id"},
			Columns: []string{"id", "up", "v"}, New: ints(id, id-1, 0), Time: 1,
		})
	}
	return list
}

// many is so many that work in proportion to its square would outlast any test.
const many = 100_000

func TestGroupingTakesTimeInProportionToTheChanges(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", related))
	large := chain(many)
	for range 2 {
		if groups, err := r.Schema.Groups(replog.ChangeList(large)); err != nil || groups.Len() != 1 {
			t.Fatalf("%v, error %v", groups, err)
		}
		slices.Reverse(large)
	}
}

func TestKeysThatShiftTakeTimeInProportionToTheRows(t *testing.T) {
	table := newTestReplica(t, scripted(t, "db", related)).Schema.Table("node")
	image := func(id int64) []replog.Value { return append(ints(id), replog.Value{}, replog.Integer(0)) }
	var records []*record
	for id := int64(many); id > 0; id-- {
		records = append(records,
			&record{table: table, op: opTarget, image: image(id + 1)}, &record{table: table, op: opMove, image: image(id)})
	}
	h := historiesOf(records)
	for _, row := range h.rows {
		if row.key[0] != replog.Integer(1) {
			row.after = image(row.key[0].Int64())
		}
		row.resolve()
	}
	g := &Gathered{}
	g.build(h, records)
	if len(g.Net) == 0 || slices.ContainsFunc(g.Net, func(c replog.Change) bool { return c.Unit != 1 }) {
		t.Fatal("not one unit")
	}
}

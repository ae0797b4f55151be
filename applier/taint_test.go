package applier

import (
	"testing"

	"replog/replog"
)

func TestWhatBuildsOnTheUnsureIsTouched(t *testing.T) {
	for _, tc := range []struct {
		name, unsure, then string
		touched            bool
	}{
		{"the same row", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE p SET code = 'x' WHERE id = 1", true},
		{"another row", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE p SET v = 1 WHERE id = 2", false},
		{"a row of another table with its key", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE node SET v = 1 WHERE id = 1", false},
		{"a child of an inserted parent", "INSERT INTO p VALUES(9,NULL,0)", "INSERT INTO c VALUES(20,9,NULL,0)", true},
		{"a child of an updated parent", "UPDATE p SET v = 1 WHERE id = 1", "INSERT INTO c VALUES(20,1,NULL,0)", true},
		{"a child that leaves its parent", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE c SET p = 2 WHERE id = 10", true},
		{"a child whose reference stays", "UPDATE p SET v = 1 WHERE id = 1", "UPDATE c SET v = 1 WHERE id = 10", false},
		{"the parent of an inserted child", "INSERT INTO c VALUES(20,3,NULL,0)", "UPDATE p SET v = 1 WHERE id = 3", true},
		{"the parent of a deleted child", "DELETE FROM c WHERE id = 12", "DELETE FROM p WHERE id = 2", true},
		{"a sibling", "INSERT INTO c VALUES(20,1,NULL,0)", "INSERT INTO c VALUES(21,1,NULL,0)", false},
		{"a unique value that was to be freed", "UPDATE p SET code = 'x' WHERE id = 1", "INSERT INTO p VALUES(9,'ONE',0)", true},
		{"a unique value of a row that was to go", "DELETE FROM p WHERE id = 3", "INSERT INTO p VALUES(9,'three',0)", true},
		{"another unique value", "UPDATE p SET code = 'x' WHERE id = 1", "UPDATE p SET code = 'y' WHERE id = 2", false},
		{"a value that is only freed", "INSERT INTO pair VALUES(9,7,7,0); DELETE FROM pair WHERE id = 1", "DELETE FROM pair WHERE id = 2", false},
		{"a moved row's new place", "UPDATE p SET id = 30 WHERE id = 3", "UPDATE p SET v = 1 WHERE id = 30", true},
		{"a new row in a moved row's old place", "UPDATE p SET id = 30 WHERE id = 3", "INSERT INTO p VALUES(3,NULL,0)", true},
		{"any row where an index is on an expression", "UPDATE expr SET v = 1 WHERE id = 1", "UPDATE expr SET v = 1 WHERE id = 2", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			taint := NewTaint(r.Schema)
			if err := taint.AddAll(replog.ChangeList(net(t, r, tc.unsure))); err != nil {
				t.Fatal(err)
			}
			then := net(t, r, tc.then)
			row, touched, err := taint.Touched(replog.ChangeList(then))
			if touched != tc.touched || err != nil {
				t.Fatalf("touched: %t (%s), want %t, error %v", touched, row, tc.touched, err)
			}
			if touched && row.Table == "" {
				t.Error("it does not say which row")
			}
		})
	}
}

func TestNothingUnsureTouchesNothing(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", related))
	if row, touched, err := NewTaint(r.Schema).Touched(replog.ChangeList(chain(3))); touched || err != nil {
		t.Error(row)
	}
}

// A change of a table that is gone still concerns its row.
func TestARowOfAnUnknownTableIsUnsureAsSuch(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", related))
	gone := replog.Change{Table: "gone", Op: replog.Delete, Key: ints(1), KeyColumns: []string{"id"}, Columns: []string{"id"}, Old: ints(1)}
	taint := NewTaint(r.Schema)
	taint.Add(&gone)
	if _, touched, err := taint.Touched(replog.ChangeList{gone}); !touched || err != nil {
		t.Error("not touched")
	}
}

func TestWhatBuildsOnTheTablesOfIntentsIsTouched(t *testing.T) {
	for _, tc := range []struct {
		name    string
		tables  []string
		then    string
		touched string // the table
	}{
		{"a row of it", []string{"p"}, "UPDATE p SET v = 1 WHERE id = 2", "p"},
		{"whatever the case of its name", []string{"P"}, "UPDATE p SET v = 1 WHERE id = 2", "P"},
		{"a row of another table", []string{"p"}, "UPDATE node SET v = 1 WHERE id = 1", ""},
		{"a new child of a row of it", []string{"p"}, "INSERT INTO c VALUES(20,3,NULL,0)", "p"},
		{"a row that leaves a parent in it", []string{"p"}, "UPDATE c SET p = 2 WHERE id = 10", "p"},
		{"a child whose reference stays", []string{"p"}, "UPDATE c SET v = 1 WHERE id = 10", ""},
		{"a row that refers to nothing in it", []string{"p"}, "INSERT INTO c VALUES(20,NULL,NULL,0)", ""},
		{"a row that it may refer to", []string{"c"}, "UPDATE p SET v = 1 WHERE id = 3", "c"},
		{"a new row that it may refer to", []string{"c"}, "INSERT INTO p VALUES(9,NULL,0)", "c"},
		{"a grandchild's table", []string{"seat"}, "UPDATE part SET a = 9 WHERE id = 1", ""},
		{"the second of several", []string{"node", "gone", "pair"}, "UPDATE pair SET v = 1 WHERE id = 1", "pair"},
		{"one of them, by the second row", []string{"node"}, "UPDATE pair SET v = 1 WHERE id = 1; UPDATE node SET v = 1 WHERE id = 1", "node"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newTestReplica(t, scripted(t, "db", related))
			r.in(t, "install", r.Install)
			taint := NewTaint(r.Schema)
			taint.AddTables(tc.tables)
			row, touched, err := taint.Touched(replog.ChangeList(net(t, r, tc.then)))
			if want := (replog.RowID{Table: tc.touched}); row != want || touched != (tc.touched != "") || err != nil {
				t.Fatalf("touched: %t (%s), want %s, error %v", touched, row, want, err)
			}
		})
	}
}

func TestIntentsAreTouchedByTable(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", related))
	r.in(t, "install", r.Install)
	taint := NewTaint(r.Schema)
	taint.AddTables([]string{"node"})
	if err := taint.AddAll(replog.ChangeList(net(t, r, "UPDATE p SET v = 1 WHERE id = 1"))); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		tables []string
		want   string
	}{
		{nil, ""},
		{[]string{"c", "pair"}, ""},
		{[]string{"c", "node"}, "node"},
		{[]string{"NODE"}, "node"},
		{[]string{"P"}, "p"}, // of a row
	} {
		if got, touched := taint.TouchedTables(tc.tables); got != tc.want || touched != (tc.want != "") {
			t.Errorf("%v: touched %t (%s), want %q", tc.tables, touched, got, tc.want)
		}
	}
}

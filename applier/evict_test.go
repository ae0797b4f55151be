package applier

import (
	"testing"

	"replog/replog"
)

// gatherAfter captures a database, runs SQL on it, and gathers.
func gatherAfter(t *testing.T, before, after string) []*Gathered {
	t.Helper()
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Script(before); err != nil {
		t.Fatal(err)
	}
	r, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Install(); err != nil {
		t.Fatal(err)
	}
	if err := c.Script(after); err != nil {
		t.Fatal(err)
	}
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	return gathered
}

func TestAnEvictionIsCapturedThoughATriggerDeletesTheNewRow(t *testing.T) {
	gathered := gatherAfter(t,
		`CREATE TABLE u(k, l, a, PRIMARY KEY(k, l DESC)) WITHOUT ROWID; INSERT INTO u VALUES(x'61', 1, 1)`,
		`CREATE TRIGGER app AFTER INSERT ON u BEGIN DELETE FROM u; END;
		INSERT OR REPLACE INTO u VALUES(x'61', 1, 'b')`)
	if len(gathered) != 1 || len(gathered[0].Net) != 1 || gathered[0].Net[0].Op != replog.Delete || gathered[0].Net[0].Old[2] != replog.Integer(1) {
		t.Fatalf("%+v", gathered)
	}
}

func TestARowThatOnlyStoodInTheWayIsNotTakenForEvicted(t *testing.T) {
	// The trigger's update is captured before the one that fired it, and finds
	// the row at its new key in the way.
	gathered := gatherAfter(t,
		`CREATE TABLE t(c0 INTEGER, c1 TEXT COLLATE NOCASE, c2 TEXT, c3, PRIMARY KEY(c1, c0), UNIQUE(c3));
		CREATE UNIQUE INDEX u ON t(c2);
		INSERT INTO t VALUES(9, 'A', '', x'31'), (1, 'e', 'A', 0.0)`,
		`CREATE TRIGGER app AFTER UPDATE ON t BEGIN UPDATE OR IGNORE t SET c3 = 0.0 WHERE c1 = 'A'; END;
		UPDATE t SET c1 = 'G' WHERE c1 = 'e'`)
	var ops []replog.Op
	for _, change := range gathered[0].Net {
		ops = append(ops, change.Op)
	}
	if len(gathered) != 1 || len(ops) != 2 || ops[0] != replog.Delete || ops[1] != replog.Insert || gathered[0].Mended != 0 {
		t.Fatalf("%d transactions, first %v, %d rows mended", len(gathered), ops, gathered[0].Mended)
	}
}

func TestAnEvictionIsCapturedThoughItsCascadeTakesTheNewRowAway(t *testing.T) {
	gathered := gatherAfter(t,
		`CREATE TABLE o(c0 BLOB NOT NULL, c1, c2 BLOB, PRIMARY KEY(c0) ON CONFLICT REPLACE,
			FOREIGN KEY(c2) REFERENCES o(c0) ON DELETE CASCADE);
		INSERT INTO o VALUES(x'01', '1', NULL)`,
		`PRAGMA foreign_keys=ON;
		INSERT INTO o VALUES(x'61', 1.0, x'01');
		UPDATE o SET c0 = x'01' WHERE c0 = x'61'`)
	if len(gathered) != 1 || len(gathered[0].Net) != 1 || gathered[0].Net[0].Op != replog.Delete || gathered[0].Net[0].Old[1] != replog.Text("1") {
		t.Fatalf("%+v", gathered)
	}
}

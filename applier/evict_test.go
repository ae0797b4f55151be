package applier

import (
	"testing"

	"replog/replog"
)

func TestARowThatOnlyStoodInTheWayIsNotTakenForEvicted(t *testing.T) {
	c, err := Open(":memory:", OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	script := func(sql string) {
		t.Helper()
		if err := c.Script(sql); err != nil {
			t.Fatal(err)
		}
	}
	script(`CREATE TABLE t(c0 INTEGER, c1 TEXT COLLATE NOCASE, c2 TEXT, c3, PRIMARY KEY(c1, c0), UNIQUE(c3));
		CREATE UNIQUE INDEX u ON t(c2);
		INSERT INTO t VALUES(9, 'A', '', x'31'), (1, 'e', 'A', 0.0)`)
	r, err := NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Install(); err != nil {
		t.Fatal(err)
	}
	// Newer than capture: its update is captured before the one that fired it,
	// and finds the row at its new key in the way.
	script(`CREATE TRIGGER app AFTER UPDATE ON t BEGIN UPDATE OR IGNORE t SET c3 = 0.0 WHERE c1 = 'A'; END;
		UPDATE t SET c1 = 'G' WHERE c1 = 'e'`)
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	var ops []replog.Op
	for _, change := range gathered[0].Net {
		ops = append(ops, change.Op)
	}
	if len(gathered) != 1 || len(ops) != 2 || ops[0] != replog.Delete || ops[1] != replog.Insert || gathered[0].Mended != 0 {
		t.Fatalf("%d transactions, first %v, %d rows mended", len(gathered), ops, gathered[0].Mended)
	}
}

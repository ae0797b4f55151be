package gathered

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"replog/applier"
	"replog/replog"
)

// Some transactions here are long, and on disk, as all would be with many rows.
func TestMain(m *testing.M) {
	applier.SetBatch(6, 8)
	os.Exit(m.Run())
}

func device(t *testing.T) *applier.Replica {
	t.Helper()
	c, err := applier.Open(filepath.Join(t.TempDir(), "a.db"), applier.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Script("CREATE TABLE item(id INTEGER PRIMARY KEY, n UNIQUE)"); err != nil {
		t.Fatal(err)
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	const own = "CREATE TABLE replog_device(last_time INTEGER); INSERT INTO replog_device VALUES(0); INSERT INTO replog_schema VALUES('', '', '', '', '')"
	if err := errors.Join(c.Begin(), r.Install(), c.Script(TableSQL+SchemaSQL+own), c.Commit()); err != nil {
		t.Fatal(err)
	}
	return r
}

// show renders steps: the net changes, and what was recorded where that differs; "|"
// ends a transaction.
func show(t *testing.T, list *[]string) func(*Step) error {
	return func(n *Step) error {
		net, err := n.NetChanges()
		if err != nil {
			return err
		}
		err = replog.EachChange(net, func(_ int, c *replog.Change) error {
			*list = append(*list, fmt.Sprintf("%s %s %v %v", c.Op, replog.KeyString(c.Key), c.Old, c.New))
			return nil
		})
		statements := 0
		switch {
		case n.Rows != nil:
			statements = n.Rows.RecordedStatements().Len()
		case !n.Intent:
			statements = strings.Count(string(n.Lines), `{"statement":`)
		}
		*list = append(*list, fmt.Sprintf("%q %t, %d statements, schema %t", n.Label, n.Marked, statements, n.Schema))
		if !n.Follows {
			*list = append(*list, "|")
		}
		return err
	}
}

// What is put aside comes back as it was gathered, however long.
func TestWhatIsPutAsideComesBack(t *testing.T) {
	r := device(t)
	err := r.Script(`INSERT INTO item(n) WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 40) SELECT n FROM r;
		INSERT INTO replog_transaction(label) VALUES('first'); UPDATE item SET n = -n; DELETE FROM item WHERE id % 7 = 0;
		INSERT INTO replog_transaction(label) VALUES('none'); INSERT INTO item VALUES(99, 99); DELETE FROM item WHERE id = 99; UPDATE item SET n = 1000 + id; UPDATE item SET n = -id;
		INSERT INTO replog_transaction(label) VALUES('open'); UPDATE item SET n = 'x' || n WHERE id < 20; UPDATE item SET n = n || 'y' WHERE id > 10`)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	var steps Steps
	var made []*Step
	if err := r.GatherBack(5, func(g *applier.Gathered) error {
		n, err := steps.Next(g)
		made = append(made, n)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for i, n := range slices.Backward(made) {
		n.Follows, n.Schema = n.Follows || i == 0, i == 0
		if err := show(t, &want)(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(r.Begin(), SetAside(r, 5), r.Commit()); err != nil {
		t.Fatal(err)
	}
	aside := OpenAside(r.Conn)
	if err := aside.Each(show(t, &got)); err != nil {
		t.Fatal(err)
	}
	if err := aside.Close(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	row, err := r.QueryRow("SELECT count(*), max(v1) FROM replog_change")
	if err != nil || row[0].Int64() != 1 || row[1].Bytes() != "open" {
		t.Errorf("%v %v: the mark is not what is left", row, err)
	}
}

// Where nothing was written under the mark at hand, what is put aside is no part of
// its transaction.
func TestAnEmptyTransactionTakesNothingIn(t *testing.T) {
	r := device(t)
	if err := r.Script("INSERT INTO item VALUES(1, 1); INSERT INTO replog_transaction(label) VALUES('open')"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Begin(), SetAside(r, 0), r.Commit()); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := OpenAside(r.Conn).Each(show(t, &got)); err != nil || len(got) != 3 || got[2] != "|" {
		t.Errorf("%q %v", got, err)
	}
}

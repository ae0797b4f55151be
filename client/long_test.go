package client

import (
	"path/filepath"
	"testing"

	"replog/applier"
	"replog/replog"
)

func newOutbox(t *testing.T) outbox {
	t.Helper()
	c, err := applier.Open(filepath.Join(t.TempDir(), "a.db"), applier.OpenOptions{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Script(schemaSQL); err != nil {
		t.Fatal(err)
	}
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	return outbox{r}
}

// formOf is what an upload sends of a transaction.
func formOf(t *testing.T, o outbox, p *pending) string {
	t.Helper()
	u := upload{outbox: o, left: []*pending{p}}
	var form []byte
	for whole := false; !whole; {
		var part []byte
		var err error
		if part, whole, err = u.next(); err != nil {
			t.Fatal(err)
		}
		form = append(form, part...)
	}
	return string(form)
}

func TestALongTransactionGoesUpAsAShortOneDoes(t *testing.T) {
	from, part := longFrom, longPart
	defer SetLong(from, part)
	SetLong(1, 300)
	change := func(id int64) replog.Change {
		return replog.Change{
			Table: "t", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"}, Time: replog.Millis(id),
			Columns: []string{"v"}, Old: []replog.Value{replog.Text("a\nb")}, New: []replog.Value{replog.Integer(id)},
		}
	}
	var statements []replog.Statement
	var others []replog.Change
	for id := range int64(20) {
		statements = append(statements, replog.Statement{Change: change(id)})
		others = append(others, change(id+1))
	}
	for name, net := range map[string][]replog.Change{"its statements": nil, "of its own": others, "none": {}} {
		o := newOutbox(t)
		want := replog.Transaction{Device: "d", Seq: 3, Label: "l", Nonce: "00", Statements: statements, Net: net}
		if err := o.add(&want); err != nil {
			t.Fatal(err)
		}
		list, err := o.list()
		if err != nil || len(list) != 1 || list[0].long == 0 {
			t.Fatalf("the outbox holds %+v, %v", list, err)
		}
		form, hash := want.Encode()
		if got := formOf(t, o, list[0]); got != string(form) || list[0].size != len(form) {
			t.Errorf("net changes %s: %d bytes are sent:\n%s\nwant\n%s", name, list[0].size, got, form)
		}
		if got, _, err := o.hash(list[0]); got != hash || err != nil {
			t.Errorf("net changes %s: hash %s, %v", name, got, err)
		}
		got, err := o.load(list[0])
		if err != nil {
			t.Fatal(err)
		}
		if same, err := replog.SameChanges(got.NetChanges(), want.NetChanges()); !same || err != nil {
			t.Errorf("net changes %s came back otherwise, %v", name, err)
		}
	}
}

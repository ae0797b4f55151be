package client

import (
	"fmt"
	"reflect"
	"testing"

	"replog/replog"
)

func countersUpdate(id int64) replog.Change {
	return replog.Change{
		Table: "t", Op: replog.Update, Key: []replog.Value{replog.Integer(id)}, KeyColumns: []string{"id"}, Time: replog.Millis(id),
		Columns: []string{"v"}, Old: []replog.Value{replog.Text("a\nb")}, New: []replog.Value{replog.Integer(id)},
	}
}

// What is recorded of a transaction with intents, and what it has in the tables, is
// the same whether it is long or not.
func TestIntentsAreKeptShortOrLong(t *testing.T) {
	var steps []replog.Step
	for i := range int64(10) {
		steps = append(steps, replog.Step{Intent: &replog.Intent{SQL: "UPDATE t SET v = 'a\nb' WHERE id = ?", Args: []replog.Value{replog.Integer(i)}, Affected: i}})
		if i%2 == 0 {
			continue
		}
		s := replog.Step{Statements: replog.ChangeList{countersUpdate(i), countersUpdate(i + 1)}}
		switch i {
		case 3:
			s.Net = replog.ChangeList{countersUpdate(i)}
		case 5:
			s.Net = replog.ChangeList{}
		}
		steps = append(steps, s)
	}
	var made replog.ChangeList
	for i := range int64(30) {
		made = append(made, countersUpdate(i))
	}
	from, part := longFrom, longPart
	defer SetLong(from, part)
	for _, limits := range [][2]int{{1 << 20, 1 << 17}, {1, 1}, {1, 300}, {500, 100}, {3_000, 1_000}} {
		SetLong(limits[0], limits[1])
		t.Run(fmt.Sprint(limits), func(t *testing.T) {
			o := newOutbox(t)
			want := &replog.Transaction{Device: "d", Seq: 3, Label: "l", Nonce: "00", Steps: steps}
			form := stepForm{conn: o.Conn}
			if err := form.addSteps(want); err != nil {
				t.Fatal(err)
			}
			row, err := form.end(want)
			if err == nil {
				err = o.insertMade(row, form.long, made)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, has := range []replog.ChangeList{made, {}, made[:3], made} {
				list, err := o.list()
				if err != nil || len(list) != 1 || !list[0].intents {
					t.Fatalf("the outbox holds %+v, %v", list, err)
				}
				p := list[0]
				bytes, hash := want.Encode()
				if got := formOf(t, o, p); got != string(bytes) || p.size != len(bytes) {
					t.Errorf("%d bytes are sent:\n%s\nwant\n%s", p.size, got, bytes)
				}
				if got, _, err := o.hash(p); got != hash || err != nil {
					t.Errorf("hash %s, %v", got, err)
				}
				loaded, err := o.load(p)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := loaded.InMemory(); err != nil || !reflect.DeepEqual(got.Steps, want.Steps) {
					t.Errorf("the steps came back as %+v, %v", got.Steps, err)
				}
				if err := o.replayed(p, loaded, has, ""); err != nil {
					t.Fatal(err)
				}
				list, err = o.list()
				if err != nil {
					t.Fatal(err)
				}
				got, err := o.made(list[0])
				if err != nil {
					t.Fatal(err)
				}
				if same, err := replog.SameChanges(got, has); !same || err != nil {
					t.Errorf("%d changes came back as %d, %v", len(has), got.Len(), err)
				}
			}
			list, err := o.list()
			if err == nil {
				err = o.take(list[0])
			}
			if err == nil {
				err = forgetLong(o.Conn, list[0].long)
			}
			if err != nil {
				t.Fatal(err)
			}
			left, err := o.QueryRow("SELECT count(*) FROM main.replog_long")
			if err != nil || left[0].Int64() != 0 {
				t.Errorf("%s rows are left of it, %v", left[0], err)
			}
		})
	}
}

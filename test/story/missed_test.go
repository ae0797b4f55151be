package story

import (
	"testing"

	"replog/client"
)

func TestATableMadeAnewDuringARepairIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	l := &line{cut: -1, answered: func(n int) {
		if n == 1 {
			a.write(remake)
			a.write("UPDATE customer SET name = 'missed' WHERE id = 2")
		}
	}}
	if r, err := a.openWith(l.options()).Repair(t.Context()); err != nil || r.Pending != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(a, b)
	b.shows("SELECT name FROM customer WHERE id = 2", `["missed"]`)
}

func TestATableMadeAnewDuringAForkIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	c := a.duplicate("c.db")
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	first := true
	o := client.Options{Fault: func(point string) error {
		if first && point == client.FaultAnswered {
			first = false
			c.write(remake)
			c.write("UPDATE customer SET name = 'missed' WHERE id = 2")
		}
		return nil
	}}
	if r, err := c.tryFork(w.token(), o); err != nil || r.Pending != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	w.converge(c, a)
	a.shows("SELECT name FROM customer WHERE id < 3", `["a"] ["missed"]`)
}

package model

import (
	"testing"

	"replog/replog"
)

func newPair(tables db) (*Server, *Device, *Device) {
	s := shop()
	server := NewServer(s, content(s, tables))
	return server, NewDevice(low, server, 0), NewDevice(high, server, 0)
}

func (d *Device) write(tables db) { d.Wrote(content(d.server.Schema, tables), nil, Span{}) }

func (d *Device) upload(at replog.Millis) {
	d.Close()
	for _, t := range d.Outbox {
		for _, n := range t.Net {
			n.Time = at
		}
		d.server.Process(t)
	}
}

func TestMarksDivideWhatHasGathered(t *testing.T) {
	_, d, _ := newPair(db{})
	label := "order 17"
	d.write(db{"parent": {row(1, "a", 0)}})
	d.Mark(&label)
	d.write(db{"parent": {row(1, "b", 0)}})
	d.Mark(nil)
	d.Mark(&label)
	d.Mark(nil)
	d.write(db{})
	closed := d.Close()
	if len(closed) != 3 || closed[0].Marked || !closed[1].Marked || closed[1].Label != label || closed[2].Marked {
		t.Fatalf("got %d transactions, want unmarked, marked, unmarked", len(closed))
	}
	if closed[2].Seq != 3 || len(d.Close()) != 0 {
		t.Error("an empty transaction took a seq")
	}
}

func TestAPendingTransactionWhoseRowIsTakenIsWithoutEffectAndHoldsItsFollowers(t *testing.T) {
	server, a, b := newPair(db{})
	a.write(db{"parent": {row(1, "a", 0)}})
	a.upload(1)
	b.write(db{"parent": {row(1, "b", 0)}})
	b.Close()
	b.write(db{"parent": {row(1, "b", 0)}, "child": {row(1, 1, 0)}})
	b.Close()
	b.MoveTo(1)
	if !b.NoEffect[1] || !b.NoEffect[2] {
		t.Errorf("got %v, want both without effect", b.NoEffect)
	}
	if !b.Visible.Equal(server.States[1]) {
		t.Error("the visible state is not the confirmed one")
	}
	b.write(db{"parent": {row(1, "a", 3)}})
	if c := b.Close()[0]; len(c.Without) != 2 || c.Base != 1 {
		t.Errorf("got %+v, want base 1 without 1 and 2", c)
	}
}

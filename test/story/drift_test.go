package story

import (
	"errors"
	"strings"
	"testing"

	"replog/client"
	"replog/replog"
)

func TestTablesThatChangedAreShownFromBothSides(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	a.write("ALTER TABLE customer ADD COLUMN phone TEXT; UPDATE customer SET phone = '1' WHERE id = 1")
	_, err := a.trySync(client.Both, client.Options{})
	detail := mismatch(t, err, replog.CodeSchema)
	if !strings.Contains(detail, "+ table customer column phone TEXT") {
		t.Fatal(detail)
	}
	a.write("ALTER TABLE customer RENAME COLUMN name TO fullname")
	_, err = a.trySync(client.Both, client.Options{})
	detail = mismatch(t, err, replog.CodeSchema)
	if !strings.Contains(detail, "- table customer column name TEXT") || !strings.Contains(detail, "+ table customer column fullname TEXT") {
		t.Fatal(detail)
	}
}

func TestTablesThatChangeWhileTheDeviceIsOpenAreNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.open()
	if _, err := x.Sync(t.Context(), client.Both); err != nil {
		t.Fatal(err)
	}
	a.write("ALTER TABLE customer ADD COLUMN phone TEXT; UPDATE customer SET phone = '1' WHERE id = 1")
	_, err := x.Sync(t.Context(), client.Both)
	mismatch(t, err, replog.CodeSchema)
}

// Rows whose unique values change are written anew: with the columns as they were
// before the sync, what the application added meanwhile would be lost.
func TestTablesThatChangeDuringASyncStopIt(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	b := w.clone("b.db")
	a.write("UPDATE customer SET email = 'new@a' WHERE id = 1")
	a.sync(client.Both)
	l := &line{cut: -1, answered: func(int) {
		b.write("ALTER TABLE customer ADD COLUMN phone TEXT; UPDATE customer SET phone = '1' WHERE id = 1")
	}}
	_, err := b.trySync(client.Both, l.options())
	mismatch(t, err, replog.CodeSchema)
	b.shows("SELECT email, phone FROM customer WHERE id = 1", `["ada@example.org","1"]`)
}

func TestAFileThatIsNoLongerEnrolledSaysSo(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", shop)
	x := a.open()
	if err := client.Remove(t.Context(), a.path, client.Options{}); err != nil {
		t.Fatal(err)
	}
	calls := map[string]func() error{
		"status":  func() error { _, err := x.Status(t.Context()); return err },
		"pending": func() error { _, err := x.Pending(t.Context()); return err },
		"sync":    func() error { _, err := x.Sync(t.Context(), client.Both); return err },
		"repair":  func() error { _, err := x.Repair(t.Context()); return err },
	}
	for name, call := range calls {
		var e *client.NotEnrolledError
		if err := call(); !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

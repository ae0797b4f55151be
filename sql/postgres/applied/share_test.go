package applied

import (
	"testing"

	"replog/replog"
)

func TestMisfitsOfOneServerAreKnownToOthers(t *testing.T) {
	db := open(t)
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT"))
	s := newSite(t, db, m)
	commit := func(s *site) {
		t.Helper()
		s.flush()
		if err := s.tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	begin := func(s *site) {
		t.Helper()
		var err error
		if s.tx, err = db.BeginTx(t.Context(), nil); err == nil {
			err = s.tables.Begin(t.Context(), s.tx)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.tx.Rollback() })
	}
	s.apply(m.insert("item", replog.Integer(1), replog.Text("a")))
	commit(s)
	other := &site{t: t, m: m, at: 1, tables: &Tables{database: 1, name: "shop"}}
	begin(other)
	other.apply(m.insert("item", replog.Integer(2), replog.Text("\x00")))
	commit(other)

	begin(s)
	s.apply(m.update("item", integers(2), set{"name": replog.Text("\x00\x00")}))
	commit(s)
	begin(other)
	other.apply(m.insert("item", replog.Integer(3), replog.Text("\x00")))
	commit(other)
	begin(s)
	s.apply(m.update("item", integers(2), set{"name": replog.Text("b")}))
	commit(s)
	begin(s)
	s.apply(m.remove("item", replog.Integer(3)))
	s.equal()
}

package applied

import (
	"testing"

	"replog/replog"
)

func TestTablesOutliveTheirTransaction(t *testing.T) {
	db := open(t)
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT"))
	s := newSite(t, db, m)
	if err := s.tx.Commit(); err != nil {
		t.Fatal(err)
	}
	begin := func() {
		t.Helper()
		var err error
		if s.tx, err = db.BeginTx(t.Context(), nil); err == nil {
			err = s.tables.Begin(t.Context(), s.tx)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	begin()
	s.apply(m.insert("item", replog.Integer(1), replog.Text("\x00")), m.insert("item", replog.Integer(2), replog.Text("b")))
	s.flush()
	s.tx.Rollback()
	s.tables.Rollback()
	begin()
	s.want("SELECT count(*) FROM shop.item", "0")
	m.rows["item"] = map[string][]replog.Value{}
	s.apply(m.insert("item", replog.Integer(1), replog.Text("a")))
	s.equal()
	if err := s.tx.Commit(); err != nil {
		t.Fatal(err)
	}

	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	run(t, conn, "BEGIN")
	other, err := Open(t.Context(), conn, 1, "shop")
	if err != nil {
		t.Fatal(err)
	}
	m.shapes[0] = shapeOf("item", 1, "id INTEGER", "name TEXT", "n INTEGER")
	m.put("item", replog.Integer(1), replog.Text("a"), replog.Integer(5))
	if err := other.Rebuild(t.Context(), conn, 3, m); err != nil {
		t.Fatal(err)
	}
	run(t, conn, "COMMIT")

	begin()
	defer s.tx.Rollback()
	s.apply(m.update("item", integers(1), set{"n": replog.Integer(6)}))
	s.equal()
	s.want("SELECT n FROM shop.item", "6")
}

func TestNamesThatPostgreSQLDoesNotTakeGetOthers(t *testing.T) {
	for name, want := range map[string]string{
		"shop": "shop", "public": "data_public", "pg_shop": "data_pg_shop", "data_x": "data_data_x", "replog": "data_replog",
		"a2345678901234567890123456789012345678901234567890123456789é012": "a23456789012345678901234567890123456789012345678901234_445c3c9c",
	} {
		if got := SchemaName(name); got != want {
			t.Errorf("%s becomes %s, want %s", name, got, want)
		}
	}
	m := newMemory(shapeOf("Order \"x\" %d", 1, "ctid INTEGER", "select TEXT"))
	m.shapes[0].Columns = append(m.shapes[0].Columns, replog.TableColumn{Name: "", Type: "TEXT"})
	m.put("Order \"x\" %d", replog.Integer(1), replog.Text("a"), replog.Text("b"))
	s := newSite(t, open(t), m)
	s.equal()
	s.want(`SELECT "select" FROM shop."Order ""x"" %d"`, "a")
}

package applied

import (
	"testing"

	"replog/replog"
)

func TestChangesReachTheTable(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT", "price REAL"))
	m.put("item", replog.Integer(1), replog.Text("a"), replog.Real(1.5))
	m.put("item", replog.Integer(2), replog.Text("b"), replog.Value{})
	s := newSite(t, open(t), m)
	s.equal()
	s.apply(
		m.insert("item", replog.Integer(3), replog.Text(`c"\{`), replog.Real(2)),
		m.update("item", integers(1), set{"name": replog.Text("A")}),
		m.remove("item", replog.Integer(2)))
	s.apply(m.update("item", integers(3), set{"price": replog.Real(7)}))
	s.equal()
	s.want("SELECT string_agg(id || name || price, ' ' ORDER BY id) FROM shop.item", `1A1.5 3c"\{7`)
}

func TestUniqueValuesChangePlaces(t *testing.T) {
	shape := shapeOf("item", 1, "id INTEGER", "u INTEGER", "note TEXT")
	shape.Indexes = []replog.TableIndex{{Columns: []int{1}, Unique: true}}
	m := newMemory(shape)
	m.put("item", replog.Integer(1), replog.Integer(1), replog.Text("a"))
	m.put("item", replog.Integer(2), replog.Integer(2), replog.Text("b"))
	s := newSite(t, open(t), m)
	s.apply(
		m.update("item", integers(1), set{"u": replog.Integer(2)}),
		m.update("item", integers(2), set{"u": replog.Integer(1)}))
	s.equal()
	s.want("SELECT string_agg(id || '=' || u || note, ' ' ORDER BY id) FROM shop.item", "1=2a 2=1b")
	s.want("SELECT count(*) FROM replog.left_out", "0")
}

func TestMissingRowsAreRecordedAndStopNothing(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT"))
	m.put("item", replog.Integer(1), replog.Text("a"))
	m.put("item", replog.Integer(2), replog.Text("b"))
	s := newSite(t, open(t), m)
	run(t, s.tx, "DELETE FROM shop.item WHERE id = 2")
	s.apply(
		m.update("item", integers(1), set{"name": replog.Text("c")}),
		m.update("item", integers(2), set{"name": replog.Text("d")}))
	s.flush()
	s.want("SELECT string_agg(id || '=' || name, ' ') FROM shop.item", "1=c")
	s.want("SELECT table_name || ' ' || kind || ' ' || name FROM replog.left_out", "item rows [2]")
	s.apply(
		m.update("item", integers(1), set{"name": replog.Text("e")}),
		m.remove("item", replog.Integer(2)))
	s.flush()
	s.want("SELECT string_agg(id || '=' || name, ' ') FROM shop.item", "1=e")
	s.want("SELECT count(*) FROM replog.left_out", "1")
	if err := s.tables.Rebuild(t.Context(), s.tx, 9, m); err != nil {
		t.Fatal(err)
	}
	s.want("SELECT count(*) FROM replog.left_out", "0")
	s.equal()
}

func TestOneUniqueColumnOfManyRowsMovesByOne(t *testing.T) {
	const n = 50_000
	shape := shapeOf("item", 1, "id INTEGER", "u INTEGER", "note TEXT")
	shape.Indexes = []replog.TableIndex{{Columns: []int{1}, Unique: true}}
	m := newMemory(shape)
	for i := range int64(n) {
		m.put("item", replog.Integer(i), replog.Integer(i), replog.Text("note"))
	}
	s := newSite(t, open(t), m)
	var changes []replog.Change
	for i := range int64(n) {
		changes = append(changes, m.update("item", integers(i), set{"u": replog.Integer(i + 1)}))
	}
	s.apply(changes...)
	s.equal()
	s.want("SELECT count(*) || ' ' || sum(u) FROM shop.item", "50000 1250025000")
	s.want("SELECT count(*) FROM replog.left_out", "0")
}

package applied

import (
	"testing"

	"replog/replog"
)

// schemaEntry is an entry that gave the replica the schema that m has now.
func (s *site) schemaEntry(tables []string, changes ...replog.Change) {
	s.t.Helper()
	e := s.entry(changes...)
	e.Tables = tables
	e.Schema = &replog.SchemaVersion{Content: s.m}
	if err := s.tables.Apply(s.t.Context(), s.tx, e); err != nil {
		s.t.Fatal(err)
	}
	s.equal()
}

func TestViewsSurviveAReshaping(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT!", "price TEXT", "size INTEGER"), shapeOf("other", 1, "id INTEGER"))
	m.put("item", replog.Integer(1), replog.Text("a"), replog.Text("12"), replog.Integer(3))
	m.put("other", replog.Integer(1))
	s := newSite(t, open(t), m)
	run(t, s.tx, "CREATE VIEW public.items AS SELECT id, name, price FROM shop.item; CREATE VIEW public.others AS SELECT * FROM shop.other")

	m.shapes[0] = shapeOf("item", 1, "id INTEGER", "price INTEGER", "size REAL", "colour TEXT!")
	m.put("item", replog.Integer(1), replog.Integer(12), replog.Real(3), replog.Text("red"))
	s.schemaEntry([]string{"item"})
	s.want("SELECT count(*) FROM public.items", "0")
	s.want("SELECT string_agg(kind || ' ' || name, ', ' ORDER BY name) FROM replog.left_out", "column name, type price")
	s.want("SELECT why FROM replog.misfit", "price: integer 12 in a column of type text")

	m.shapes = m.shapes[:1]
	s.schemaEntry([]string{"other"})
	s.want("SELECT count(*) FROM public.others", "0")
	m.shapes = append(m.shapes, shapeOf("other", 1, "id INTEGER", "note TEXT"))
	m.put("other", replog.Integer(2), replog.Text("back"))
	delete(m.rows["other"], "[1]")
	s.schemaEntry([]string{"other"})
	s.want("SELECT id FROM public.others", "2")
	s.want("SELECT count(*) FROM replog.left_out WHERE kind = 'table'", "0")
}

func TestOtherTablesKeepTheirRowsAndForeignKeysInAReshaping(t *testing.T) {
	parent := shapeOf("parent", 1, "id INTEGER")
	child := shapeOf("child", 1, "id INTEGER", "parent INTEGER")
	child.References = []replog.TableReference{{Columns: []int{1}, Parent: "parent", Referenced: []string{"id"}}}
	m := newMemory(parent, child)
	m.put("parent", replog.Integer(1))
	m.put("child", replog.Integer(1), replog.Integer(1))
	s := newSite(t, open(t), m)

	m.shapes[0] = shapeOf("parent", 1, "id INTEGER", "name TEXT")
	m.put("parent", replog.Integer(1), replog.Text("a"))
	m.put("parent", replog.Integer(2), replog.Text("b"))
	s.schemaEntry([]string{"parent"}, m.insert("child", replog.Integer(2), replog.Integer(2)))
	s.want("SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "1")
	s.want("SELECT count(*) FROM replog.left_out", "0")
}

func TestSomebodysForeignKeyStaysWhereItsRowsDo(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "name TEXT"))
	m.put("item", replog.Integer(1), replog.Text("a"))
	m.put("item", replog.Integer(2), replog.Text("b"))
	s := newSite(t, open(t), m)
	run(t, s.tx, "CREATE TABLE public.stock (item bigint REFERENCES shop.item (id)); INSERT INTO public.stock VALUES (1)")
	m.shapes[0] = shapeOf("item", 1, "id INTEGER", "name TEXT", "size INTEGER")
	m.put("item", replog.Integer(1), replog.Text("a"), replog.Integer(7))
	delete(m.rows["item"], "[2]")
	s.schemaEntry([]string{"item"})
	s.want("SELECT size FROM shop.item", "7")
	s.want("SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "1")

	s.apply(m.remove("item", replog.Integer(1)))
	s.equal()
	s.want("SELECT table_name || ' ' || kind FROM replog.left_out", "public.stock foreign key")
}

func TestARebuildTriesAgainWhatWasLeftOut(t *testing.T) {
	shape := shapeOf("item", 1, "id INTEGER", "at DATETIME")
	shape.Indexes = []replog.TableIndex{{Name: "at", Columns: []int{1}, Unique: true}}
	m := newMemory(shape)
	m.put("item", replog.Integer(1), replog.Text("2024-01-01"))
	m.put("item", replog.Integer(2), replog.Text("2024-01-01 00:00"))
	s := newSite(t, open(t), m)
	s.want("SELECT kind || ' ' || name FROM replog.left_out", "unique index at")
	m.remove("item", replog.Integer(1))
	if err := s.tables.Rebuild(t.Context(), s.tx, 5, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT count(*) FROM replog.left_out", "0")
	s.want("SELECT indisunique FROM pg_index WHERE indexrelid = 'shop.at'::regclass", "true")
}

func TestATableThatSomebodyDroppedIsMadeAgainByARebuild(t *testing.T) {
	m := family()
	m.put("parent", replog.Integer(1), replog.Text("a"))
	m.put("child", replog.Integer(1), replog.Integer(1), replog.Text("a"))
	s := newSite(t, open(t), m)
	run(t, s.tx, "DROP TABLE shop.parent CASCADE; ALTER TABLE shop.child DROP COLUMN code")
	s.tables.Rollback()
	s.apply(m.insert("parent", replog.Integer(2), replog.Text("b")), m.insert("child", replog.Integer(2), replog.Integer(2), replog.Text("b")))
	s.equal()
	s.want("SELECT table_name || ' ' || kind FROM replog.left_out", "parent rows")
	s.want("SELECT count(*) FROM shop.child", "2")
	if err := s.tables.Rebuild(t.Context(), s.tx, 1, m); err != nil {
		t.Fatal(err)
	}
	s.equal()
	s.want("SELECT string_agg(code, '' ORDER BY id) FROM shop.child JOIN shop.parent USING (id, code)", "ab")
	s.want("SELECT count(*) FROM replog.left_out", "0")
	s.want("SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "2")
}

package applied

import (
	"strings"
	"testing"

	"replog/replog"
)

func family() *memory {
	parent := shapeOf("parent", 1, "id INTEGER", "code TEXT")
	parent.Indexes = []replog.TableIndex{{Columns: []int{1}, Unique: true}}
	child := shapeOf("child", 1, "id INTEGER", "parent INTEGER", "code TEXT")
	child.References = []replog.TableReference{
		{Columns: []int{1}, Parent: "parent", Referenced: []string{"id"}},
		{Columns: []int{2}, Parent: "parent", Referenced: []string{"code"}},
	}
	return newMemory(child, parent)
}

func TestForeignKeysHoldAtTheEndOfAnEntry(t *testing.T) {
	m := family()
	s := newSite(t, open(t), m)
	s.apply(m.insert("child", replog.Integer(1), replog.Integer(1), replog.Text("a")), m.insert("parent", replog.Integer(1), replog.Text("a")))
	s.equal()
	s.apply(m.remove("parent", replog.Integer(1)), m.remove("child", replog.Integer(1)))
	s.equal()
	s.want("SELECT count(*) FROM replog.left_out", "0")
}

func TestAViolatedForeignKeyIsLeftOutAndTheRowsStay(t *testing.T) {
	m := family()
	s := newSite(t, open(t), m)
	s.apply(m.insert("child", replog.Integer(1), replog.Integer(7), replog.Value{}))
	s.equal()
	s.want("SELECT table_name || ' ' || kind || ' ' || name || ' ' || revision FROM replog.left_out", "child foreign key child_parent_fkey 1")
	s.want("SELECT count(*) FROM pg_constraint WHERE contype = 'f'", "1")
}

func TestAParentInMisfitLeavesTheForeignKeyOut(t *testing.T) {
	m := family()
	s := newSite(t, open(t), m)
	s.apply(
		m.insert("parent", replog.Integer(1), replog.Text("a\x00")),
		m.insert("child", replog.Integer(1), replog.Integer(1), replog.Value{}))
	s.equal()
	s.want("SELECT count(*) FROM shop.child", "1")
	s.want("SELECT why FROM replog.misfit", "code: text with a NUL")
	s.apply(m.update("parent", integers(1), set{"code": replog.Text("b")}))
	s.equal()
	s.want("SELECT count(*) FROM replog.misfit", "0")
	s.want("SELECT code FROM shop.parent", "b")
}

func TestAViolatedUniqueIndexBecomesAPlainOneAndTakesItsForeignKeyAlong(t *testing.T) {
	m := family()
	s := newSite(t, open(t), m)
	s.apply(m.insert("parent", replog.Integer(1), replog.Text("a")), m.insert("parent", replog.Integer(2), replog.Text("a")))
	s.equal()
	s.want("SELECT string_agg(kind, ', ' ORDER BY kind) FROM replog.left_out", "foreign key, unique index")
	s.want("SELECT indisunique FROM pg_index WHERE indexrelid = 'shop.parent_code_key'::regclass", "false")
}

func TestAnEntryOfAnyLengthMayViolateAForeignKey(t *testing.T) {
	m := family()
	s := newSite(t, open(t), m)
	var changes []replog.Change
	for i := range int64(maxRows + 10) {
		changes = append(changes, m.insert("child", replog.Integer(i), replog.Integer(i), replog.Value{}))
	}
	s.apply(changes...)
	s.equal()
	s.want("SELECT count(*) FROM shop.child", "10010")
	s.want("SELECT count(*) FROM replog.left_out", "1")
}

func TestAnIndexThatCannotHoldAKeyIsLeftOut(t *testing.T) {
	shape := shapeOf("item", 1, "id TEXT", "note TEXT")
	shape.Indexes = []replog.TableIndex{{Name: "note", Columns: []int{1}}}
	m := newMemory(shape)
	s := newSite(t, open(t), m)
	// Each byte differs, so that PostgreSQL cannot compress it.
	long := strings.Repeat("x", 1)
	for i := 0; len(long) < 100_000; i++ {
		long += replog.KeyString(integers(int64(i * i * 7919)))
	}
	s.apply(m.insert("item", replog.Text("a"), replog.Text(long)), m.insert("item", replog.Text(long), replog.Text("b")))
	s.equal()
	s.want("SELECT string_agg(name, ',') FROM replog.left_out", "note")
	s.want("SELECT count(*) FROM replog.misfit", "1")
	s.apply(m.remove("item", replog.Text(long)))
	s.equal()
	s.want("SELECT count(*) FROM replog.misfit", "0")
}

func TestATableThatPostgreSQLCannotMakeIsLeftOut(t *testing.T) {
	wide := shapeOf("wide", 1, "id INTEGER")
	for range 1700 {
		wide.Columns = append(wide.Columns, replog.TableColumn{Name: strings.Repeat("c", len(wide.Columns)), Type: "INTEGER"})
	}
	m := newMemory(wide, shapeOf("item", 1, "id INTEGER"))
	s := newSite(t, open(t), m)
	s.apply(m.insert("item", replog.Integer(1)), replog.Change{Table: "wide", Op: replog.Delete, Key: integers(1)})
	s.equal()
	s.want("SELECT kind FROM replog.left_out", "table")
}

package applied

import (
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"replog/replog"
)

var types = []string{"INTEGER", "REAL", "TEXT", "BLOB", "NUMERIC", "DATE", "DATETIME", "BOOLEAN", "JSON", "UUID", "", "VARCHAR(3)"}

// sample are values of which some fit anything.
var sample = []replog.Value{
	{}, {}, replog.Integer(0), replog.Integer(1), replog.Integer(2), replog.Integer(3), replog.Integer(1709210000), replog.Integer(math.MaxInt64),
	replog.Real(0.5), replog.Real(1), replog.Real(math.Copysign(0, -1)), replog.Real(1e10), replog.Real(math.Inf(1)),
	replog.Text(""), replog.Text("a"), replog.Text("A"), replog.Text("soon"), replog.Text("2024-02-29"), replog.Text("2024-02-29 12:00"),
	replog.Text(`{"a":1}`), replog.Text(`{"a": 1}`), replog.Text("A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"), replog.Text("a0eebc999c0b4ef8bb6d6bb9bd380a11"),
	replog.Text("\x00"), replog.Text("\xff"), replog.Text("NULL"), replog.Text(`\"{,}`), replog.Text(`"\ud800"`),
	replog.Blob(nil), replog.Blob([]byte{0, 1}), replog.Blob([]byte("0123456789abcdef")),
}

func drawValue(t *rapid.T) replog.Value { return rapid.SampledFrom(sample).Draw(t, "value") }

func drawShape(t *rapid.T, name string, parents []replog.Table) replog.Table {
	n := rapid.IntRange(1, 5).Draw(t, "columns")
	keys := rapid.IntRange(1, min(2, n)).Draw(t, "keys")
	s := replog.Table{Name: name}
	for i := range n {
		c := replog.TableColumn{Name: fmt.Sprintf("c%d", i), Type: rapid.SampledFrom(types).Draw(t, "type")}
		c.NotNull = rapid.IntRange(0, 4).Draw(t, "not null") == 0
		s.Columns = append(s.Columns, c)
		if i < keys {
			s.Key = append(s.Key, i)
		}
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "indexes") {
		s.Indexes = append(s.Indexes, replog.TableIndex{
			Name: fmt.Sprintf("%s_%d", name, i), Columns: []int{rapid.IntRange(0, n-1).Draw(t, "indexed")}, Unique: rapid.Bool().Draw(t, "unique"),
		})
	}
	if len(parents) > 0 && rapid.Bool().Draw(t, "reference") {
		p := rapid.SampledFrom(parents).Draw(t, "parent")
		s.References = []replog.TableReference{{Columns: []int{n - 1}, Parent: p.Name, Referenced: []string{p.Columns[p.Key[0]].Name}}}
	}
	return s
}

func drawRow(t *rapid.T, s replog.Table) []replog.Value {
	row := make([]replog.Value, len(s.Columns))
	for i := range row {
		row[i] = drawValue(t)
	}
	return row
}

// drawChange makes a change of a row that the entry has not touched, false if it drew one.
func drawChange(t *rapid.T, m *memory, touched map[replog.RowID]bool) (replog.Change, bool) {
	s := rapid.SampledFrom(m.shapes).Draw(t, "table")
	keys := slices.Sorted(maps.Keys(m.rows[s.Name]))
	if len(keys) == 0 || rapid.IntRange(0, 2).Draw(t, "op") == 0 {
		row := drawRow(t, s)
		id := replog.RowID{Table: s.Name, Key: replog.KeyString(keyOf(s, row))}
		if _, there := m.rows[s.Name][id.Key]; there || touched[id] {
			return replog.Change{}, false
		}
		touched[id] = true
		return m.insert(s.Name, row...), true
	}
	id := replog.RowID{Table: s.Name, Key: rapid.SampledFrom(keys).Draw(t, "row")}
	key := keyOf(s, m.rows[s.Name][id.Key])
	if touched[id] {
		return replog.Change{}, false
	}
	touched[id] = true
	to := set{}
	for i := len(s.Key); i < len(s.Columns); i++ {
		if rapid.Bool().Draw(t, "set") {
			to[s.Columns[i].Name] = drawValue(t)
		}
	}
	if len(to) == 0 {
		return m.remove(s.Name, key...), true
	}
	return m.update(s.Name, key, to), true
}

func drawMemory(t *rapid.T) *memory {
	var shapes []replog.Table
	for i := range rapid.IntRange(1, 3).Draw(t, "tables") {
		shapes = append(shapes, drawShape(t, fmt.Sprintf("t%d", i), shapes))
	}
	m := newMemory(shapes...)
	for _, s := range shapes {
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			m.put(s.Name, drawRow(t, s)...)
		}
	}
	return m
}

func TestTablesFollowAnyHistory(t *testing.T) {
	db := open(t)
	rapid.Check(t, func(r *rapid.T) {
		m := drawMemory(r)
		s := newSite(wrap{t, r}, db, m)
		defer s.tx.Rollback()
		s.equal()
		for range rapid.IntRange(1, 5).Draw(r, "flushes") {
			for range rapid.IntRange(1, 3).Draw(r, "entries") {
				s.apply(drawEntry(r, m)...)
			}
			if rapid.IntRange(0, 5).Draw(r, "long") == 0 {
				s.flush()
				e := s.entry()
				e.LongChanges = replog.ChangeList(drawEntry(r, m))
				if err := s.tables.Apply(t.Context(), s.tx, e); err != nil {
					r.Fatal(err)
				}
			}
			if rapid.IntRange(0, 5).Draw(r, "schema") == 0 {
				reshapeRandomly(r, s)
			}
			s.equal()
		}
		mutate(r, s)
	})
}

func drawEntry(r *rapid.T, m *memory) []replog.Change {
	touched := map[replog.RowID]bool{}
	var changes []replog.Change
	for range rapid.IntRange(1, 6).Draw(r, "changes") {
		if c, ok := drawChange(r, m, touched); ok {
			changes = append(changes, c)
		}
	}
	return changes
}

// reshapeRandomly gives one table another shape, in an entry with other changes.
func reshapeRandomly(r *rapid.T, s *site) {
	changes := drawEntry(r, s.m)
	i := rapid.IntRange(0, len(s.m.shapes)-1).Draw(r, "reshaped")
	shape := drawShape(r, s.m.shapes[i].Name, s.m.shapes[:i])
	s.m.shapes[i] = shape
	s.m.rows[shape.Name] = map[string][]replog.Value{}
	for range rapid.IntRange(0, 4).Draw(r, "rows") {
		s.m.put(shape.Name, drawRow(r, shape)...)
	}
	e := s.entry(changes...)
	e.Tables = []string{shape.Name}
	e.Schema = &replog.SchemaVersion{Content: s.m}
	if err := s.tables.Apply(s.t.Context(), s.tx, e); err != nil {
		r.Fatal(err)
	}
}

// mutate changes something by hand, which a comparison has to find.
func mutate(r *rapid.T, s *site) {
	var texts []string
	for _, made := range s.tables.sorted() {
		name := made.target()
		texts = append(texts, "DELETE FROM "+name+" WHERE ctid = (SELECT min(ctid) FROM "+name+")")
		for n, c := range made.cols {
			if made.isKey(n) || c.notNull || made.touchy[n] {
				continue
			}
			texts = append(texts, fmt.Sprintf("UPDATE %s SET %s = NULL WHERE %[2]s IS NOT NULL", name, quote(c.name)))
		}
	}
	texts = append(texts, "DELETE FROM replog.misfit",
		`UPDATE replog.misfit SET columns = '{"c0":"other"}'`,
		`UPDATE replog.misfit SET rest = '{"c0":"other"}', columns = '{}'`)
	text := rapid.SampledFrom(texts).Draw(r, "mutation")
	run(s.t, s.tx, "SET CONSTRAINTS ALL DEFERRED")
	var n int64
	err := guard(s.t.Context(), s.tx, func() error {
		result, err := s.tx.ExecContext(s.t.Context(), text)
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	if err == nil && n > 0 && len(s.compare()) == 0 {
		r.Fatalf("%s was not found", text)
	}
}

// wrap reports to a random check what a test would report.
type wrap struct {
	testing.TB
	r *rapid.T
}

func (w wrap) Helper()                      {}
func (w wrap) Cleanup(func())               {}
func (w wrap) Fatal(args ...any)            { w.r.Fatal(args...) }
func (w wrap) Fatalf(f string, args ...any) { w.r.Fatalf(f, args...) }
func (w wrap) Errorf(f string, args ...any) { w.r.Errorf(f, args...) }

var _ Conn = (*sql.Tx)(nil)
var _ Conn = (*sql.Conn)(nil)

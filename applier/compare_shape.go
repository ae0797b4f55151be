package applier

import (
	"slices"
	"sort"
	"strings"

	"replog/replog"
)

// shape is what Compare knows of a database's schema. Unlike Schema it holds
// every ordinary table, with a primary key or without.
type shape struct {
	encoding    string
	tables      []*tableShape // by name
	objects     []object      // indexes, triggers and views
	notCompared []string      // virtual tables and their shadow tables
}

type tableShape struct {
	name    string
	sql     string
	columns []columnShape
	// key names the primary key's columns in order; nil without one.
	key         []string
	nullableKey bool
	// rowid is a name of the rowid where the rows are replicated by it, or "".
	rowid string
	// clustered: the rows are stored in the order of the key.
	clustered bool
}

type columnShape struct {
	name   string
	stored bool // false for virtual generated columns
}

// object is a row of sqlite_schema that is no table.
type object struct{ kind, name, table, sql string }

func (s *shape) table(name string) *tableShape {
	for _, t := range s.tables {
		if foldName(t.name) == foldName(name) {
			return t
		}
	}
	return nil
}

func (s *shape) tableNames() []string {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.name
	}
	return names
}

// leaveOut removes tables and what belongs to them.
func (s *shape) leaveOut(skip func(string) bool) {
	tables, objects, not := s.tables, s.objects, s.notCompared
	s.tables, s.objects, s.notCompared = nil, nil, nil
	for _, t := range tables {
		if !skip(t.name) {
			s.tables = append(s.tables, t)
		}
	}
	for _, o := range objects {
		if o.kind == "view" || !skip(o.table) {
			s.objects = append(s.objects, o)
		}
	}
	for _, name := range not {
		if !skip(name) {
			s.notCompared = append(s.notCompared, name)
		}
	}
}

// collation names the collation that orders TEXT by its UTF-8 bytes. BINARY
// does, but for databases in UTF-16, where it compares that encoding's bytes.
func (s *shape) collation() string {
	if s.encoding == "UTF-8" {
		return "BINARY"
	}
	return utf8Collation
}

const utf8Collation = "replog_utf8"

func (t *tableShape) stored(column string) bool {
	for _, c := range t.columns {
		if foldName(c.name) == foldName(column) {
			return c.stored
		}
	}
	return false
}

// has tells whether the table has a column of that name.
func (t *tableShape) has(column string) bool {
	return slices.ContainsFunc(t.columns, func(c columnShape) bool { return foldName(c.name) == foldName(column) })
}

// readShape reads the schema. No query may be open on the connection, as a
// UTF-16 database gets a collation of ours.
func readShape(c *Conn) (*shape, error) {
	row, err := c.QueryRow("PRAGMA encoding")
	if err != nil {
		return nil, err
	}
	s := &shape{encoding: row[0].Bytes()}
	if s.collation() == utf8Collation {
		if err := c.conn.RegisterCollation(utf8Collation, strings.Compare); err != nil {
			return nil, err
		}
	}
	all, err := readObjects(c)
	if err != nil {
		return nil, err
	}
	shadow, err := shadowTables(c, all)
	if err != nil {
		return nil, err
	}
	byRowID, err := KeepsRowIDs(c)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		switch {
		case shadow[foldName(o.table)]:
			if o.kind == "table" {
				s.notCompared = append(s.notCompared, o.name)
			}
		case o.kind == "table":
			t, err := readTableShape(c, o)
			if err != nil {
				return nil, err
			}
			if byRowID && t.key == nil && len(t.columns) < maxColumns {
				t.rowid = rowIDName(t.has)
			}
			s.tables = append(s.tables, t)
		default:
			s.objects = append(s.objects, o)
		}
	}
	sort.Strings(s.notCompared)
	return s, nil
}

// shadowSuffixes are those of the tables in which FTS3 to 5 and R*Tree keep
// their content. SQLite knows a shadow table only where the module is built in.
var shadowSuffixes = []string{
	"_content", "_segdir", "_segments", "_docsize", "_stat",
	"_data", "_idx", "_config",
	"_node", "_rowid", "_parent",
}

// readObjects lists what sqlite_schema holds beside SQLite's own and replog's.
func readObjects(c *Conn) ([]object, error) {
	var all []object
	err := c.Query("SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name",
		func(r []replog.Value) error {
			o := object{kind: r[0].Bytes(), name: r[1].Bytes(), table: r[2].Bytes(), sql: r[3].Bytes()}
			if !IsOwn(o.name) && !IsOwn(o.table) {
				all = append(all, o)
			}
			return nil
		})
	return all, err
}

// shadowTables returns the names, folded, of virtual tables and their shadow tables.
func shadowTables(c *Conn, all []object) (map[string]bool, error) {
	virtual, out := map[string]bool{}, map[string]bool{}
	for _, o := range all {
		if o.kind == "table" && isVirtual(o.sql) {
			virtual[foldName(o.name)], out[foldName(o.name)] = true, true
		}
	}
	for _, o := range all {
		for _, suffix := range shadowSuffixes {
			if base, ok := strings.CutSuffix(foldName(o.name), suffix); ok && o.kind == "table" && virtual[base] {
				out[foldName(o.name)] = true
			}
		}
	}
	err := c.Query("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'",
		func(r []replog.Value) error {
			out[foldName(r[0].Bytes())] = true
			return nil
		})
	return out, err
}

func isVirtual(sql string) bool {
	tokens := tokenize(sql)
	return len(tokens) > 1 && tokens[1].is("virtual")
}

func readTableShape(c *Conn, o object) (*tableShape, error) {
	t := &tableShape{name: o.name, sql: o.sql}
	key := map[int64]string{}
	nullable := false
	err := c.Query(`SELECT name, "notnull", pk, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid`,
		func(r []replog.Value) error {
			t.columns = append(t.columns, columnShape{name: r[0].Bytes(), stored: r[3].Int64() != 2})
			if r[2].Int64() > 0 {
				key[r[2].Int64()] = r[0].Bytes()
				nullable = nullable || r[1].Int64() == 0
			}
			return nil
		}, replog.Text(o.name))
	if err != nil {
		return nil, err
	}
	for i := int64(1); i <= int64(len(key)); i++ {
		t.key = append(t.key, key[i])
	}
	// A key without an index of its own is the rowid, which is never NULL.
	row, err := c.QueryRow("SELECT count(*) FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'", replog.Text(o.name))
	if err != nil {
		return nil, err
	}
	indexed := row[0].Int64() > 0
	t.nullableKey = nullable && indexed
	t.clustered = !indexed || strings.Contains(parseTable(o.sql).options, "WITHOUT ROWID")
	return t, nil
}

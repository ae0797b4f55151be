package applier

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"replog/replog"
)

// ReadSchema reads the schema of the connection's main database. Tables that
// cannot be replicated are in Skipped; errors are SQLite's. Where capture is
// installed, the tables and columns that it does not know, and that the others can
// do without, are left out: they stay where they are.
func ReadSchema(c *Conn) (*Schema, error) {
	known, err := readKnown(c)
	if err != nil {
		return nil, err
	}
	return readSchema(c, known)
}

// WholeSchema is ReadSchema with what capture does not know.
func WholeSchema(c *Conn) (*Schema, error) { return readSchema(c, nil) }

func readSchema(c *Conn, known *known) (*Schema, error) {
	s := &Schema{byName: map[string]*Table{}}
	objects, err := readObjects(c)
	if err != nil {
		return nil, err
	}
	shadow, err := shadowTables(c, objects)
	if err != nil {
		return nil, err
	}
	byRowID, err := KeepsRowIDs(c)
	if err != nil {
		return nil, err
	}
	type listed struct {
		name, kind string
		wr, strict bool
	}
	var list []listed
	err = c.Query("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' ORDER BY name", func(r []replog.Value) error {
		list = append(list, listed{name: r[0].Bytes(), kind: r[1].Bytes(), wr: r[2].Int64() != 0, strict: r[3].Int64() != 0})
		return nil
	})
	if err != nil {
		return nil, err
	}
	ask := mayNeedApplication(objects)
	for _, l := range list {
		switch {
		case IsOwn(l.name) || l.kind == "view":
		case l.kind == "virtual":
			s.virtual = append(s.virtual, l.name)
			s.Skipped = append(s.Skipped, SkippedTable{l.name, "it is a virtual table"})
		case shadow[foldName(l.name)]: // they belong to a virtual table
		default:
			t := &Table{Name: l.name, WithoutRowID: l.wr, Strict: l.strict, position: map[string]int{}}
			why, err := t.read(c, known, byRowID)
			if err != nil {
				return nil, fmt.Errorf("read the schema of table %q: %w", l.name, err)
			}
			if why == "" && !known.table(l.name) {
				why = whyLocal
			}
			if why == "" {
				t.sql = t.render()
				if ask[foldName(l.name)] {
					why = t.unwritable(c)
				}
			}
			if why != "" {
				s.Skipped = append(s.Skipped, SkippedTable{l.name, why})
				continue
			}
			s.Tables = append(s.Tables, t)
			s.byName[foldName(t.Name)] = t
		}
	}
	for _, t := range s.Tables {
		if err := s.readForeignKeys(c, t); err != nil {
			return nil, fmt.Errorf("read the foreign keys of table %q: %w", t.Name, err)
		}
	}
	return s, nil
}

// IsOwn tells whether a table belongs to SQLite or to replog, not to the
// application.
func IsOwn(name string) bool {
	name = foldName(name)
	return strings.HasPrefix(name, "sqlite_") || strings.HasPrefix(name, ownPrefix)
}

// read fills the table. A reason is why it cannot be replicated.
func (t *Table) read(c *Conn, known *known, byRowID bool) (why string, err error) {
	stored, err := t.readColumns(c, known)
	if err != nil {
		return "", err
	}
	switch {
	case len(t.Key) == 0 && byRowID:
		if why := t.keyByRowID(); why != "" {
			return why, nil
		}
	case len(t.Key) == 0:
		return "it has no declared primary key", nil
	case len(t.Key) > maxKeyColumns:
		return fmt.Sprintf("its primary key has %d columns; at most %d can be captured", len(t.Key), maxKeyColumns), nil
	}
	if err := t.readDefaults(); err != nil {
		return "", err
	}
	if err := t.readIndexes(c, stored); err != nil {
		return "", err
	}
	if err := t.readTableText(c); err != nil {
		return "", err
	}
	if err := t.readAutoincrement(c); err != nil {
		return "", err
	}
	for _, x := range t.Unique {
		for _, p := range x.Parts {
			if !isBuiltinCollation(p.Collation) {
				return fmt.Sprintf("its index uses the collation %q, which SQLite itself does not have", p.Collation), nil
			}
		}
	}
	return "", nil
}

// mayNeedApplication names the tables, folded, with a check, a generated column or
// an index that may use a function or a collation of the application's own.
func mayNeedApplication(objects []object) map[string]bool {
	tables := map[string]bool{}
	for _, o := range objects {
		text := foldName(o.sql)
		may := strings.Contains(text, "collate")
		switch o.kind {
		case "table":
			may = may || strings.Contains(text, "check") || strings.Contains(text, "as (") || strings.Contains(text, "as(")
		case "index":
			may = may || strings.Contains(text, "where") || strings.Count(text, "(") > 1
		default:
			continue
		}
		if may {
			tables[foldName(o.table)] = true
		}
	}
	return tables
}

// unwritable is why SQLite cannot write the table here, or "".
func (t *Table) unwritable(c *Conn) (why string) {
	s, err := c.conn.Prepare(t.sql.insert)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return fmt.Sprintf("it cannot be written without the application: %v", err)
	}
	return ""
}

// readColumns returns the map from SQLite's column numbers to stored columns.
func (t *Table) readColumns(c *Conn, known *known) (map[int64]int, error) {
	stored := map[int64]int{}
	key := map[int64]string{}
	number := map[string]int64{}
	err := c.Query("SELECT cid, name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?)", func(r []replog.Value) error {
		name := r[1].Bytes()
		if r[6].Int64() != 0 {
			t.Generated = append(t.Generated, Generated{Name: name, Affinity: affinityOf(r[2].Bytes(), t.Strict)})
			return nil
		}
		column := Column{
			Name: name, Type: r[2].Bytes(), Affinity: affinityOf(r[2].Bytes(), t.Strict),
			NotNull: r[3].Int64() != 0, Default: r[4].Bytes(),
		}
		if r[5].Int64() == 0 && (!column.NotNull || column.Default != "") && !known.column(t.Name, name) {
			t.Local = append(t.Local, column)
			return nil
		}
		number[foldName(name)] = r[0].Int64()
		t.Columns = append(t.Columns, column)
		if pk := r[5].Int64(); pk > 0 {
			key[pk] = name
		}
		return nil
	}, replog.Text(t.Name))
	known.arrange(t)
	for i, c := range t.Columns {
		t.position[foldName(c.Name)] = i
		stored[number[foldName(c.Name)]] = i
	}
	for n := int64(1); n <= int64(len(key)); n++ {
		t.Key = append(t.Key, t.Column(key[n]))
	}
	return stored, err
}

// readDefaults makes the defaults that can be foreseen. Those of a key are told
// as they will be stored; others are only compared, which converts them.
func (t *Table) readDefaults() (err error) {
	for i := range t.Columns {
		c := &t.Columns[i]
		asStored := t.isKey(i) && c.NotNull
		if c.foreseen = literalDefault(c.Default); c.foreseen == "" {
			if c.foreseen = computedDefault(c.Default); c.foreseen != "" && asStored {
				c.foreseen = stored(c.Affinity, c.foreseen)
			}
		} else if asStored {
			if c.foreseen, err = c.storedLiteral(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Table) readIndexes(c *Conn, stored map[int64]int) error {
	type listed struct {
		name, origin string
		partial      bool
	}
	var list []listed
	err := c.Query("SELECT name, origin, partial FROM pragma_index_list(?) WHERE \"unique\" ORDER BY origin = 'pk' DESC, name", func(r []replog.Value) error {
		list = append(list, listed{r[0].Bytes(), r[1].Bytes(), r[2].Int64() != 0})
		return nil
	}, replog.Text(t.Name))
	if err != nil {
		return err
	}
	if len(list) == 0 || list[0].origin != "pk" {
		// INTEGER PRIMARY KEY: the rowid itself, without an index.
		t.Unique = append(t.Unique, Index{Parts: []IndexPart{{Column: t.Key[0], Collation: "BINARY"}}})
	}
	for _, l := range list {
		x := Index{Name: l.name}
		hasExpr := false
		err := c.Query("SELECT cid, coll, name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", func(r []replog.Value) error {
			part := IndexPart{Column: -1, Collation: r[1].Bytes()}
			if i, ok := stored[r[0].Int64()]; ok {
				part.Column = i
			} else if r[0].Int64() >= 0 {
				// A generated column is an expression by another name.
				part.Expr = replog.QuoteName(r[2].Bytes())
			} else {
				hasExpr = true
			}
			x.Parts = append(x.Parts, part)
			return nil
		}, replog.Text(l.name))
		if err != nil {
			return err
		}
		if hasExpr || l.partial {
			if err := x.readText(c); err != nil {
				return err
			}
		}
		t.Unique = append(t.Unique, x)
	}
	return nil
}

// readAutoincrement looks for the keyword in the table's SQL, as no pragma tells
// of it. No name can be spelled so without quotes.
func (t *Table) readAutoincrement(c *Conn) error {
	if !t.rowidAlias() {
		return nil
	}
	row, err := c.QueryRow("SELECT sql FROM main.sqlite_schema WHERE type = 'table' AND name = ?", replog.Text(t.Name))
	if err != nil || row == nil {
		return err
	}
	t.Autoincrement = slices.ContainsFunc(tokenize(row[0].Bytes()), func(k token) bool { return strings.EqualFold(k.text, "AUTOINCREMENT") })
	return nil
}

// readText takes the expressions and the condition of an index from its SQL,
// as no pragma tells them.
func (x *Index) readText(c *Conn) error {
	row, err := c.QueryRow("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", replog.Text(x.Name))
	if err != nil {
		return err
	}
	if row == nil || row[0].IsNull() {
		return fmt.Errorf("index %q has no SQL text", x.Name)
	}
	parts, where, err := splitIndexSQL(row[0].Bytes())
	if err != nil || len(parts) != len(x.Parts) {
		return fmt.Errorf("index %q: cannot make out its columns in: %s", x.Name, row[0].Bytes())
	}
	for i := range x.Parts {
		if x.Parts[i].Column < 0 && x.Parts[i].Expr == "" {
			x.Parts[i].Expr = parts[i]
		}
	}
	x.Where = where
	return nil
}

func (s *Schema) readForeignKeys(c *Conn, t *Table) error {
	type reference struct {
		parent             string
		from, to           []string
		onDelete, onUpdate ForeignKeyAction
	}
	var order []int64
	refs := map[int64]*reference{}
	err := c.Query("SELECT id, \"table\", \"from\", \"to\", on_delete, on_update FROM pragma_foreign_key_list(?) ORDER BY id, seq", func(r []replog.Value) error {
		id := r[0].Int64()
		ref := refs[id]
		if ref == nil {
			ref = &reference{parent: r[1].Bytes(), onDelete: ForeignKeyAction(r[4].Bytes()), onUpdate: ForeignKeyAction(r[5].Bytes())}
			refs[id] = ref
			order = append(order, id)
		}
		ref.from = append(ref.from, r[2].Bytes())
		if !r[3].IsNull() {
			ref.to = append(ref.to, r[3].Bytes())
		}
		return nil
	}, replog.Text(t.Name))
	if err != nil {
		return err
	}
	for _, id := range order {
		ref := refs[id]
		parent := s.Table(ref.parent)
		if parent == nil {
			continue
		}
		if f := newForeignKey(t, parent, ref.from, ref.to); f != nil {
			f.OnDelete, f.OnUpdate = ref.onDelete, ref.onUpdate
			f.id = t.Name + "(" + strings.Join(ref.from, ", ") + ") " + parent.Name + " " + strconv.Itoa(len(t.ForeignKeys))
			t.ForeignKeys = append(t.ForeignKeys, f)
			parent.Inbound = append(parent.Inbound, f)
		}
	}
	return nil
}

// newForeignKey resolves a reference; nil where SQLite could not enforce it
// either: columns that do not exist, or a parent key that is not unique.
func newForeignKey(child, parent *Table, from, to []string) *ForeignKey {
	f := &ForeignKey{Child: child, Parent: parent}
	if len(to) == 0 && !parent.ByRowID {
		f.Referenced = parent.Key
	}
	for _, name := range to {
		f.Referenced = append(f.Referenced, parent.Column(name))
	}
	for _, name := range from {
		f.Columns = append(f.Columns, child.Column(name))
	}
	if len(f.Columns) != len(f.Referenced) || slices.Contains(f.Columns, -1) || slices.Contains(f.Referenced, -1) {
		return nil
	}
	for i := range parent.Unique {
		x := &parent.Unique[i]
		if parent.ByRowID && i == 0 { // no reference can be to a rowid
			continue
		}
		if x.Where != "" || !x.Plain() || len(x.Parts) != len(f.Referenced) {
			continue
		}
		f.Collations = make([]string, len(f.Referenced))
		found := 0
		for _, p := range x.Parts {
			if at := slices.Index(f.Referenced, p.Column); at >= 0 {
				f.Collations[at] = strings.ToUpper(p.Collation)
				found++
			}
		}
		if found == len(f.Referenced) {
			return f
		}
	}
	return nil
}

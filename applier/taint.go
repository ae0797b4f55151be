package applier

import (
	"strings"

	"replog/replog"
)

// Taint is a set of net changes that were not applied, or that were applied
// though a later transaction was recorded without them: what builds on them is
// held. Of intents it holds whole tables, as nobody knows which rows they would
// have changed.
type Taint struct {
	schema *Schema
	rows   map[replog.RowID]bool
	// tables are those of intents, ofRows those of the rows, by their folded names.
	tables, ofRows map[string]string
	// Of the rows that hold a unique value, before or after, or that take part
	// in a reference, one is kept for each, to be named.
	unique, child, parent map[string]replog.RowID
}

// NewTaint makes an empty set.
func NewTaint(s *Schema) *Taint {
	return &Taint{
		schema: s, rows: map[replog.RowID]bool{}, unique: map[string]replog.RowID{},
		tables: map[string]string{}, ofRows: map[string]string{},
		child: map[string]replog.RowID{}, parent: map[string]replog.RowID{},
	}
}

// Add puts a change into the set.
func (t *Taint) Add(c *replog.Change) {
	f := t.schema.footprintOf(c)
	t.rows[f.row] = true
	t.ofRows[foldName(c.Table)] = c.Table
	note(t.unique, f.before, f.row)
	note(t.unique, f.after, f.row)
	note(t.child, f.child, f.row)
	note(t.parent, f.parent, f.row)
}

// AddAll puts changes into the set. It fails where their list does.
func (t *Taint) AddAll(changes replog.Changes) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		t.Add(c)
		return nil
	})
}

// AddTables puts all rows of these tables into the set, those that are not there
// yet, too.
func (t *Taint) AddTables(names []string) {
	for _, name := range names {
		t.tables[foldName(name)] = name
	}
}

// TouchedTables returns a table of the set that is one of these, and whether there
// is one. It is for an intent, and for all that it reads or may write.
func (t *Taint) TouchedTables(names []string) (table string, touched bool) {
	for _, name := range names {
		for _, set := range []map[string]string{t.tables, t.ofRows} {
			if table, ok := set[foldName(name)]; ok {
				return table, true
			}
		}
	}
	return "", false
}

func note(to map[string]replog.RowID, values map[string]bool, row replog.RowID) {
	for v := range values {
		to[v] = row
	}
}

// Touched returns a row of the set that one of the changes touches, and whether
// there is one: the same row, its parent or child, or a row that has, or was to
// free, a unique value that the change takes. Of a table in the set, the row has no
// key. It fails where the list does.
func (t *Taint) Touched(changes replog.Changes) (row replog.RowID, touched bool, err error) {
	if len(t.rows) == 0 && len(t.tables) == 0 {
		return replog.RowID{}, false, nil
	}
	for i := 0; i < changes.Len() && !touched; i++ {
		c, err := changes.At(i)
		if err != nil {
			return replog.RowID{}, false, err
		}
		row, touched = t.touchedBy(c)
	}
	return row, touched, nil
}

func (t *Taint) touchedBy(c *replog.Change) (replog.RowID, bool) {
	f := t.schema.footprintOf(c)
	if t.rows[f.row] {
		return f.row, true
	}
	for _, side := range []struct {
		mine   map[string]bool
		theirs map[string]replog.RowID
	}{{f.child, t.parent}, {f.parent, t.child}, {f.after, t.unique}} {
		for v := range side.mine {
			if row, ok := side.theirs[v]; ok {
				return row, true
			}
		}
	}
	table, touched := t.touchedTable(f, c.Table)
	return replog.RowID{Table: table}, touched
}

// touchedTable looks for the tables of intents: the change's own, and those of rows
// that it refers to, or that may refer to it.
func (t *Taint) touchedTable(f *footprint, own string) (string, bool) {
	if len(t.tables) == 0 {
		return "", false
	}
	if name, ok := t.tables[foldName(own)]; ok {
		return name, true
	}
	table := t.schema.Table(own)
	if table == nil {
		return "", false
	}
	for _, k := range table.ForeignKeys {
		if name, ok := t.tables[foldName(k.Parent.Name)]; ok && takesPart(f.child, k) {
			return name, true
		}
	}
	for _, k := range table.Inbound {
		if name, ok := t.tables[foldName(k.Child.Name)]; ok && takesPart(f.parent, k) {
			return name, true
		}
	}
	return "", false
}

// takesPart tells whether one side of a footprint has a reference of this key.
func takesPart(side map[string]bool, k *ForeignKey) bool {
	for v := range side {
		if strings.HasPrefix(v, k.id+"\x00") {
			return true
		}
	}
	return false
}

package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// ownPrefix begins the names of everything that replog puts into a database.
const ownPrefix = "replog_"

// Schema is what replog needs to know of a database: the tables it replicates,
// and those it leaves out.
type Schema struct {
	Tables  []*Table
	Skipped []SkippedTable
	byName  map[string]*Table
	virtual []string // virtual tables
}

// SkippedTable is a table that is not replicated, and why.
type SkippedTable struct {
	Name string `json:"table"`
	Why  string `json:"why"`
}

// Table is one replicated table.
type Table struct {
	Name string
	// Columns are the stored columns in order; generated ones are left out.
	Columns []Column
	// Key are the primary key's columns, as indexes into Columns, in key order.
	Key []int
	// ByRowID: no key is declared; the rowid, which is the last of Columns, is.
	ByRowID      bool
	WithoutRowID bool
	Strict       bool
	// Autoincrement: SQLite never assigns an integer key again.
	Autoincrement bool
	// Unique are the UNIQUE indexes, the primary key first.
	Unique []Index
	// ForeignKeys are the references from this table, to replicated tables only.
	ForeignKeys []*ForeignKey
	// Inbound are the references to this table.
	Inbound   []*ForeignKey
	Generated []Generated
	// Local are columns that were added after capture was installed, and that
	// rows can do without: no part of Columns.
	Local    []Column
	position map[string]int
	sql      statements
	given    map[int]replog.Value // by defaultOf
}

// Column is one stored column.
type Column struct {
	Name     string
	Type     string // as declared
	Affinity Affinity
	NotNull  bool
	Default  string // SQL text, "" for none
	// foreseen is Default for use within a trigger, of a key as it is stored;
	// "" where there is none, or nobody can foresee it.
	foreseen string
	// collation is read with Generated's.
	collation string
}

// Index is a UNIQUE index.
type Index struct {
	Name string
	// Parts are its columns or expressions in order.
	Parts []IndexPart
	// Where is the condition of a partial index, as SQL text.
	Where string
}

// IndexPart is a column (Column ≥ 0, an index into Table.Columns) or an
// expression, as SQL text.
type IndexPart struct {
	Column    int
	Expr      string
	Collation string
}

// Plain tells whether the index is on stored columns only.
func (x *Index) Plain() bool {
	return !slices.ContainsFunc(x.Parts, func(p IndexPart) bool { return p.Column < 0 })
}

// ForeignKey is one reference whose parent is a replicated table.
type ForeignKey struct {
	Child, Parent *Table
	// Columns and Referenced are indexes into the columns of Child and Parent.
	Columns, Referenced []int
	// Collations are those of the parent's key, by which values are compared.
	Collations []string
	// OnDelete and OnUpdate are the actions.
	OnDelete, OnUpdate ForeignKeyAction
	id                 string
}

// ForeignKeyAction is what happens to children when their parent goes or its key
// changes (https://www.sqlite.org/foreignkeys.html#fk_actions).
type ForeignKeyAction string

// The actions, as SQLite names them.
const (
	actionNone       ForeignKeyAction = "NO ACTION"
	actionRestrict   ForeignKeyAction = "RESTRICT"
	actionCascade    ForeignKeyAction = "CASCADE"
	actionSetNull    ForeignKeyAction = "SET NULL"
	actionSetDefault ForeignKeyAction = "SET DEFAULT"
)

// Table returns the table of that name, or nil. Names compare as in SQLite,
// without regard to ASCII case.
func (s *Schema) Table(name string) *Table { return s.byName[foldName(name)] }

// Column returns the index of a stored column, or -1.
func (t *Table) Column(name string) int {
	if i, ok := t.position[foldName(name)]; ok {
		return i
	}
	return -1
}

// KeyOf picks the primary key out of a full image.
func (t *Table) KeyOf(image []replog.Value) []replog.Value { return pick(image, t.Key) }

// KeyColumns names the primary key's columns, in key order.
func (t *Table) KeyColumns() []string {
	names := make([]string, len(t.Key))
	for i, k := range t.Key {
		names[i] = t.Columns[k].Name
	}
	return names
}

// ColumnNames names the stored columns, in order.
func (t *Table) ColumnNames() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

func (t *Table) isKey(column int) bool { return slices.Contains(t.Key, column) }

// nullableKey tells whether rows of the table may have NULL in their primary
// key, as SQLite allows where neither NOT NULL nor STRICT … forbids it.
func (t *Table) nullableKey() bool {
	if t.WithoutRowID || t.rowidAlias() {
		return false
	}
	return slices.ContainsFunc(t.Key, func(k int) bool { return !t.Columns[k].NotNull })
}

func (t *Table) rowidAlias() bool {
	return !t.WithoutRowID && len(t.Key) == 1 && strings.EqualFold(t.Columns[t.Key[0]].Type, "INTEGER") && t.Unique[0].Name == ""
}

// hiddenRowID is a name of the rowid where that is not the key, yet unique, so
// that REPLACE may evict rows by it; "" without one.
func (t *Table) hiddenRowID() string {
	if t.WithoutRowID || t.rowidAlias() {
		return ""
	}
	return t.rowIDName()
}

func pick(image []replog.Value, columns []int) []replog.Value {
	out := make([]replog.Value, len(columns))
	for i, c := range columns {
		out[i] = image[c]
	}
	return out
}

// foldName folds ASCII upper case, as SQLite does for identifiers.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Affinity is a column's type affinity
// (https://www.sqlite.org/datatype3.html#determination_of_column_affinity).
type Affinity uint8

// The affinities.
const (
	AffinityBlob Affinity = iota
	AffinityText
	AffinityNumeric
	AffinityInteger
	AffinityReal
)

func affinityOf(declared string, strict bool) Affinity {
	t := strings.ToUpper(declared)
	switch {
	case strict && t == "ANY":
		return AffinityBlob
	case strings.Contains(t, "INT"):
		return AffinityInteger
	case strings.Contains(t, "CHAR"), strings.Contains(t, "CLOB"), strings.Contains(t, "TEXT"):
		return AffinityText
	case strings.Contains(t, "BLOB"), t == "":
		return AffinityBlob
	case strings.Contains(t, "REAL"), strings.Contains(t, "FLOA"), strings.Contains(t, "DOUB"):
		return AffinityReal
	}
	return AffinityNumeric
}

// Describe lists the replicated tables as replog sees them: names, columns, keys,
// unique indexes and foreign keys, a line a fact, sorted by table, so that two
// schemas can be shown side by side. Triggers, views and other indexes are not among
// them.
func (s *Schema) Describe() string {
	var lines []string
	for _, t := range s.Tables {
		lines = append(lines, t.describe())
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

func (t *Table) describe() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s without_rowid=%t strict=%t\n", t.Name, t.WithoutRowID, t.Strict)
	var columns []string // in whatever order: statements name them
	for _, c := range t.Columns {
		columns = append(columns, fmt.Sprintf("table %s column %s %s not_null=%t default=%s\n", t.Name, c.Name, strings.ToUpper(c.Type), c.NotNull, c.Default))
	}
	slices.Sort(columns)
	b.WriteString(strings.Join(columns, ""))
	fmt.Fprintf(&b, "table %s key %s\n", t.Name, strings.Join(t.KeyColumns(), ", "))
	if t.ByRowID {
		fmt.Fprintf(&b, "table %s is replicated by rowid\n", t.Name)
	}
	var more []string
	for i := range t.Unique {
		more = append(more, fmt.Sprintf("table %s unique %s\n", t.Name, t.describeIndex(&t.Unique[i])))
	}
	for _, f := range t.ForeignKeys {
		more = append(more, fmt.Sprintf("table %s foreign key %s\n", t.Name, f.id))
	}
	slices.Sort(more)
	b.WriteString(strings.Join(more, ""))
	return b.String()
}

func (t *Table) describeIndex(x *Index) string {
	var parts []string
	for _, p := range x.Parts {
		what := p.Expr
		if p.Column >= 0 {
			what = t.Columns[p.Column].Name
		}
		parts = append(parts, what+" "+p.Collation)
	}
	s := strings.Join(parts, ", ")
	if x.Where != "" {
		s += " WHERE " + x.Where
	}
	return s
}

package replog

// Table is the shape of a replicated table, for stores that keep its rows as rows.
// Columns are referred to by their numbers in Columns.
type Table struct {
	Name string `json:"name"`
	// Columns are the stored columns in order; generated ones are left out.
	Columns []TableColumn `json:"columns"`
	// Key is the primary key, in its order.
	Key []int `json:"key"`
	// ByRowID: no key is declared; the rowid, which is the last of Columns, is.
	ByRowID bool `json:"by_rowid,omitempty"`
	// Indexes are those on columns only, without the primary key's.
	Indexes    []TableIndex     `json:"indexes,omitempty"`
	References []TableReference `json:"references,omitempty"`
}

// TableColumn is one of a table's columns.
type TableColumn struct {
	Name string `json:"name"`
	// Type is as declared, "" for none.
	Type    string `json:"type"`
	NotNull bool   `json:"not_null,omitempty"`
}

// TableIndex is an index on columns.
type TableIndex struct {
	Name    string `json:"name"` // "" for that of a UNIQUE constraint
	Columns []int  `json:"columns"`
	// Unique: no two rows have the same values in it, by the equality of the column's
	// collation in SQLite.
	Unique bool `json:"unique,omitempty"`
}

// TableReference is a foreign key whose parent is a replicated table.
type TableReference struct {
	Columns []int  `json:"columns"`
	Parent  string `json:"parent"`
	// Referenced are the parent's columns, by name, in the order of Columns.
	Referenced []string `json:"referenced"`
}

// TableMapping says that the rows of a table go to one that exists in the store.
type TableMapping struct {
	Table          string
	Schema, Target string
	// Columns maps the names of columns to those of the target; others are not carried.
	// nil stands for all columns that have the same name there.
	Columns map[string]string
	// Replace: the rows that the target has are replaced. Without it there may be none.
	Replace bool
}

// Content is a database as it stands, for stores that keep its rows as rows.
type Content interface {
	// Tables are the shapes of all replicated tables.
	Tables() ([]Table, error)
	// Rows calls yield for each row of a table, with the values of its columns in
	// order, which are valid until yield returns. An error of yield ends the reading
	// and is returned.
	Rows(table string, yield func(row []Value) error) error
}

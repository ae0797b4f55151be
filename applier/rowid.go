package applier

import (
	"fmt"

	"replog/replog"
)

// rowIDMark is a table whose presence says that the tables without a declared key
// are replicated, by rowid. It travels with the content, so that every replica
// knows. Its one row is at the rowid 2, where it does not stay if something
// numbers rowids anew.
const rowIDMark = ownPrefix + "rowid_tables"

// IsRowIDMark tells whether the name is that of the one table of replog's, or of
// its index, which a database's content may have.
func IsRowIDMark(name string) bool {
	return foldName(name) == rowIDMark || foldName(name) == rowIDMark+"_keep"
}

// KeepRowIDs makes the tables without a declared key replicated by rowid, in the
// caller's transaction, and reads the schema again.
func (r *Replica) KeepRowIDs() error {
	err := r.Script(fmt.Sprintf("CREATE TABLE main.%[1]s(v); INSERT INTO main.%[1]s(rowid) VALUES(2); %[2]s", rowIDMark, keepRowIDs(rowIDMark+"_keep", rowIDMark, "v")))
	if err != nil {
		return err
	}
	return r.Refresh()
}

// KeepsRowIDs tells whether tables without a declared key are replicated by rowid
// in the connection's database.
func KeepsRowIDs(c *Conn) (bool, error) {
	row, err := c.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = ?", replog.Text(rowIDMark))
	return row != nil, err
}

// RowIDsMoved tells whether rowids that replog relies on were numbered anew: the
// file was made from a dump, or by a VACUUM that keepRowIDs did not stop.
func (r *Replica) RowIDsMoved() (bool, error) {
	keeps, err := KeepsRowIDs(r.Conn)
	if err != nil || !keeps {
		return false, err
	}
	row, err := r.QueryRow("SELECT count(*) FROM main." + rowIDMark + " WHERE rowid = 2")
	return err == nil && row[0].Int64() == 0, err
}

// keepRowIDs renders an index without entries. VACUUM numbers the rows of a table
// anew only if it has neither an INTEGER PRIMARY KEY nor any index.
func keepRowIDs(index, table, column string) string {
	return fmt.Sprintf("CREATE INDEX IF NOT EXISTS main.%s ON %s(%s) WHERE 0", replog.QuoteName(index), replog.QuoteName(table), replog.QuoteName(column))
}

// guardName names the index that keeps the rowids of a captured table.
func guardName(id int64) string { return fmt.Sprintf("%s%d_keep", ownPrefix, id) }

// rowIDGuards renders the indexes that keep the rowids of captured tables, but
// for those that are there.
func (r *Replica) rowIDGuards(tables map[int64]*Table) ([]string, error) {
	var list []string
	for id, t := range tables {
		if !t.ByRowID {
			continue
		}
		name := guardName(id)
		row, err := r.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = 'index' AND name = ? AND tbl_name = ?", replog.Text(name), replog.Text(t.Name))
		if err != nil {
			return nil, err
		}
		if row == nil {
			list = append(list, keepRowIDs(name, t.Name, t.Columns[0].Name))
		}
	}
	return list, nil
}

// keyByRowID makes the rowid a column of the table and its key. A reason is why
// it cannot be.
func (t *Table) keyByRowID() (why string) {
	name := t.rowIDName()
	switch {
	case name == "":
		return "it has no declared primary key, and columns take all the names of its rowid"
	case len(t.Columns) >= maxColumns:
		return fmt.Sprintf("it has no declared primary key and %d columns, which leaves none for its rowid", len(t.Columns))
	}
	t.ByRowID = true
	t.Key = []int{len(t.Columns)}
	t.position[name] = len(t.Columns)
	t.Columns = append(t.Columns, Column{Name: name, Type: "INTEGER", Affinity: AffinityInteger, NotNull: true})
	return ""
}

// rowIDName is a name of the rowid that no column has, or "".
func (t *Table) rowIDName() string {
	return rowIDName(t.hasColumn)
}

func rowIDName(taken func(string) bool) string {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		if !taken(name) {
			return name
		}
	}
	return ""
}

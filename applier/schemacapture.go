package applier

import (
	"encoding/json"
	"fmt"
	"slices"

	"replog/replog"
)

// capturedID is the number of a table in replog_table; 0 where capture does not know
// it, or is not installed.
func (r *Replica) capturedID(table string) (int64, error) {
	captured, err := isCaptured(r.Conn)
	if err != nil || !captured {
		return 0, err
	}
	row, err := r.QueryRow("SELECT id FROM main.replog_table WHERE name = ? COLLATE NOCASE", replog.Text(table))
	if err != nil || row == nil {
		return 0, err
	}
	return row[0].Int64(), nil
}

// know makes capture know a table, with the columns that change makes of those that
// it knows; nil for all that there are. Names that are no stored columns are left
// out. Of a table that it does not know and that cannot be replicated nothing is
// noted, and of one with change that it does not know neither.
func (r *Replica) know(table string, change func([]string) []string) error {
	id, err := r.capturedID(table)
	if err != nil {
		return err
	}
	whole, err := WholeSchema(r.Conn)
	if err != nil {
		return err
	}
	t := whole.Table(table)
	if t == nil || id == 0 && change != nil {
		return nil
	}
	names := t.ColumnNames()
	if change != nil {
		known, err := r.knownColumns(id)
		if err != nil {
			return err
		}
		names = slices.DeleteFunc(change(known), func(name string) bool { return t.Column(name) < 0 })
	}
	text, err := json.Marshal(inChangeOrder(t, names))
	if err != nil {
		return err
	}
	if id == 0 {
		return r.Exec("INSERT INTO main.replog_table(name, columns) VALUES(?, ?)", replog.Text(t.Name), replog.Text(string(text)))
	}
	return r.Exec("UPDATE main.replog_table SET columns = ? WHERE id = ?", replog.Text(string(text)), replog.Integer(id))
}

// knownColumns are the columns of a table that capture knows, in the order of the
// change table.
func (r *Replica) knownColumns(id int64) (names []string, err error) {
	row, err := r.QueryRow("SELECT columns FROM main.replog_table WHERE id = ?", replog.Integer(id))
	if err != nil || row == nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(row[0].Bytes()), &names); err != nil {
		return nil, fmt.Errorf("replog_table %d: %w", id, err)
	}
	return names, nil
}

// inChangeOrder spells names as the table does, and puts them into the order in
// which changeOrder has them once the table is read with them.
func inChangeOrder(t *Table, names []string) []string {
	var key, rest []string
	for _, k := range t.Key {
		key = append(key, t.Columns[k].Name)
	}
	apart := len(names) > partColumns || t.ByRowID
	for _, name := range names {
		if i := t.Column(name); !apart || !t.isKey(i) {
			rest = append(rest, t.Columns[i].Name)
		}
	}
	switch {
	case !apart:
		return rest
	case len(names) > partColumns:
		return append(key, rest...)
	}
	return append(rest, key...) // where the rowid is read
}

// recapture reads the schema that this transaction has made, and has capture record
// all that it knows of it. newTables: some tables are younger than what tells
// capture which it has seen made.
func (r *Replica) recapture(newTables bool) error {
	if err := r.reread(); err != nil {
		return err
	}
	if err := r.widen(); err != nil {
		return err
	}
	if newTables {
		if err := r.renewControl(); err != nil {
			return err
		}
	}
	_, err := r.MendCapture()
	return err
}

// widen gives the change table as many columns as the schema needs.
func (r *Replica) widen() error {
	row, err := r.QueryRow("SELECT count(*) FROM pragma_table_info('replog_change', 'main')")
	if err != nil {
		return err
	}
	for i := int(row[0].Int64()) - changeHead; i < r.Schema.changeWidth(); i++ {
		if err := r.Script("ALTER TABLE main.replog_change ADD COLUMN " + imageColumn(i)); err != nil {
			return err
		}
	}
	return nil
}

// renewControl makes replog_control the youngest table (see Blind).
func (r *Replica) renewControl() error {
	row, err := r.QueryRow("SELECT recording FROM main.replog_control")
	if err != nil {
		return err
	}
	if err := r.Script("DROP TABLE main.replog_control;" + controlTable); err != nil {
		return err
	}
	return r.Exec("UPDATE main.replog_control SET recording = ?", row[0])
}

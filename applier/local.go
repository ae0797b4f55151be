package applier

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// whyLocal is why a table is left out that capture does not know.
const whyLocal = "it was made after capture was installed, and stays in this file"

// known are the tables that capture was installed on, with the positions of their
// columns in the change table. Names are folded. Nil knows all.
type known struct{ columns map[string]map[string]int }

// isCaptured tells whether capture is installed.
func isCaptured(c *Conn) (bool, error) {
	row, err := c.QueryRow("SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'replog_table'")
	return row != nil, err
}

// readKnown returns nil where capture is not installed.
func readKnown(c *Conn) (*known, error) {
	if captured, err := isCaptured(c); err != nil || !captured {
		return nil, err
	}
	k := &known{columns: map[string]map[string]int{}}
	err := c.Query("SELECT name, columns FROM main.replog_table", func(row []replog.Value) error {
		var names []string
		if err := json.Unmarshal([]byte(row[1].Bytes()), &names); err != nil {
			return fmt.Errorf("replog_table %q: %w", row[0].Bytes(), err)
		}
		positions := make(map[string]int, len(names))
		for i, name := range names {
			positions[foldName(name)] = i
		}
		k.columns[foldName(row[0].Bytes())] = positions
		return nil
	})
	return k, err
}

func (k *known) table(name string) bool { return k == nil || k.columns[foldName(name)] != nil }

func (k *known) column(table, name string) bool {
	if k == nil || !k.table(table) {
		return true
	}
	_, ok := k.columns[foldName(table)][foldName(name)]
	return ok
}

// arrange puts a table's columns into the order in which the change table has them:
// a table that was made anew may have them in another.
func (k *known) arrange(t *Table) {
	if k == nil || !k.table(t.Name) {
		return
	}
	order := k.columns[foldName(t.Name)]
	at := make(map[string]int, len(t.Columns))
	for _, c := range t.Columns {
		i, ok := order[foldName(c.Name)]
		if !ok {
			i = len(order)
		}
		at[c.Name] = i
	}
	slices.SortStableFunc(t.Columns, func(a, b Column) int { return at[a.Name] - at[b.Name] })
}

func (t *Table) isLocal(name string) bool {
	return slices.ContainsFunc(t.Local, func(c Column) bool { return foldName(c.Name) == foldName(name) })
}

// Local names the tables and columns that capture does not know: they are in this
// file only.
func (s *Schema) Local() []string {
	var names []string
	for _, t := range s.Skipped {
		if t.Why == whyLocal {
			names = append(names, "table "+t.Name)
		}
	}
	for _, t := range s.Tables {
		for _, c := range t.Local {
			names = append(names, "column "+t.Name+"."+c.Name)
		}
	}
	return names
}

// keepLocal puts what local columns hold aside, in the caller's transaction, as
// rows may be taken away and written again without it. The function that it
// returns puts it back, into the rows that are there then.
func (r *Replica) keepLocal() (putBack func() error, err error) {
	var tables []*Table
	for _, t := range r.Schema.Tables {
		if len(t.Local) > 0 {
			tables = append(tables, t)
		}
	}
	for i, t := range tables {
		if err := r.Script(t.asideSQL(i)); err != nil {
			return nil, err
		}
	}
	return func() error {
		for i, t := range tables {
			if err := r.Script(t.putBackSQL(i)); err != nil {
				return fmt.Errorf("the columns of table %q that are in this file only: %w", t.Name, err)
			}
		}
		return nil
	}, nil
}

func aside(i int) string { return fmt.Sprintf("temp.%saside_%d", ownPrefix, i) }

// asideSQL copies the rows in which a local column holds more than an INSERT
// without it would write.
func (t *Table) asideSQL(i int) string {
	var columns, tests []string
	for n, k := range t.Key {
		columns = append(columns, fmt.Sprintf("+%s AS k%d", replog.QuoteName(t.Columns[k].Name), n))
	}
	for n, c := range t.Local {
		name := replog.QuoteName(c.Name)
		columns = append(columns, fmt.Sprintf("+%s AS v%d", name, n))
		tests = append(tests, name+" IS NOT NULL")
		if c.Default != "" {
			tests = append(tests, "TRUE")
		}
	}
	return fmt.Sprintf("DROP TABLE IF EXISTS %[1]s; CREATE TABLE %[1]s AS SELECT %[2]s FROM main.%[3]s WHERE %[4]s",
		aside(i), strings.Join(columns, ", "), replog.QuoteName(t.Name), strings.Join(tests, " OR "))
}

func (t *Table) putBackSQL(i int) string {
	var set, key, differ []string
	for n, k := range t.Key {
		key = append(key, fmt.Sprintf("t.%s = s.k%d", replog.QuoteName(t.Columns[k].Name), n))
	}
	for n, c := range t.Local {
		name := replog.QuoteName(c.Name)
		set = append(set, fmt.Sprintf("%s = s.v%d", name, n))
		differ = append(differ, fmt.Sprintf("t.%[1]s COLLATE BINARY IS NOT s.v%[2]d OR typeof(t.%[1]s) <> typeof(s.v%[2]d)", name, n))
	}
	return fmt.Sprintf("UPDATE OR ABORT main.%s AS t SET %s FROM %s AS s WHERE %s AND (%s); DROP TABLE %[3]s",
		replog.QuoteName(t.Name), strings.Join(set, ", "), aside(i), strings.Join(key, " AND "), strings.Join(differ, " OR "))
}

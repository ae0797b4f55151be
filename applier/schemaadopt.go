package applier

import (
	"slices"
	"strings"

	"replog/replog"
)

// Adopted is what capture has come to know at AdoptSchema.
type Adopted struct {
	// Tables are the new tables.
	Tables []string
	// Columns are the new columns of tables that it knew, by the table's name.
	Columns map[string][]string
}

// AdoptSchema makes capture know the tables and columns that were added without it,
// in the caller's transaction, and reads the schema again. What it has gathered has
// to be closed before: a *WaitingError otherwise. What is gone stays known.
//
// Where there is a list of objects, only those of them are adopted that are in it.
//
// It does not record what was written to them until then: UnseenRows tells of
// that.
func (r *Replica) AdoptSchema(only []Object) (*Adopted, error) {
	a := &Adopted{Columns: map[string][]string{}}
	row, err := r.QueryRow("SELECT t.name FROM main.replog_change AS c JOIN main.replog_table AS t ON t.id = c.tbl LIMIT 1")
	if err == nil && row != nil {
		err = &WaitingError{Table: row[0].Bytes()}
	}
	if err != nil {
		return nil, err
	}
	whole, err := WholeSchema(r.Conn)
	if err != nil {
		return nil, err
	}
	err = r.alone(func() error {
		for _, t := range whole.Tables {
			if err := r.adopt(t, only, a); err != nil {
				return err
			}
		}
		if len(a.Tables)+len(a.Columns) == 0 {
			return nil
		}
		return r.recapture(len(a.Tables) > 0)
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Adoptable tells whether AdoptSchema would find something.
func (r *Replica) Adoptable(only []Object) bool {
	for _, t := range r.Schema.Skipped {
		if t.Why == whyLocal && findObject(only, typeTable, t.Name) != nil {
			return true
		}
	}
	return slices.ContainsFunc(r.Schema.Tables, func(t *Table) bool {
		return slices.ContainsFunc(t.Local, func(c Column) bool { return hasColumn(only, t.Name, c.Name) })
	})
}

func hasColumn(list []Object, table, column string) bool {
	o := findObject(list, typeTable, table)
	if o == nil {
		return false
	}
	_, has := parseTable(o.SQL).column(foldName(column))
	return has
}

func (r *Replica) adopt(t *Table, only []Object, a *Adopted) error {
	if only != nil && findObject(only, typeTable, t.Name) == nil {
		return nil
	}
	id, err := r.capturedID(t.Name)
	if err != nil {
		return err
	}
	if id == 0 {
		a.Tables = append(a.Tables, t.Name)
		return r.know(t.Name, nil)
	}
	known, err := r.knownColumns(id)
	if err != nil {
		return err
	}
	fresh := slices.DeleteFunc(t.ColumnNames(), func(name string) bool {
		return slices.ContainsFunc(known, func(k string) bool { return foldName(k) == foldName(name) }) || only != nil && !hasColumn(only, t.Name, name)
	})
	if len(fresh) == 0 {
		return nil
	}
	a.Columns[t.Name] = fresh
	return r.know(t.Name, func(names []string) []string { return append(names, fresh...) })
}

// UnseenRows calls f for what the application wrote to the tables and columns that
// were adopted before capture knew them: every row of a new table, as inserted, and
// of the other tables the rows that hold another value in a new column than ALTER
// TABLE gave them, as updated. Rows with NULL in their key are left out, as by
// capture. It reads a row at a time, and f must not write.
func (r *Replica) UnseenRows(a *Adopted, f func(*RowImage) error) error {
	for _, t := range r.Schema.Tables {
		var err error
		if slices.Contains(a.Tables, t.Name) {
			err = r.unseenInserts(t, f)
		} else if names := a.Columns[t.Name]; names != nil {
			err = r.unseenUpdates(t, names, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Replica) unseenInserts(t *Table, f func(*RowImage) error) error {
	return r.Query(t.sql.selectAll, func(row []replog.Value) error {
		m := &RowImage{Table: t, Key: t.KeyOf(row), After: row}
		if slices.ContainsFunc(m.Key, replog.Value.IsNull) {
			return nil
		}
		return f(m)
	})
}

func (r *Replica) unseenUpdates(t *Table, names []string, f func(*RowImage) error) error {
	var columns []int
	var given []replog.Value
	var tests []string
	for _, name := range names {
		i := t.Column(name)
		value, err := columnDefault(&t.Columns[i], t.Strict)
		if err != nil {
			return err
		}
		columns, given = append(columns, i), append(given, value)
		// Of the zeros SQL does not tell which is meant: see changed.
		const test = "%s COLLATE BINARY IS NOT ?# OR typeof(%s) <> typeof(?#) OR typeof(%s) = 'real' AND %s = 0.0"
		quoted := strings.ReplaceAll(test, "%s", replog.QuoteName(name))
		tests = append(tests, strings.ReplaceAll(quoted, "#", replog.Integer(int64(len(given))).String()))
	}
	return r.Query(t.sql.selectAll+" WHERE "+tree(tests, " OR "), func(row []replog.Value) error {
		m := &RowImage{Table: t, Key: t.KeyOf(row), Before: overlay(row, columns, given), After: row}
		if slices.ContainsFunc(m.Key, replog.Value.IsNull) || sameImage(m.Before, m.After) {
			return nil
		}
		return f(m)
	}, given...)
}

// GatherUnseen makes one unmarked transaction of UnseenRows, nil where there are
// none; a long one is on disk. No time in it is before last.
func (r *Replica) GatherUnseen(a *Adopted, last replog.Millis) (*Gathered, error) {
	now, err := r.clock()
	if err != nil {
		return nil, err
	}
	g := &Gathered{Time: max(now, last)}
	changes := replog.NewChangeSpill()
	err = r.UnseenRows(a, func(m *RowImage) error {
		c := m.change()
		c.Time = g.Time
		if c.Op == replog.Update {
			c.Context = contextOf(m.Table, m.changed(), m.After)
		}
		return changes.Add(c)
	})
	if err != nil || changes.Len() == 0 {
		return nil, err
	}
	g.long = &longLists{statements: changes}
	if changes.Len() <= defaultBatch.whole {
		err = g.load()
	}
	return g, err
}

// IsNews tells of a change by GatherUnseen whether the tables, as they are now, do not
// know better: the row is not there, or it holds what ALTER TABLE gave it.
func (r *Replica) IsNews(c *replog.Change) (bool, error) {
	_, columns, now, err := r.find(c)
	if err != nil {
		return false, err
	}
	if c.Op == replog.Insert {
		return now == nil, nil
	}
	return now != nil && slices.Equal(pick(now, columns), c.Old), nil
}

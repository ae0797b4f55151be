package applier

import (
	"slices"
	"strings"

	"replog/replog"
)

// changes writes net changes in an order in which no unique value is taken
// before it is free: rows go first and come last, and updates that might swap
// unique values with each other take their rows out in between. It returns how
// many rows the statements change, and fails where the list does.
func (s *script) changes(changes replog.Changes) (rows int, err error) {
	moves, err := s.swaps(changes)
	if err != nil {
		return 0, err
	}
	moved := func(c *replog.Change) bool {
		return slices.ContainsFunc(moves, func(m *move) bool { return s.isOf(m, c) })
	}
	err = s.each(changes, func(c *replog.Change) {
		if c.Op == replog.Delete {
			s.printf("DELETE FROM %s WHERE %s;\n", mainName(c.Table), s.key(c))
			rows++
		}
	})
	for _, m := range moves {
		if err == nil {
			err = s.takeOut(m, changes)
		}
		rows += 3 * m.updates
	}
	if err != nil {
		return 0, err
	}
	err = s.each(changes, func(c *replog.Change) {
		if c.Op == replog.Update && !moved(c) {
			s.printf("UPDATE %s SET %s WHERE %s;\n", mainName(c.Table), assignments(c), s.key(c))
			rows++
		}
	})
	for _, m := range moves {
		s.putBack(m)
		rows += m.updates
	}
	if err != nil {
		return 0, err
	}
	err = s.each(changes, func(c *replog.Change) {
		if c.Op == replog.Insert {
			s.printf("INSERT INTO %s(%s) VALUES(%s);\n", mainName(c.Table), names(c.Columns), literals(c.New))
			rows++
		}
	})
	return rows, err
}

// each calls f for each change, as long as the script can be written.
func (s *script) each(changes replog.Changes, f func(*replog.Change)) error {
	return replog.EachChange(changes, func(_ int, c *replog.Change) error {
		f(c)
		return s.failed()
	})
}

// move is the updates of one table that change unique values.
type move struct {
	table   *Table
	holds   string // the temporary table for the rows
	updates int
}

// isOf tells whether a change is one of a move's updates.
func (s *script) isOf(m *move, c *replog.Change) bool {
	return c.Op == replog.Update && s.schema.Table(c.Table) == m.table && m.table.changesUnique(c.Columns)
}

// swaps finds the updates that may want each other's unique values: in one
// table, more than one that changes any.
func (s *script) swaps(changes replog.Changes) (list []*move, err error) {
	byTable := map[*Table]*move{}
	err = s.each(changes, func(c *replog.Change) {
		t := s.schema.Table(c.Table)
		if c.Op != replog.Update || t == nil || !t.changesUnique(c.Columns) {
			return
		}
		m := byTable[t]
		if m == nil {
			m = &move{table: t, holds: "temp." + replog.QuoteName("replog_moved_"+t.Name)}
			byTable[t] = m
			list = append(list, m)
		}
		m.updates++
	})
	return slices.DeleteFunc(list, func(m *move) bool { return m.updates < 2 }), err
}

// changesUnique tells whether an update of these columns may change what a
// unique index holds. An index on an expression, or a partial one, may depend on
// any column.
func (t *Table) changesUnique(columns []string) bool {
	for i := range t.Unique {
		x := &t.Unique[i]
		if x.Where != "" || !x.Plain() {
			return true
		}
		for _, p := range x.Parts {
			if slices.Contains(columns, t.Columns[p.Column].Name) {
				return true
			}
		}
	}
	return false
}

// takeOut moves rows to a temporary table, whose columns have no type so that
// values stay as they are, and updates them there.
func (s *script) takeOut(m *move, changes replog.Changes) error {
	columns, table := names(m.table.ColumnNames()), mainName(m.table.Name)
	s.printf("CREATE TEMP TABLE %s(%s);\n", strings.TrimPrefix(m.holds, "temp."), columns)
	err := s.each(changes, func(c *replog.Change) {
		if s.isOf(m, c) {
			s.printf("INSERT INTO %s SELECT %s FROM %s WHERE %s;\n", m.holds, columns, table, s.key(c))
			s.printf("DELETE FROM %s WHERE %s;\n", table, s.key(c))
		}
	})
	if err != nil {
		return err
	}
	return s.each(changes, func(c *replog.Change) {
		if s.isOf(m, c) {
			s.printf("UPDATE %s SET %s WHERE %s;\n", m.holds, assignments(c), keyTerms(c, nil))
		}
	})
}

func (s *script) putBack(m *move) {
	columns := names(m.table.ColumnNames())
	s.printf("INSERT INTO %s(%s) SELECT %s FROM %s;\n", mainName(m.table.Name), columns, columns, m.holds)
	s.printf("DROP TABLE %s;\n", m.holds)
}

// key is the condition for a change's row.
func (s *script) key(c *replog.Change) string { return keyTerms(c, s.schema.Table(c.Table)) }

// keyTerms compares text under the collations of the table's primary key, which
// need not be those of its columns; without a table, exactly.
func keyTerms(c *replog.Change, t *Table) string {
	terms := make([]string, len(c.Key))
	for i, v := range c.Key {
		name := replog.QuoteName(c.KeyColumns[i])
		switch v.Kind() {
		case replog.KindNull:
			terms[i] = name + " IS NULL"
		case replog.KindText:
			terms[i] = name + " = " + v.Literal() + " COLLATE " + t.keyCollation(c.KeyColumns[i])
		default:
			terms[i] = name + " = " + v.Literal()
		}
	}
	return strings.Join(terms, " AND ")
}

func (t *Table) keyCollation(column string) string {
	if t != nil && !t.rowidAlias() {
		for _, p := range t.Unique[0].Parts {
			if p.Column >= 0 && p.Column == t.Column(column) {
				return p.Collation
			}
		}
	}
	return "BINARY"
}

func mainName(table string) string { return "main." + replog.QuoteName(table) }

func names(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = replog.QuoteName(c)
	}
	return strings.Join(quoted, ", ")
}

func literals(values []replog.Value) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = v.Literal()
	}
	return strings.Join(list, ", ")
}

func assignments(c *replog.Change) string {
	list := make([]string, len(c.Columns))
	for i, column := range c.Columns {
		list[i] = replog.QuoteName(column) + " = " + c.New[i].Literal()
	}
	return strings.Join(list, ", ")
}

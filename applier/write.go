package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// statements are the texts that a table's rows are read and written with.
type statements struct {
	selectRow string // by key
	insert    string
	remove    string // by key
	selectAll string
}

func (t *Table) render() statements {
	var columns, marks, plus []string
	for _, c := range t.Columns {
		columns = append(columns, replog.QuoteName(c.Name))
		plus = append(plus, "+"+replog.QuoteName(c.Name))
		marks = append(marks, "?")
	}
	table := "main." + replog.QuoteName(t.Name)
	where := " WHERE " + t.keyCondition()
	return statements{
		selectRow: "SELECT " + strings.Join(plus, ", ") + " FROM " + table + where,
		insert:    "INSERT OR ABORT INTO " + table + "(" + strings.Join(columns, ", ") + ") VALUES(" + strings.Join(marks, ", ") + ")",
		remove:    "DELETE FROM " + table + where,
		selectAll: "SELECT " + strings.Join(plus, ", ") + " FROM " + table,
	}
}

// keyCondition compares under the collations of the primary key, which need not
// be those of its columns.
func (t *Table) keyCondition() string {
	var terms []string
	for _, k := range t.Key {
		term := replog.QuoteName(t.Columns[k].Name) + " = ?"
		for _, p := range t.Unique[0].Parts {
			if p.Column == k && !t.rowidAlias() {
				term += " COLLATE " + p.Collation
			}
		}
		terms = append(terms, term)
	}
	return tree(terms, " AND ")
}

// updateSQL sets some columns by key. OR ABORT overrides the conflict clauses
// of the schema, as in insert: a REPLACE there must not evict rows.
func (t *Table) updateSQL(columns []int) string {
	var set []string
	for _, n := range columns {
		set = append(set, replog.QuoteName(t.Columns[n].Name)+" = ?")
	}
	return "UPDATE OR ABORT main." + replog.QuoteName(t.Name) + " SET " + strings.Join(set, ", ") + " WHERE " + t.keyCondition()
}

// ConstraintError says that a constraint refused a row.
type ConstraintError struct {
	Table string
	Key   []replog.Value
	Err   error // SQLite's, which names the constraint
}

func (e *ConstraintError) Error() string {
	return fmt.Sprintf("table %q, row %s: %v", e.Table, replog.KeyString(e.Key), e.Err)
}

func (e *ConstraintError) Unwrap() error { return e.Err }

// Write turns each row from its image before, which must be what the database
// holds, into its image after. All rows that go, or that change a unique value,
// are taken away first, so that values can be swapped between them. A refusal
// is a *ConstraintError; what was written until then stays, for the caller's
// savepoint to undo.
func (r *Replica) Write(images *Images) error {
	err := images.each(func(m *RowImage) error {
		r.written[m.Table] = true
		if m.Before != nil && (m.After == nil || m.movesUnique()) {
			return r.remove(m)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return images.each(func(m *RowImage) error {
		switch {
		case m.After == nil:
			return nil
		case m.Before == nil || m.movesUnique():
			return r.put(m, m.Table.sql.insert, m.After)
		}
		columns := m.changed()
		if len(columns) == 0 {
			return nil
		}
		return r.put(m, m.Table.updateSQL(columns), append(pick(m.After, columns), m.Key...))
	})
}

func (r *Replica) remove(m *RowImage) error {
	n, err := r.ExecCount(m.Table.sql.remove, m.Key...)
	if err == nil && n != 1 {
		err = &DivergenceError{Table: m.Table.Name, Key: m.Key, Why: fmt.Sprintf("deleting it took %d rows away", n)}
	}
	return err
}

func (r *Replica) put(m *RowImage, query string, args []replog.Value) error {
	err := r.Exec(query, args...)
	if IsConstraint(err) {
		return &ConstraintError{Table: m.Table.Name, Key: m.Key, Err: err}
	}
	return err
}

// changed lists the columns in which the images differ.
func (i *RowImage) changed() []int {
	var columns []int
	for n := range i.After {
		if i.After[n] != i.Before[n] {
			columns = append(columns, n)
		}
	}
	return columns
}

// movesUnique tells whether an update may change what a unique index holds. An
// index on an expression, or a partial one, may depend on any column.
func (i *RowImage) movesUnique() bool {
	if i.Before == nil || i.After == nil {
		return false
	}
	changed := i.changed()
	for n := range i.Table.Unique {
		x := &i.Table.Unique[n]
		if (x.Where != "" || !x.Plain()) && len(changed) > 0 {
			return true
		}
		if slices.ContainsFunc(x.Parts, func(p IndexPart) bool { return slices.Contains(changed, p.Column) }) {
			return true
		}
	}
	return false
}

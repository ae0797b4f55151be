package applier

import (
	"fmt"
	"strings"

	"replog/replog"
)

// refusals is a temporary table in which RESTRICT leaves word: the number of the
// foreign key among those of the schema, and the parent's key. It is read after
// the statement, which is not to stay then.
const refusals = ownPrefix + "refusals"

// actionTriggers renders triggers that do for a table's children what foreign keys
// say, while SQLite's own are off, as they are within a transaction of ours: AFTER
// triggers, which are where SQLite runs these actions too
// (https://www.sqlite.org/foreignkeys.html#fk_actions). Being temporary, they fire
// before the application's.
func actionTriggers(s *Schema, t *Table) []string {
	var onDelete, onUpdate []string
	for _, f := range t.Inbound {
		number := s.foreignKeyNumber(f)
		if body := f.action(f.OnDelete, number, false); body != "" {
			onDelete = append(onDelete, body)
		}
		if body := f.action(f.OnUpdate, number, true); body != "" {
			onUpdate = append(onUpdate, body)
		}
	}
	var list []string
	for event, body := range map[string][]string{"DELETE": onDelete, "UPDATE": onUpdate} {
		if body != nil {
			name := fmt.Sprintf("%saction_%s_%s", ownPrefix, strings.ToLower(event), t.Name)
			list = append(list, fmt.Sprintf("CREATE TRIGGER temp.%s AFTER %s ON main.%s WHEN (SELECT recording FROM replog_control) BEGIN %s; END",
				replog.QuoteName(name), event, replog.QuoteName(t.Name), strings.Join(body, "; ")))
		}
	}
	return list
}

// action renders a statement of such a trigger, "" where nothing is to be done.
// The parent's column comes first in a comparison, so that it is made under its
// collation.
func (f *ForeignKey) action(a ForeignKeyAction, number int, update bool) string {
	var match, same, set []string
	for i, c := range f.Columns {
		child, parent := replog.QuoteName(f.Child.Columns[c].Name), replog.QuoteName(f.Parent.Columns[f.Referenced[i]].Name)
		match = append(match, "OLD."+parent+" = "+child)
		same = append(same, "OLD."+parent+" IS NEW."+parent)
		value := "NULL"
		switch {
		case a == actionCascade:
			value = "NEW." + parent
		case a == actionSetDefault && f.Child.Columns[c].Default != "":
			value = "(" + f.Child.Columns[c].Default + ")"
		}
		set = append(set, child+" = "+value)
	}
	where := strings.Join(match, " AND ")
	if update {
		where += " AND NOT (" + strings.Join(same, " AND ") + ")"
	}
	child := replog.QuoteName(f.Child.Name)
	switch {
	case a == actionNone:
		return ""
	case a == actionRestrict:
		values := []string{fmt.Sprint(number)}
		for _, k := range f.Parent.Key {
			values = append(values, "OLD."+replog.QuoteName(f.Parent.Columns[k].Name))
		}
		return fmt.Sprintf("INSERT INTO %s(%s) SELECT %s FROM %s WHERE %s LIMIT 1", refusals, refusalColumns(len(f.Parent.Key)), strings.Join(values, ", "), child, where)
	case a == actionCascade && !update:
		return "DELETE FROM " + child + " WHERE " + where
	}
	return "UPDATE OR ABORT " + child + " SET " + strings.Join(set, ", ") + " WHERE " + where
}

// refusalColumns names the columns of refusals.
func refusalColumns(key int) string {
	columns := []string{"number"}
	for i := range key {
		columns = append(columns, fmt.Sprintf("k%d", i))
	}
	return strings.Join(columns, ", ")
}

// foreignKeys lists the schema's foreign keys, in an order.
func (s *Schema) foreignKeys() (list []*ForeignKey) {
	for _, t := range s.Tables {
		list = append(list, t.ForeignKeys...)
	}
	return list
}

func (s *Schema) foreignKeyNumber(f *ForeignKey) int {
	for i, other := range s.foreignKeys() {
		if f == other {
			return i
		}
	}
	return -1
}

// makeRefusals makes the table, empty.
func (r *Replica) makeRefusals() error {
	key := 1
	for _, t := range r.Schema.Tables {
		key = max(key, len(t.Key))
	}
	return r.Script(fmt.Sprintf("CREATE TABLE IF NOT EXISTS temp.%s(%s)", refusals, refusalColumns(key)))
}

// refused returns what RESTRICT refused, or nil.
func (r *Replica) refused() error {
	row, err := r.QueryRow("SELECT * FROM temp." + refusals + " LIMIT 1")
	if err != nil || row == nil {
		return err
	}
	f := r.Schema.foreignKeys()[row[0].Int64()]
	return &ForeignKeyError{Child: f.Child.Name, Parent: f.Parent.Name, Key: row[1 : 1+len(f.Parent.Key)], Orphans: true}
}

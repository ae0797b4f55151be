package applier

import (
	"encoding/json"
	"fmt"
	"slices"

	"replog/replog"
)

// Object is a table, an index, a view or a trigger of the application's, as
// sqlite_schema keeps it (https://www.sqlite.org/schematab.html). Table is the
// table or the view that it belongs to; for those, their own name.
type Object struct {
	Type  string `json:"type"`
	Name  string `json:"name"`
	Table string `json:"table"`
	SQL   string `json:"sql"`
}

// The types of objects.
const (
	typeTable   = "table"
	typeIndex   = "index"
	typeView    = "view"
	typeTrigger = "trigger"
)

// ReadObjects lists the application's objects of the connection's main database in
// the order of their creation. Left out are those of replog and of SQLite itself,
// the indexes that a constraint makes, and the tables in which virtual ones keep
// their content.
func ReadObjects(c *Conn) ([]Object, error) {
	var list []Object
	var all []object
	err := c.Query("SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid", func(row []replog.Value) error {
		o := Object{Type: row[0].Bytes(), Name: row[1].Bytes(), Table: row[2].Bytes(), SQL: row[3].Bytes()}
		if !IsOwn(o.Name) && !IsOwn(o.Table) {
			list = append(list, o)
			all = append(all, object{kind: o.Type, name: o.Name, table: o.Table, sql: o.SQL})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	hidden, err := shadowTables(c, all)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(o Object) bool {
		return hidden[foldName(o.Table)] && !(o.Type == typeTable && isVirtual(o.SQL))
	}), nil
}

// Objects is ReadObjects with the triggers that WithoutTriggers has taken out of the
// way.
func (r *Replica) Objects() ([]Object, error) {
	list, err := ReadObjects(r.Conn)
	if err != nil || r.derived == nil {
		return list, err
	}
	list = slices.DeleteFunc(list, func(o Object) bool { return o.Type == typeTrigger && r.Schema.Table(o.Table) != nil })
	for _, t := range r.aside {
		list = append(list, Object{Type: typeTrigger, Name: t.name, Table: t.table, SQL: t.sql})
	}
	return list, nil
}

// WithTriggers is the list with the triggers of these texts, in order of creation,
// in the place of its own: for a replica whose triggers are kept elsewhere.
func WithTriggers(list []Object, texts []string) []Object {
	list = slices.DeleteFunc(slices.Clone(list), func(o Object) bool { return o.Type == typeTrigger })
	for _, text := range texts {
		head, _ := parseHead(tokenize(text))
		list = append(list, Object{Type: typeTrigger, Name: head.name, Table: head.table, SQL: text})
	}
	return list
}

// TriggerTexts are the SQL texts of the triggers in a list, in its order.
func TriggerTexts(list []Object) []string {
	texts := []string{}
	for _, o := range list {
		if o.Type == typeTrigger {
			texts = append(texts, o.SQL)
		}
	}
	return texts
}

// FormatObjects renders a list as JSON, an array of objects in order.
func FormatObjects(list []Object) string {
	if list == nil {
		list = []Object{}
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings alone
	}
	return string(b)
}

// ParseObjects is the reverse of FormatObjects.
func ParseObjects(text string) ([]Object, error) {
	var list []Object
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("a list of schema objects: %w", err)
	}
	return list, nil
}

// findObject returns the object of a type and a name, or nil.
func findObject(list []Object, kind, name string) *Object {
	for i := range list {
		if list[i].Type == kind && foldName(list[i].Name) == foldName(name) {
			return &list[i]
		}
	}
	return nil
}

// findNamed returns the object of a name among those that share one space of names:
// tables, views and indexes, or triggers.
func findNamed(list []Object, kind, name string) *Object {
	for i := range list {
		if (list[i].Type == typeTrigger) == (kind == typeTrigger) && foldName(list[i].Name) == foldName(name) {
			return &list[i]
		}
	}
	return nil
}

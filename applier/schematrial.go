package applier

import (
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// More of SQLite's actions, those of schema statements.
const (
	actionCreateIndex   action = 1
	actionCreateTable   action = 2
	actionCreateTrigger action = 7
	actionCreateView    action = 8
	actionDropIndex     action = 10
	actionDropTable     action = 11
	actionDropTrigger   action = 16
	actionDropView      action = 17
	actionPragma        action = 19
	actionAlterTable    action = 26
	actionReindex       action = 27
	actionRecursive     action = 33
)

// schemaActions are what SQLite asks to do for a type of object.
var schemaActions = map[string][2]action{
	typeTable: {actionCreateTable, actionDropTable}, typeIndex: {actionCreateIndex, actionDropIndex},
	typeView: {actionCreateView, actionDropView}, typeTrigger: {actionCreateTrigger, actionDropTrigger},
}

// schemaTrial runs a schema statement in a scratch database.
type schemaTrial struct {
	x         *schemaInspection
	s         *scratch
	functions map[string]bool // that it calls, folded
	tables    []string        // that it reads
	within    bool            // a view or a trigger is looked into
}

func (t *schemaTrial) run() error {
	before, err := ReadObjects(t.s.Conn)
	if err != nil {
		return err
	}
	err = t.s.limited(&t.x.o.Limits, func() error {
		if t.x.s.Legacy {
			if err := t.s.Script("PRAGMA legacy_alter_table = ON"); err != nil {
				return err
			}
		}
		if err := t.authorized(func() error { return t.s.Script(t.x.s.SQL) }); err != nil {
			return t.refusal(err)
		}
		return t.compile()
	})
	if err != nil {
		return err
	}
	t.checkCalls()
	after, err := ReadObjects(t.s.Conn)
	if err != nil {
		return err
	}
	now, err := ReadSchema(t.s.Conn)
	if err != nil {
		return err
	}
	t.x.s.Touches = touched(before, after)
	t.x.local(now)
	if t.x.refused != nil || t.x.s.Type == typeView || t.x.s.Type == typeTrigger || t.x.s.Action == SchemaDrop {
		return nil
	}
	return t.probe(after)
}

// authorized runs f under an authorizer that allows the statement alone.
func (t *schemaTrial) authorized(f func() error) error {
	named := map[string]bool{}
	for _, k := range t.x.tokens {
		if k.isName() {
			named[unquoted(k)] = true
		}
	}
	return t.s.authorized(func(a action, object, detail, schema string) bool {
		switch a {
		case actionSelect, actionRecursive, actionReindex:
			return true
		case actionFunction:
			if name := foldName(detail); named[name] {
				t.functions[name] = true
			}
			return true
		case actionRead, actionInsert, actionUpdate, actionDelete:
			if t.within && IsOwn(object) {
				t.x.fail(UnsafeOwn, "it names %s", object)
				return false
			}
			if a == actionRead && named[foldName(object)] {
				t.tables = append(t.tables, object)
			}
			return schema == "main" || schema == "" || !t.within && strings.HasPrefix(object, "sqlite_temp_")
		case actionAlterTable:
			return t.x.s.Action != SchemaCreate && t.x.s.Action != SchemaDrop && object == "main"
		case actionPragma: // ADD COLUMN checks the rows by it
			return t.x.s.Action == SchemaAddColumn && object == "quick_check"
		case schemaActions[t.x.s.Type][0]:
			return t.x.s.Action == SchemaCreate
		case schemaActions[t.x.s.Type][1]:
			return t.x.s.Action == SchemaDrop
		case actionCreateIndex: // that of a constraint
			return t.x.s.Type == typeTable
		case actionDropIndex, actionDropTrigger: // with their table
			return t.x.s.Action == SchemaDrop
		}
		return false
	}, f)
}

// refusal makes a *SchemaError of what SQLite says against the statement; other
// errors stay.
func (t *schemaTrial) refusal(err error) error {
	class := UnsafeSyntax
	switch resultCode(err) {
	case sqliteTooBig:
		class = UnsafeLimit
	case sqliteAuth:
		class = UnsafeStatement
	case sqliteError, sqliteRange, sqliteConstraint, sqliteMismatch:
		if t.callsOther() {
			class = UnsafeFunction
		}
	default:
		return fmt.Errorf("try %s: %w", abbreviate(t.x.s.SQL), err)
	}
	return &SchemaError{Class: class, Detail: err.Error(), Err: err}
}

// callsOther tells whether the statement may call a function that SQLite does not
// have, or that is not for it.
func (t *schemaTrial) callsOther() bool {
	return slices.ContainsFunc(t.x.calls(), func(name string) bool {
		return !isFreeFunction(name) && findNamed(t.x.objects, typeTable, name) == nil
	})
}

// compile has SQLite look into the view, or the trigger, that was created.
func (t *schemaTrial) compile() error {
	s := t.x.s
	if s.Action != SchemaCreate || s.Type != typeView && s.Type != typeTrigger {
		return nil
	}
	query := "SELECT * FROM main." + replog.QuoteName(s.Name)
	if s.Type == typeTrigger {
		var err error
		if query, err = t.firing(); err != nil {
			return err
		}
	}
	t.within = true
	err := t.authorized(func() error { return t.s.compiles(query) })
	if err != nil {
		return t.refusal(err)
	}
	for _, name := range t.tables {
		o := findNamed(t.x.objects, typeTable, name)
		if o == nil && !readableModules[foldName(name)] && foldName(name) != foldName(s.Name) {
			t.x.fail(UnsafeTable, "it reads %q, which is no table of the application's", name)
		}
	}
	return nil
}

// firing is a statement that fires the trigger.
func (t *schemaTrial) firing() (string, error) {
	var names, set, values []string
	err := t.s.Query("SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden = 0", func(row []replog.Value) error {
		name := replog.QuoteName(row[0].Bytes())
		names, set, values = append(names, name), append(set, name+" = "+name), append(values, "NULL")
		return nil
	}, replog.Text(t.x.s.Table))
	table := "main." + replog.QuoteName(t.x.s.Table)
	switch parseTrigger(t.x.s.SQL).event {
	case "insert":
		return "INSERT INTO " + table + "(" + strings.Join(names, ", ") + ") VALUES(" + strings.Join(values, ", ") + ")", err
	case "update":
		return "UPDATE " + table + " SET " + strings.Join(set, ", "), err
	}
	return "DELETE FROM " + table, err
}

// local notes why the rows of a new table stay in their file.
func (x *schemaInspection) local(now *Schema) {
	if x.s.Action != SchemaCreate || x.s.Type != typeTable {
		return
	}
	for _, t := range now.Skipped {
		if foldName(t.Name) == foldName(x.s.Name) {
			x.s.Local = t.Why
		}
	}
}

// touched lists the objects in which two lists differ.
func touched(before, after []Object) []string {
	var names []string
	add := func(a, b []Object) {
		for _, o := range a {
			if !slices.Contains(b, o) {
				names = append(names, o.Type+" "+o.Name)
			}
		}
	}
	add(before, after)
	add(after, before)
	slices.Sort(names)
	return slices.Compact(names)
}

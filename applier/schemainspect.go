package applier

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"replog/replog"
)

// InspectSchema looks at a schema statement without running it here. What speaks
// against replicating it is in SchemaStatement.Refused; errors are those of the
// database.
//
// The statement runs in a database in memory with the same objects, under an
// authorizer that allows nothing but it, and under SQLite's limits. What SQLite
// does not look at before a row is written, such as DEFAULT, is read from the text.
func (r *Replica) InspectSchema(sql string, o SchemaOptions) (*SchemaStatement, error) {
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	x := &schemaInspection{r: r, o: o, s: &SchemaStatement{SQL: strings.TrimSpace(sql)}}
	err := x.inspect(sql)
	if x.refused != nil {
		x.refused.SQL = x.s.SQL
		x.s.Refused = x.refused
	}
	return x.s, err
}

// schemaInspection is one call of InspectSchema.
type schemaInspection struct {
	r       *Replica
	o       SchemaOptions
	s       *SchemaStatement
	head    schemaHead
	tokens  []token
	objects []Object
	refused *SchemaError
}

func (x *schemaInspection) fail(class UnsafeClass, format string, args ...any) {
	if x.refused == nil {
		x.refused = &SchemaError{Class: class, Detail: fmt.Sprintf(format, args...)}
	}
}

func (x *schemaInspection) inspect(sql string) error {
	if !x.split(sql) {
		return nil
	}
	x.words()
	if x.refused != nil {
		return nil
	}
	var err error
	if x.o.Live {
		if err := x.live(); err != nil || x.refused != nil {
			return err
		}
	}
	if x.objects, err = x.r.Objects(); err != nil {
		return err
	}
	if x.o.Triggers != nil {
		x.objects = WithTriggers(x.objects, x.o.Triggers)
	}
	x.s.Legacy = x.s.Legacy || x.o.Legacy
	if x.virtual(); x.refused != nil {
		return nil
	}
	if x.belongs(); x.state() {
		return nil
	}
	if x.refused != nil {
		return nil
	}
	return x.try()
}

// split finds the statement in the text, and what it is.
func (x *schemaInspection) split(sql string) bool {
	if strings.ContainsRune(sql, 0) {
		x.fail(UnsafeSyntax, "a NUL in the text")
		return false
	}
	if max := x.o.Limits.SQLLength; max > 0 && len(sql) > max {
		x.fail(UnsafeSyntax, "a text of %d bytes; at most %d are taken", len(sql), max)
		return false
	}
	pieces := slices.DeleteFunc(Pieces(sql), func(p Piece) bool { return p.Empty })
	if x.s.One = len(pieces) == 1; !x.s.One {
		x.fail(UnsafeSeveral, "not exactly one statement")
		return false
	}
	text := pieces[0].Text
	x.s.SQL = text
	x.tokens = tokenize(text)
	if depth := deepest(x.tokens); depth > maxNesting {
		x.fail(UnsafeSyntax, "parentheses within parentheses %d deep", depth)
		return false
	}
	h, ok := parseHead(x.tokens)
	if !ok {
		x.fail(UnsafeStatement, "no CREATE, ALTER or DROP of a table, an index, a view or a trigger")
		return false
	}
	x.head = h
	x.s.SQL = text[:h.from] + text[h.to:]
	x.s.Action, x.s.Type, x.s.Name, x.s.Table, x.s.IfExists = h.action, h.kind, h.name, h.table, h.ifs
	x.s.Column, x.s.NewName = h.column, h.newName
	return true
}

// live checks what an application's connection may have beside the file. The log
// names no schema, so that a temporary object would hide the file's.
func (x *schemaInspection) live() error {
	row, err := x.r.QueryRow("PRAGMA legacy_alter_table")
	if err != nil {
		return err
	}
	h := &x.head
	x.s.Legacy = h.action == SchemaRename && row[0].Int64() != 0
	hidden := h.name
	switch {
	case h.action != SchemaCreate:
	case h.kind == typeTable || h.kind == typeView:
		return nil // it is made in the file all the same
	default:
		hidden = h.table
	}
	return x.r.Query("SELECT name FROM temp.sqlite_schema", func(row []replog.Value) error {
		if foldName(row[0].Bytes()) == foldName(hidden) {
			x.fail(UnsafeSchema, "a temporary object is called %q", hidden)
		}
		return nil
	})
}

// virtual refuses what depends on virtual tables, of which each replica has its
// own.
func (x *schemaInspection) virtual() {
	_, virtual := divideVirtual(x.objects)
	names := map[string]bool{}
	for _, o := range virtual {
		if o.Type != typeTrigger {
			names[foldName(o.Name)] = true
		}
		if o.Type == typeTable {
			for _, suffix := range shadowSuffixes {
				names[foldName(o.Name)+suffix] = true
			}
		}
		if x.head.kind == o.Type && foldName(x.head.name) == foldName(o.Name) {
			names[foldName(o.Name)] = true
		}
	}
	tokens := x.tokens
	if x.head.kind == typeTable {
		tokens = []token{x.head.nameAt}
	}
	for _, t := range tokens {
		if t.isName() && names[unquoted(t)] {
			x.fail(UnsafeVirtual, "%q is a virtual table or depends on one, of which each replica has its own", bareText(t))
		}
	}
}

// belongs finds the table that an index or a trigger is on which is to be dropped.
func (x *schemaInspection) belongs() {
	if o := findObject(x.objects, x.s.Type, x.s.Name); o != nil && x.s.Action == SchemaDrop {
		x.s.Table = o.Table
	}
}

// state tells whether what the statement leads to is there, or something else in
// its place.
func (x *schemaInspection) state() (already bool) {
	switch x.s.Action {
	case SchemaCreate:
		already = x.created()
	case SchemaDrop:
		there := findNamed(x.objects, x.s.Type, x.s.Name)
		if there != nil && there.Type != x.s.Type {
			x.clash(there, "%q is a %s, not a %s", there.Name, there.Type, x.s.Type)
		}
		already = there == nil && (!x.o.First || x.s.IfExists)
	default:
		already = x.altered()
	}
	x.s.Already = already && x.refused == nil
	return x.s.Already
}

func (x *schemaInspection) created() bool {
	there := findNamed(x.objects, x.s.Type, x.s.Name)
	if there == nil {
		return false
	}
	mine := Object{Type: x.s.Type, Name: x.s.Name, Table: x.s.Table, SQL: x.s.SQL}
	switch {
	case there.Type == x.s.Type && x.o.First && x.s.IfExists:
		return true
	case !x.o.First && newSchemaForm(x.objects, []Object{mine}).includes(there, &mine):
		return true
	}
	x.clash(there, "another %s is called %q", there.Type, there.Name)
	return false
}

func (x *schemaInspection) clash(there *Object, format string, args ...any) {
	if x.refused == nil {
		x.fail(UnsafeClash, format, args...)
		x.refused.There = there
	}
}

// altered tells whether the table is as ALTER TABLE would make it.
func (x *schemaInspection) altered() bool {
	table := findObject(x.objects, typeTable, x.s.Name)
	if x.o.First {
		return false // SQLite says what is wrong
	}
	if x.s.Action == SchemaRename {
		return table == nil && findObject(x.objects, typeTable, x.s.NewName) != nil
	}
	if table == nil {
		return false
	}
	d := newSchemaForm(x.objects).definition(table.SQL)
	is, there := d.column(foldName(x.s.Column))
	_, renamed := d.column(foldName(x.s.NewName))
	switch x.s.Action {
	case SchemaDropColumn:
		return !there
	case SchemaRenameColumn:
		return !there && renamed
	}
	if there {
		if wanted := newSchemaForm(x.objects).normal(x.head.rest[1:]); wanted == is.norm {
			return true
		}
		x.clash(table, "table %q has another column %q: %s", table.Name, x.s.Column, oneLine(is.text))
	}
	return false
}

// try runs the statement in memory.
func (x *schemaInspection) try() error {
	byRowID, err := KeepsRowIDs(x.r.Conn)
	if err != nil {
		return err
	}
	s, err := newScratch(x.objects, byRowID)
	if err != nil {
		return err
	}
	defer s.Close()
	t := &schemaTrial{x: x, s: s, functions: map[string]bool{}}
	err = t.run()
	var known *SchemaError
	if errors.As(err, &known) {
		if x.refused == nil {
			x.refused = known
		}
		return nil
	}
	return err
}

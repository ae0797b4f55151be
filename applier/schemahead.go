package applier

import "slices"

// SchemaAction is what a schema statement does to its object.
type SchemaAction string

// The actions.
const (
	SchemaCreate       SchemaAction = "create"
	SchemaDrop         SchemaAction = "drop"
	SchemaRename       SchemaAction = "rename"
	SchemaAddColumn    SchemaAction = "add column"
	SchemaDropColumn   SchemaAction = "drop column"
	SchemaRenameColumn SchemaAction = "rename column"
)

// schemaHead is how a schema statement begins.
type schemaHead struct {
	action  SchemaAction // "" for an ALTER TABLE that is none of these
	kind    string       // typeTable …
	unique  bool
	temp    bool
	virtual bool
	ifs     bool // IF EXISTS, IF NOT EXISTS
	schema  string
	name    string // as written, without quotes
	nameAt  token
	// table is what an index or a trigger is on.
	table string
	// column and newName are those of ALTER TABLE, without quotes.
	column, newName string
	// from and to are where IF [NOT] EXISTS and the schema are in the text, which
	// the log does without.
	from, to int
	// rest follows the name.
	rest []token
}

// parseHead takes the beginning of a statement apart; false where it is no CREATE,
// ALTER or DROP of a table, an index, a view or a trigger.
func parseHead(tokens []token) (h schemaHead, ok bool) {
	next := func(words ...string) bool {
		if len(tokens) == 0 || !tokens[0].is(words...) {
			return false
		}
		tokens = tokens[1:]
		return true
	}
	switch {
	case next("create"):
		h.action = SchemaCreate
		h.temp = next("temp", "temporary")
		h.unique = next("unique")
		h.virtual = next("virtual")
	case next("drop"):
		h.action = SchemaDrop
	case next("alter"):
	default:
		return h, false
	}
	if len(tokens) == 0 || !tokens[0].is(typeTable, typeIndex, typeView, typeTrigger) || h.action == "" && !tokens[0].is(typeTable) {
		return h, false
	}
	h.kind = foldName(tokens[0].text)
	tokens = tokens[1:]
	if len(tokens) == 0 {
		return h, false
	}
	h.from = tokens[0].from
	if h.action != "" && len(tokens) > 2 && tokens[0].is("if") && tokens[1].is("exists", "not") {
		h.ifs = true
		tokens = tokens[slices.IndexFunc(tokens, func(t token) bool { return t.is("exists") })+1:]
	}
	if len(tokens) > 2 && tokens[1].is(".") {
		h.schema = unquoted(tokens[0])
		tokens = tokens[2:]
	}
	if len(tokens) == 0 || !tokens[0].isName() {
		return h, false
	}
	h.to, h.nameAt, h.name, h.rest = tokens[0].from, tokens[0], bareText(tokens[0]), tokens[1:]
	h.table = h.name
	if h.action == "" {
		h.alters()
	}
	if h.action == SchemaCreate && (h.kind == typeIndex || h.kind == typeTrigger) {
		h.table = h.on()
	}
	return h, true
}

// SchemaTables names the tables and views that a schema statement is about, as far
// as its text tells: its own, that of the index or trigger, which may be in objects,
// and the new name. A text that is no schema statement names none.
func SchemaTables(sql string, objects []Object) []string {
	h, ok := parseHead(tokenize(sql))
	if !ok {
		return nil
	}
	name := h.table
	if h.action == SchemaDrop {
		if o := findObject(objects, h.kind, h.name); o != nil {
			name = o.Table
		} else if h.kind == typeIndex || h.kind == typeTrigger {
			return nil
		}
	}
	if t := findObject(objects, typeTable, name); t != nil {
		name = t.Name // as it is spelled
	}
	if h.action == SchemaRename && h.newName != "" {
		return []string{name, h.newName}
	}
	return []string{name}
}

// on is the table of an index or a trigger.
func (h *schemaHead) on() string {
	on := slices.IndexFunc(h.rest, func(t token) bool { return t.is("on") })
	if on < 0 || on+1 >= len(h.rest) {
		return ""
	}
	name := h.rest[on+1]
	if on+3 < len(h.rest) && h.rest[on+2].is(".") {
		name = h.rest[on+3]
	}
	return bareText(name)
}

// alters fills in what ALTER TABLE does.
func (h *schemaHead) alters() {
	t := h.rest
	word := func(i int, words ...string) bool { return i < len(t) && t[i].is(words...) }
	column := func(i int) int {
		if word(i, "column") && i+1 < len(t) && t[i+1].isName() && !word(i+1, "to") {
			i++
		}
		return i
	}
	switch {
	case word(0, "rename") && word(1, "to") && len(t) == 3:
		h.action, h.newName = SchemaRename, bareText(t[2])
	case word(0, "rename"):
		i := column(1)
		if i+3 == len(t) && word(i+1, "to") {
			h.action, h.column, h.newName = SchemaRenameColumn, bareText(t[i]), bareText(t[i+2])
		}
	case word(0, "add") && !word(1, "constraint", "check", "foreign", "unique", "primary"):
		if i := column(1); i < len(t) && t[i].isName() {
			h.action, h.column, h.rest = SchemaAddColumn, bareText(t[i]), t[i:]
		}
	case word(0, "drop") && !word(1, "constraint"):
		if i := column(1); i+1 == len(t) {
			h.action, h.column = SchemaDropColumn, bareText(t[i])
		}
	}
}

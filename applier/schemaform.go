package applier

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// schemaForm gives the canonical forms of a list of objects: equal for texts that
// mean the same, whatever their white space, comments, quoting and letter case of
// names and keywords, and the order of a table's columns and constraints.
type schemaForm struct {
	// known are the names, folded, of tables, views and columns: what is in double
	// quotes and no name that is known, SQLite may take for a string
	// (https://www.sqlite.org/quirks.html#dblquote).
	known map[string]bool
}

func newSchemaForm(lists ...[]Object) *schemaForm {
	f := &schemaForm{known: wordSet("rowid oid _rowid_ new old excluded main")}
	for _, o := range slices.Concat(lists...) {
		f.known[foldName(o.Table)] = true
		if o.Type == typeTable {
			for _, c := range parseTable(o.SQL).columns {
				f.known[c.name] = true
			}
		}
	}
	return f
}

// normal is normal of tokens, but for strings in double quotes, whose letters
// count.
func (f *schemaForm) normal(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		b.WriteString(f.token(tokens, i, t))
		b.WriteByte(0)
	}
	return b.String()
}

func (f *schemaForm) token(tokens []token, i int, t token) string {
	name := t.normal()
	switch {
	case i > 0 && tokens[i-1].is("default") && t.isName() && t.text[0] != '\'' && !isDefaultWord(tokens, i):
		return quoteText(bareText(t))
	case t.text[0] != '"' || f.known[name]:
		return name
	case i > 0 && tokens[i-1].is("as", ".", "constraint"), i+1 < len(tokens) && tokens[i+1].is(".", "("):
		return name
	}
	return quoteText(bareText(t))
}

// isDefaultWord tells whether what stands after DEFAULT is more than a name, which
// would be a string.
func isDefaultWord(tokens []token, i int) bool {
	t := tokens[i]
	blob := t.is("x") && i+1 < len(tokens) && tokens[i+1].text[0] == '\'' && tokens[i+1].from == t.to
	return blob || t.is("null", "true", "false", "current_time", "current_date", "current_timestamp", "values")
}

// bareText is a token without its quotes, its letters as they are.
func bareText(t token) string {
	switch q := t.text[:1]; q {
	case `"`, "`", "'":
		inner := strings.TrimSuffix(t.text[1:], q)
		return strings.ReplaceAll(inner, q+q, q)
	case "[":
		return strings.TrimSuffix(t.text[1:], "]")
	}
	return t.text
}

// definition is parseTable with forms of our own.
func (f *schemaForm) definition(sql string) *definition {
	d := parseTable(sql)
	for i := range d.columns {
		d.columns[i].norm = f.normal(tokenize(d.columns[i].text)[1:])
	}
	for i := range d.constraints {
		tokens := tokenize(d.constraints[i].text)
		if tokens[0].is("constraint") && len(tokens) > 2 {
			tokens = tokens[2:]
		}
		d.constraints[i].norm = f.normal(tokens)
	}
	return d
}

// object is the canonical form of an object's definition.
func (f *schemaForm) object(o *Object) string {
	switch {
	case o.Type == typeTable && !isVirtual(o.SQL):
		d := f.definition(o.SQL)
		var parts []string
		for _, c := range d.columns {
			parts = append(parts, "column "+c.name+"\x00"+c.norm)
		}
		for _, c := range d.constraints {
			parts = append(parts, "constraint "+c.norm)
		}
		slices.Sort(parts)
		return strings.Join(append(parts, d.options), "\n")
	case o.Type == typeIndex:
		tokens := tokenize(o.SQL)
		if on := slices.IndexFunc(tokens, func(t token) bool { return t.is("on") }); on > 0 {
			return fmt.Sprintf("unique=%t %s", slices.ContainsFunc(tokens[:on], func(t token) bool { return t.is("unique") }), f.normal(tokens[on+1:]))
		}
	}
	// The name comes last of what may be written in several ways before it.
	tokens := tokenize(o.SQL)
	kind := slices.IndexFunc(tokens, func(t token) bool { return t.is(o.Type) })
	head, ok := parseHead(tokens)
	if !ok || kind < 0 {
		return f.normal(tokens)
	}
	return f.normal(head.rest)
}

// same tells whether two objects are the same, but for where a trigger stands
// among those of its event.
func (f *schemaForm) same(a, b *Object) bool {
	return a.Type == b.Type && foldName(a.Name) == foldName(b.Name) && foldName(a.Table) == foldName(b.Table) && f.object(a) == f.object(b)
}

// includes tells whether an object is another, or, of tables, one to which columns
// were added since.
func (f *schemaForm) includes(whole, part *Object) bool {
	if f.same(whole, part) {
		return true
	}
	if whole.Type != typeTable || part.Type != typeTable || isVirtual(whole.SQL) || isVirtual(part.SQL) {
		return false
	}
	a, b := f.definition(whole.SQL), f.definition(part.SQL)
	for _, c := range b.columns {
		if other, ok := a.column(c.name); !ok || other.norm != c.norm {
			return false
		}
	}
	return a.options == b.options && len(subtract(b.constraints, a.constraints)) == 0 && len(subtract(a.constraints, b.constraints)) == 0
}

// lines are the canonical forms of all objects, sorted. The place of a trigger
// counts: of several for one event the last that was created fires first.
func (f *schemaForm) lines(list []Object) []string {
	var lines []string
	nth := map[string]int{}
	for i := range list {
		o := &list[i]
		place := 0
		if o.Type == typeTrigger {
			event := triggerEvent(o)
			place = nth[event]
			nth[event]++
		}
		lines = append(lines, fmt.Sprintf("%s %s on %s, %d: %s", o.Type, foldName(o.Name), foldName(o.Table), place, f.object(o)))
	}
	slices.Sort(lines)
	return lines
}

// triggerEvent names what a trigger fires at.
func triggerEvent(o *Object) string {
	shape := parseTrigger(o.SQL)
	return fmt.Sprintf("%s %t %s", foldName(o.Table), shape.before, shape.event)
}

// FingerprintObjects is a SHA-256, in hex, over the objects. It ignores the order
// of columns, white space, comments, the quoting and the letter case of names and
// keywords, and the order in which objects were created where that means nothing.
func FingerprintObjects(list []Object) string {
	sum := sha256.Sum256([]byte(strings.Join(newSchemaForm(list).lines(list), "\x00\n")))
	return hex.EncodeToString(sum[:])
}

// SameObjects tells whether two lists are of the same objects, as
// FingerprintObjects sees them.
func SameObjects(a, b []Object) bool {
	f := newSchemaForm(a, b)
	return slices.Equal(f.lines(a), f.lines(b))
}

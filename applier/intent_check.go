package applier

import (
	"slices"
)

// within is where a statement stands: on its own, or in the body of a trigger.
type within struct{ trigger *triggerShape }

// statement checks a statement that is not in a trigger, and tells which parameters must
// not be NULL; number says which one begins at a token.
func (k *checker) statement(d *dml, number map[int]int) (notNull []int) {
	t := k.dml(d, within{})
	if t == nil || d.kind != IntentInsert {
		return nil
	}
	for _, c := range k.keysToGive(t) {
		at := slices.IndexFunc(d.columns, func(name token) bool { return t.Column(unquoted(name)) == c })
		for _, row := range d.values {
			if items := splitOutside(row, ","); at >= 0 && at < len(items) && len(items[at]) > 0 {
				if n := number[items[at][0].from]; n > 0 {
					notNull = append(notNull, n)
				}
			}
		}
	}
	return notNull
}

// keysToGive are the columns for which SQLite would choose a value, or leave NULL
// in a key.
func (k *checker) keysToGive(t *Table) []int {
	if t.rowidAlias() || t.ByRowID || t.nullableKey() {
		return t.Key
	}
	return nil
}

// dml checks a statement by what it does itself, and all that this leads to. It
// returns the table, or nil where that is not replicated.
func (k *checker) dml(d *dml, in within) *Table {
	t := k.catalog.schema.Table(d.table)
	switch {
	case d.odd == "INDEXED BY":
		k.fail(UnsafeIndex, "it names an index")
	case d.odd != "":
		k.fail(UnsafeForm, "a form that is not looked into: %s", d.odd)
	case d.schema != "" && d.schema != "main":
		k.fail(UnsafeSchema, "table %q is in %q", d.table, d.schema)
	case t == nil:
		k.fail(UnsafeTable, "table %q is not replicated", d.table)
	case d.or == "rollback":
		k.fail(UnsafeRollback, "OR ROLLBACK ends the transaction")
	case d.from != nil:
		k.fail(UnsafeOrder, "UPDATE FROM takes any of several rows that fit")
	}
	if k.found != nil {
		return t
	}
	e := k.effects(t, d.kind)
	k.conflicts(d, t, e)
	switch d.kind {
	case IntentInsert:
		k.insert(d, t, e, in)
	case IntentUpdate:
		k.update(d, t, e)
	default:
		k.deletion(d, t, e)
	}
	k.chain(e)
	return t
}

// conflicts checks what depends on conflict clauses.
func (k *checker) conflicts(d *dml, t *Table, e *effects) {
	clause := d.or != "" && d.or != "abort"
	declared := k.catalog.has(t.Name, "conflict")
	if clause && (e.actions || len(e.triggers) > 0 || d.upsert != nil) {
		k.fail(UnsafeConflict, "OR %s also goes for what triggers and foreign-key actions do", d.or)
	}
	if (d.or == "replace" || declared) && slices.ContainsFunc(k.catalog.triggersOn(t.Name), func(x *triggerShape) bool { return x.event == "delete" }) {
		k.fail(UnsafeConflict, "whether REPLACE fires DELETE triggers depends on a PRAGMA")
	}
	if d.or == "replace" || declared {
		for _, c := range t.Columns {
			if impure := impureCall(tokenize(c.Default)); c.NotNull && impure != "" {
				k.fail(UnsafeDefault, "REPLACE may put the default of %q for NULL, which calls %s", c.Name, impure)
			}
		}
	}
	if k.catalog.has(t.Name, "rollback") {
		k.fail(UnsafeRollback, "table %q has ON CONFLICT ROLLBACK", t.Name)
	}
	if evicts := k.effects(t, IntentDelete); (d.or == "replace" || declared) && (evicts.actions || evicts.restricts) {
		k.fail(UnsafeConflict, "REPLACE may take rows away that others refer to")
	}
	if (clause || declared || d.upsert != nil) && k.severalRows(d, t) {
		k.fail(UnsafeConflict, "which rows a conflict concerns depends on their order")
	}
}

// severalRows tells whether a statement may write several rows in an order that is
// not its own.
func (k *checker) severalRows(d *dml, t *Table) bool {
	if d.kind == IntentInsert {
		return d.source != nil
	}
	return !k.pinned(d.where, []source{{t, d.alias}})
}

func (k *checker) insert(d *dml, t *Table, e *effects, in within) {
	if !d.hasColumns || d.defaults {
		k.fail(UnsafeColumns, "it does not name the columns")
		return
	}
	given := map[int]bool{}
	for _, name := range d.columns {
		n := t.Column(unquoted(name))
		if n < 0 {
			k.fail(UnsafeTable, "column %q is not replicated", name.text)
			return
		}
		given[n] = true
	}
	for n, c := range t.Columns {
		if impure := impureCall(tokenize(c.Default)); !given[n] && c.Default != "" && impure != "" {
			k.fail(UnsafeDefault, "the default of %q calls %s", c.Name, impure)
		}
	}
	for _, row := range d.values {
		k.expression(row)
		if len(d.values) > 1 {
			k.readsOwn(row, e)
		}
	}
	k.upsert(d, t)
	if d.source != nil {
		k.query(d.source, forRows)
		k.unordered(e)
	}
	for _, c := range k.keysToGive(t) {
		if !k.givesKey(d, t, c, in) {
			k.fail(UnsafeKey, "key column %q is left to SQLite, or may be NULL", t.Columns[c].Name)
		}
	}
}

// givesKey tells whether all rows of an INSERT have a value for a key column, but
// for parameters.
func (k *checker) givesKey(d *dml, t *Table, c int, in within) bool {
	at := slices.IndexFunc(d.columns, func(name token) bool { return t.Column(unquoted(name)) == c })
	if at < 0 {
		return false
	}
	if d.source != nil {
		b := parseBlock(d.source)
		items := splitOutside(b.list, ",")
		sources, ok := k.sources(b.from)
		return ok && at < len(items) && outside(b.from, "left", "right", "full", "outer") < 0 && k.neverNull(items[at], sources)
	}
	for _, row := range d.values {
		items := splitOutside(row, ",")
		if at >= len(items) || !isConstant(items[at]) && !k.isKeyOfNew(items[at], in) {
			return false
		}
	}
	return true
}

// neverNull tells whether an expression is a column that cannot be NULL.
func (k *checker) neverNull(tokens []token, sources []source) bool {
	if len(tokens) > 2 && tokens[len(tokens)-2].is("as") {
		tokens = tokens[:len(tokens)-2]
	}
	t, n := columnOf(tokens, sources)
	return t != nil && (t.Columns[n].NotNull || t.rowidAlias() && t.isKey(n))
}

// isKeyOfNew tells whether, in a trigger, an expression is a column of the row at
// hand that cannot be NULL.
func (k *checker) isKeyOfNew(tokens []token, in within) bool {
	if in.trigger == nil || in.trigger.before || len(tokens) != 3 || !tokens[0].is("new", "old") {
		return false
	}
	t := k.catalog.schema.Table(in.trigger.table)
	return t != nil && k.neverNull(tokens[2:], []source{{t, t.Name}})
}

func (k *checker) upsert(d *dml, t *Table) {
	if d.upsert == nil {
		return
	}
	if slices.ContainsFunc(d.upsert, func(t token) bool { return t.is("select") }) {
		k.fail(UnsafeForm, "a query within ON CONFLICT")
	}
	e := k.effects(t, IntentUpdate)
	k.chain(e)
	if e.actions {
		k.fail(UnsafeForeignKey, "an UPSERT of a table that others refer to with actions")
	}
	if k.mentionsKey(d.upsert, t) {
		k.fail(UnsafeKey, "ON CONFLICT may change a key")
	}
}

// mentionsKey tells whether the SET of an UPSERT may assign a key column that can
// be NULL.
func (k *checker) mentionsKey(upsert []token, t *Table) bool {
	if !t.nullableKey() {
		return false
	}
	set := slices.IndexFunc(upsert, func(t token) bool { return t.is("set") })
	return set >= 0 && slices.ContainsFunc(upsert[set:], func(x token) bool {
		n := -1
		if x.isName() {
			n = t.Column(unquoted(x))
		}
		return n >= 0 && t.isKey(n)
	})
}

func (k *checker) update(d *dml, t *Table, e *effects) {
	columns, ok := assigned(d.set)
	if !ok {
		k.fail(UnsafeForm, "a SET of a form that is not looked into")
		return
	}
	for i, name := range columns {
		n := t.Column(name)
		switch {
		case n < 0:
			k.fail(UnsafeTable, "column %q is not replicated", name)
			return
		case t.isKey(n) && t.nullableKey() && !isConstant(d.set[i][2:]):
			k.fail(UnsafeKey, "key column %q may become NULL", name)
		}
	}
	for _, s := range d.set {
		k.expression(s)
	}
	k.selected(d, t)
	if !k.severalRows(d, t) {
		return
	}
	for _, s := range d.set {
		k.readsOwn(s, e)
	}
	k.unordered(e)
	if k.changesUnique(t, columns) {
		k.fail(UnsafeUnique, "whether unique values of several rows clash depends on their order")
	}
}

// selected checks WHERE, ORDER BY and LIMIT.
func (k *checker) selected(d *dml, t *Table) {
	k.expression(d.where)
	k.expression(d.limit)
	if d.limit != nil && (d.order == nil || !k.ordersByKey(d.order, source{t, d.alias})) {
		k.fail(UnsafeOrder, "LIMIT takes rows of an order that is not certain")
	}
}

func (k *checker) deletion(d *dml, t *Table, e *effects) {
	k.selected(d, t)
	if k.severalRows(d, t) {
		k.readsOwn(d.where, e)
		k.unordered(e)
	}
}

// readsOwn refuses queries within tokens that may read what is being written.
func (k *checker) readsOwn(tokens []token, e *effects) {
	if !slices.ContainsFunc(tokens, func(t token) bool { return t.is("select", "in") }) {
		return
	}
	for i, t := range tokens {
		qualifier := i+1 < len(tokens) && tokens[i+1].is(".")
		column := i > 1 && tokens[i-1].is(".") && !tokens[i-2].named("main")
		if !t.isName() || qualifier || column {
			continue
		}
		if view := k.catalog.views[unquoted(t)]; view || e.tables[k.catalog.schema.Table(unquoted(t))] {
			k.fail(UnsafeReadsOwn, "it reads %q while it is written", unquoted(t))
			return
		}
	}
}

// changesUnique tells whether columns, folded, take part in a unique index.
func (k *checker) changesUnique(t *Table, columns []string) bool {
	return slices.ContainsFunc(t.Unique, func(x Index) bool {
		return x.Where != "" || !x.Plain() || slices.ContainsFunc(x.columns(), func(n int) bool {
			return slices.Contains(columns, foldName(t.Columns[n].Name))
		})
	})
}

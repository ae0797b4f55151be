package applier

import (
	"slices"

	"replog/replog"
)

// liveState is what an application may set on its connection and intents depend
// on. Elsewhere they will run with SQLite's defaults, but with foreign keys.
type liveState struct {
	settings liveSettings
	// functions are those that are not SQLite's own.
	functions string
	// temporary are the names of temporary tables and views, and triggered those
	// of tables that have temporary triggers, folded.
	temporary, triggered []string
}

// liveSettings are what PRAGMAs set, and what the application may have replaced.
// SQLite does not tell which collations that is: collates says that its own order
// some strings as they should.
type liveSettings struct {
	foreignKeys, ignoresChecks, writableSchema, likesFolded, collates bool
}

const settingsSQL = `
	SELECT f.foreign_keys, i.ignore_check_constraints, w.writable_schema, 'a' LIKE 'A',
		'a' < 'b' AND 'B' < 'a' AND 'a ' <> 'a' AND '10' < '9' AND 'ä' <> 'Ä'
		AND 'aB' = 'Ab' COLLATE NOCASE AND 'a' > '_' COLLATE NOCASE AND 'ä' <> 'Ä' COLLATE NOCASE AND 'a ' <> 'a' COLLATE NOCASE AND '10' < '9' COLLATE NOCASE
		AND 'a  ' = 'a' COLLATE RTRIM AND 'a' <> 'A' COLLATE RTRIM AND ' a' <> 'a' COLLATE RTRIM AND '10' < '9' COLLATE RTRIM
	FROM pragma_foreign_keys f, pragma_ignore_check_constraints i, pragma_writable_schema w`

// hides tells whether a temporary table or view has a name.
func (l *liveState) hides(name string) bool { return slices.Contains(l.temporary, foldName(name)) }

func (l *liveState) equal(other *liveState) bool {
	return l.settings == other.settings && l.functions == other.functions &&
		slices.Equal(l.temporary, other.temporary) && slices.Equal(l.triggered, other.triggered)
}

// Forget has the schema read again, whatever its version: a version that was rolled
// back may come again with another schema.
func (x *Intents) Forget() { x.r.version, x.version = -1, -1 }

// readLive reads the schema and the state of an application's connection, and tells
// whether both are as they were. Of a table that a temporary one hides SQLite may tell
// what it should of the other, so that a schema that was read beside other temporary
// tables does not count.
func (x *Intents) readLive() (known bool, err error) {
	now, err := x.liveState()
	if err != nil {
		return false, err
	}
	if !slices.Equal(now.temporary, x.live.temporary) && slices.ContainsFunc(slices.Concat(now.temporary, x.live.temporary), x.replicates) {
		x.Forget()
	}
	if err := x.r.Refresh(); err != nil {
		return false, err
	}
	known = x.catalog != nil && x.version == x.r.version && now.functions == x.live.functions
	if !known {
		x.version = -1 // until the catalog has been read
	}
	if !now.equal(&x.live) {
		clear(x.cache)
	}
	x.live = *now
	return known, nil
}

func (x *Intents) replicates(name string) bool { return x.r.Schema.Table(name) != nil }

func (x *Intents) liveState() (*liveState, error) {
	l := &liveState{}
	row, err := x.r.QueryRow(settingsSQL)
	if err != nil {
		return nil, err
	}
	s := &l.settings
	for i, to := range []*bool{&s.foreignKeys, &s.ignoresChecks, &s.writableSchema, &s.likesFolded, &s.collates} {
		*to = row[i].Int64() != 0
	}
	err = x.r.Query("SELECT name, narg FROM pragma_function_list WHERE NOT builtin", func(row []replog.Value) error {
		l.functions += row[0].Bytes() + "/" + row[1].String() + " "
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, x.r.Query("SELECT type, name, tbl_name FROM temp.sqlite_schema", func(row []replog.Value) error {
		switch kind, name := row[0].Bytes(), foldName(row[1].Bytes()); {
		case IsOwn(name):
		case kind == "trigger":
			l.triggered = append(l.triggered, foldName(row[2].Bytes()))
		case kind != "index":
			l.temporary = append(l.temporary, name)
		}
		return nil
	})
}

// settings checks what the statement depends on.
func (x *Intents) settings(i *Inspection, k *checker, e *effects) {
	related, set := false, &x.live.settings
	for t := range e.tables {
		related = related || len(t.ForeignKeys) > 0 || len(t.Inbound) > 0
		switch {
		case slices.Contains(x.live.triggered, foldName(t.Name)):
			k.fail(UnsafeSchema, "table %q has a temporary trigger", t.Name)
		case x.live.hides(t.Name):
			k.fail(UnsafeSchema, "a temporary table hides %q", t.Name)
		}
	}
	for _, s := range []struct {
		broken bool
		what   string
	}{
		{related && !set.foreignKeys, "foreign keys are off"},
		{set.ignoresChecks, "CHECK constraints are off"},
		{set.writableSchema, "writable_schema is on"},
		{!set.likesFolded && k.likes(i), "LIKE is case-sensitive"},
	} {
		if s.broken {
			k.fail(UnsafeSetting, "%s on this connection", s.what)
		}
	}
	if !set.collates {
		k.fail(UnsafeCollation, "the application has made a collation of SQLite its own")
	}
}

// hidden refuses names of tables and views that temporary ones hide.
func (x *Intents) hidden(k *checker, tokens []token) {
	if len(x.live.temporary) == 0 {
		return
	}
	for name := range k.namesOf(tokens) {
		if x.live.hides(name) && k.catalog.texts[name] != nil {
			k.fail(UnsafeSchema, "a temporary table hides %q", name)
		}
	}
}

// likes tells whether anything that takes part may call LIKE.
func (k *checker) likes(i *Inspection) bool {
	if slices.Contains(i.Functions, "like") {
		return true
	}
	for _, x := range k.catalog.triggers {
		if slices.Contains(i.Touches, x.table) || slices.ContainsFunc(tokenize(x.sql), func(t token) bool { return t.is("like") }) {
			return true
		}
	}
	return slices.ContainsFunc(i.Touches, func(name string) bool { return k.catalog.has(name, "like") })
}

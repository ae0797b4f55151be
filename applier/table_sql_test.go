package applier

import (
	"maps"
	"slices"
	"testing"
)

func TestColumnsTellWhatTheyAreGeneratedBy(t *testing.T) {
	for _, tc := range []struct{ column, expr, collation string }{
		{"a", "", "BINARY"},
		{"a TEXT COLLATE nocase DEFAULT (1 COLLATE RTRIM)", "", "NOCASE"},
		{"a DEFAULT 'x' COLLATE \"rtrim\" CHECK (CAST(a AS (1)) COLLATE NOCASE)", "", "RTRIM"},
		{"a AS (b)", "b", "BINARY"},
		{"\"as\" VARCHAR(10) generated always as ( (b + ')') /* ) */ || \"c(\" -- )\n) STORED COLLATE NOCASE", `(b + ')') /* ) */ || "c("`, "NOCASE"},
		{"a/*AS(0)*/INT/**/AS/**/(CAST(b AS INT))UNIQUE", "CAST(b AS INT)", "BINARY"},
		{"'a' INT [as] AS (f(b, (c))) NOT NULL CHECK (a > (0))", "f(b, (c))", "BINARY"},
	} {
		d := parseTable("CREATE TABLE t(id INTEGER PRIMARY KEY, " + tc.column + ", z AS (1), CHECK (z = 1))")
		if len(d.columns) != 3 {
			t.Errorf("%s makes %d columns", tc.column, len(d.columns))
			continue
		}
		if expr, collation := d.columns[1].expression(); expr != tc.expr || collation != tc.collation {
			t.Errorf("%s\ngives %q, %s\nwant  %q, %s", tc.column, expr, collation, tc.expr, tc.collation)
		}
	}
}

func TestNamesInExpressions(t *testing.T) {
	for expr, want := range map[string][]string{
		"a + B":                           {"a", "b"},
		`"a ""b""" || [c d] || 'e'`:       {`a "b"`, "c d"},
		"lower(a) COLLATE nocase":         {"a"},
		"CAST(a AS UNSIGNED BIG INT) + b": {"a", "b"},
		"x'00' || x":                      {"x"},
		"1e5 + 0x10 + .5 -- a":            nil,
		"substr(a, `b`)":                  {"a", "b"},
	} {
		if got := slices.Sorted(maps.Keys(namesIn(expr))); !slices.Equal(got, want) {
			t.Errorf("%s names %q; want %q", expr, got, want)
		}
	}
}

func TestStringsInDoubleQuotesAreNoNames(t *testing.T) {
	r := newTestReplica(t, scripted(t, "db", `CREATE TABLE t(id INTEGER PRIMARY KEY, "a b", g AS (1))`))
	const expr, want = `"A b" || "x ""it's""" || "g" || 'y"z"' || "ID" || "end"`, `"A b" || 'x "it''s"' || "g" || 'y"z"' || "ID" || 'end'`
	if got := r.Schema.Table("t").quoteStrings(expr); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestOnlyDefaultsThatEverybodyForeseesAreComputed(t *testing.T) {
	for text, want := range map[string]string{
		"abs(-3)":          "(abs(-3))",
		"1 + (2) -- three": "(1 + (2))",
		"upper('a') || hex(x'00') || CURRENT_DATE":              "(upper('a') || hex(x'00') || CURRENT_DATE)",
		"CASE WHEN TRUE THEN CAST(datetime('now') AS TEXT) END": "(CASE WHEN TRUE THEN CAST(datetime('now') AS TEXT) END)",
		"hex(randomblob(4))":                                    "",
		"random() * 0":                                          "",
		"last_insert_rowid()":                                   "",
		"house(1)":                                              "",
		"upper(\"a\")":                                          "",
		"abs":                                                   "",
		"":                                                      "",
	} {
		if got := computedDefault(text); got != want {
			t.Errorf("DEFAULT (%s) gives %q; want %q", text, got, want)
		}
	}
}

package applier

import (
	"slices"
	"testing"
)

func TestIndexSQLIsSplitIntoItsParts(t *testing.T) {
	for _, tc := range []struct {
		sql   string
		parts []string
		where string
	}{
		{"CREATE UNIQUE INDEX i ON t(a)", []string{"a"}, ""},
		{"CREATE UNIQUE INDEX i ON t(a, b)", []string{"a", "b"}, ""},
		{"CREATE UNIQUE INDEX i ON t ( a COLLATE NOCASE DESC , b ASC )", []string{"a", "b"}, ""},
		{"CREATE UNIQUE INDEX i ON t(lower(a) COLLATE RTRIM desc, (b + 1) * 2)", []string{"lower(a)", "(b + 1) * 2"}, ""},
		{"CREATE UNIQUE INDEX i ON t((a || (b)) COLLATE nocase, a = b COLLATE NOCASE, (a) = (b) COLLATE NOCASE DESC, -a COLLATE RTRIM, 'a' COLLATE RTRIM, NOT (a) COLLATE RTRIM)",
			[]string{"(a || (b))", "a = b COLLATE NOCASE", "(a) = (b) COLLATE NOCASE", "-a COLLATE RTRIM", "'a'", "NOT (a) COLLATE RTRIM"}, ""},
		{"CREATE UNIQUE INDEX i ON t(substr(a, 1, 2), b)", []string{"substr(a, 1, 2)", "b"}, ""},
		{"CREATE UNIQUE INDEX \"i(\" ON \"t,)\"(\"a(,\"\"\", [b)], `c,`)", []string{`"a(,"""`, "[b)]", "`c,`"}, ""},
		{"CREATE UNIQUE INDEX i ON t(a -- one, (\n, b /* ) , */)", []string{"a", "b"}, ""},
		{"CREATE UNIQUE INDEX i ON t(a || ',)' || b)", []string{"a || ',)' || b"}, ""},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE b > 0", []string{"a"}, "b > 0"},
		{"CREATE UNIQUE INDEX i ON t(a) where (b IS NOT NULL) AND c <> 'it''s)' -- end", []string{"a"}, "(b IS NOT NULL) AND c <> 'it''s)'"},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE t.b > 1.5", []string{"a"}, "b > 1.5"},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE main . \"t\".[b] IN (1.0, .5, 2.)", []string{"a"}, "[b] IN (1.0, .5, 2.)"},
		{"CREATE UNIQUE INDEX i ON t(a) WHERE b <> 't.c' AND 't'.c", []string{"a"}, "b <> 't.c' AND c"},
	} {
		parts, where, err := splitIndexSQL(tc.sql)
		if err != nil || !slices.Equal(parts, tc.parts) || where != tc.where {
			t.Errorf("%s\ngives %q, %q, %v\nwant  %q, %q", tc.sql, parts, where, err, tc.parts, tc.where)
		}
	}
}

func TestSQLThatIsNoIndexIsRefused(t *testing.T) {
	for _, sql := range []string{"", "CREATE UNIQUE INDEX i ON t", "CREATE UNIQUE INDEX i ON t(a", "CREATE UNIQUE INDEX i ON t(a, 'b)"} {
		if _, _, err := splitIndexSQL(sql); err == nil {
			t.Errorf("%q is split", sql)
		}
	}
}

// Within a trigger a name would be a column, so only literals are taken over.
func TestOnlyLiteralDefaultsAreUsedInTriggers(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"", ""},
		{"1", "(1)"},
		{"-1.5e3", "(-1.5e3)"},
		{"+ 7", "(+ 7)"},
		{"'it''s'", "('it''s')"},
		{"x'00ff'", "(x'00ff')"},
		{"NULL", "NULL"},
		{"true", "true"},
		{"CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"},
		{"word", "'word'"},
		{`"a ""b"""`, `'a "b"'`},
		{"`it's`", "'it''s'"},
		{"[x]", "'x'"},
		{"1 + 1", "(1 + 1)"},
		{"(1 + 1)", ""},
		{"random()", ""},
		{"a || 'b'", ""},
	} {
		if got := literalDefault(tc.text); got != tc.want {
			t.Errorf("DEFAULT %s gives %q; want %q", tc.text, got, tc.want)
		}
	}
}

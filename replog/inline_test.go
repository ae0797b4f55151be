package replog

import "testing"

func TestArgumentsStandInThePlacesOfTheirParameters(t *testing.T) {
	args := []Value{Integer(1), Text("it's"), Integer(-3), Real(0.5)}
	for _, tc := range []struct{ sql, want string }{
		{"UPDATE t SET a = ?, b = ? WHERE c = ?", "UPDATE t SET a = 1, b = 'it''s' WHERE c = -3"},
		{"SELECT ?2, ?, ?1", "SELECT 'it''s', -3, 1"},
		{"SELECT ?3, ?, ?", "SELECT -3, 0.5, ?"},
		{"SELECT :a, @a, $a, :a, ?", "SELECT 1, 'it''s', -3, 1, 0.5"},
		{"SELECT :A, :a", "SELECT 1, 'it''s'"},
		{"SELECT $a::b(c), $a::b(c)", "SELECT 1, 1"},
		{"SELECT $a(b c), 2", "SELECT 1(b c), 2"},
		{"SELECT '?', 'a''?', ?", "SELECT '?', 'a''?', 1"},
		{`SELECT "?", "a""?", "plain", "two words", ?`, `SELECT "?", "a""?", plain, "two words", 1`},
		{"SELECT `?`, [?], [a?b], ?", "SELECT `?`, [?], [a?b], 1"},
		{"SELECT 1 -- ?\n, ?", "SELECT 1 -- ?\n, 1"},
		{"SELECT 1 /* ? :a -- */, ?", "SELECT 1 /* ? :a -- */, 1"},
		{"SELECT 1 /*/ ? */, ?", "SELECT 1 /*/ ? */, 1"},
		{"SELECT a$1, a$ FROM t WHERE b=?AND?", "SELECT a$1, a$ FROM t WHERE b=1 AND 'it''s'"},
		{"SELECT 3-?3, ?3-?3", "SELECT 3- -3, -3- -3"},
		{`SELECT"a"FROM"t"`, "SELECT a FROM t"},
		{`SELECT """a""", ""`, `SELECT """a""", ""`},
		{"SELECT ?0, ?9, ?99999999999999999999", "SELECT ?0, ?9, ?99999999999999999999"},
		{"SELECT :, @, $, #, 'open ?", "SELECT :, @, $, #, 'open ?"},
		{"SELECT /* open ?", "SELECT /* open ?"},
		{"UPDATE t\n\tSET a = '\n'  --\n  WHERE\r\nb", "UPDATE t SET a = '\n'  --\n  WHERE b"},
		{"ä? ?", "ä 1 'it''s'"},
		{"", ""},
	} {
		if got := Inline(tc.sql, args, Value.String); got != tc.want {
			t.Errorf("%s\n got %s\nwant %s", tc.sql, got, tc.want)
		}
	}
}

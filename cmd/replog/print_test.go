package main

import (
	"bytes"
	"strings"
	"testing"

	"replog/replog"
)

func TestStatementsAreShownWithTheirArguments(t *testing.T) {
	text, one := replog.Text("it's"), replog.Integer(1)
	for _, c := range []struct {
		sql  string
		args []replog.Value
		want string
	}{
		{`UPDATE "item" SET "name" = ? WHERE "id" = ?`, []replog.Value{text, one}, `UPDATE item SET name = 'it''s' WHERE id = 1`},
		{`DELETE FROM "odd ""name?" WHERE "a b" = ?`, []replog.Value{one}, `DELETE FROM "odd ""name?" WHERE "a b" = 1`},
		{`DELETE FROM "" WHERE "1" = ?`, nil, `DELETE FROM "" WHERE "1" = ?`},
		{`DELETE FROM "cut`, nil, `DELETE FROM cut`},
		{`SELECT ?, ?`, []replog.Value{replog.Blob([]byte{0, 255}), {}}, `SELECT x'00ff', NULL`},
		{`SELECT ?`, []replog.Value{replog.Text("?")}, `SELECT '?'`},
	} {
		if got := inline(c.sql, c.args); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestTextFromTheDataCannotDriveATerminal(t *testing.T) {
	if got := literal(replog.Text("a\x1b[31m\r\n\u009b")); got != `'a\x1b[31m\x0d\x0a\x9b'` {
		t.Errorf("got %s", got)
	}
}

func TestLongValuesAreCutBetweenCharacters(t *testing.T) {
	got := literal(replog.Text(strings.Repeat("漢", 100)))
	if want := "'" + strings.Repeat("漢", literalLength-1) + "…"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestTablesAlignByCharacters(t *testing.T) {
	var out bytes.Buffer
	tab := table{header: []string{"A", "B"}}
	tab.print(&out)
	tab.add("漢字", "1")
	tab.add("x", "")
	tab.print(&out)
	if want := "A   B\n漢字  1\nx\n"; out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}

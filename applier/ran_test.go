package applier

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"replog/replog"
)

func ranForms() []RanStatement {
	one, waived := int64(1), int64(-1)
	return []RanStatement{
		{SQL: "DELETE FROM t"},
		{SQL: "UPDATE t SET a = ?, b = ? WHERE c = '\u2028<&>\n\"é'", Args: []replog.Value{replog.Integer(1), {}}, Affected: 3, Expect: &one, Optional: true},
		{SQL: "UPDATE t SET a = ?", Expect: &waived, Args: []replog.Value{
			replog.Integer(math.MaxInt64), replog.Integer(math.MinInt64), replog.Real(math.Inf(1)), replog.Real(math.Inf(-1)), replog.Real(math.Copysign(0, -1)), replog.Real(1),
			replog.Text("a\x00b"), replog.Text("\xff"), replog.Text(""), replog.Blob(nil), replog.Blob([]byte{0, 255}),
		}},
		{SQL: "UPDATE t SET a = '\xff'", Affected: math.MaxInt64},
		{SQL: "DELETE FROM t WHERE a < random()", Affected: 2, Class: UnsafeFunction, Why: "it calls random"},
		{Class: RowsUnseen, Affected: -1, Why: "not UTF-8: \xfe"},
	}
}

func TestARecordedStatementComesBackExactly(t *testing.T) {
	for _, s := range ranForms() {
		text := string(s.AppendJSON(nil))
		back, err := ParseRanStatement(text)
		if err != nil || !reflect.DeepEqual(*back, s) {
			t.Errorf("%s became %+v, %v", text, back, err)
		}
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			t.Errorf("%q is no text that every program reads", text)
		}
	}
	want := `{"sql":"DELETE FROM t WHERE a < random()","affected":2,"class":"function","why":"it calls random"}`
	if got := string(ranForms()[4].AppendJSON(nil)); got != want {
		t.Error(got)
	}
}

func TestOtherSpellingsOfARecordedStatementAreRefused(t *testing.T) {
	for _, text := range []string{
		"", "null", "{}", "[]", `{"sql":"x"}`, `{"sql":null,"affected":1}`, `{"sql":1,"affected":1}`, `{"affected":1,"sql":"x"}`, `{"sql":"x","affected":1} `, `{"sql":"x","affected":1}{}`,
		`{"sql":"x","affected":"1"}`, `{"sql":"x","affected":1.0}`, `{"sql":"x","affected":1,"optional":false}`, `{"sql":"x","affected":1,"args":[]}`, `{"sql":"x","args":[],"affected":1}`,
		`{"sql":"x","args":[01],"affected":1}`, `{"sql":"x","affected":1,"class":""}`, `{"sql":"x","affected":1,"more":1}`, `{"SQL":"x","affected":1}`, `{"sql":"x","affected":1,"sql":"x"}`,
	} {
		if s, err := ParseRanStatement(text); !errors.Is(err, ErrRanStatement) {
			t.Errorf("%s was read as %+v, %v", text, s, err)
		}
	}
}

func FuzzRanStatement(f *testing.F) {
	for _, s := range ranForms() {
		f.Add(string(s.AppendJSON(nil)))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseRanStatement(text)
		if err == nil && string(s.AppendJSON(nil)) != text {
			t.Errorf("%s came back as %s", text, s.AppendJSON(nil))
		}
	})
}

func TestATextThatIsOnlyShownIsCutBetweenRunes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sql := strings.Repeat("x", rapid.IntRange(0, 4).Draw(t, "shift")) + strings.Repeat(rapid.SampledFrom([]string{"a", "é", "日", "🙂"}).Draw(t, "rune"), rapid.IntRange(0, 1_200).Draw(t, "n"))
		cut := CutSQL(sql)
		if !utf8.ValidString(cut) || len(cut) > maxRowsSQL || len(sql) <= maxRowsSQL && cut != sql || len(sql) > maxRowsSQL && len(cut) < maxRowsSQL-6 {
			t.Errorf("%d bytes were cut to %d: %q", len(sql), len(cut), cut)
		}
	})
}

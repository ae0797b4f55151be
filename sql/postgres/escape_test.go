package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"replog/replog"
)

func TestAnyTextComesBackFromTheFormInWhichItIsStored(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "\x00", "\xff", "\xe2", "\xe2\x90", escapeText, "00", "0", "ÿ", "\\", "'"})
		text := strings.Join(rapid.SliceOf(piece).Draw(r, "pieces"), "")
		form := escaped(text)
		if !utf8.ValidString(form) || strings.Contains(form, "\x00") {
			r.Fatalf("PostgreSQL refuses %q, the form of %q", form, text)
		}
		if got := unescaped(form); got != text {
			r.Fatalf("%q came back from %q as %q", text, form, got)
		}
	})
}

func TestPlainTextIsStoredAsItIs(t *testing.T) {
	for _, text := range []string{"", "order 17", "Łódź 日本語 🙂", "\\x00 'quoted' \"\n"} {
		if got := escaped(text); got != text {
			t.Errorf("%q is stored as %q", text, got)
		}
	}
}

func FuzzBodiesAreDividedAndJoined(f *testing.F) {
	for _, c := range awkward() {
		f.Add(c.AppendJSON(nil))
	}
	intent := replog.Intent{SQL: "UPDATE \"x\" SET a = ?", Args: []replog.Value{replog.Text("],\"time\":1}")}, Optional: true}
	f.Add(intent.AppendJSON(nil))
	f.Add([]byte(`{"table":"`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var known shapes
		_, p, exact, err := known.of(body)
		if err == nil && !exact {
			t.Fatalf("%s is not divided", body)
		}
		if joined := p.join(nil); exact && string(joined) != string(body) {
			t.Fatalf("%s was joined to %s", body, joined)
		}
	})
}

package form

import (
	"slices"
	"testing"
)

func TestWordsOfATextAreLookedForFirst(t *testing.T) {
	for text, want := range map[string][]string{
		"a customer 17":      {"customer", "17"},
		"UPDATE visit SET x": {"v_s_t"},
		"update":             nil,
		"Ärger, Kilo":        {"_rger", "__lo"},
		"漏れなし":               {"漏れなし"},
		"50%_":               {"50"},
		"aa bb cc dd ee":     {"aa", "bb", "cc", "dd"},
		"x":                  nil,
		"":                   nil,
		"\xff\xff":           nil,
		"ate":                nil,
	} {
		if got := LikePatterns(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

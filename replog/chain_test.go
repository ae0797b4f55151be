package replog

import "testing"

func TestAChainTellsEveryDifference(t *testing.T) {
	first := FirstChain("11111111-2222-4333-8444-555555555555")
	if len(first) != 32 {
		t.Errorf("the first is %q", first)
	}
	e := Entry{Revision: 1, Hash: "aa", Outcome: Applied}
	seen := map[Chain]string{first: "the first", FirstChain("x"): "another database's"}
	add := func(what string, c Chain) {
		t.Helper()
		if other, twice := seen[c]; twice {
			t.Errorf("%s has the chain of %s", what, other)
		}
		seen[c] = what
	}
	add("an entry", first.Next(&e))
	if again := e; first.Next(&again) != first.Next(&e) {
		t.Error("a chain is not the same twice")
	}
	for what, change := range map[string]func(*Entry){
		"another revision": func(e *Entry) { e.Revision = 2 },
		"another hash":     func(e *Entry) { e.Hash = "ab" },
		"another outcome":  func(e *Entry) { e.Outcome = Conflict },
		"other parts":      func(e *Entry) { e.Parts = []Part{{Outcome: Ignored, Rows: []int{0}}} },
	} {
		other := e
		change(&other)
		add(what, first.Next(&other))
	}
	add("another history", FirstChain("x").Next(&e))
}

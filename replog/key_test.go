package replog

import (
	"errors"
	"slices"
	"testing"
)

func TestAKeyIsReadAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string][]string{
		"abc":              {`["abc"]`},
		"17":               {`["17"]`, "[17]", "[17.0]"},
		"-1":               {`["-1"]`, "[-1]", "[-1.0]"},
		"1.50":             {`["1.50"]`, "[1.5]"},
		"1e3":              {`["1e3"]`, "[1000.0]"},
		"nan":              {`["nan"]`},
		"":                 {`[""]`},
		"'it''s'":          {`["'it''s'"]`, `["it's"]`},
		"x'00FF'":          {`["x'00FF'"]`, `[{"blob":"AP8="}]`},
		"x'0'":             {`["x'0'"]`},
		"'":                {`["'"]`},
		"[17]":             {"[17]"},
		`[ 17, "a", 1.50]`: {`[17,"a",1.5]`},
		`["[17]"]`:         {`["[17]"]`},
		`[null, {"blob": "AP8="}, {"text":"/w=="}, {"real":"+inf"}]`: {`[null,{"blob":"AP8="},{"text":"/w=="},{"real":"+inf"}]`},
		"9223372036854775808": {`["9223372036854775808"]`, "[9.223372036854776e+18]"},
		`["\u00e4\/"]`:        {`["ä/"]`},
	} {
		got, err := ParseKey(typed)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", typed, got, err, want)
		}
	}
	for _, typed := range []string{"[", "[]", "[1", "[1] 2", "[true]", "[[1]]", `[{"blob":"?"}]`} {
		if got, err := ParseKey(typed); err == nil {
			t.Errorf("%s: got %q, want an error", typed, got)
		}
	}
	if _, err := ParseKey("[true]"); !errors.Is(err, ErrValue) {
		t.Errorf("[true]: got error %v, want ErrValue", err)
	}
}

func TestTheKeyAfterAStatementHasWhatItChanged(t *testing.T) {
	c := Change{
		Op: Update, Key: []Value{Integer(1), Text("a")}, KeyColumns: []string{"x", "y"},
		Columns: []string{"z", "y"}, Old: []Value{{}, Text("a")}, New: []Value{Integer(5), Text("b")},
	}
	if got, want := c.KeyAfter(), []Value{Integer(1), Text("b")}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Op = Delete
	if !slices.Equal(c.KeyAfter(), c.Key) {
		t.Errorf("got %v for a DELETE, want its key", c.KeyAfter())
	}
}

package replog

import (
	"math"
	"strings"
	"testing"
)

func TestLiterals(t *testing.T) {
	for _, test := range []struct {
		v    Value
		want string
	}{
		{Value{}, "NULL"},
		{Integer(math.MinInt64), "-9223372036854775808"},
		{Real(0), "0.0"},
		{Real(math.Copysign(0, -1)), "-0.0"},
		{Real(0.1), "0.1"},
		{Real(-12.34), "-12.34"},
		{Real(1e15), "1e+15"},
		{Real(0.30000000000000004), "(1351079888211149*1.0/4503599627370496 /* 0.30000000000000004 */)"},
		{Real(0x1p70), "(1*1.0*4611686018427387904*256 /* 1.1805916207174113e+21 */)"},
		{Real(-0x1p-63), "(-1*1.0/4611686018427387904/2 /* -1.0842021724855044e-19 */)"},
		{Real(math.Inf(1)), "9e999"},
		{Real(math.Inf(-1)), "-9e999"},
		{Text(""), "''"},
		{Text("it's ä"), "'it''s ä'"},
		{Text("a\r\n\x00'"), "('a'||char(13,10,0)||'''')"},
		{Text("\x00"), "char(0)"},
		{Text("\u0085"), "char(133)"},
		{Text("\xffa\n"), "CAST(x'ff610a' AS TEXT)"},
		{Blob(nil), "x''"},
		{Blob([]byte{0, 255}), "x'00ff'"},
	} {
		if got := test.v.Literal(); got != test.want {
			t.Errorf("%q: got %s, want %s", test.v, got, test.want)
		}
	}
}

func TestALongTextIsNoDeepExpression(t *testing.T) {
	got := Text(strings.Repeat("a\n", 5000)).Literal()
	depth, deepest := 0, 0
	for _, c := range got {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		deepest = max(deepest, depth)
	}
	if deepest > 20 {
		t.Errorf("%d levels of brackets", deepest)
	}
	if got := Text(strings.Repeat("\n", 1000)).Literal(); strings.Count(got, "char(") != 10 {
		t.Errorf("got %s, want 10 calls of char()", got)
	}
}

package replog

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
)

// forms pairs values with their one JSON form.
var forms = []struct {
	value Value
	form  string
}{
	{Value{}, `null`},
	{Integer(0), `0`},
	{Integer(-1), `-1`},
	{Integer(math.MaxInt64), `9223372036854775807`},
	{Integer(math.MinInt64), `-9223372036854775808`},
	{Real(0), `0.0`},
	{Real(math.Copysign(0, -1)), `-0.0`},
	{Real(1), `1.0`},
	{Real(-2.5), `-2.5`},
	{Real(0.1), `0.1`},
	{Real(0.30000000000000004), `0.30000000000000004`},
	{Real(1e21), `1e+21`},
	{Real(123456789), `1.23456789e+08`},
	{Real(1e-7), `1e-07`},
	{Real(math.MaxFloat64), `1.7976931348623157e+308`},
	{Real(math.SmallestNonzeroFloat64), `5e-324`},
	{Real(2.2250738585072014e-308), `2.2250738585072014e-308`},
	{Real(9007199254740993), `9.007199254740992e+15`},
	{Real(math.Inf(1)), `{"real":"+inf"}`},
	{Real(math.Inf(-1)), `{"real":"-inf"}`},
	{Real(math.NaN()), `null`},
	{Text(""), `""`},
	{Text("1"), `"1"`},
	{Text("null"), `"null"`},
	{Text("a\x00b"), `"a\u0000b"`},
	{Text("\"\\/\b\f\n\r\t\x01\x1f\x7f"), `"\"\\/\b\f\n\r\t\u0001\u001f` + "\x7f" + `"`},
	{Text("<&>"), `"<&>"`},
	{Text("\u2028\u2029"), `"\u2028\u2029"`},
	{Text("Łódź 日本 🙂\ufffd"), `"Łódź 日本 🙂` + "\ufffd" + `"`},
	{Text("\xff"), `{"text":"/w=="}`},
	{Text("valid \xc3"), `{"text":"dmFsaWQgww=="}`},
	{Text("\xed\xa0\x80"), `{"text":"7aCA"}`},
	{Blob(nil), `{"blob":""}`},
	{Blob([]byte{0, 255}), `{"blob":"AP8="}`},
	{Blob([]byte("text")), `{"blob":"dGV4dA=="}`},
}

func TestEveryValueHasOneForm(t *testing.T) {
	for _, test := range forms {
		b, err := json.Marshal(test.value)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(test.value.AppendJSON(nil)); got != test.form {
			t.Errorf("%s becomes %s, want %s", test.value, got, test.form)
		}
		var fromMarshal, back Value
		if err := json.Unmarshal(b, &fromMarshal); err != nil || fromMarshal != test.value {
			t.Errorf("%s came back as %s, %v", b, fromMarshal, err)
		}
		if err := json.Unmarshal([]byte(test.form), &back); err != nil || back != test.value || back.Kind() != test.value.Kind() {
			t.Errorf("%s came back as %s (%s), %v", test.form, back, back.Kind(), err)
		}
	}
}

func TestOtherFormsOfAValueAreRefused(t *testing.T) {
	for _, form := range []string{
		``, ` `, `true`, `false`, `nul`, `nulll`, `[]`, `[1]`, `{}`,
		`-`, `-0`, `01`, `+1`, `1 `, ` 1`, `0x1`, `9223372036854775808`, `-9223372036854775809`, `1_000`,
		`1.`, `.5`, `1.50`, `1e5`, `1E+21`, `100000000.0`, `1e400`, `-1e400`, `0.30000000000000004000`, `-0.00`, `1.0.0`, `1-1`, `e`,
		`"`, `"a`, `a"`, `"a"b`, `"\u0041"`, `"\/"`, `"\u001F"`, `"\u0008"`, `"\x"`, `"\`, `"\"`, `"\ufffd"`, `"\ud800"`, "\"\xff\"", "\"\u2028\"", "\"\n\"", "\"\xed\xa0\x80\"",
		`{"real":"inf"}`, `{"real":1}`, `{"real":"+inf"} `, `{ "real":"+inf"}`, `{"real":"+inf","text":""}`, `{"Real":"+inf"}`,
		`{"text":""}`, `{"text":"YQ=="}`, `{"text":null}`, `{"text":"/w"}`, `{"text":"/x=="}`,
		`{"blob":"A"}`, `{"blob":"AP9="}`, `{"blob":"AP8"}`, "{\"blob\":\"AP\n8=\"}", `{"blob":"AP8=","x":1}`, `{"blob":"AP8="`, `{"blob":"-_8="}`, `{"integer":1}`,
	} {
		v := Integer(1)
		if err := v.UnmarshalJSON([]byte(form)); !errors.Is(err, ErrValue) {
			t.Errorf("%q was read as %s, error %v; want ErrValue", form, v, err)
		}
	}
}

func TestValuesAreEqualWhenClassAndBytesAre(t *testing.T) {
	values := []Value{
		{}, Integer(0), Integer(1), Real(0), Real(math.Copysign(0, -1)), Real(1),
		Text(""), Text("1"), Text("a"), Text("A"), Blob(nil), Blob([]byte("1")), Blob([]byte("a")),
	}
	for i, a := range values {
		for j, b := range values {
			if (a == b) != (i == j) || (KeyString([]Value{a}) == KeyString([]Value{b})) != (i == j) {
				t.Errorf("%s (%s) and %s (%s) are told apart wrongly", a, a.Kind(), b, b.Kind())
			}
		}
	}
}

func TestKeysOfSeveralColumnsDelimitThemselves(t *testing.T) {
	for _, pair := range [][2][]Value{
		{{Text("a"), Text("b")}, {Text(`a","b`)}},
		{{Integer(1), Integer(2)}, {Integer(12)}},
		{{Text("["), Text("]")}, {Text("[,]")}},
		{{}, {Value{}}},
	} {
		if KeyString(pair[0]) == KeyString(pair[1]) {
			t.Errorf("%v and %v have the same key string", pair[0], pair[1])
		}
	}
}

func TestValuesReadAsSQLLiterals(t *testing.T) {
	for _, test := range []struct {
		value Value
		want  string
	}{
		{Value{}, "NULL"},
		{Integer(-5), "-5"},
		{Real(1), "1.0"},
		{Real(math.Inf(1)), "9e999"},
		{Real(math.Inf(-1)), "-9e999"},
		{Text("it's"), "'it''s'"},
		{Blob([]byte{1, 171}), "x'01ab'"},
	} {
		if got := test.value.String(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestAccessorsGiveZeroForOtherClasses(t *testing.T) {
	for _, v := range []Value{{}, Integer(7), Real(7), Text("7"), Blob([]byte("7"))} {
		if (v.Int64() != 0) != (v.Kind() == KindInteger) || (v.Float64() != 0) != (v.Kind() == KindReal) ||
			(v.Bytes() != "") != (v.Kind() == KindText || v.Kind() == KindBlob) || v.IsNull() != (v.Kind() == KindNull) {
			t.Errorf("accessors of %s (%s)", v, v.Kind())
		}
	}
}

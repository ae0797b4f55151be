package applied

import (
	"math"
	"testing"

	"replog/replog"
)

// misfit stands for a value that its column cannot hold.
const misfit = "misfit"

// fitCases are the declared types, and what PostgreSQL's text of each value is.
var fitCases = []struct {
	declared string
	values   map[replog.Value]string
}{
	{"INTEGER", map[replog.Value]string{
		replog.Integer(math.MaxInt64): "9223372036854775807", replog.Integer(math.MinInt64): "-9223372036854775808",
		replog.Real(2): "2", replog.Real(1.5): misfit, replog.Real(1e19): misfit, replog.Real(math.Inf(1)): misfit,
		replog.Text("7"): misfit, replog.Blob([]byte("7")): misfit, {}: "NULL",
	}},
	{"BIGINT UNSIGNED", map[replog.Value]string{replog.Integer(-1): "-1"}},
	{"REAL", map[replog.Value]string{
		replog.Real(0.1): "0.1", replog.Real(math.Copysign(0, -1)): "-0", replog.Real(5e-324): "5e-324",
		replog.Real(math.Inf(-1)): "-Infinity", replog.Integer(3): "3", replog.Integer(math.MaxInt64): misfit,
		replog.Text("x"): misfit, replog.Blob(nil): misfit, {}: "NULL",
	}},
	{"DOUBLE PRECISION", map[replog.Value]string{replog.Real(1e300): "1e+300"}},
	{"TEXT", map[replog.Value]string{
		replog.Text(`é "\{},NULL`): `é "\{},NULL`, replog.Text("NULL"): "NULL", replog.Text(""): "",
		replog.Text("a\tb\nc\r\\."): "a\tb\nc\r\\.", replog.Text("a\x00b"): misfit, replog.Text("\xff"): misfit,
		replog.Integer(1): misfit, replog.Real(1): misfit, replog.Blob([]byte("a")): misfit, {}: "NULL",
	}},
	{"VARCHAR(2)", map[replog.Value]string{replog.Text("longer"): "longer"}},
	{"BLOB", map[replog.Value]string{
		replog.Blob([]byte{0, 255, '\\'}): `\x00ff5c`, replog.Blob(nil): `\x`,
		replog.Text("a"): misfit, replog.Integer(1): misfit, replog.Real(1): misfit, {}: "NULL",
	}},
	{"DECIMAL(5,2)", map[replog.Value]string{
		replog.Integer(12345678): "12345678", replog.Real(1.123456789): "1.123456789", replog.Real(1e20): "100000000000000000000",
		replog.Real(math.Inf(1)): "Infinity", replog.Text("x"): misfit, replog.Blob(nil): misfit, {}: "NULL",
	}},
	{"DATE", map[replog.Value]string{
		replog.Text("2024-02-29"): "2024-02-29", replog.Text("2024-02-29T00:00:00Z"): "2024-02-29", replog.Text("9999-12-31"): "9999-12-31",
		replog.Text("2023-02-29"): misfit, replog.Text("soon"): misfit, replog.Text("0000-01-01"): misfit,
		replog.Text("2024-02-29 12:00"): misfit, replog.Integer(20240229): misfit, replog.Real(1): misfit, replog.Blob(nil): misfit, {}: "NULL",
	}},
	{"DATETIME", map[replog.Value]string{
		replog.Text("2024-02-29"): "2024-02-29 00:00:00+00", replog.Text("2024-02-29 12:30"): "2024-02-29 12:30:00+00",
		replog.Text("2024-02-29T12:30:15.123Z"): "2024-02-29 12:30:15.123+00", replog.Text("2024-02-29 12:30:15.1234567+02:00"): "2024-02-29 10:30:15.123456+00",
		replog.Text("now"): misfit, replog.Text("12:30"): misfit, replog.Text("2024-02-30 00:00"): misfit, replog.Text("2024-02-29 12:30:15,5"): misfit,
		replog.Integer(1709210000): "2024-02-29 12:33:20+00", replog.Integer(1709210000123): "2024-02-29 12:33:20.123+00",
		replog.Integer(math.MaxInt64): misfit, replog.Integer(-1): "1969-12-31 23:59:59+00",
		replog.Real(1709210000.5): "2024-02-29 12:33:20.5+00", replog.Real(1709210000500): "2024-02-29 12:33:20.5+00",
		replog.Real(math.Inf(1)): misfit, replog.Blob(nil): misfit, {}: "NULL",
	}},
	{"TIMESTAMP", map[replog.Value]string{replog.Text("2024-02-29 12:30:15 -01:00"): "2024-02-29 13:30:15+00"}},
	{"BOOLEAN", map[replog.Value]string{
		replog.Integer(0): "false", replog.Integer(1): "true", replog.Integer(2): misfit, replog.Text("true"): misfit,
		replog.Real(1): misfit, replog.Blob(nil): misfit, {}: "NULL",
	}},
	{"JSON", map[replog.Value]string{
		replog.Text(`{"b":1, "a":[true,null]}`): `{"a": [true, null], "b": 1}`, replog.Text(`"x"`): `"x"`, replog.Text("{"): misfit,
		replog.Text(`"\u0000"`): misfit, replog.Text(`"\ud800"`): misfit, replog.Text("1e999999"): misfit, replog.Text("\"\xff\""): misfit,
		replog.Integer(5): "5", replog.Real(1.5): "1.5", replog.Real(math.Inf(1)): misfit, replog.Blob([]byte("{}")): misfit, {}: "NULL",
	}},
	{"JSONB", map[replog.Value]string{replog.Text("[1]"): "[1]"}},
	{"UUID", map[replog.Value]string{
		replog.Text("A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11"): "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		replog.Text("a0eebc999c0b4ef8bb6d6bb9bd380a11"):     "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
		replog.Blob([]byte("0123456789abcdef")):             "30313233-3435-3637-3839-616263646566",
		replog.Text("a0eebc99"):                             misfit, replog.Blob([]byte("a")): misfit, replog.Integer(1): misfit, replog.Real(1): misfit, {}: "NULL",
	}},
	{"", map[replog.Value]string{
		replog.Integer(1): "1", replog.Real(1): "1.0", replog.Real(1e22): "10000000000000000000000.0", replog.Real(math.Copysign(0, -1)): `{"real": "-0.0"}`,
		replog.Real(math.Inf(1)): `{"real": "+inf"}`, replog.Text("a"): `"a"`, replog.Text("a\x00"): `{"text": "YQA="}`, replog.Text("\xff"): `{"text": "/w=="}`,
		replog.Blob([]byte("a")): `{"blob": "YQ=="}`, {}: "NULL",
	}},
	{"ANY", map[replog.Value]string{replog.Text("a"): `"a"`}},
}

func TestEveryDeclaredTypeHoldsWhatFitsAndNothingElse(t *testing.T) {
	db := open(t)
	for _, test := range fitCases {
		t.Run(test.declared, func(t *testing.T) {
			published := newMemory(shapeOf("item", 1, "id INTEGER", "v "+test.declared))
			changed := newMemory(published.shapes...)
			numbers := map[replog.Value]int64{}
			for v := range test.values {
				numbers[v] = int64(len(numbers))
				published.put("item", replog.Integer(numbers[v]), v)
				changed.put("item", replog.Integer(numbers[v]), replog.Value{})
			}
			s := newSite(t, db, published)
			fitsAsSaid(t, s, numbers, test.values)
			s.tx.Rollback()

			s = newSite(t, db, changed)
			for v, n := range numbers {
				s.apply(changed.update("item", integers(n), set{"v": v}))
			}
			fitsAsSaid(t, s, numbers, test.values)
			s.tx.Rollback()
		})
	}
}

// fitsAsSaid looks at the value in each row, or at why it is elsewhere.
func fitsAsSaid(t *testing.T, s *site, numbers map[replog.Value]int64, want map[replog.Value]string) {
	t.Helper()
	s.equal()
	run(t, s.tx, "SET LOCAL TimeZone = 'UTC'")
	for v, n := range numbers {
		if want[v] != misfit {
			if got := value(t, s.tx, "SELECT max(v::text) FROM shop.item WHERE id = $1", n); got != want[v] {
				t.Errorf("%s: %s, want %s", v, got, want[v])
			}
			continue
		}
		if there := value(t, s.tx, "SELECT count(*) FROM shop.item WHERE id = $1", n); there != "0" {
			t.Errorf("%s stands in the table", v)
		}
		key := replog.KeyString(integers(n))
		if why := value(t, s.tx, "SELECT max(why) FROM replog.misfit WHERE key = $1", key); why == "NULL" || why == "" {
			t.Errorf("%s is not in misfit", v)
		}
	}
}

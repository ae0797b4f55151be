package applied

import (
	"testing"

	"replog/replog"
)

func TestAComparisonSeesEveryBit(t *testing.T) {
	m := newMemory(shapeOf("item", 1, "id INTEGER", "r REAL", "s TEXT", "b BLOB", "n NUMERIC", "any ", "at DATETIME", "j JSON", "i INTEGER"))
	row := []replog.Value{
		replog.Integer(1), replog.Real(0), replog.Text("a"), replog.Blob([]byte{1}), replog.Real(1.5), replog.Integer(1),
		replog.Text("2024-01-01"), replog.Text(`{"a":1}`), replog.Integer(1),
	}
	m.put("item", row...)
	unfit := append(integers(2), row[1:]...)
	unfit[8] = replog.Text("x")
	m.put("item", unfit...)
	s := newSite(t, open(t), m)
	s.equal()
	for change, want := range map[string]string{
		"UPDATE shop.item SET r = '-0'":                   "item [1] r: 0, -0",
		"UPDATE shop.item SET s = 'a '":                   "item [1] s: a, a ",
		`UPDATE shop.item SET b = '\x01 00'`:              `item [1] b: \x01, \x0100`,
		"UPDATE shop.item SET n = 1.500":                  "",
		"UPDATE shop.item SET n = 1.50000000000000000001": "item [1] n: 1.5, 1.50000000000000000001",
		`UPDATE shop.item SET "any" = '1.0'`:              "item [1] any: 1, 1.0",
		"UPDATE shop.item SET at = at + interval '1 us'":  "item [1] at: 2024-01-01 00:00:00+00, 2024-01-01 00:00:00.000001+00",
		`UPDATE shop.item SET j = '{"a": 1.0}'`:           `item [1] j: {"a": 1}, {"a": 1.0}`,
		"UPDATE shop.item SET i = NULL":                   "item [1] i: 1, NULL",
		"UPDATE shop.item SET id = 7":                     "item [1] only a\nitem [\"7\"] only b",
		"INSERT INTO shop.item (id) VALUES (2)":           "item [\"2\"] only b",
		"DELETE FROM replog.misfit":                       "item [2] only a",
		"UPDATE replog.misfit SET key = '[3]'":            "item [2] only a\nitem [3] only b",
		`UPDATE replog.misfit SET columns = '{"i":"y"}'`:  `item [2] i: "x", "y"`,
		`UPDATE replog.misfit SET columns = '{"i":"x"}'`:  "",
		`UPDATE replog.misfit SET rest = '{}'`:            "item [2] id: 2, NULL r: 0, NULL s: a, NULL b: \\x01, NULL n: 1.5, NULL any: 1, NULL at: 2024-01-01 00:00:00Z, NULL j: {\"a\":1}, NULL",
		`UPDATE replog.misfit SET rest = (rest::jsonb || '{"at":"2024-01-01 01:00+01","b":"\\x01","n":"1.50"}')::json`: "",
	} {
		t.Run(change, func(t *testing.T) {
			run(t, s.tx, "SAVEPOINT before; SET LOCAL TimeZone = 'UTC'")
			run(t, s.tx, change)
			got := ""
			for i, found := range s.compare() {
				if i > 0 {
					got += "\n"
				}
				got += found
			}
			if got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			run(t, s.tx, "ROLLBACK TO before")
		})
	}
}

package applier

import "testing"

func TestAnInspectionSaysThatWhatIsWrittenIsNotThere(t *testing.T) {
	_, x := stashed(t, bank)
	for sql, want := range map[string]bool{
		"UPDATE nowhere SET a = 1":                                 true,
		"DELETE FROM main.nowhere WHERE a = 1":                     true,
		"INSERT INTO nowhere(id) VALUES(1)":                        true,
		"UPDATE account SET balance = 1, nothing = 1":              true,
		"INSERT INTO account(id, \"no thing\") VALUES(1, 1)":       true,
		"INSERT INTO ACCOUNT(ID, \"OWNER\") VALUES(1)":             false,
		"UPDATE account SET balance = nothing":                     false,
		"UPDATE odd SET u = 1":                                     false,
		"UPDATE account SET balance = 1 WHERE id = (":              false,
		"UPDATE account SET balance = random() WHERE id = 1":       false,
		"UPDATE account SET balance = balance + 1 WHERE id = 1":    false,
		"INSERT INTO account(id, owner, balance) VALUES(1, 2)":     false,
		"UPDATE \"order\" SET \"from\" = 1, [to] = 2 WHERE id = (": false,
	} {
		i, err := x.Inspect(sql)
		if err != nil {
			t.Fatal(err)
		}
		if got := i.Unsafe != nil && i.Unsafe.Missing; got != want {
			t.Errorf("%s: missing %t (%v)", sql, got, i.Unsafe)
		}
	}
}

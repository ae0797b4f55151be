package story

import (
	"strings"
	"testing"

	"replog/client"
)

// remakeAll makes customer anew with all that belonged to it, as SQLite's
// documentation advises (https://www.sqlite.org/lang_altertable.html): capture's
// triggers, too. The copy changes values.
func (d *device) remakeAll() {
	again := d.read("SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'customer'")
	again = strings.ReplaceAll(strings.ReplaceAll(again, `["`, ""), `END"]`, "END;")
	d.write(strings.Replace(strings.Replace(remake, "SELECT *", "SELECT id, upper(name), email", 1), "COMMIT;", strings.ReplaceAll(again, `\"`, `"`)+"COMMIT;", 1))
}

func TestATableMadeAnewWithItsTriggersIsNoticed(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain)
	b := w.clone("b.db")
	a.remakeAll()
	a.write("UPDATE customer SET name = 'seen' WHERE id = 1; DELETE FROM invoice WHERE customer = 2; DELETE FROM customer WHERE id = 2")
	if r := a.sync(client.Both); r.Waiting != 0 || r.Missed != 3 {
		t.Fatalf("%+v", r)
	}
	w.converge(b, a)
	b.shows("SELECT id, name FROM customer", `[1,"seen"] [3,"CLEO"]`)
	for _, sql := range []string{"SELECT 1", "VACUUM", "CREATE TABLE other(id INTEGER PRIMARY KEY)"} {
		a.write(sql)
		if r := a.sync(client.Both); r.Missed != 0 {
			t.Fatalf("%s: %+v", sql, r)
		}
	}
	a.remakeAll()
	if r := a.sync(client.Both); r.Missed != 1 {
		t.Fatalf("%+v", r)
	}
}

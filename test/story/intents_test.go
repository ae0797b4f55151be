package story

import (
	"testing"

	"replog/client"
)

// A device that has to go back, as capture missed something, or that is repaired or
// becomes another, needs the changes of what others sent as intents.
func TestADeviceGoesBackOverIntents(t *testing.T) {
	for name, back := range map[string]func(*device){
		"capture missed something": func(b *device) {
			b.write(remake)
			b.write("UPDATE customer SET name = 'missed' WHERE id = 2")
			if r := b.sync(client.Both); r.Missed != 1 || r.Downloaded != 2 {
				b.w.t.Errorf("%+v", r)
			}
		},
		"it is repaired": func(b *device) {
			if _, err := b.open().Repair(b.w.t.Context()); err != nil {
				b.w.t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.publish("a.db", plain)
			b := w.clone("b.db")
			db := a.app()
			order(t, db, "one", "UPDATE customer SET name = name || '!' WHERE id = 1")
			order(t, db, "two", "UPDATE customer SET name = name || '?'")
			a.sync(client.Both)
			back(b)
			w.converge(a, b)
		})
	}
}

// The changes of one statement are many bytes and not many rows.
func TestAnIntentOnAFewLargeRows(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain+`
		WITH n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO customer SELECT i, printf('%5000d', i), NULL FROM n;`)
	b := w.clone("b.db")
	db := a.app()
	order(t, db, "all", "UPDATE customer SET name = name || '!' WHERE id >= 10")
	b.write("UPDATE customer SET name = 'b' WHERE id = 1")
	b.sync(client.Both)
	if r := a.sync(client.Both); r.Uploaded != 1 || r.Applied != 1 {
		t.Errorf("%+v", r)
	}
	w.converge(a, b)
	b.shows("SELECT count(*) FROM customer WHERE name LIKE '%!'", "[291]")
}

// A copy that becomes another device runs what it has recorded again.
func TestACopyRunsItsIntentsAgain(t *testing.T) {
	w := newWorld(t)
	a := w.publish("a.db", plain+"CREATE TRIGGER renamed AFTER UPDATE OF name ON customer BEGIN UPDATE invoice SET note = NEW.name WHERE customer = NEW.id; END;")
	w.copyFile(a.path, a.path+"-copy")
	w.copyFile(a.path+"-token", a.path+"-copy-token")
	b := &device{w: w, path: a.path + "-copy"}
	a.write("UPDATE customer SET name = 'a' WHERE id = 1")
	a.sync(client.Both)
	order(t, b.app(), "copy", "UPDATE customer SET name = name || '!' WHERE id = 1")
	b.fork()
	b.sync(client.Both)
	w.converge(a, b)
	a.shows("SELECT name, note FROM customer JOIN invoice ON customer = customer.id WHERE customer.id = 1 LIMIT 1", `["a!","a!"]`)
}

package story

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"replog/client"
	"replog/server"
)

// upgrades are ways to come to another schema; each leaves b with something to do in
// its next sync.
var upgrades = map[string]func(t *testing.T, a, b *device){
	"found in the file": func(_ *testing.T, a, b *device) {
		b.shell(strings.Join(upgrade, ";"))
		a.write("UPDATE customer SET name = 'a' WHERE id = 3")
		a.sync(client.Both)
	},
	"others were first": func(_ *testing.T, a, b *device) {
		a.shell(strings.Join(upgrade, ";"))
		a.sync(client.Both)
		a.write("UPDATE customer SET phone = 'a' WHERE id = 3")
		a.sync(client.Both)
		b.write("INSERT INTO customer VALUES(70, 'b', NULL)")
		b.python(upgradeOtherwise...)
	},
	"by the driver": func(t *testing.T, a, b *device) {
		order(t, b.app(), "upgrade", "ALTER TABLE customer ADD COLUMN phone", "UPDATE customer SET phone = 'b' WHERE id = 1")
		a.write("UPDATE customer SET name = 'a' WHERE id = 1")
		a.sync(client.Both)
	},
	"a table anew": func(t *testing.T, a, b *device) {
		b.write("INSERT INTO customer VALUES(70, 'b', NULL)")
		order(t, b.appOff(), "anew", rebuild...)
		b.write("UPDATE customer SET rank = 3 WHERE id = 70")
		a.write("UPDATE invoice SET total = 9 WHERE id = 'i1'")
		a.sync(client.Both)
	},
	"from another device": func(t *testing.T, a, b *device) {
		order(t, a.appOff(), "anew", rebuild...)
		a.sync(client.Both)
		b.write("INSERT INTO customer VALUES(70, 'b', NULL)")
	},
}

// Wherever a sync ends that changes the schema, the next one brings all to where an
// undisturbed one would have.
func TestASyncThatIsCutWhileTheSchemaChanges(t *testing.T) {
	for name, prepare := range upgrades {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for cut := 0; ; cut++ {
				w := newWorld(t)
				a := w.publish("a.db", plain)
				b := w.cloneWith("b.db", server.SchemaRight)
				prepare(t, a, b)
				n, reached := 0, ""
				_, err := b.trySync(client.Both, client.Options{Fault: func(point string) error {
					if n++; n == cut+1 {
						reached = point
						return errLost
					}
					return nil
				}})
				if reached != "" && !errors.Is(err, errLost) {
					t.Fatalf("cut %d at %s: %v", cut, reached, err)
				}
				if reached == "" && err != nil {
					t.Fatal(err)
				}
				for range 2 {
					b.sync(client.Both)
					a.sync(client.Both)
				}
				if got := fmt.Sprint(b.status().Pending, a.status().Pending); got != "0 0" {
					t.Fatalf("cut %d at %s: %s wait", cut, reached, got)
				}
				c := w.clone("c.db")
				if a.read("SELECT sql LIKE '%phone%' FROM sqlite_schema WHERE name = 'customer'") == b.read("SELECT sql LIKE '%phone%' FROM sqlite_schema WHERE name = 'customer'") {
					w.equal(a, b)
				} else { // a has not made the upgrade yet
					a.shell(strings.Join(upgrade, ";"))
					a.sync(client.Both)
					b.sync(client.Both)
					c.sync(client.Both)
					w.equal(a, b)
				}
				w.equal(b, c)
				if reached == "" {
					return
				}
			}
		})
	}
}

func TestACopyWithSchemaStatementsThatWaitGoesOnAsAnotherDevice(t *testing.T) {
	for name, statements := range map[string][]string{"a column": {"ALTER TABLE customer ADD COLUMN rank INTEGER NOT NULL DEFAULT 0"}, "a table anew": rebuild} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, known %t", name, known), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				a := w.publish("a.db", plain)
				b := w.clone("b.db")
				a.write("UPDATE customer SET name = 'early' WHERE id = 1")
				order(t, a.appOff(), "upgrade", statements...)
				a.write("UPDATE customer SET rank = 2 WHERE id = 1")
				if known {
					a.sync(client.PushOnly)
				}
				c := a.duplicate("c.db")
				a.write("UPDATE customer SET rank = 3 WHERE id = 2")
				a.sync(client.Both)
				b.write("INSERT INTO customer(id, name, email) VALUES(80, 'b', NULL)")
				b.sync(client.Both)
				r, err := c.tryFork(w.admin(), client.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if known != (r.Known > 0) {
					t.Fatalf("%+v", r)
				}
				c.write("UPDATE customer SET rank = 4 WHERE id = 3")
				for range 2 {
					for _, d := range []*device{c, a, b} {
						d.sync(client.Both)
					}
				}
				w.equal(a, b)
				if c.status().Conflicts == 0 {
					w.equal(a, c)
				}
			})
		}
	}
}

func TestRepairWithASchemaThatHasChanged(t *testing.T) {
	for name, prepare := range upgrades {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			a := w.publish("a.db", plain)
			b := w.cloneWith("b.db", server.SchemaRight)
			prepare(t, a, b)
			b.repair()
			for range 2 {
				b.sync(client.Both)
				a.sync(client.Both)
			}
			w.equal(b, w.clone("c.db"))
		})
	}
}

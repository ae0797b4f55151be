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

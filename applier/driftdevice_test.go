package applier

import (
	"fmt"
	"path/filepath"
	"slices"
)

// driftDevice is a file with capture, and the server's replica beside it.
type driftDevice struct {
	device, server *testReplica
	triggers       []string
}

func newDriftDevice(t testingT, dir, script string) *driftDevice {
	open := func(name string) *testReplica {
		c, err := Open(filepath.Join(dir, name), OpenOptions{Create: true, Pragmas: []string{"synchronous=OFF"}})
		if err == nil {
			err = c.Script(script)
		}
		if err != nil {
			t.Fatalf("%v in %s", err, script)
		}
		return newTestReplica(t, c)
	}
	d := &driftDevice{device: open("device"), server: open("server"), triggers: []string{}}
	for _, r := range []*testReplica{d.device, d.server} {
		r.in(t, "keep rowids", r.KeepRowIDs)
	}
	d.device.in(t, "install", d.device.Install)
	d.server.in(t, "stash", func() error {
		d.triggers = append(d.triggers, TriggerTexts(objectsOf(t, d.server.Conn))...)
		return d.server.dropTheirs(func(string) bool { return true })
	})
	return d
}

func (d *driftDevice) close() { d.device.Close(); d.server.Close() }

func (d *driftDevice) apply(t testingT, what string, list []*Gathered) {
	t.Helper()
	d.server.in(t, what, func() error {
		for _, g := range list {
			if err := d.server.Apply(g.NetChanges()); err != nil {
				return fmt.Errorf("%w:%s", err, describeGathered(list))
			}
		}
		return nil
	})
}

// sync does what a device does whose application has changed its schema: it closes
// what capture saw, with what went past it in a table made anew, under the schema
// that capture knows; logs the additions; and then records what was written to them.
func (d *driftDevice) sync(t testingT) *Adopted {
	t.Helper()
	r := d.device
	if err := r.Refresh(); err != nil {
		t.Fatal(err)
	}
	blind, err := r.Blind()
	if err != nil {
		t.Fatal(err)
	}
	missed := d.missed(t, blind)
	var adopted *Adopted
	r.in(t, "close", func() error {
		if err := r.ResumeCapture(blind); err != nil {
			return err
		}
		var list []*Gathered
		err := r.GatherBackWith(0, missed, func(g *Gathered) error {
			list = append(list, g)
			return g.load()
		})
		if err != nil {
			return err
		}
		slices.Reverse(list)
		d.apply(t, "close", list)
		if err := r.Forget(); err != nil {
			return err
		}
		d.log(t)
		if adopted, err = r.AdoptSchema(nil); err != nil {
			return err
		}
		unseen, err := r.GatherUnseen(adopted, 0)
		if err == nil && unseen != nil {
			d.apply(t, "unseen", []*Gathered{unseen})
		}
		return err
	})
	r.checkCapture(t)
	return adopted
}

// missed compares the tables to which capture is blind with the server's.
func (d *driftDevice) missed(t testingT, blind []*Table) []RowImage {
	t.Helper()
	if len(blind) == 0 {
		return nil
	}
	path := d.server.Path() + "-expected"
	if err := d.server.Backup(path); err != nil {
		t.Fatal(err)
	}
	open := func(path string) *Conn {
		c, err := Open(path, OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	expected, reader := newTestReplica(t, open(path)), open(d.device.Path())
	missed, err := d.device.Missed(expected.Replica, reader, blind)
	expected.Close()
	reader.Close()
	if err != nil {
		t.Fatal(err)
	}
	return missed
}

// log runs on the server what was added to the device.
func (d *driftDevice) log(t testingT) {
	t.Helper()
	log := WithTriggers(objectsOf(t, d.server.Conn), d.triggers)
	s, err := Settle(log, log, objectsOf(t, d.device.Conn))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Conflicts)+len(s.Lacks) > 0 {
		t.Fatalf("not additive: %q %q", saidOf("conflict", s.Conflicts), saidOf("lacks", s.Lacks))
	}
	d.server.in(t, "schema", func() error {
		for _, sql := range s.Statements {
			result, err := d.server.runSchema(sql, SchemaOptions{Triggers: d.triggers})
			if err != nil {
				return err
			}
			if result.Already {
				t.Errorf("%s: already there", sql)
			}
			d.triggers = result.Triggers
		}
		return nil
	})
	if log := WithTriggers(objectsOf(t, d.server.Conn), d.triggers); len(s.Notes) == 0 && !SameObjects(log, objectsOf(t, d.device.Conn)) {
		t.Errorf("the schemas differ afterwards")
	}
}

package model

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"replog/applier"
	"replog/replog"
)

// TestCaptureRecordsTheNetChangesOfAnyWrite leaves the network out: what an
// application writes through a connection of its own becomes the transactions
// that a read before and after tells.
func TestCaptureRecordsTheNetChangesOfAnyWrite(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "replog-model-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := checkCapture(generator{rt}, filepath.Join(dir, "db"), rt.Logf); err != nil {
			rt.Fatal(err)
		}
	})
}

func checkCapture(g generator, path string, logf func(string, ...any)) error {
	f := newFamily(g)
	app, err := openForeign(path)
	if err != nil {
		return err
	}
	defer app.close()
	for _, sql := range append(f.ddl, f.before...) {
		logf("%s", sql)
		if err := app.exec(sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	if err := app.exec("PRAGMA synchronous=OFF"); err != nil {
		return err
	}
	conn, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		return err
	}
	defer conn.Close()
	replica, err := applier.NewReplica(conn)
	if err != nil {
		return err
	}
	if err := within(conn, replica.Install); err != nil {
		return err
	}
	for _, sql := range f.after {
		logf("%s", sql)
		if err := app.exec(sql); err != nil {
			return err
		}
	}
	if err := app.observe(f); err != nil {
		return err
	}
	device := NewDevice("a", NewServer(f.schema, State{}), 0)
	var last replog.Millis
	for range 3 + g.upTo(3, "closings") {
		for range 1 + g.upTo(4, "writes") {
			l := newLocal(g, f)
			logf("%s", &l)
			events, err := app.run(&l)
			if err != nil {
				return err
			}
			device.tell(events, Span{})
		}
		closed := device.Close()
		var gathered []*applier.Gathered
		err := within(conn, func() (err error) {
			if _, err := replica.MendCapture(); err != nil {
				return err
			}
			if gathered, err = replica.Gather(last); err == nil {
				err = replica.Forget()
			}
			return err
		})
		if err != nil {
			return err
		}
		if len(gathered) != len(closed) {
			return fmt.Errorf("%d transactions were recorded, want %d", len(gathered), len(closed))
		}
		for i, got := range gathered {
			logf("transaction %d:\n%s", closed[i].Seq, netList(closed[i].Net))
			if got.Marked != closed[i].Marked || got.Label != closed[i].Label {
				return fmt.Errorf("marked %v %q, want %v %q", got.Marked, got.Label, closed[i].Marked, closed[i].Label)
			}
			if err := closed[i].adopt(got.Net, len(got.Statements)); err != nil {
				return err
			}
			last = got.Time
		}
	}
	return nil
}

// tell gives the model what a local transaction did.
func (d *Device) tell(events []event, during Span) {
	for _, e := range events {
		if e.blind != nil {
			d.Blind(e.blind.table, e.blind.sight)
		}
		d.Wrote(e.state, e.moves, during)
		if e.mark != nil {
			d.Mark(e.mark.text)
		}
	}
}

func within(c *applier.Conn, f func() error) error {
	if err := c.Begin(); err != nil {
		return err
	}
	if err := f(); err != nil {
		_ = c.Rollback()
		return err
	}
	return c.Commit()
}

func (l *local) String() string {
	text := fmt.Sprintf("foreign keys %v, recursive triggers %v:", l.foreignKeys, l.recursive)
	for _, s := range l.steps {
		text += "\n  " + s.String()
	}
	return text
}

func (s step) String() string {
	switch {
	case s.look:
		return "look"
	case !s.mark:
		return s.sql
	case s.text == nil:
		return "mark NULL"
	}
	return fmt.Sprintf("mark %q", *s.text)
}

package model

import (
	"fmt"
	"slices"
	"time"

	"replog/client/driver"
	"replog/replog"
)

// observeRuns tells the model how statements run on the device: with the triggers that
// are there at the moment.
func (n *node) observeRuns() {
	p := &plain{world: n.world, script: func() ([]string, error) {
		tables, _, err := n.schemaNow()
		return tables, err
	}, triggers: func() ([]string, error) {
		_, triggers, err := n.schemaNow()
		return triggers, err
	}}
	n.model.Run = p.run
	n.model.Reach = func(in *Intent) []string {
		if !n.anew {
			return n.family.reach(in, nil)
		}
		rows, err := n.app.query("SELECT name FROM main.sqlite_schema WHERE type = 'trigger'")
		n.fail(err)
		names := []string{}
		for _, r := range rows {
			names = append(names, r[0].Bytes())
		}
		return n.family.reach(in, names)
	}
}

// serve tells the model how statements run on the server.
func (w *world) serve() {
	p := &plain{world: w,
		script:   func() ([]string, error) { return w.family.ddl, nil },
		triggers: func() ([]string, error) { return w.family.before, nil },
	}
	names := []string{}
	for _, t := range w.family.triggers {
		if !t.late {
			names = append(names, t.name)
		}
	}
	w.server.Run = p.run
	w.server.Reach = func(in *Intent) []string { return w.family.reach(in, names) }
}

// writeSomehow writes through the driver, or as any other program does. Once a table
// of the device was made anew, what is a safe statement there is not known.
func (n *node) writeSomehow() error {
	if n.drives && !n.anew && !n.model.IsBlind() && n.g.chance(60, "through the driver") {
		return n.drive()
	}
	return n.write()
}

// done is what a statement did.
type done struct {
	call   *call
	intent *Intent // nil for what travels as row statements
	state  State
	moves  []Move
}

// drive does something through the driver.
func (n *node) drive() error {
	l := newDriven(n.g, n.family)
	n.logf("device %d drives: %s", n.number, l)
	if n.driver == nil {
		c, err := (&driver.Driver{}).Open("file:" + n.path + "?_busy_timeout=2000&_synchronous=0")
		if err != nil {
			return err
		}
		n.driver = c.(*driver.Conn)
	}
	last, err := n.number1("SELECT coalesce(max(id), 0) FROM replog_change")
	if err != nil {
		return err
	}
	start := replog.MillisOf(time.Now()) - 1
	r := &driving{node: n, l: l, last: last}
	if !l.open {
		if r.twin, err = n.newTwin(); err != nil {
			return fmt.Errorf("a copy without capture: %w", err)
		}
		defer r.twin.close()
	}
	list, err := r.run()
	if err != nil {
		return fmt.Errorf("through the driver: %w", err)
	}
	marks, err := n.number1(fmt.Sprintf("SELECT count(*) FROM replog_change WHERE op = 5 AND id > %d", last))
	if err != nil {
		return err
	}
	if marks != 0 && marks != 2 || marks == 0 && len(list) > 0 && !n.model.IsMarked() {
		return fmt.Errorf("the driver made %d marks", marks)
	}
	during, err := n.clockWrite(last, Span{start, replog.MillisOf(time.Now()) + 1})
	if err != nil {
		return err
	}
	n.tellDriven(list, l.label, marks > 0, during)
	return nil
}

// tellDriven gives the model what was done, between marks unless the driver made none:
// where another program's are open, or nothing is left to mark.
func (n *node) tellDriven(list []done, label string, marks bool, during Span) {
	if marks {
		n.model.Mark(&label)
		n.model.Wrote(n.model.Visible, nil, during) // the marks have times, too
	}
	for i := range list {
		d := &list[i]
		for _, kind := range d.call.kinds {
			n.count.add(kind)
		}
		if d.intent != nil {
			n.model.Ran(d.intent, d.state, d.moves, during)
			n.count.add("statements recorded as intents")
		} else {
			n.model.Wrote(d.state, d.moves, during)
			n.count.add("statements recorded as rows")
		}
	}
	if marks {
		n.model.Mark(nil)
	}
}

// countSteps counts what became of a transaction with intents.
func (w *world) countSteps(got *replog.Entry, e *Entry) {
	if e.Txn.Steps == nil {
		return
	}
	what := "transactions with intents " + string(e.Outcome)
	if e.Reason != "" {
		what += ", " + e.Reason
	}
	w.count.add(what)
	if slices.ContainsFunc(e.Txn.Steps, func(s Step) bool { return s.Intent == nil }) {
		w.count.add("transactions with intents and row statements")
	}
	switch {
	case got.BySteps:
		w.count.add("entries that others get as steps")
	case e.Outcome == replog.Applied:
		w.count.add("entries of intents that others get as changes")
	}
	if e.Outcome == replog.Applied && !got.AsRun {
		w.count.add("intents that did something else on the server")
	}
}

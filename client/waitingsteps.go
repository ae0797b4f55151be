package client

import (
	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// waitingSteps are the steps that the next sync closes, oldest first.
type waitingSteps struct {
	list []Pending
	base replog.Revision
	open bool // the last of the list goes on
}

// next is the transaction that the next step belongs to.
func (w *waitingSteps) next(marked bool, label string, time replog.Millis, follows bool) *Pending {
	if !w.open {
		w.list = append(w.list, Pending{State: PendingGathered, Marked: marked, Label: label, Base: w.base, Effect: true, Statements: []replog.LogStatement{}})
	}
	w.open = follows
	p := &w.list[len(w.list)-1]
	p.RecordedAt = max(p.RecordedAt, time)
	return p
}

func (w *waitingSteps) add(g *applier.Gathered) {
	p := w.next(g.Marked, g.Label, g.Time, g.Follows)
	switch {
	case g.Schema != nil:
		p.Statements = append(p.Statements, replog.LogStatement{SQL: g.Schema.SQL, Args: []replog.Value{}, Schema: replog.SchemaRun, RecordedAt: g.Time})
	case g.Intent != nil:
		i := g.Intent
		p.Statements = append(p.Statements, replog.LogStatement{SQL: i.SQL, Args: append([]replog.Value{}, i.Args...), RecordedAt: g.Time})
	default:
		p.Statements = append(p.Statements, render(g.Statements)...)
		for _, s := range gathered.CollectRan(g.Ran) {
			p.AsRows = gathered.AddRan(p.AsRows, s)
		}
	}
}

// addStep adds a step that was put aside.
func (w *waitingSteps) addStep(n *gathered.Step) error {
	p := w.next(n.Marked, n.Label, n.Time, n.Follows)
	ran, err := gathered.DecodeRan(n.Ran)
	for _, s := range ran {
		p.AsRows = gathered.AddRan(p.AsRows, s)
	}
	t := n.Rows
	if t == nil && err == nil {
		t, err = n.Transaction()
	}
	if err != nil {
		return err
	}
	lines, err := renderAll(t)
	p.Statements = append(p.Statements, lines...)
	return err
}

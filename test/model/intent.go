package model

import (
	"slices"

	"replog/replog"
)

// Intent is a statement that an application ran through the driver, to be run again
// elsewhere.
type Intent struct {
	SQL      string
	Args     []Value
	Expect   *int64 // rows to change, below 0 for any number; nil: nothing is said
	Optional bool
	Affected int64  // where it was recorded
	Net      []*Net // what it changed there
	// Kind is INSERT, UPDATE or DELETE, Table what it writes, and Named all tables
	// in its text. Upsert: it may do an UPDATE in the place of an INSERT.
	Kind, Table string
	Named       []string
	Upsert      bool
	// Time comes from the log.
	Time replog.Millis
}

// Ran is what a statement did to a content.
type Ran struct {
	After    State
	Moves    []Move
	Affected int64
	Refused  string // the reason's code where SQLite refused it; "" otherwise
}

// Run runs a statement on a plain database that has the content, with the triggers of
// the application's that are there, and with foreign keys, which it leaves to be
// checked.
type Run func(State, *Intent) Ran

// Reach lists the tables that a statement may write where there are certain triggers.
type Reach func(*Intent) []string

// Step is an intent, or what the row statements between two intents changed.
type Step struct {
	Intent *Intent
	Net    []*Net
	during Span
	// statements counts the recorded ones; it comes from the log.
	statements int
}

// accepts tells whether the intent may change so many rows.
func (in *Intent) accepts(affected int64) bool {
	switch {
	case in.Expect != nil && *in.Expect < 0:
		return true
	case in.Expect != nil:
		return affected == *in.Expect
	case in.Affected == 1:
		return affected == 1
	case in.Affected > 1:
		return affected >= 1
	}
	return true
}

// work does the steps of a transaction one after the other.
type work struct {
	schema *Schema
	run    Run
	state  State
	made   composition
	left   []Left
	// inexact: some row statements did not do just what is recorded, and unlike: an
	// intent did not do what it did on its device.
	inexact, unlike bool
}

// Left is an optional intent that was left out.
type Left struct {
	Statement int // its number
	Reason    string
}

// do does steps. rows makes those of row statements: their effects, or why not. It
// returns an outcome and a reason, Applied where all are done.
func (w *work) do(steps []Step, rows func([]*Net) ([]*Effect, replog.Outcome, string)) (replog.Outcome, string) {
	statement := 0
	for i := range steps {
		s := &steps[i]
		if s.Intent != nil {
			if outcome, reason := w.intent(s.Intent, statement); outcome != replog.Applied {
				return outcome, reason
			}
			statement++
			continue
		}
		statement += s.statements
		effects, outcome, reason := rows(s.Net)
		if outcome != replog.Applied {
			return outcome, reason
		}
		next, broken := put(w.state, effects)
		if broken {
			return replog.Rejected, replog.ReasonConstraint
		}
		w.state = next
		w.made.add(effects)
		w.inexact = w.inexact || !asRecorded(effects, s.Net, true)
	}
	if dangles(w.schema, w.state, w.made.effects()) {
		return replog.Rejected, replog.ReasonForeignKey
	}
	return replog.Applied, ""
}

func (w *work) intent(in *Intent, statement int) (replog.Outcome, string) {
	ran := w.run(w.state, in)
	outcome, reason := replog.Rejected, ran.Refused
	var effects []*Effect
	if reason == "" {
		effects = in.effects(w.schema, w.state, &ran)
	}
	switch {
	case reason != "":
	case !in.accepts(ran.Affected):
		outcome, reason = replog.Conflict, replog.ReasonAffected
	case in.Optional && dangles(w.schema, ran.After, effects):
		reason = replog.ReasonForeignKey
	}
	switch {
	case reason == "":
		w.state = ran.After
		w.made.add(effects)
		w.unlike = w.unlike || !asRecorded(effects, in.Net, false)
	case !in.Optional:
		return outcome, reason
	default:
		w.left = append(w.left, Left{statement, reason})
	}
	return replog.Applied, ""
}

// effects are what it did, at its time.
func (in *Intent) effects(s *Schema, from State, ran *Ran) []*Effect {
	var out []*Effect
	for _, n := range s.NetChanges(from, ran.After, ran.Moves) {
		n.Time, n.Times = in.Time, map[int]replog.Millis{}
		for c := range n.Table.Columns {
			n.Times[c] = in.Time
		}
		out = append(out, &Effect{Net: n, Op: n.Op, Before: n.Before, After: n.After, Columns: n.Changed})
	}
	return out
}

// judgeSteps decides about a transaction with intents, which is never divided.
func (s *Server) judgeSteps(t *Txn, u *unsure, state State) (*Entry, State) {
	e := &Entry{Txn: t, Tables: t.touches(s.Reach)}
	v := Verdict{Rows: upTo(len(t.Net)), Outcome: replog.Held, Reason: replog.ReasonBuildsOnUnsure}
	w := work{schema: s.Schema, run: s.Run, state: state}
	if !u.holds(s.Schema, t, s.Reach) {
		v.Outcome, v.Reason = w.do(t.Steps, func(nets []*Net) ([]*Effect, replog.Outcome, string) { return s.rule(t, nets, w.state) })
	}
	e.Verdicts = []Verdict{v}
	if v.Outcome != replog.Applied {
		return e, state
	}
	e.Effects, e.Left = w.made.effects(), w.left
	e.Exact = !w.inexact && len(w.left) == 0
	e.AsRun = e.Exact && !w.unlike
	return e, w.state
}

// rule puts the row statements of a step to the rule.
func (s *Server) rule(t *Txn, nets []*Net, state State) ([]*Effect, replog.Outcome, string) {
	var effects []*Effect
	stale := false
	for _, n := range nets {
		d := decide(n, t.Device, state[n.ID], s.concurrent(t, n.ID))
		if d.conflict != "" {
			return nil, replog.Conflict, d.conflict
		}
		stale = stale || d.whole || len(d.stale) > 0
		if d.effect != nil {
			effects = append(effects, d.effect)
		}
	}
	if stale {
		return nil, replog.Conflict, replog.ReasonPartlyStale
	}
	return effects, replog.Applied, ""
}

// redoSteps is redo for a transaction with intents.
func (d *Device) redoSteps(t *Txn, u *unsure, state State) State {
	if u.holds(d.server.Schema, t, d.Reach) {
		return nil
	}
	w := work{schema: d.server.Schema, run: d.Run, state: state}
	outcome, _ := w.do(t.Steps, func(nets []*Net) ([]*Effect, replog.Outcome, string) {
		var effects []*Effect
		for _, n := range nets {
			e, ok := remake(n, w.state[n.ID])
			if !ok {
				return nil, replog.Conflict, ""
			}
			if e != nil {
				effects = append(effects, e)
			}
		}
		return effects, replog.Applied, ""
	})
	if outcome != replog.Applied {
		return nil
	}
	return w.state
}

// asRecorded tells whether effects are just the net changes, with what these carry
// along or without.
func asRecorded(effects []*Effect, nets []*Net, context bool) bool {
	of := map[replog.RowID]*Net{}
	for _, n := range nets {
		of[n.ID] = n
	}
	return len(effects) == len(nets) && !slices.ContainsFunc(effects, func(e *Effect) bool {
		n := of[e.Net.ID]
		return n == nil || e.Restored || !n.isMadeBy(e, context)
	})
}

func (n *Net) isMadeBy(e *Effect, context bool) bool {
	if n.Op != e.Op {
		return false
	}
	if n.Op != replog.Update {
		return slices.Equal(n.Before, e.Before) && slices.Equal(n.After, e.After)
	}
	for c := range n.Table.Columns {
		changed := slices.Contains(n.Changed, c)
		if changed != slices.Contains(e.Columns, c) || changed && (n.Before[c] != e.Before[c] || n.After[c] != e.After[c]) {
			return false
		}
		if context && n.Context(c) && n.After[c] != e.After[c] {
			return false
		}
	}
	return true
}

// touches lists the tables that its intents may write.
func (t *Txn) touches(reach Reach) []string {
	var out []string
	for i := range t.Steps {
		if in := t.Steps[i].Intent; in != nil {
			out = append(out, reach(in)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

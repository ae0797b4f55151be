package model

import (
	"slices"

	"replog/replog"
)

// Txn is a closed transaction of a device.
type Txn struct {
	Device  replog.DeviceID
	Seq     replog.Seq
	Marked  bool
	Whole   bool
	Label   string
	Base    replog.Revision
	Seen    replog.Seq
	Without []replog.Seq
	// Hash is read from the device's file: it tells copies' transactions apart.
	Hash replog.Hash
	// Net is in recorded order, with times, once the log has told them.
	Net []*Net
	// Steps are in the place of Net where the transaction holds intents; then Net has
	// those of their row statements.
	Steps []Step

	// recorded is what its form says of its place in history, where that is another.
	recorded *place
	told     bool // the log has told its times

	before State
	writes []write
	// unseen are rows that capture may have missed, and compared is when they
	// were written or the device looked for them.
	unseen   map[replog.RowID]bool
	compared Span
}

// Verdict is what became of one group.
type Verdict struct {
	Rows    []int // positions in the transaction's net changes
	Outcome replog.Outcome
	Reason  string
	// Stale holds what an applied group went without: by position the stale
	// columns, or nil for the whole change.
	Stale map[int][]int
}

// Entry is a transaction in the log.
type Entry struct {
	Revision replog.Revision
	Txn      *Txn
	Outcome  replog.Outcome
	Reason   string
	Divided  bool
	Verdicts []Verdict
	Effects  []*Effect
	// Of a transaction with intents: Tables are those that they may write, and Left
	// the optional ones that were left out.
	Tables []string
	Left   []Left
	// Exact: whoever does its steps on the revision before makes its effects. AsRun:
	// they are, step by step, what its device made.
	Exact, AsRun bool
}

// Server is the model of one database on a server.
type Server struct {
	Schema *Schema
	Log    []*Entry // the entry of revision R is Log[R-1]
	States []State  // the content at revision R is States[R]
	// Run and Reach are of the triggers that the server has.
	Run   Run
	Reach Reach
}

// NewServer begins with a published content.
func NewServer(schema *Schema, published State) *Server {
	return &Server{Schema: schema, States: []State{published}}
}

// Head is the newest revision.
func (s *Server) Head() replog.Revision { return replog.Revision(len(s.Log)) }

// Process judges the next transaction and appends it to the log.
func (s *Server) Process(t *Txn) *Entry {
	state := s.States[s.Head()]
	u := s.unsure(t)
	if t.Steps != nil {
		e, next := s.judgeSteps(t, u, state)
		return s.append(e, next)
	}
	e := &Entry{Txn: t}
	v, effects, next := s.judge(t, upTo(len(t.Net)), u, state)
	if t.Marked || t.Whole || v.Outcome == replog.Applied || v.Outcome == replog.Ignored {
		e.Verdicts, e.Effects = []Verdict{v}, effects
		if next != nil {
			state = next
		}
	} else {
		e.Divided = true
		for _, g := range groups(s.Schema, t.Net) {
			v, effects, next := s.judge(t, g, u, state)
			e.Verdicts = append(e.Verdicts, v)
			e.Effects = append(e.Effects, effects...)
			if next != nil {
				state = next
			}
		}
	}
	return s.append(e, state)
}

func (s *Server) append(e *Entry, state State) *Entry {
	e.Revision = s.Head() + 1
	e.Outcome, e.Reason = sum(e.Verdicts)
	if len(e.Left) > 0 {
		e.Reason = replog.ReasonOptional
	}
	s.Log, s.States = append(s.Log, e), append(s.States, state)
	return e
}

// sum is the outcome of a whole transaction, with the reason of the first thing
// in it that was not applied.
func sum(verdicts []Verdict) (replog.Outcome, string) {
	reason := ""
	for _, v := range verdicts {
		if v.Outcome != replog.Applied {
			reason = v.Reason
		} else if len(v.Stale) > 0 {
			reason = replog.ReasonStale
		}
		if reason != "" {
			break
		}
	}
	for _, o := range []replog.Outcome{replog.Applied, replog.Conflict, replog.Rejected, replog.Held} {
		if slices.ContainsFunc(verdicts, func(v Verdict) bool { return v.Outcome == o }) {
			return o, reason
		}
	}
	return replog.Ignored, reason
}

// judge decides about some of t's net changes as one group. The state is nil
// unless the group is applied.
func (s *Server) judge(t *Txn, rows []int, u *unsure, state State) (Verdict, []*Effect, State) {
	v := Verdict{Rows: rows}
	give := func(o replog.Outcome, reason string) (Verdict, []*Effect, State) {
		v.Outcome, v.Reason = o, reason
		return v, nil, nil
	}
	var group []*Net
	for _, i := range rows {
		group = append(group, t.Net[i])
	}
	if u.touchedBy(s.Schema, group) {
		return give(replog.Held, replog.ReasonBuildsOnUnsure)
	}
	var effects []*Effect
	conflict, staleRows := "", 0
	for _, i := range rows {
		n := t.Net[i]
		d := decide(n, t.Device, state[n.ID], s.concurrent(t, n.ID))
		switch {
		case d.conflict != "":
			if conflict == "" {
				conflict = d.conflict
			}
			continue
		case d.whole:
			staleRows++
			v.addStale(i, nil)
		case len(d.stale) > 0:
			v.addStale(i, d.stale)
		}
		if d.effect != nil {
			effects = append(effects, d.effect)
		}
	}
	switch {
	case conflict != "":
		return give(replog.Conflict, conflict)
	case staleRows == len(rows):
		return give(replog.Ignored, replog.ReasonStale)
	case t.Marked && len(v.Stale) > 0:
		return give(replog.Conflict, replog.ReasonPartlyStale)
	}
	next, refused := makeEffects(s.Schema, state, effects)
	if refused != "" {
		return give(replog.Rejected, refused)
	}
	v.Outcome = replog.Applied
	return v, effects, next
}

func (v *Verdict) addStale(row int, columns []int) {
	if v.Stale == nil {
		v.Stale = map[int][]int{}
	}
	v.Stale[row] = columns
}

// concurrent lists what other devices did to a row after t's base.
func (s *Server) concurrent(t *Txn, id replog.RowID) []past {
	var out []past
	for _, e := range s.Log[t.Base:] {
		if e.Txn.Device == t.Device {
			continue
		}
		for _, effect := range e.Effects {
			if effect.Net.ID == id {
				out = append(out, past{effect, e.Txn.Device})
			}
		}
	}
	return out
}

// unsure is U as the server sees it.
func (s *Server) unsure(t *Txn) *unsure {
	u := &unsure{}
	for _, e := range s.Log {
		if e.Txn.Device != t.Device || e.Txn.Seq >= t.Seq {
			continue
		}
		switch {
		case slices.Contains(t.Without, e.Txn.Seq):
			u.add(e.although())
		case e.Txn.Seq > t.Seen:
			u.add(e.unapplied())
		}
	}
	return u
}

// unapplied lists the net changes of the groups that wait for a person, and the
// tables of intents that do.
func (e *Entry) unapplied() (out []*Net, tables []string) {
	if e.Outcome.Waits() {
		tables = e.Tables
	}
	for _, v := range e.Verdicts {
		if !v.Outcome.Waits() {
			continue
		}
		for _, i := range v.Rows {
			out = append(out, e.Txn.Net[i])
		}
	}
	return out, tables
}

// although lists the net changes of a transaction that was without effect on
// its device and was applied with changes although it was.
func (e *Entry) although() ([]*Net, []string) {
	if len(e.Effects) == 0 {
		return nil, nil
	}
	return e.Txn.Net, e.Tables
}

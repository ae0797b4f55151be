package model

import (
	"slices"

	"replog/replog"
)

// Device is the model of one replica.
type Device struct {
	ID        replog.DeviceID
	Whole     bool // division is forbidden
	SyncPoint replog.Revision
	Seen      replog.Seq // the highest own seq whose verdict is processed
	LastSeq   replog.Seq
	Outbox    []*Txn
	// NoEffect holds the seqs in the outbox that the last replay left without
	// effect.
	NoEffect map[replog.Seq]bool
	// Visible is the content of the file, as last read or predicted.
	Visible State
	// Processed are the own entries whose verdict has been processed.
	Processed []*Entry
	// Former are those of former identities, and what a fork held.
	Former []*Entry

	// Run and Reach are of the triggers that the device has.
	Run   Run
	Reach Reach

	// placing is that of the last time that the device rejoined.
	placing *placing

	server   *Server
	segments []*segment // what has gathered; never empty
	// sight holds the tables that capture does not see wholly, and unseen the
	// rows of them that were changed since.
	sight    map[string]Sight
	unseen   map[replog.RowID]bool
	clock    replog.Millis // the latest time at which anything was written
	recorded replog.Millis // the latest time that the log has shown
}

// segment is a stretch of local writes that lies within or outside marks.
type segment struct {
	marked bool
	label  string
	before State
	moves  []Move
	writes []write
	pieces []piece
}

// piece is what an application did at once: through the driver a statement.
type piece struct {
	intent *Intent // nil for what travels as row statements
	after  State
	moves  []Move
	during Span
}

// stretch is a segment from its beginning to its end.
type stretch struct {
	segment
	after State
	// unseen are rows that capture may have missed, and compared is when the
	// device looked for them.
	unseen   map[replog.RowID]bool
	compared Span
}

// NewDevice is a replica with the server's content at a revision.
func NewDevice(id replog.DeviceID, server *Server, at replog.Revision) *Device {
	d := &Device{ID: id, SyncPoint: at, Visible: server.States[at], NoEffect: map[replog.Seq]bool{}, server: server}
	d.gather()
	return d
}

func (d *Device) gather() {
	d.segments = []*segment{{before: d.Visible}}
	d.sight, d.unseen = map[string]Sight{}, map[replog.RowID]bool{}
}

// Wrote records a local write: the file as it is now, the keys that were
// changed, and when it was done.
func (d *Device) Wrote(now State, moves []Move, during Span) {
	d.overlooked(now)
	last := d.segments[len(d.segments)-1]
	last.moves = append(last.moves, moves...)
	d.clock = max(d.clock, during.To)
	last.writes = append(last.writes, write{now, during.From, d.clock})
	last.pieces = append(last.pieces, piece{nil, now, moves, Span{during.From, d.clock}})
	d.Visible = now
}

// Ran records a statement that is an intent, as Wrote does others.
func (d *Device) Ran(in *Intent, now State, moves []Move, during Span) {
	d.Wrote(now, moves, during)
	last := d.segments[len(d.segments)-1]
	last.pieces[len(last.pieces)-1].intent = in
}

// HasRun tells whether there is an intent in what has gathered.
func (d *Device) HasRun() bool {
	return slices.ContainsFunc(d.segments, func(s *segment) bool { return s.hasRun() })
}

func (s *segment) hasRun() bool {
	return slices.ContainsFunc(s.pieces, func(p piece) bool { return p.intent != nil })
}

// IsMarked tells whether what is written now belongs to a mark.
func (d *Device) IsMarked() bool { return d.segments[len(d.segments)-1].marked }

// steps are those of a segment with intents.
func (s *segment) steps(schema *Schema) (steps []Step, nets []*Net) {
	from, now := s.before, s.before
	var moves []Move
	during := Span{}
	rows := func() {
		if net := schema.NetChanges(from, now, moves); len(net) > 0 {
			steps, nets = append(steps, Step{Net: net, during: during}), append(nets, net...)
		}
		moves, during = nil, Span{}
	}
	for _, p := range s.pieces {
		if p.intent != nil {
			rows()
			in := *p.intent
			in.Net = schema.NetChanges(now, p.after, p.moves)
			steps = append(steps, Step{Intent: &in, during: p.during})
			from, now = p.after, p.after
			continue
		}
		if during.From == 0 {
			during.From = p.during.From
		}
		moves, now, during.To = append(moves, p.moves...), p.after, p.during.To
	}
	rows()
	return steps, nets
}

// Mark records a mark: a label, or nil for the NULL mark.
func (d *Device) Mark(label *string) {
	next := &segment{before: d.Visible}
	if label != nil {
		next.marked, next.label = true, *label
	}
	d.segments = append(d.segments, next)
}

// Close makes transactions of what has gathered, and returns them.
func (d *Device) Close() []*Txn { return d.close(d.stretches()) }

func (d *Device) stretches() []stretch {
	var list []stretch
	for i, s := range d.segments {
		now := d.Visible
		if i+1 < len(d.segments) {
			now = d.segments[i+1].before
		}
		list = append(list, stretch{segment: *s, after: now})
	}
	return list
}

func (d *Device) close(list []stretch) []*Txn {
	var closed []*Txn
	for _, s := range list {
		net := d.server.Schema.NetChanges(s.before, s.after, s.moves)
		if len(net) == 0 {
			continue
		}
		d.LastSeq++
		t := &Txn{
			Device: d.ID, Seq: d.LastSeq, Marked: s.marked, Whole: d.Whole && !s.marked, Label: s.label,
			Base: d.SyncPoint, Seen: d.Seen, Net: net,
			before: s.before, writes: s.writes, unseen: s.unseen, compared: s.compared,
		}
		if s.hasRun() {
			t.Steps, t.Net = s.steps(d.server.Schema)
		}
		for _, o := range d.Outbox {
			if d.NoEffect[o.Seq] {
				t.Without = append(t.Without, o.Seq)
			}
		}
		closed = append(closed, t)
	}
	d.Outbox = append(d.Outbox, closed...)
	d.gather()
	return closed
}

// MoveTo processes the verdicts up to a revision and rebases on it. What has
// gathered must have been closed.
func (d *Device) MoveTo(r replog.Revision) {
	for _, e := range d.server.Log[d.SyncPoint:r] {
		if e.Txn.Device == d.ID {
			d.Processed = append(d.Processed, e)
			d.Seen = e.Txn.Seq
		}
	}
	d.SyncPoint = r
	d.Outbox = slices.DeleteFunc(d.Outbox, func(t *Txn) bool { return t.Seq <= d.Seen })
	d.replay()
}

// replay writes the outbox on the confirmed state.
func (d *Device) replay() {
	state := d.server.States[d.SyncPoint]
	d.NoEffect = map[replog.Seq]bool{}
	for i, t := range d.Outbox {
		next := d.redo(t, d.unsure(t, d.Outbox[:i]), state)
		if next == nil {
			d.NoEffect[t.Seq] = true
			continue
		}
		state = next
	}
	d.Visible = state
	d.gather()
}

// unsure is U as the device sees it.
func (d *Device) unsure(t *Txn, earlier []*Txn) *unsure {
	u := &unsure{}
	for _, e := range d.Processed {
		switch {
		case slices.Contains(t.Without, e.Txn.Seq):
			u.add(e.although())
		case e.Txn.Seq > t.Seen:
			u.add(e.unapplied())
		}
	}
	for _, p := range earlier {
		if d.NoEffect[p.Seq] != slices.Contains(t.Without, p.Seq) {
			u.add(p.Net, p.touches(d.Reach))
		}
	}
	return u
}

// redo is the state with t's net changes made, or nil where t is without
// effect.
func (d *Device) redo(t *Txn, u *unsure, state State) State {
	if t.Steps != nil {
		return d.redoSteps(t, u, state)
	}
	if u.touchedBy(d.server.Schema, t.Net) {
		return nil
	}
	var effects []*Effect
	for _, n := range t.Net {
		e, ok := remake(n, state[n.ID])
		if !ok {
			return nil
		}
		if e != nil {
			effects = append(effects, e)
		}
	}
	next, refused := makeEffects(d.server.Schema, state, effects)
	if refused != "" {
		return nil
	}
	return next
}

// remake is the effect of one net change in a replay; nil if it has none, false
// if it cannot be made.
func remake(n *Net, row Row) (*Effect, bool) {
	switch {
	case n.Op == replog.Insert && row == nil:
		return &Effect{Net: n, Op: replog.Insert, After: n.After}, true
	case n.Op == replog.Insert:
		return nil, slices.Equal(row, n.After)
	case n.Op == replog.Delete && row != nil:
		return &Effect{Net: n, Op: replog.Delete, Before: row}, true
	case n.Op == replog.Delete:
		return nil, !n.moves()
	case row == nil:
		return nil, false
	}
	return update(n, row, n.Changed), true
}

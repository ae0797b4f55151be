package model

import (
	"slices"

	"replog/replog"
)

// Effect is what an applied entry did to one row: the row as the server found
// and left it.
type Effect struct {
	Net      *Net // whose effect it is
	Op       replog.Op
	Before   Row
	After    Row
	Columns  []int // the columns that an UPDATE changed, or a restoring INSERT wrote
	Restored bool
}

// moves tells whether it took a row away to another key.
func (e *Effect) moves() bool { return e.Op == replog.Delete && e.Net.Unit > 0 }

// time is that of the newest value that the effect wrote.
func (e *Effect) time() replog.Millis {
	if e.Op != replog.Update && !e.Restored {
		return e.Net.Time
	}
	var latest replog.Millis
	for _, c := range e.Columns {
		latest = max(latest, e.Net.Times[c])
	}
	return latest
}

// wrote returns when the effect wrote a column, false if it did not.
func (e *Effect) wrote(column int) (replog.Millis, bool) {
	switch {
	case e.Op == replog.Delete:
		return 0, false
	case e.Op == replog.Insert && !e.Restored:
		return e.Net.Times[column], true
	}
	return e.Net.Times[column], slices.Contains(e.Columns, column)
}

// past is an effect of another device's entry after the base.
type past struct {
	*Effect
	device replog.DeviceID
}

// stamp is what decides who is newer.
type stamp struct {
	time   replog.Millis
	device replog.DeviceID
}

func (a stamp) newer(b stamp) bool {
	return a.time > b.time || a.time == b.time && a.device > b.device
}

// decision says what becomes of one net change.
type decision struct {
	conflict string  // a reason's code; "" for none
	effect   *Effect // nil for no effect
	whole    bool    // stale as a whole
	stale    []int   // the stale columns of an UPDATE that is not stale as a whole
}

// decide judges one net change by the row as it is and the concurrent changes
// of the row, oldest first.
func decide(n *Net, device replog.DeviceID, row Row, concurrent []past) decision {
	switch n.Op {
	case replog.Insert:
		return decideInsert(n, row)
	case replog.Delete:
		return decideDelete(n, device, row, concurrent)
	}
	if row == nil {
		return decideUpdateOfAbsent(n, device, concurrent)
	}
	return decideUpdate(n, device, row, concurrent)
}

func decideInsert(n *Net, row Row) decision {
	switch {
	case row == nil:
		return decision{effect: &Effect{Net: n, Op: replog.Insert, After: n.After}}
	case slices.Equal(row, n.After):
		return decision{}
	}
	return decision{conflict: replog.ReasonExists}
}

func decideDelete(n *Net, device replog.DeviceID, row Row, concurrent []past) decision {
	moved := slices.ContainsFunc(concurrent, func(p past) bool { return p.moves() })
	switch {
	case row == nil && moved:
		return decision{conflict: replog.ReasonMoved}
	case row == nil && n.moves():
		return decision{conflict: replog.ReasonAbsent}
	case row == nil:
		return decision{}
	case moved:
		return decision{conflict: replog.ReasonMoved}
	}
	mine := stamp{n.Time, device}
	stale := slices.ContainsFunc(concurrent, func(p past) bool {
		return p.Op != replog.Delete && stamp{p.time(), p.device}.newer(mine)
	})
	switch {
	case stale && n.moves():
		return decision{conflict: replog.ReasonStale}
	case stale:
		return decision{whole: true}
	}
	return decision{effect: &Effect{Net: n, Op: replog.Delete, Before: row}}
}

// won returns the changed columns that are newer than every concurrent write of
// them, and newer than floor, and the others.
func won(n *Net, device replog.DeviceID, concurrent []past, floor stamp) (written, stale []int) {
	for _, c := range n.Changed {
		mine := stamp{n.Times[c], device}
		loses := !mine.newer(floor) || slices.ContainsFunc(concurrent, func(p past) bool {
			at, ok := p.wrote(c)
			return ok && !mine.newer(stamp{at, p.device})
		})
		if loses {
			stale = append(stale, c)
		} else {
			written = append(written, c)
		}
	}
	return written, stale
}

func decideUpdateOfAbsent(n *Net, device replog.DeviceID, concurrent []past) decision {
	var last past
	for _, p := range concurrent {
		if p.moves() {
			return decision{conflict: replog.ReasonMoved}
		}
		if p.Op == replog.Delete {
			last = p
		}
	}
	if last.Effect == nil {
		return decision{conflict: replog.ReasonAbsent}
	}
	written, stale := won(n, device, concurrent, stamp{last.time(), last.device})
	if len(written) == 0 {
		return decision{whole: true}
	}
	image := slices.Clone(last.Before)
	for _, c := range written {
		image[c] = n.After[c]
	}
	return decision{stale: stale, effect: &Effect{
		Net: n, Op: replog.Insert, After: image, Columns: written, Restored: true,
	}}
}

func decideUpdate(n *Net, device replog.DeviceID, row Row, concurrent []past) decision {
	deleted := false
	for _, p := range concurrent {
		if p.moves() {
			return decision{conflict: replog.ReasonMoved}
		}
	}
	for _, p := range concurrent {
		if deleted && p.Op == replog.Insert && !p.Restored {
			return decision{conflict: replog.ReasonReplaced}
		}
		deleted = deleted || p.Op == replog.Delete
	}
	written, stale := won(n, device, concurrent, stamp{})
	if len(written) == 0 {
		return decision{whole: true}
	}
	return decision{stale: stale, effect: update(n, row, written)}
}

// update is the effect of writing columns to a row that is there; nil where
// they hold the values already.
func update(n *Net, row Row, columns []int) *Effect {
	e := &Effect{Net: n, Op: replog.Update, Before: row, After: slices.Clone(row)}
	for _, c := range columns {
		if row[c] != n.After[c] {
			e.After[c] = n.After[c]
			e.Columns = append(e.Columns, c)
		}
	}
	if len(e.Columns) == 0 {
		return nil
	}
	return e
}

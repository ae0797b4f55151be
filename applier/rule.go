package applier

import (
	"fmt"
	"slices"

	"replog/replog"
)

// Fate is what the default conflict rule, last write wins column by column,
// makes of one net change.
type Fate uint8

// The fates.
const (
	// Write: Image has to be written.
	Write Fate = iota
	// NoEffect: the row is already as the change wants it.
	NoEffect
	// Stale: a newer concurrent change won over all of it.
	Stale
	// Contested: the rule does not decide; Reason says why.
	Contested
)

// Ruling is the rule's answer for one net change.
type Ruling struct {
	Fate   Fate
	Reason replog.Reason
	// Image is what is to be written, for Write.
	Image RowImage
	// Effect is the change that the log will hold, for Write.
	Effect replog.Change
	// StaleColumns are columns of an UPDATE that lost, where others did not.
	StaleColumns []string
}

// Rule judges a net change of a device against the row as it is and the
// concurrent changes of that row: what other devices' applied transactions after
// the change's base did to it, in order. docs/rules.md has the rules. A change
// that does not fit the schema is ErrSchema.
//
// A device with an older schema leaves columns out of an INSERT, which get their
// defaults, and of a DELETE: the effect has them.
func (r *Replica) Rule(c *replog.Change, device replog.DeviceID, concurrent []replog.PastChange) (*Ruling, error) {
	t, columns, err := r.resolveSome(c)
	if err != nil {
		return nil, err
	}
	before, err := r.Row(t, c.Key)
	if err != nil {
		return nil, err
	}
	return rule(contest{table: t, change: c, columns: columns, before: before, device: device, concurrent: concurrent})
}

// RuleAbsent is Rule for an INSERT of a row that is taken to be absent. Where it
// is not, writing what this rules is a *ConstraintError.
func (r *Replica) RuleAbsent(c *replog.Change) (*Ruling, error) {
	t, columns, err := r.resolveSome(c)
	if err != nil {
		return nil, err
	}
	return rule(contest{table: t, change: c, columns: columns})
}

func rule(k contest) (*Ruling, error) {
	switch {
	case k.change.Op == replog.Insert:
		return k.insert()
	case k.change.Op == replog.Delete:
		return k.remove(), nil
	case k.before == nil:
		return k.updateAbsent()
	}
	return k.updatePresent(), nil
}

// contest is one net change and what it competes with.
type contest struct {
	table      *Table
	change     *replog.Change
	columns    []int
	before     []replog.Value
	device     replog.DeviceID
	concurrent []replog.PastChange
}

func (k *contest) contested(code, format string, args ...any) *Ruling {
	detail := fmt.Sprintf("%s of %s: ", k.change.Op, k.change.Row()) + fmt.Sprintf(format, args...)
	return &Ruling{Fate: Contested, Reason: replog.Reason{Code: code, Detail: detail}}
}

func (k *contest) stale() *Ruling {
	detail := fmt.Sprintf("%s of %s: a newer change by another device won", k.change.Op, k.change.Row())
	return &Ruling{Fate: Stale, Reason: replog.Reason{Code: replog.ReasonStale, Detail: detail}}
}

func (k *contest) write(after []replog.Value, effect replog.Change) *Ruling {
	return &Ruling{
		Fate: Write, Effect: effect,
		Image: RowImage{Table: k.table, Key: k.change.Key, Before: k.before, After: after},
	}
}

func (k *contest) insert() (*Ruling, error) {
	switch {
	case k.before == nil:
		whole, err := k.table.complete(k.change)
		if err != nil {
			return nil, err
		}
		return k.write(k.table.imageOf(whole), *whole), nil
	case slices.Equal(pick(k.before, k.columns), k.change.New):
		return &Ruling{Fate: NoEffect}, nil
	}
	return k.contested(replog.ReasonExists, "the row is there with other values"), nil
}

func (k *contest) remove() *Ruling {
	moved := k.movedBy()
	switch {
	case moved != nil:
		return k.contested(replog.ReasonMoved, "device %s changed its key at revision %d", moved.Device.Short(), moved.Revision)
	case k.before == nil && k.change.Moves():
		return k.contested(replog.ReasonAbsent, "the row whose key it changes is not there")
	case k.before == nil:
		return &Ruling{Fate: NoEffect}
	}
	for i := range k.concurrent {
		p := &k.concurrent[i]
		if p.Change.Op != replog.Delete && !k.newer(k.change.Time, p.Change.Time, p.Device) {
			if k.change.Moves() {
				return k.contested(replog.ReasonStale, "its key was to change, but a newer change by device %s, revision %d, won", p.Device.Short(), p.Revision)
			}
			return k.stale()
		}
	}
	effect := *k.change
	effect.Old = pick(k.before, k.columns)
	if len(k.columns) < len(k.before) {
		effect.Columns, effect.Old, effect.Times = k.table.ColumnNames(), k.before, nil
	}
	return k.write(nil, effect)
}

// updateAbsent brings a row back that others deleted, where the update is newer.
// What its table did not have then gets defaults.
func (k *contest) updateAbsent() (*Ruling, error) {
	var gone *replog.PastChange
	for i := range k.concurrent {
		if k.concurrent[i].Change.Op == replog.Delete {
			gone = &k.concurrent[i]
		}
	}
	if gone == nil {
		return k.contested(replog.ReasonAbsent, "the row is not there"), nil
	}
	if moved := k.movedBy(); moved != nil {
		return k.contested(replog.ReasonMoved, "device %s changed its key at revision %d", moved.Device.Short(), moved.Revision), nil
	}
	won, lost := k.sort(func(column string, at replog.Millis) bool {
		return k.newer(at, gone.Change.Time, gone.Device) && k.winsColumn(column, at)
	})
	if len(won) == 0 {
		return k.stale(), nil
	}
	after, err := k.table.imageOfGone(&gone.Change)
	if err != nil {
		return nil, err
	}
	times := make([]replog.Millis, len(after))
	var latest replog.Millis
	for _, i := range won {
		n := k.columns[i]
		after[n], times[n] = k.change.New[i], k.change.TimeOf(i)
		latest = max(latest, times[n])
	}
	ruling := k.write(after, replog.Change{
		Table: k.table.Name, Op: replog.Insert, Key: k.change.Key, KeyColumns: k.change.KeyColumns,
		Columns: k.table.ColumnNames(), New: after, Time: latest, Times: times, Unit: k.change.Unit, Restored: true,
	})
	ruling.StaleColumns = lost
	return ruling, nil
}

func (k *contest) updatePresent() *Ruling {
	if moved := k.movedBy(); moved != nil {
		return k.contested(replog.ReasonMoved, "device %s changed its key at revision %d", moved.Device.Short(), moved.Revision)
	}
	if p := k.replacedBy(); p != nil {
		return k.contested(replog.ReasonReplaced, "others deleted the row and device %s inserted it again at revision %d", p.Device.Short(), p.Revision)
	}
	won, lost := k.sort(k.winsColumn)
	if len(won) == 0 {
		return k.stale()
	}
	effect := *k.change
	effect.Columns, effect.Old, effect.New, effect.Times, effect.Time = nil, nil, nil, nil, 0
	after := slices.Clone(k.before)
	var written []int
	for _, i := range won {
		n := k.columns[i]
		if k.before[n] == k.change.New[i] {
			continue
		}
		after[n] = k.change.New[i]
		written = append(written, n)
		effect.Columns = append(effect.Columns, k.change.Columns[i])
		effect.Old = append(effect.Old, k.before[n])
		effect.New = append(effect.New, k.change.New[i])
		effect.Times = append(effect.Times, k.change.TimeOf(i))
		effect.Time = max(effect.Time, k.change.TimeOf(i))
	}
	if len(effect.Columns) == 0 {
		return &Ruling{Fate: NoEffect, StaleColumns: lost}
	}
	if !slices.ContainsFunc(effect.Times, func(at replog.Millis) bool { return at != effect.Time }) {
		effect.Times = nil
	}
	if len(written) < len(k.columns) || !k.table.holds(k.before, k.change.Context) {
		effect.Context = contextOf(k.table, written, after)
	}
	ruling := k.write(after, effect)
	ruling.StaleColumns = lost
	return ruling
}

// sort divides the changed columns, by their position in the change, into those
// that win and the names of those that do not.
func (k *contest) sort(wins func(column string, at replog.Millis) bool) (won []int, lost []string) {
	for i, name := range k.change.Columns {
		if wins(name, k.change.TimeOf(i)) {
			won = append(won, i)
		} else {
			lost = append(lost, name)
		}
	}
	return won, lost
}

// winsColumn compares with every concurrent change of the column: UPDATEs that
// changed it, and INSERTs, those that brought the row back only for what they
// wrote (time 0 marks the rest).
func (k *contest) winsColumn(column string, at replog.Millis) bool {
	for i := range k.concurrent {
		p := &k.concurrent[i]
		if p.Change.Op == replog.Delete {
			continue
		}
		for n, name := range p.Change.Columns {
			if name == column && p.Change.TimeOf(n) != 0 && !k.newer(at, p.Change.TimeOf(n), p.Device) {
				return false
			}
		}
	}
	return true
}

// newer compares times; ties go to the higher device id.
func (k *contest) newer(at, than replog.Millis, device replog.DeviceID) bool {
	return at > than || at == than && k.device > device
}

// movedBy returns a concurrent change that moved the row to another key.
func (k *contest) movedBy() *replog.PastChange {
	for i := range k.concurrent {
		if k.concurrent[i].Change.Moves() {
			return &k.concurrent[i]
		}
	}
	return nil
}

// replacedBy returns a concurrent INSERT that followed a concurrent DELETE and
// did not merely bring the row back.
func (k *contest) replacedBy() *replog.PastChange {
	deleted := false
	for i := range k.concurrent {
		p := &k.concurrent[i]
		switch {
		case p.Change.Op == replog.Delete:
			deleted = true
		case deleted && p.Change.Op == replog.Insert && !p.Change.Restored:
			return p
		}
	}
	return nil
}

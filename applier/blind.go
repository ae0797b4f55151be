package applier

import (
	"slices"

	"replog/replog"
)

// Blind lists the captured tables of which capture does not see all changes, as
// triggers are not there: a migration that makes a table anew, copies, drops
// and renames, takes them along with the old one.
func (r *Replica) Blind() ([]*Table, error) {
	there := map[string]string{} // trigger -> table
	err := r.Query("SELECT name, tbl_name FROM main.sqlite_schema WHERE type = 'trigger' AND lower(name) GLOB 'replog_*'", func(row []replog.Value) error {
		there[row[0].Bytes()] = foldName(row[1].Bytes())
		return nil
	})
	if err != nil {
		return nil, err
	}
	tables, _, err := r.capturedTables()
	if err != nil {
		return nil, err
	}
	var blind []*Table
	for id, t := range tables {
		missing := func(event string) bool { return there[triggerName(int(id), event)] != foldName(t.Name) }
		if slices.ContainsFunc(t.captureEvents(), missing) {
			blind = append(blind, t)
		}
	}
	slices.SortFunc(blind, func(a, b *Table) int { return slices.Index(r.Schema.Tables, a) - slices.Index(r.Schema.Tables, b) })
	return blind, nil
}

// captureEvents are those of captureEvents that the table needs.
func (t *Table) captureEvents() []string {
	events := slices.Clone(captureEvents[:beforeTriggers])
	if t.assignsKeys() {
		events = append(events, captureEvents[3])
	}
	if t.computesKeys() {
		events = append(events, captureEvents[4])
	}
	return events
}

// ResumeCapture installs capture again on tables that are blind, in the caller's
// transaction. What is missed from then on is nothing.
func (r *Replica) ResumeCapture(blind []*Table) error {
	if len(blind) == 0 {
		return nil
	}
	tables, _, err := r.capturedTables()
	if err != nil {
		return err
	}
	for id, t := range tables {
		if !slices.Contains(blind, t) {
			continue
		}
		// Some may be on another table now, or elsewhere in the order.
		for _, event := range captureEvents {
			if err := r.Script("DROP TRIGGER IF EXISTS main." + replog.QuoteName(triggerName(int(id), event))); err != nil {
				return err
			}
		}
	}
	_, err = r.MendCapture()
	return err
}

// DropTriggers drops every trigger, in the caller's transaction.
func (r *Replica) DropTriggers() error {
	triggers, err := r.triggersOfTables()
	if err != nil {
		return err
	}
	return r.dropTriggers(triggers)
}

// Missed compares tables with what they should hold, row by row, in the order of
// tables and keys. expected and actual must not be in a transaction. Rows with
// NULL in their key are left out, as by capture.
func (r *Replica) Missed(expected, actual *Conn, tables []*Table) ([]RowImage, error) {
	var missed []RowImage
	_, err := Compare(expected, actual, CompareOptions{
		Skip: func(name string) bool { return !isAmong(tables, name) },
		Row: func(d RowDifference) error {
			if image := r.Schema.Table(d.Table).difference(&d); image != nil {
				missed = append(missed, *image)
			}
			return nil
		},
	})
	return missed, err
}

func isAmong(tables []*Table, name string) bool {
	return slices.ContainsFunc(tables, func(t *Table) bool { return foldName(t.Name) == foldName(name) })
}

// Overlay makes the net changes that are of some tables, as Replay does, but asks
// no foreign key, as a parent may be among what capture missed. A row that
// capture saw change, but not go, stays: what it was is not known by capture.
func (r *Replica) Overlay(changes []replog.Change, tables []*Table) error {
	var seen []replog.Change
	for i := range changes {
		c := &changes[i]
		if !isAmong(tables, c.Table) {
			continue
		}
		if c.Op == replog.Delete {
			_, columns, now, err := r.find(c)
			if err != nil {
				return err
			}
			if now == nil || !slices.Equal(pick(now, columns), c.Old) {
				continue
			}
		}
		seen = append(seen, *c)
	}
	images := NewImages(r.Schema)
	defer images.Close()
	if _, err := r.remake(replog.ChangeList(seen), images); err != nil {
		return err
	}
	return r.Write(images)
}

// tell adds facts about rows that went past capture to the records.
func (s *rowStates) tell(records []*record, missed []RowImage) ([]*record, error) {
	if len(missed) == 0 {
		return records, nil
	}
	row, err := s.r.QueryRow("SELECT " + nowMillis)
	if err != nil {
		return nil, err
	}
	now := replog.Millis(row[0].Int64())
	for _, e := range slices.Backward(records) {
		if e.op == opMark {
			if !e.label.IsNull() {
				records = append(records, &record{op: opMark})
			}
			break
		}
	}
	for i := range missed {
		m := &missed[i]
		s.now[m.ID()] = m.After
		e := &record{op: opUpdate, table: m.Table, time: now, image: m.Before}
		switch {
		case m.Before == nil:
			e.op, e.image = opInsert, m.After // of which the key counts
		case m.After == nil:
			e.op = opDelete
		default:
			e.carried = make([]bool, len(m.Before))
			for i := range e.carried {
				e.carried[i] = !m.Table.isKey(i)
			}
		}
		records = append(records, e)
	}
	return records, nil
}

// difference is a difference as the image of a row; nil for a row without
// identity.
func (t *Table) difference(d *RowDifference) *RowImage {
	arrange := func(row []replog.Value) []replog.Value {
		if row == nil {
			return nil
		}
		image := make([]replog.Value, len(t.Columns))
		for i, name := range d.Columns {
			if n := t.Column(name); n >= 0 { // a stored generated column is none
				image[n] = row[i]
			}
		}
		return image
	}
	image := &RowImage{Table: t, Before: arrange(d.A), After: arrange(d.B)}
	one := image.After
	if one == nil {
		one = image.Before
	}
	image.Key = t.KeyOf(one)
	if slices.ContainsFunc(image.Key, replog.Value.IsNull) || sameImage(image.Before, image.After) {
		return nil
	}
	return image
}

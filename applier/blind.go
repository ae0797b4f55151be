package applier

import (
	"slices"

	"replog/replog"
)

// Blind lists the captured tables of which capture did not see all changes: a
// migration makes a table anew, copies, drops the old one and renames. Capture's
// triggers go with that, or somebody else dropped one; or the migration creates
// them again, as it does all triggers of the table. So a table is blind, too, that
// comes after the table of capture's that resume creates, in the order of their
// creation, which VACUUM keeps.
func (r *Replica) Blind() ([]*Table, error) {
	there := map[string]string{} // trigger -> table
	made := map[string]int64{}   // table -> its place in the order
	err := r.Query("SELECT type, name, tbl_name, rowid FROM main.sqlite_schema WHERE type = 'table' OR type = 'trigger' AND lower(name) GLOB 'replog_*'", func(row []replog.Value) error {
		if table := foldName(row[2].Bytes()); row[0].Bytes() == "table" {
			made[table] = row[3].Int64()
		} else {
			there[row[1].Bytes()] = table
		}
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
		if made[foldName(t.Name)] > made["replog_control"] || slices.ContainsFunc(t.captureEvents(), missing) {
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
	if err := r.Script("DROP TABLE main.replog_control;" + controlTable); err != nil {
		return err
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

// tell adds facts about rows that went past capture to the records, and notes
// whose other facts do not count.
func (s *rowStates) tell(records []*record, missed []RowImage) ([]*record, error) {
	if len(missed) == 0 {
		return records, nil
	}
	now, err := s.r.clock()
	if err != nil {
		return nil, err
	}
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
		s.instead[m.ID()] = m.instead
		if sameImage(m.Before, m.After) {
			continue
		}
		s.now[m.ID()] = m.After
		e := &record{op: opUpdate, table: m.Table, time: now, image: m.Before, missed: true}
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

func (r *Replica) clock() (replog.Millis, error) {
	if r.Clock != nil {
		return r.Clock(), nil
	}
	row, err := r.QueryRow("SELECT " + nowMillis)
	if err != nil {
		return 0, err
	}
	return replog.Millis(row[0].Int64()), nil
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

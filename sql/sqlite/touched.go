package sqlite

import (
	"slices"

	"replog/replog"
)

// appendTouched stores what a search by table or row has to find. It comes after
// the changed rows.
func (t *tx) appendTouched(e *replog.Entry) error {
	tables := map[string]bool{}
	// Most entries touch no other rows than they change: they are what was
	// recorded, and the statements are the net changes.
	others := e.Transaction.RecordedNet() != nil || !e.AsRecorded()
	touch := func(c *replog.Change) error {
		if !tables[c.Table] {
			tables[c.Table] = true
			if err := t.s.exec(insertTouchedTable, c.Table, int64(e.Revision)); err != nil {
				return err
			}
		}
		if !others {
			return nil
		}
		if err := t.s.exec(insertTouchedRow, c.Table, replog.KeyString(c.Key), int64(e.Revision)); err != nil {
			return err
		}
		if after := c.KeyAfter(); !slices.Equal(after, c.Key) {
			return t.s.exec(insertTouchedRow, c.Table, replog.KeyString(after), int64(e.Revision))
		}
		return nil
	}
	each := func(_ int, c *replog.Change) error { return touch(c) }
	if err := replog.EachChange(e.Transaction.RecordedStatements(), each); err != nil {
		return err
	}
	if net := e.Transaction.RecordedNet(); net != nil {
		if err := replog.EachChange(net, each); err != nil {
			return err
		}
	}
	if e.AsRecorded() {
		return nil
	}
	return replog.EachChange(e.Made(), each)
}

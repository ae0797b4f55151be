package sqlite

import (
	"slices"

	"replog/replog"
	"replog/sql/internal/form"
)

// appendTouched stores what a search by table or row has to find. It comes after
// the changed rows.
func (t *tx) appendTouched(e *replog.Entry) error {
	tables := map[string]bool{}
	// Most entries touch no other rows than they change: they are what was
	// recorded, and the statements are the net changes.
	others := e.Transaction.RecordedNet() != nil || !form.AsStored(e)
	table := func(name string) error {
		if tables[name] {
			return nil
		}
		tables[name] = true
		return t.s.exec(insertTouchedTable, name, int64(e.Revision))
	}
	for _, name := range e.Tables {
		if err := table(name); err != nil {
			return err
		}
	}
	touch := func(c *replog.Change) error {
		if err := table(c.Table); err != nil || !others {
			return err
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
	if e.Transaction.RecordedNet() != nil || e.Transaction.HasIntents() {
		if err := replog.EachChange(e.Transaction.NetChanges(), each); err != nil {
			return err
		}
	}
	if form.AsStored(e) || e.Transaction.HasIntents() { // whose tables are known
		return nil
	}
	return replog.EachChange(e.Made(), func(_ int, c *replog.Change) error { return table(c.Table) })
}

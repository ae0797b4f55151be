package sqlite

import "replog/replog"

// appendTouched stores what a search by table or row has to find.
func (t *tx) appendTouched(e *replog.Entry) error {
	tables := map[string]bool{}
	touch := func(table string) error {
		if tables[table] {
			return nil
		}
		tables[table] = true
		return t.s.exec(insertTouchedTable, table, int64(e.Revision))
	}
	for i := range e.Transaction.Statements {
		if err := touch(e.Transaction.Statements[i].Table); err != nil {
			return err
		}
	}
	for i := range e.Transaction.Net {
		if err := touch(e.Transaction.Net[i].Table); err != nil {
			return err
		}
	}
	for i := range e.Changes {
		if err := touch(e.Changes[i].Table); err != nil {
			return err
		}
	}
	for row := range unchangedRows(e) {
		if err := t.s.exec(insertTouchedRow, row.Table, row.Key, int64(e.Revision)); err != nil {
			return err
		}
	}
	return nil
}

// unchangedRows are the rows that the transaction names and the entry did not
// change. Most entries have none: they are what was recorded, and the
// statements are the net changes.
func unchangedRows(e *replog.Entry) map[replog.RowID]bool {
	if e.Transaction.Net == nil && e.AsRecorded() {
		return nil
	}
	rows := map[replog.RowID]bool{}
	for i := range e.Transaction.Statements {
		c := &e.Transaction.Statements[i].Change
		rows[c.Row()] = true
		rows[replog.RowID{Table: c.Table, Key: replog.KeyString(c.KeyAfter())}] = true
	}
	for i := range e.Transaction.Net {
		rows[e.Transaction.Net[i].Row()] = true
	}
	for i := range e.Changes {
		delete(rows, e.Changes[i].Row())
	}
	return rows
}

package driver

import (
	"context"
	"database/sql/driver"
	"errors"
)

// changed is what the SQL function changes() has to give the application, where a
// mark of ours has come since: it sets it to 0. SQLite has no way to set it back
// but to change as many rows, which is done once something asks.
type changed struct {
	owed int64
	owes bool
}

const (
	changesSQL = "SELECT changes()"
	// Without rowids, so that last_insert_rowid() stays; the rows do not stay.
	makeRowsSQL = "CREATE TEMP TABLE IF NOT EXISTS replog_changes(n INTEGER PRIMARY KEY) WITHOUT ROWID"
	setSQL      = "SAVEPOINT replog_changes"
	writeSQL    = `
		INSERT INTO temp.replog_changes
		WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT ?)
		SELECT n FROM r`
	undoSQL  = "ROLLBACK TO replog_changes"
	leaveSQL = "RELEASE replog_changes"
)

// keepChanges comes before a mark.
func (c *Conn) keepChanges() error {
	if c.changed.owes {
		return nil
	}
	s, err := c.own(changesSQL)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), nil)
	if err != nil {
		return err
	}
	row := make([]driver.Value, 1)
	err = errors.Join(rows.Next(row), rows.Close())
	if err == nil {
		c.changed = changed{owed: row[0].(int64), owes: true}
	}
	return err
}

// restoreChanges comes before a statement that calls changes(). While rows of a
// statement that writes are being read, SQLite sets no savepoint; then it is 0.
func (c *Conn) restoreChanges() error {
	if !c.changed.owes || c.changed.owed == 0 || c.writing > 0 {
		return nil
	}
	for _, query := range []string{makeRowsSQL, setSQL} {
		if err := c.run(query); err != nil {
			return err
		}
	}
	err := c.run(writeSQL, driver.NamedValue{Ordinal: 1, Value: c.changed.owed})
	err = errors.Join(err, c.run(undoSQL), c.run(leaveSQL))
	c.changed.owes = false
	return err
}

// result is that of a statement which is no INSERT, UPDATE or DELETE: as with
// mattn's driver it tells of the last one.
type result struct {
	driver.Result
	changes int64
}

// RowsAffected implements driver.Result.
func (r result) RowsAffected() (int64, error) { return r.changes, nil }

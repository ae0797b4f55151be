package driver

import (
	"context"
	"database/sql/driver"
	"errors"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// What marks boundaries. A mark that is open is the application's, or that of
// another program, which nobody has ended: what is written belongs to it. To a view
// nothing is inserted, so that last_insert_rowid() stays.
const (
	beginSQL    = "BEGIN"
	commitSQL   = "COMMIT"
	rollbackSQL = "ROLLBACK"
	openSQL     = `
		INSERT INTO main.replog_transaction(label)
		SELECT ? WHERE (SELECT v1 FROM main.replog_change WHERE op = 5 ORDER BY id DESC LIMIT 1) IS NULL
		RETURNING 1`
	endSQL    = "INSERT INTO main.replog_transaction(label) VALUES(NULL)"
	isOpenSQL = "SELECT 1 FROM main.replog_transaction"
	// The last that was recorded is a mark, or a statement.
	isNothingSQL = "SELECT 1 FROM main.replog_change WHERE id = (SELECT max(id) FROM main.replog_change) AND op IN (5, 11)"
	undoEndSQL   = "DELETE FROM main.replog_change WHERE id = (SELECT max(id) FROM main.replog_change)"
	// As after any mark, changes() is 0.
	uncountSQL = "DELETE FROM main.replog_change WHERE 0"
)

// marks are statements of ours, each compiled once it is needed.
type marks struct {
	statements map[string]*sqlite3.SQLiteStmt
}

func (m *marks) close() {
	for _, s := range m.statements {
		s.Close()
	}
	m.statements = nil
}

func (c *Conn) own(query string) (*sqlite3.SQLiteStmt, error) {
	if s := c.marks.statements[query]; s != nil {
		return s, nil
	}
	s, err := c.prepareOwn(query)
	if err != nil {
		return nil, err
	}
	if c.marks.statements == nil {
		c.marks.statements = map[string]*sqlite3.SQLiteStmt{}
	}
	c.marks.statements[query] = s
	return s, nil
}

// run runs a statement of ours that gives no rows. As a query, which is at its end
// with its first step and need not be closed, that is a single call into C.
func (c *Conn) run(query string, args ...driver.NamedValue) error {
	s, err := c.own(query)
	if err != nil {
		return err
	}
	_, err = s.QueryContext(context.Background(), args)
	return err
}

// ask tells whether a query, or a mark, gives a row.
func (c *Conn) ask(ctx context.Context, query string, args ...driver.NamedValue) (bool, error) {
	s, err := c.own(query)
	if err != nil {
		return false, err
	}
	return hasRow(ctx, s, args)
}

// open opens a mark, in the transaction at hand, unless one is open.
func (c *Conn) open(ctx context.Context) error {
	if err := c.keepChanges(); err != nil {
		return err
	}
	opened, err := c.ask(ctx, openSQL, driver.NamedValue{Ordinal: 1, Value: labelOf(ctx, c.tx.label)})
	switch {
	case err != nil:
		return err
	case opened:
		c.tx.mark = markOurs
		return nil
	}
	// Under a mark that others opened, they may have written something already.
	c.tx.mark = markTheirs
	return c.recordUnseen()
}

// settle makes sure, where changes may have gone past the driver, that a mark is
// open, and that nothing comes before the statement at hand that was not recorded.
func (c *Conn) settle(ctx context.Context) error {
	if settled, err := c.ask(ctx, isSettledSQL); err != nil || settled {
		return err
	}
	if err := c.keepChanges(); err != nil {
		return err
	}
	if open, err := c.ask(ctx, isOpenSQL); err != nil || open {
		return errors.Join(err, c.recordUnseen())
	}
	return c.open(ctx)
}

// end ends the mark, where it is ours.
func (c *Conn) end() error {
	if c.tx.mark != markOurs {
		return nil
	}
	if err := c.keepChanges(); err != nil {
		return err
	}
	return c.run(endSQL)
}

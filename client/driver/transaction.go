package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// mark is whose mark is open in a local transaction.
type mark int

const (
	markNone mark = iota
	markOurs
	markTheirs // the application's own, or another program's
	markMissed // nobody's, as capture has come meanwhile
)

// transaction is the local transaction that is open, if any; SQLite knows whether
// one is.
type transaction struct {
	mark  mark
	label string
	// savepoints are those that are open, with whose mark was when they were set.
	savepoints []savepoint
	// bySavepoint: the first of them began the transaction, and ends it.
	bySavepoint bool
	// reading are the rows of a statement that has written, and is recorded once
	// they are read.
	reading *rows
	// doubt: what a statement changed could not be recorded.
	doubt bool
}

type savepoint struct {
	name string
	mark mark
}

func (t *transaction) begin(ctx context.Context) {
	*t = transaction{label: labelOf(ctx, ""), savepoints: t.savepoints[:0]}
}

// find is the index of the innermost savepoint of a name, or -1.
func (t *transaction) find(name string) int {
	for i := len(t.savepoints) - 1; i >= 0; i-- {
		if strings.EqualFold(t.savepoints[i].name, name) {
			return i
		}
	}
	return -1
}

// ends tells whether a statement is to commit the transaction.
func (t *transaction) ends(s *statement) bool {
	return s.control == controlCommit || s.control == controlRelease && t.bySavepoint && t.find(s.savepoint) == 0
}

// failed follows what a statement that failed did to the transaction: it may have
// ended it, and it may not have committed it.
func (c *Conn) failed(p *span) {
	switch {
	case c.sqlite.AutoCommit():
		c.tx.mark, c.tx.savepoints, c.tx.reading = markNone, c.tx.savepoints[:0], nil
	case c.tx.ends(p.statement) && c.tx.mark == markOurs && !p.failed:
		_ = errors.Join(c.run(undoEndSQL), c.run(uncountSQL))
	}
}

// followMark follows a mark of the application. Outside a transaction it is for
// whatever comes next, of any program.
func (c *Conn) followMark(ctx context.Context) error {
	if c.sqlite.AutoCommit() {
		return nil
	}
	open, err := c.ask(ctx, isOpenSQL)
	if err != nil {
		return err
	}
	c.tx.mark = markNone
	if open {
		c.tx.mark = markTheirs
	}
	return nil
}

// follow follows a statement that concerns the transaction itself.
func (c *Conn) follow(p *span) {
	t, s := &c.tx, p.statement
	switch s.control {
	case controlBegin:
		t.begin(p.ctx)
	case controlSavepoint:
		if p.outermost {
			t.begin(p.ctx)
			t.bySavepoint = true
		}
		t.savepoints = append(t.savepoints, savepoint{s.savepoint, t.mark})
	case controlRollbackTo:
		if i := t.find(s.savepoint); i >= 0 {
			t.mark, t.savepoints = t.savepoints[i].mark, t.savepoints[:i+1]
		}
	case controlRelease:
		if i := t.find(s.savepoint); i >= 0 {
			t.savepoints = t.savepoints[:i]
		}
	}
	if c.sqlite.AutoCommit() {
		t.mark, t.savepoints = markNone, t.savepoints[:0]
	}
}

// tx is what BeginTx began.
type tx struct {
	conn  *Conn
	inner driver.Tx
}

// Commit implements driver.Tx. Where it fails the transaction is rolled back.
func (t *tx) Commit() error {
	c := t.conn
	var err error
	if !c.sqlite.AutoCommit() {
		if err = c.early(); err == nil {
			err = c.end()
		}
	}
	if err == nil {
		err = t.inner.Commit()
	} else {
		_ = t.inner.Rollback()
	}
	c.tx.mark = markNone
	return err
}

// Rollback implements driver.Tx.
func (t *tx) Rollback() error {
	t.conn.tx.mark, t.conn.tx.reading = markNone, nil
	return t.inner.Rollback()
}

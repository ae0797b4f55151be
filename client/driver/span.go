package driver

import (
	"context"
	"database/sql/driver"
	"errors"

	"replog/applier"
)

// span is the running of a statement of the application.
type span struct {
	conn      *Conn
	statement *statement
	ctx       context.Context
	// alone: it is a transaction of its own, which was begun for it.
	alone bool
	// outermost: no transaction was open before.
	outermost bool
	// device: the file, which gets another beside it, is one.
	device bool
	failed bool
	// records: it is recorded, once, after it has run; result is what it then
	// gave, unless it returns rows, and broken an error after it had written.
	records, recorded bool
	result            driver.Result
	broken            error
	args              []driver.NamedValue
	options
	guarded bool // see Expect
	left    bool // it failed, and left changes
	// schema is a schema statement that is to be recorded.
	schema *applier.SchemaStatement
}

// enter comes before a statement. Whatever it returns, leave has to be called.
func (c *Conn) enter(ctx context.Context, s *statement, args []driver.NamedValue) (span, error) {
	p := span{conn: c, statement: s, ctx: ctx, args: args}
	if s.writes {
		p.options = optionsOf(ctx)
	}
	var err error
	if c.tx.reading != nil && (s.captured || !s.reads && !s.writes) {
		err = c.early()
	}
	switch {
	case err != nil:
	case s.schema:
		err = p.enterSchema()
	case s.captured:
		err = p.mark()
	case s.control == controlSavepoint:
		p.outermost = c.sqlite.AutoCommit()
	case s.attaches:
		p.device, err = c.captured()
	case c.tx.ends(s):
		err = c.end()
	}
	if err == nil {
		err = p.guard()
	}
	if err == nil && s.asks {
		err = c.restoreChanges()
	}
	p.failed = err != nil
	return p, err
}

// mark opens a mark for a statement, and outside a transaction one of these. Where
// capture was taken out meanwhile the statement is one like any other.
func (p *span) mark() error {
	c := p.conn
	if c.shared && !c.listens() {
		return nil // see Conn.SQLite
	}
	if c.tx.mark != markNone && !c.sqlite.AutoCommit() {
		p.records = c.tx.mark != markMissed
		if !p.records || !c.shared && !c.tx.doubt {
			return nil
		}
		c.tx.doubt = false
		return c.settle(p.ctx)
	}
	if c.sqlite.AutoCommit() {
		c.tx.begin(context.Background())
		if err := c.run(beginSQL); err != nil {
			return err
		}
		p.alone = true
	}
	err := c.open(p.ctx)
	if err != nil {
		if captured, e := c.captured(); e == nil && !captured {
			p.statement.captured = false
			return p.withdraw()
		}
		return err
	}
	p.records = true
	return nil
}

// withdraw ends the transaction that was begun for the statement alone.
func (p *span) withdraw() error {
	if !p.alone {
		return nil
	}
	p.alone = false
	return p.conn.run(rollbackSQL)
}

// leave comes after a statement, with its error, and returns what the application
// gets.
func (p *span) leave(err error) error {
	c, s := p.conn, p.statement
	if s.writes || s.explains {
		c.changed.owes = false
	}
	if p.guarded {
		err = p.meet(err)
	}
	if e := p.record(err); e != nil {
		c.tx.doubt = true
		err = errors.Join(err, e)
	}
	switch {
	case err == nil && p.alone:
		return p.commit()
	case err != nil && p.alone:
		p.rollback()
		return err
	case err != nil:
		c.failed(p)
		return err
	case s.marks:
		return c.followMark(p.ctx)
	case s.control != controlNone:
		c.follow(p)
	case s.attaches && p.device:
		return c.detachMain()
	}
	return nil
}

// commit ends the transaction of one statement.
func (p *span) commit() error {
	c := p.conn
	err := c.end()
	if err == nil {
		err = c.run(commitSQL)
	}
	if err != nil {
		c.changed.owes = false // the statement failed
		if !c.sqlite.AutoCommit() {
			_ = c.run(rollbackSQL)
		}
	}
	c.tx.mark = markNone
	return err
}

// rollback ends the transaction of one statement that failed. With OR FAIL it may
// have written something, which stays.
func (p *span) rollback() {
	c := p.conn
	if !c.sqlite.AutoCommit() {
		if p.left {
			_ = p.commit()
			return
		}
		_ = c.run(rollbackSQL)
	}
	c.tx.mark = markNone
}

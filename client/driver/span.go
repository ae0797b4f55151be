package driver

import "context"

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
}

// enter comes before a statement. Whatever it returns, leave has to be called.
func (c *Conn) enter(ctx context.Context, s *statement) (span, error) {
	p := span{conn: c, statement: s, ctx: ctx}
	var err error
	switch {
	case s.captured:
		err = p.mark()
	case s.control == controlSavepoint:
		p.outermost = c.sqlite.AutoCommit()
	case s.attaches:
		p.device, err = c.captured()
	case c.tx.ends(s):
		err = c.end()
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
	if c.tx.mark != markNone && !c.sqlite.AutoCommit() {
		return nil
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
	if p.alone && c.tx.mark == markTheirs {
		return p.withdraw()
	}
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
		nothing, err := c.ask(context.Background(), isNothingSQL)
		if err == nil && !nothing && !p.failed {
			_ = p.commit()
			return
		}
		_ = c.run(rollbackSQL)
	}
	c.tx.mark = markNone
}

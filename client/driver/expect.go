package driver

// A statement that is to change a certain number of rows runs in a savepoint, by
// which it is undone where it changes another number, or fails.
const (
	setExpectSQL   = "SAVEPOINT replog_expect"
	undoExpectSQL  = "ROLLBACK TO replog_expect"
	leaveExpectSQL = "RELEASE replog_expect"
)

// guard sets the savepoint.
func (p *span) guard() error {
	if !p.expects() || !p.statement.writes {
		return nil
	}
	p.outermost = p.conn.sqlite.AutoCommit()
	err := p.conn.run(setExpectSQL)
	p.guarded = err == nil
	return err
}

// meet checks what was expected of the statement, which has ended with an error or
// not, and leaves the savepoint, unless the statement took it along.
func (p *span) meet(err error) error {
	c := p.conn
	if c.sqlite.AutoCommit() {
		return err
	}
	if err == nil {
		var got int64
		if got, err = p.count(); err == nil && got != *p.expect {
			err = &ExpectError{Want: *p.expect, Got: got}
		}
	}
	if err != nil {
		_ = c.run(undoExpectSQL)
	}
	e := c.run(leaveExpectSQL)
	if e != nil && p.outermost {
		_ = c.run(rollbackSQL)
	}
	if err == nil {
		err = e
	}
	return err
}

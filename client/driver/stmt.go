package driver

import (
	"context"
	"database/sql/driver"
)

// stmt is a statement that the application prepared.
type stmt struct {
	conn *Conn
	*statement
}

func (s *stmt) Close() error  { return s.sqlite.Close() }
func (s *stmt) NumInput() int { return s.sqlite.NumInput() }

// Exec implements driver.Stmt.
func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), named(args))
}

// Query implements driver.Stmt.
func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), named(args))
}

func named(args []driver.Value) []driver.NamedValue {
	list := make([]driver.NamedValue, len(args))
	for i, v := range args {
		list[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return list
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if s.returns && (s.captured || optionsOf(ctx).expects()) {
		// It would stay at its first row, and hold the transaction open.
		once, err := s.conn.compile(s.sql)
		if err != nil {
			return nil, err
		}
		return s.conn.exec(ctx, once, args, true)
	}
	return s.conn.exec(ctx, s.statement, args, false)
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.query(ctx, s.statement, args, false)
}

// exec runs a statement; one that was taken is given back.
func (c *Conn) exec(ctx context.Context, s *statement, args []driver.NamedValue, taken bool) (driver.Result, error) {
	span, err := c.enter(ctx, s, args)
	var out driver.Result
	if err == nil && (s.returns || s.explains) {
		err = c.restoreChanges() // it is left at its first row, before it has a count
	}
	if err == nil {
		out, err = span.run(args)
	}
	if err == nil && !s.returns {
		span.result = out
	}
	switch {
	case !taken:
	case err == nil && s.writes && !s.returns:
		c.give(s, args)
	default:
		span.broken = s.sqlite.Close()
	}
	if err = span.leave(err); err != nil {
		return nil, err
	}
	if c.changed.owes && !s.writes {
		out = result{out, c.changed.owed}
	}
	return out, nil
}

func (p *span) run(args []driver.NamedValue) (driver.Result, error) {
	if p.schema != nil {
		return p.runSchema()
	}
	again := p.conn.again(p.statement)
	defer again()
	return p.statement.sqlite.ExecContext(p.ctx, args)
}

// again notes when SQLite compiles a statement again, as the tables or something
// else has changed, until the function is called. What is known of the statement does
// not count any more, and capture may have been installed meanwhile. A transaction in
// which that shows is not marked, so that it stays one.
func (c *Conn) again(s *statement) func() {
	c.watch.asked = false
	if !s.writes || s.captured {
		return func() {
			if c.watch.asked {
				s.decision = nil
			}
		}
	}
	k := &compilation{sql: s.sql}
	c.compiling = k
	return func() {
		c.compiling = nil
		if s.captured = k.classify().captured; s.captured {
			c.tx.mark = markMissed
		}
	}
}

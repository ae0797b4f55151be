package driver

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/applier"
	"replog/replog"
)

// What records statements: each in one row, after its facts. The second form records
// nothing where nothing comes since the last mark or statement.
const (
	recordSQL      = "INSERT INTO main.replog_statement(body) VALUES(?)"
	recordFactsSQL = `
		INSERT INTO main.replog_statement(body)
		SELECT ? WHERE (SELECT op FROM main.replog_change ORDER BY id DESC LIMIT 1) NOT IN (5, 11)`
	// The last row opens a mark, or tells of a statement under one.
	isSettledSQL = "SELECT 1 FROM (SELECT op, v1 FROM main.replog_change ORDER BY id DESC LIMIT 1) WHERE op = 11 OR op = 5 AND v1 IS NOT NULL"
)

// record tells of the statement, which has ended with an error or not. The error
// that it returns is SQLite's.
func (p *span) record(err error) error {
	c := p.conn
	if !p.records || p.recorded || p.result == nil && c.sqlite.AutoCommit() {
		return nil
	}
	p.recorded = true
	if err == nil {
		err = p.broken
	}
	if err != nil {
		return p.recordFailed(err)
	}
	affected, err := p.count()
	if err != nil {
		return err
	}
	return p.tell(p.describe(affected))
}

// count is how many rows the statement has changed, which changes() is to give the
// application after all that comes from us.
func (p *span) count() (int64, error) {
	c := p.conn
	if p.result == nil {
		err := c.keepChanges()
		return c.changed.owed, err
	}
	n, err := p.result.RowsAffected()
	c.changed = changed{owed: n, owes: true}
	return n, err
}

// describe makes the record of a statement that has done its work.
func (p *span) describe(affected int64) *applier.RanStatement {
	if p.options.rows {
		return &applier.RanStatement{SQL: p.shown(), Affected: affected, Class: applier.RowsAsked}
	}
	d := p.conn.decide(p.statement)
	s := &applier.RanStatement{SQL: d.text, Affected: affected, Class: d.class, Why: d.why}
	if d.class != "" {
		return s
	}
	if affected < 0 {
		s.Class, s.Why = applier.RowsInterleaved, "another statement wrote before all that it returns was read"
		return s
	}
	args, err := numbered(d.inspection, p.args)
	if err == nil {
		err = d.inspection.Certain(args)
	}
	var unsafe *applier.UnsafeError
	switch {
	case errors.As(err, &unsafe):
		s.Class, s.Why = unsafe.Class, unsafe.Detail
	case err != nil:
		s.Class, s.Why = applier.RowsUnknown, err.Error()
	default:
		s.SQL, s.Args, s.Expect, s.Optional = d.inspection.SQL, args, p.expect, p.optional
	}
	return s
}

// shown is the text of a statement that nobody is to run again.
func (p *span) shown() string {
	if pieces := applier.Pieces(p.statement.sql); len(pieces) > 0 {
		return applier.CutSQL(pieces[0].Text)
	}
	return ""
}

// numbered orders arguments by the numbers of their parameters, with the values that
// mattn's driver binds.
func numbered(i *applier.Inspection, args []driver.NamedValue) ([]replog.Value, error) {
	values := make([]replog.Value, i.Parameters)
	for _, a := range args {
		v, err := boundValue(a.Value)
		if err != nil {
			return nil, err
		}
		if a.Name == "" {
			if a.Ordinal <= len(values) {
				values[a.Ordinal-1] = v
			}
			continue
		}
		for _, prefix := range []string{":", "@", "$"} {
			if n := i.Names[prefix+a.Name]; n > 0 {
				values[n-1] = v
			}
		}
	}
	return values, nil
}

func boundValue(v driver.Value) (replog.Value, error) {
	switch v := v.(type) {
	case nil:
		return replog.Value{}, nil
	case int64:
		return replog.Integer(v), nil
	case float64:
		return replog.Real(v), nil
	case bool:
		if v {
			return replog.Integer(1), nil
		}
		return replog.Integer(0), nil
	case string:
		return replog.Text(v), nil
	case []byte:
		if v == nil {
			return replog.Value{}, nil
		}
		return replog.Blob(v), nil
	case time.Time:
		return replog.Text(v.Format(sqlite3.SQLiteTimestampFormats[0])), nil
	}
	return replog.Value{}, errors.New("an argument of a type that is not known")
}

// tell writes a record. An intent that SQLite takes to be too large is none.
func (p *span) tell(s *applier.RanStatement) error {
	c := p.conn
	if s.Class != "" {
		return c.write(recordFactsSQL, s)
	}
	err := c.write(recordSQL, s)
	var e sqlite3.Error
	if errors.As(err, &e) && e.Code == sqlite3.ErrTooBig {
		return c.write(recordFactsSQL, &applier.RanStatement{SQL: p.shown(), Affected: s.Affected, Class: applier.UnsafeSyntax, Why: err.Error()})
	}
	return err
}

// recordFailed tells of a statement that failed and left changes all the same.
func (p *span) recordFailed(failure error) error {
	c := p.conn
	if nothing, err := c.ask(context.Background(), isNothingSQL); err != nil || nothing {
		return err
	}
	if err := c.keepChanges(); err != nil {
		return err
	}
	p.left = true
	return c.write(recordFactsSQL, &applier.RanStatement{SQL: p.shown(), Affected: c.changed.owed, Class: applier.RowsFailed, Why: failure.Error()})
}

// recordUnseen tells of facts that come before a statement and are not the driver's.
func (c *Conn) recordUnseen() error {
	return c.write(recordFactsSQL, &applier.RanStatement{Affected: -1, Class: applier.RowsUnseen, Why: "changes that did not go through the driver"})
}

// write runs recordSQL or recordFactsSQL.
func (c *Conn) write(query string, s *applier.RanStatement) error {
	c.body = s.AppendJSON(c.body[:0])
	args := []driver.NamedValue{{Ordinal: 1, Value: string(c.body)}}
	if len(c.body) > maxCachedArgument {
		c.body = nil
		return c.once(query, args)
	}
	return c.run(query, args...)
}

// once runs a statement of ours whose arguments are too large to stay bound.
func (c *Conn) once(query string, args []driver.NamedValue) error {
	s, err := c.prepareOwn(query)
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.ExecContext(context.Background(), args)
	return err
}

// early records a statement whose rows are still being read, before another one
// writes. Its own changes are complete.
func (c *Conn) early() error {
	r := c.tx.reading
	if r == nil || c.sqlite.AutoCommit() {
		return nil
	}
	c.tx.reading = nil
	r.span.recorded = true
	if err := c.keepChanges(); err != nil {
		return err
	}
	return r.span.tell(r.span.describe(-1))
}

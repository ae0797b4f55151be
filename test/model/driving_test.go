package model

import (
	"context"
	sqldriver "database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/client/driver"
	"replog/replog"
)

// driving is one local transaction through the driver. Where what it does does not
// depend on the moment, a twin does it too, without the driver and capture.
type driving struct {
	*node
	l    *driven
	twin *foreign
	last int64 // of what capture had noted before
	list []done
	kept int // done before the savepoint
}

func (r *driving) exec(sql string) error {
	_, err := r.driver.ExecContext(ctx, sql, nil)
	if r.twin != nil {
		if e := r.twin.exec(sql); (err == nil) != (e == nil) {
			return fmt.Errorf("%s: the driver says %w, mattn's alone %w", sql, orNone(err), orNone(e))
		}
	}
	return err
}

func orNone(err error) error {
	if err == nil {
		return errors.New("nothing")
	}
	return err
}

// run does it, and returns what is there to stay.
func (r *driving) run() ([]done, error) {
	on := map[bool]string{false: "OFF", true: "ON"}[r.l.foreignKeys]
	if err := r.exec("PRAGMA foreign_keys=" + on); err != nil {
		return nil, err
	}
	if r.l.explicit {
		if err := r.exec("BEGIN"); err != nil {
			return nil, err
		}
	}
	for i := range r.l.calls {
		c := &r.l.calls[i]
		if c.control {
			if err := r.exec(c.sql); err != nil {
				return nil, err
			}
			switch {
			case strings.HasPrefix(c.sql, "SAVEPOINT"):
				r.kept = len(r.list)
			case strings.HasPrefix(c.sql, "ROLLBACK TO"):
				r.list = r.list[:r.kept]
				r.count.add("savepoints rolled back through the driver")
				// What capture notes next may be numbered as what is gone was.
				var err error
				if r.last, err = r.lastChange(); err != nil {
					return nil, err
				}
				if err := r.discardMoves(); err != nil {
					return nil, err
				}
			}
			continue
		}
		refused, err := r.call(c)
		if err != nil {
			return nil, err
		}
		if refused && c.must {
			r.count.add("transfers that did not go through")
			return nil, r.rollback()
		}
	}
	return r.end()
}

func (r *driving) end() ([]done, error) {
	switch {
	case !r.l.explicit:
		return r.list, nil
	case r.l.rollsBack:
		r.count.add("transactions rolled back through the driver")
		return nil, r.rollback()
	}
	_, err := r.driver.ExecContext(ctx, "COMMIT", nil)
	if err == nil {
		return r.list, nil
	}
	if !isConstraint(err) {
		return nil, err
	}
	return nil, r.rollback() // deferred foreign keys
}

func (r *driving) rollback() error {
	_, err := r.driver.ExecContext(ctx, "ROLLBACK", nil)
	return err
}

func isConstraint(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrConstraint || e.Code == sqlite3.ErrMismatch)
}

// call runs a statement, and tells whether it was refused.
func (r *driving) call(c *call) (refused bool, err error) {
	args := make([]sqldriver.NamedValue, len(c.args))
	for i, a := range c.args {
		args[i] = sqldriver.NamedValue{Ordinal: i + 1, Value: goValue(a)}
	}
	affected, failure := r.affected(c, args)
	var expect *driver.ExpectError
	if failure != nil && !isConstraint(failure) && !errors.As(failure, &expect) {
		return false, fmt.Errorf("%s: %w", c.sql, failure)
	}
	before := r.state()
	d := done{call: c}
	if d.state, err = readState(r.family, r.query); err != nil {
		return false, err
	}
	if r.twin != nil {
		if d.moves, err = r.same(c, failure, d.state); err != nil {
			return false, err
		}
	}
	if failure != nil {
		r.count.add("statements refused through the driver")
		if !d.state.Equal(before) { // OR FAIL
			r.list = append(r.list, d)
		}
		return true, nil
	}
	if d.intent, err = r.recorded(c); err != nil {
		return false, err
	}
	if d.intent != nil {
		d.intent.Affected = affected
	}
	r.list = append(r.list, d)
	return false, nil
}

// affected runs a statement, and returns how many rows it changed.
func (r *driving) affected(c *call, args []sqldriver.NamedValue) (int64, error) {
	if !strings.HasSuffix(c.sql, returning) {
		result, err := r.driver.ExecContext(c.context(r.l.label), c.sql, args)
		if err != nil {
			return 0, err
		}
		return result.RowsAffected()
	}
	rows, err := r.driver.QueryContext(c.context(r.l.label), c.sql, args)
	if err != nil {
		return 0, err
	}
	given, err := readRows(c.sql, rows)
	if err != nil {
		return 0, err
	}
	changes, err := r.query("SELECT changes()")
	if err == nil && changes[0][0].Int64() != int64(len(given)) {
		err = fmt.Errorf("%s gave %d rows, and changed %s", c.sql, len(given), changes[0][0])
	}
	return int64(len(given)), err
}

const returning = " RETURNING *"

func (r *driving) state() State {
	if len(r.list) > 0 {
		return r.list[len(r.list)-1].state
	}
	return r.model.Visible
}

func (r *driving) query(sql string) ([]Row, error) {
	rows, err := r.driver.QueryContext(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	return readRows(sql, rows)
}

// same does the statement on the twin, compares, and returns which keys it changed.
func (r *driving) same(c *call, failure error, got State) ([]Move, error) {
	if err := r.twin.exec("SAVEPOINT expected"); err != nil {
		return nil, err
	}
	// Where it returns rows, mattn's driver stops at the first of them, before it has
	// a count.
	affected, err := r.twin.execArgs(strings.TrimSuffix(c.sql, returning), c.args)
	if err == nil && c.expects() && affected != *c.expect {
		err = fmt.Errorf("%d rows", affected)
	}
	if c.expects() && err != nil {
		if err := r.twin.exec("ROLLBACK TO expected"); err != nil {
			return nil, err
		}
	}
	if e := r.twin.exec("RELEASE expected"); e != nil { // deferred foreign keys
		err = errors.Join(err, e)
		if err := r.twin.exec("ROLLBACK TO expected; RELEASE expected"); err != nil {
			return nil, err
		}
	}
	if (err == nil) != (failure == nil) {
		return nil, fmt.Errorf("%s: the driver says %w, mattn's alone %w", c.sql, orNone(failure), orNone(err))
	}
	moves, err := r.twin.moves()
	if err != nil {
		return nil, err
	}
	want, err := r.twin.read(r.family)
	if err != nil {
		return nil, err
	}
	if d := got.Difference(want); d != nil {
		return nil, fmt.Errorf("device %d: %s: the result against that of mattn's driver alone:\n  %s", r.number, c.sql, strings.Join(d, "\n  "))
	}
	return moves, nil
}

func (r *driving) lastChange() (int64, error) {
	rows, err := r.query("SELECT coalesce(max(id), 0) FROM replog_change")
	if err != nil {
		return 0, err
	}
	return rows[0][0].Int64(), nil
}

func (r *driving) discardMoves() error {
	if r.twin == nil {
		return nil
	}
	return r.twin.discard()
}

// recorded tells what the driver recorded of the statement that was run last: an
// intent, or nil.
func (r *driving) recorded(c *call) (*Intent, error) {
	rows, err := r.query(fmt.Sprintf("SELECT id, v1 FROM replog_change WHERE op = 11 AND id > %d ORDER BY id DESC LIMIT 1", r.last))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r.last = rows[0][0].Int64()
	var form struct {
		SQL, Class replog.Value
		Args       []replog.Value
	}
	if err := json.Unmarshal([]byte(rows[0][1].Bytes()), &form); err != nil {
		return nil, err
	}
	safe := form.Class.Bytes() == ""
	switch {
	case safe && c.unsafe:
		return nil, fmt.Errorf("%s %s was recorded as an intent", c.sql, replog.KeyString(c.args))
	case !safe && c.safe:
		return nil, fmt.Errorf("%s was not recorded as an intent: %s", c.sql, rows[0][1].Bytes())
	case !safe:
		r.count.add("statements recorded as rows: " + form.Class.Bytes())
		return nil, nil
	}
	if form.SQL.Bytes() != strings.TrimSuffix(c.sql, returning) || !slices.Equal(form.Args, c.args) {
		return nil, fmt.Errorf("%s %s was recorded as %s", c.sql, replog.KeyString(c.args), rows[0][1].Bytes())
	}
	return c.intent(r.family, form.SQL.Bytes()), nil
}

// expects tells whether a certain number of rows has to change.
func (c *call) expects() bool { return c.expect != nil && *c.expect >= 0 }

// context is what it runs under.
func (c *call) context(label string) context.Context {
	under := driver.Label(ctx, label)
	if c.optional {
		under = driver.Optional(under)
	}
	if c.rows {
		under = driver.AsRows(under)
	}
	if c.expect != nil {
		under = driver.Expect(under, *c.expect)
	}
	return under
}

// intent is the statement as the model knows it.
func (c *call) intent(f *family, sql string) *Intent {
	in := &Intent{SQL: sql, Args: c.args, Expect: c.expect, Optional: c.optional, Upsert: strings.Contains(sql, "DO UPDATE")}
	in.Kind, _, _ = strings.Cut(sql, " ")
	first := len(sql)
	for _, t := range f.tables {
		if at := strings.Index(sql, t.quoted); at >= 0 {
			in.Named = append(in.Named, t.Name)
			if at < first {
				first, in.Table = at, t.Name
			}
		}
	}
	return in
}

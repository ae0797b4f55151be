package model

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/replog"
)

// foreign is an application's connection, which knows nothing of replog. A
// temporary trigger on each table tells which primary keys an UPDATE changed.
type foreign struct {
	conn   *sqlite3.SQLiteConn
	family *family
	// refused holds what SQLite said to each step of the last run.
	refused []string
	// unmarked: the file has no capture, and marks are left out.
	unmarked bool
}

func openForeign(path string) (*foreign, error) {
	c, err := (&sqlite3.SQLiteDriver{}).Open("file:" + path + "?_busy_timeout=2000")
	if err != nil {
		return nil, err
	}
	return &foreign{conn: c.(*sqlite3.SQLiteConn)}, nil
}

func (c *foreign) close() error { return c.conn.Close() }

func (c *foreign) exec(sql string) error {
	_, err := c.conn.Exec(sql, nil)
	return err
}

func (c *foreign) query(sql string) ([]Row, error) {
	rows, err := c.conn.Query(sql, nil)
	if err != nil {
		return nil, err
	}
	return readRows(sql, rows)
}

// readRows reads what a query gives to the end, and closes it.
func readRows(sql string, rows driver.Rows) ([]Row, error) {
	defer rows.Close()
	raw := make([]driver.Value, len(rows.Columns()))
	var out []Row
	for {
		if err := rows.Next(raw); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		r := make(Row, len(raw))
		for i, v := range raw {
			switch x := v.(type) {
			case nil:
			case int64:
				r[i] = replog.Integer(x)
			case float64:
				r[i] = replog.Real(x)
			case string:
				r[i] = replog.Text(x)
			case []byte:
				r[i] = replog.Blob(x)
			default:
				return nil, fmt.Errorf("%s: column %d is a %T", sql, i, v)
			}
		}
		out = append(out, r)
	}
}

// observe installs the temporary triggers.
func (c *foreign) observe(f *family) error {
	c.family = f
	for i, t := range f.tables {
		sql := fmt.Sprintf("CREATE TEMP TABLE moved%d(%s)", i, strings.Join(numbered(2*len(t.Key)), ", "))
		if err := c.exec(sql); err != nil {
			return err
		}
		if err := c.exec(f.observer(i)); err != nil {
			return err
		}
	}
	return nil
}

// observer renders the temporary trigger on the table i.
func (f *family) observer(i int) string {
	t := f.tables[i]
	var old, now []string
	for _, k := range t.Key {
		name := t.columns[k].name
		old, now = append(old, "OLD."+name), append(now, "NEW."+name)
	}
	return fmt.Sprintf("CREATE TEMP TRIGGER observe%d AFTER UPDATE ON main.%s BEGIN INSERT INTO moved%d VALUES(%s); END",
		i, t.quoted, i, strings.Join(append(old, now...), ", "))
}

func numbered(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("v%d", i))
	}
	return out
}

// moves takes the key changes observed since the last time.
func (c *foreign) moves() ([]Move, error) {
	var out []Move
	for i, t := range c.family.tables {
		rows, err := c.query(fmt.Sprintf("SELECT * FROM temp.moved%d", i))
		if err != nil {
			return nil, err
		}
		n := len(t.Key)
		for _, r := range rows {
			m := Move{
				From: replog.RowID{Table: t.Name, Key: replog.KeyString(r[:n])},
				To:   replog.RowID{Table: t.Name, Key: replog.KeyString(r[n:])},
			}
			if m.From != m.To {
				out = append(out, m)
			}
		}
		if len(rows) > 0 {
			if err := c.exec(fmt.Sprintf("DELETE FROM temp.moved%d", i)); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// read is a plain read of the replicated tables.
func (c *foreign) read(f *family) (State, error) {
	return readState(f, c.query)
}

// readState is a plain read of the replicated tables through a connection.
func readState(f *family, query func(string) ([]Row, error)) (State, error) {
	s := State{}
	for _, t := range f.tables {
		var columns []string
		for _, col := range t.columns {
			columns = append(columns, "+"+col.name)
		}
		rows, err := query("SELECT " + strings.Join(columns, ", ") + " FROM main." + t.quoted)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			s[t.ID(r)] = r
		}
	}
	return s, nil
}

// event is what a local transaction did, up to a mark or its end.
type event struct {
	state State
	moves []Move
	mark  *step // the mark that follows; nil at the end
	blind *blindness
}

// run does what the application does and returns what was committed. Statements
// that a constraint refuses are part of the game; the first error of another
// kind is returned.
func (c *foreign) run(l *local) ([]event, error) {
	c.refused = nil
	on := map[bool]string{false: "OFF", true: "ON"}
	err := c.exec("PRAGMA foreign_keys=" + on[l.foreignKeys] + "; PRAGMA recursive_triggers=" + on[l.recursive])
	if err != nil {
		return nil, err
	}
	var events []event
	kept := 0 // events before the savepoint
	explicit := l.steps[0].sql == "BEGIN"
	for i := range l.steps {
		s := &l.steps[i]
		if s.mark || s.look {
			e, err := c.event(s)
			if err != nil {
				return nil, err
			}
			events = append(events, e)
			if !s.mark {
				continue
			}
			if err := c.execMark(s); err != nil {
				return nil, err
			}
			continue
		}
		err := c.exec(s.sql)
		if err != nil && !refusal(err, l.recursive) {
			return nil, fmt.Errorf("%s: %w", s.sql, err)
		}
		c.refused = append(c.refused, fmt.Sprint(err))
		switch {
		case err != nil && s.must:
			if c.conn.AutoCommit() {
				return nil, c.discard()
			}
			return nil, errors.Join(c.exec("ROLLBACK"), c.discard())
		case s.sql == "ROLLBACK":
			return nil, c.discard()
		case s.sql == "SAVEPOINT app":
			kept = len(events)
		case s.sql == "ROLLBACK TO app":
			events = events[:kept]
		case s.sql != "COMMIT" && explicit && c.conn.AutoCommit():
			return nil, c.discard() // OR ROLLBACK
		}
	}
	if !c.conn.AutoCommit() { // COMMIT was refused: deferred foreign keys
		if err := c.exec("ROLLBACK"); err != nil {
			return nil, err
		}
		return nil, c.discard()
	}
	last, err := c.event(nil)
	return append(events, last), err
}

// event tells what has been done up to a step, nil for the end.
func (c *foreign) event(s *step) (event, error) {
	moves, err := c.moves()
	if err != nil {
		return event{}, err
	}
	state, err := c.read(c.family)
	e := event{state: state, moves: moves}
	if s != nil {
		if e.blind = s.blind; s.mark {
			e.mark = s
		}
	}
	return e, err
}

func (c *foreign) execMark(s *step) error {
	if c.unmarked {
		return nil
	}
	label := "NULL"
	if s.text != nil {
		label = replog.Text(*s.text).String()
	}
	return c.exec("INSERT INTO replog_transaction(label) VALUES(" + label + ")")
}

// discard forgets observed key changes of what was rolled back: temporary tables
// are rolled back as well, so that there should be none.
func (c *foreign) discard() error {
	moves, err := c.moves()
	if err == nil && len(moves) > 0 {
		err = fmt.Errorf("%d key changes are left of a transaction that was rolled back", len(moves))
	}
	return err
}

// refusal tells whether SQLite refused a statement for what it asks, or because
// recursive triggers ran too deep, for which it has only its general code.
func refusal(err error, recursive bool) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrConstraint || e.Code == sqlite3.ErrMismatch || recursive && e.Code == sqlite3.ErrError)
}

package applier

import (
	"fmt"
	"slices"
	"strings"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"replog/replog"
)

// standIn is a database in memory with tables that have the names and columns of
// another's, but no content, constraint or module: what a trigger writes is what
// SQLite says when it compiles it there.
type standIn struct {
	engine *fts5Engine
	tables map[string][]column // by folded name
	// virtual are the virtual tables that SQLite can open, by folded name; closed
	// those that it cannot, by their name.
	virtual map[string]bool
	closed  []string
}

type column struct {
	name   string // quoted
	hidden bool
}

func newStandIn(c *Conn, s *Schema, objects []object) (*standIn, error) {
	e, err := openFTS5("file::memory:", OpenOptions{})
	if err != nil {
		return nil, err
	}
	d := &standIn{engine: e, tables: map[string][]column{}, virtual: map[string]bool{}}
	for _, o := range objects {
		switch o.kind {
		case "table":
			err = d.add(c, o.name, isVirtual(o.sql))
		case "view":
			err = e.conn.Exec(o.sql)
		}
		if err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

func (d *standIn) close() { _ = d.engine.Close() }

func (d *standIn) add(c *Conn, name string, virtual bool) error {
	var columns []column
	err := c.Query("SELECT name, hidden FROM pragma_table_xinfo(?, 'main')", func(row []replog.Value) error {
		columns = append(columns, column{replog.QuoteName(row[0].Bytes()), row[1].Int64() == 1})
		return nil
	}, replog.Text(name))
	if virtual && (err != nil || columns == nil || !works(c, name)) {
		d.closed = append(d.closed, name)
		return nil
	}
	if err != nil {
		return err
	}
	d.tables[foldName(name)] = columns
	if virtual {
		d.virtual[foldName(name)] = true
	}
	return d.engine.conn.Exec("CREATE TABLE " + replog.QuoteName(name) + "(" + list(columns, "%s") + ")")
}

// list renders each column by a format.
func list(columns []column, format string) string {
	var parts []string
	for _, c := range columns {
		parts = append(parts, fmt.Sprintf(format, c.name))
	}
	return strings.Join(parts, ", ")
}

// works tells whether a virtual table can be used: FTS5 looks for the tokenizer of
// an index when it first needs it.
func works(c *Conn, name string) bool {
	row, err := c.QueryRow("SELECT 1 FROM pragma_table_xinfo(?1, 'main') WHERE name = ?1 AND hidden = 1", replog.Text(name))
	if err != nil || row == nil {
		return err == nil // no full-text index
	}
	_, err = c.QueryRow(fmt.Sprintf("SELECT 1 FROM main.%[1]s WHERE %[1]s MATCH 'a' LIMIT 1", replog.QuoteName(name)))
	return err == nil
}

// writes lists the tables, by folded name, that a trigger writes to. It is false
// where SQLite cannot compile the trigger here, or where it may refuse a row: then
// the virtual tables are listed that it names.
func (d *standIn) writes(t *trigger) (tables []string, ok bool) {
	if tables, ok = d.compiledWrites(t); ok {
		return tables, true
	}
	for name := range d.virtual {
		if mentions(t.sql, name) {
			tables = append(tables, name)
		}
	}
	return tables, false
}

func (d *standIn) compiledWrites(t *trigger) (tables []string, ok bool) {
	if slices.ContainsFunc(tokenize(t.sql), func(k token) bool { return k.is("raise") }) {
		return nil, false
	}
	if err := d.engine.conn.Exec(t.sql); err != nil {
		return nil, false
	}
	defer func() { _ = d.engine.conn.Exec("DROP TRIGGER " + replog.QuoteName(t.name)) }()
	written := func(action sqlite3.AuthorizerActionCode, table, inner string) {
		write := action == sqlite3.AUTH_INSERT || action == sqlite3.AUTH_UPDATE || action == sqlite3.AUTH_DELETE
		if write && foldName(inner) == foldName(t.name) {
			tables = append(tables, foldName(table))
		}
	}
	name := replog.QuoteName(t.table)
	for _, statement := range []string{
		"INSERT INTO " + name + " DEFAULT VALUES", "UPDATE " + name + " SET " + list(d.tables[foldName(t.table)], "%s = NULL"), "DELETE FROM " + name,
	} {
		if err := d.compile(statement, written); err != nil {
			return nil, false
		}
	}
	return tables, true
}

// shows lists the replicated tables that an index shows, by way of the table or
// view that is its content. None, if that does not have the index's columns.
func (d *standIn) shows(index, content string, s *Schema) (tables []*Table) {
	columns := slices.DeleteFunc(slices.Clone(d.tables[foldName(index)]), func(c column) bool { return c.hidden })
	err := d.compile("SELECT "+list(columns, "content.%s")+" FROM "+replog.QuoteName(content)+" AS content", func(action sqlite3.AuthorizerActionCode, table, _ string) {
		t := s.Table(table)
		if action == sqlite3.AUTH_READ && t != nil && !slices.Contains(tables, t) {
			tables = append(tables, t)
		}
	})
	if err != nil {
		return nil
	}
	return tables
}

// compile compiles a statement and tells of each access that it would make:
// what to which table, in which trigger or view.
func (d *standIn) compile(query string, access func(action sqlite3.AuthorizerActionCode, table, inner string)) error {
	err := d.engine.conn.SetAuthorizer(func(action sqlite3.AuthorizerActionCode, table, _, _, inner string) sqlite3.AuthorizerReturnCode {
		access(action, table, inner)
		return sqlite3.AUTH_OK
	})
	if err != nil {
		return err
	}
	s, err := d.engine.Prepare(query)
	if err == nil {
		err = s.Close()
	}
	if off := d.engine.conn.SetAuthorizer(nil); err == nil {
		err = off
	}
	if err != nil {
		return fmt.Errorf("compile %s: %w", abbreviate(query), err)
	}
	return nil
}

// missing lists the virtual tables that cannot be opened, though a trigger names
// them.
func (d *standIn) missing(triggers []trigger) (names []string) {
	for _, name := range d.closed {
		if slices.ContainsFunc(triggers, func(t trigger) bool { return !t.own() && mentions(t.sql, name) }) {
			names = append(names, name)
		}
	}
	return names
}

package applied

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"replog/replog"
	"replog/test/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// open makes a database with the tables of the package's migration.
func open(t testing.TB) *sql.DB {
	t.Helper()
	address, err := url.Parse(cluster.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	options := address.Query()
	options.Set("binary_parameters", "yes")
	address.RawQuery = options.Encode()
	db, err := sql.Open("postgres", address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	migration, err := os.ReadFile("../migrations/00003_applied.sql")
	if err != nil {
		t.Fatal(err)
	}
	up, _, _ := strings.Cut(string(migration), "-- +goose Down")
	run(t, db, "CREATE SCHEMA IF NOT EXISTS replog; "+up)
	return db
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func run(t testing.TB, db execer, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// value reads one value as text, "NULL" for NULL.
func value(t testing.TB, c Conn, text string, args ...any) string {
	t.Helper()
	var s sql.NullString
	if err := c.QueryRowContext(t.Context(), text, args...).Scan(&s); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if !s.Valid {
		return "NULL"
	}
	return s.String
}

// memory is a replica in memory.
type memory struct {
	shapes []replog.Table
	rows   map[string]map[string][]replog.Value
}

func (m *memory) Tables() ([]replog.Table, error) { return m.shapes, nil }

func (m *memory) Rows(table string, yield func([]replog.Value) error) error {
	rows := m.rows[table]
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if err := yield(rows[key]); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) shape(name string) replog.Table {
	return m.shapes[slices.IndexFunc(m.shapes, func(s replog.Table) bool { return s.Name == name })]
}

func keyOf(shape replog.Table, row []replog.Value) []replog.Value {
	var key []replog.Value
	for _, k := range shape.Key {
		key = append(key, row[k])
	}
	return key
}

func newMemory(shapes ...replog.Table) *memory {
	m := &memory{shapes: shapes, rows: map[string]map[string][]replog.Value{}}
	for _, s := range shapes {
		m.rows[s.Name] = map[string][]replog.Value{}
	}
	return m
}

func (m *memory) put(table string, row ...replog.Value) {
	m.rows[table][replog.KeyString(keyOf(m.shape(table), row))] = row
}

// do makes changes and gives them.
func (m *memory) insert(table string, row ...replog.Value) replog.Change {
	m.put(table, row...)
	c := m.change(table, replog.Insert, keyOf(m.shape(table), row))
	c.New = row
	return c
}

func (m *memory) remove(table string, key ...replog.Value) replog.Change {
	c := m.change(table, replog.Delete, key)
	c.Old = m.rows[table][replog.KeyString(key)]
	delete(m.rows[table], replog.KeyString(key))
	return c
}

func (m *memory) update(table string, key []replog.Value, set map[string]replog.Value) replog.Change {
	c := m.change(table, replog.Update, key)
	c.Columns = nil
	row := slices.Clone(m.rows[table][replog.KeyString(key)])
	for n, col := range m.shape(table).Columns {
		if v, ok := set[col.Name]; ok {
			c.Columns = append(c.Columns, col.Name)
			c.Old, c.New = append(c.Old, row[n]), append(c.New, v)
			row[n] = v
		}
	}
	m.rows[table][replog.KeyString(key)] = row
	return c
}

func (m *memory) change(table string, op replog.Op, key []replog.Value) replog.Change {
	c := replog.Change{Table: table, Op: op, Key: key}
	for _, k := range m.shape(table).Key {
		c.KeyColumns = append(c.KeyColumns, m.shape(table).Columns[k].Name)
	}
	for _, col := range m.shape(table).Columns {
		c.Columns = append(c.Columns, col.Name)
	}
	return c
}

// table makes a shape of "name type" columns; the key is the first n of them.
func shapeOf(name string, keys int, columns ...string) replog.Table {
	s := replog.Table{Name: name}
	for i, c := range columns {
		n, typeName, _ := strings.Cut(c, " ")
		typeName, notNull := strings.CutSuffix(typeName, "!")
		s.Columns = append(s.Columns, replog.TableColumn{Name: n, Type: typeName, NotNull: notNull})
		if i < keys {
			s.Key = append(s.Key, i)
		}
	}
	return s
}

// site is the applied tables of one database in an open transaction.
type site struct {
	t      testing.TB
	tx     *sql.Tx
	tables *Tables
	m      *memory
	at     replog.Revision
}

func newSite(t testing.TB, db *sql.DB, m *memory) *site {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	s := &site{t: t, tx: tx, m: m}
	if s.tables, err = Open(t.Context(), tx, 1, "shop"); err != nil {
		t.Fatal(err)
	}
	if err = s.tables.Publish(t.Context(), tx, m); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) entry(changes ...replog.Change) *replog.Entry {
	s.at++
	return &replog.Entry{Revision: s.at, Outcome: replog.Applied, Changes: changes}
}

func (s *site) apply(changes ...replog.Change) {
	s.t.Helper()
	if err := s.tables.Apply(s.t.Context(), s.tx, s.entry(changes...)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) flush() {
	s.t.Helper()
	if err := s.tables.Flush(s.t.Context(), s.tx); err != nil {
		s.t.Fatal(err)
	}
}

// compare gives the differences, as text.
func (s *site) compare() []string {
	s.t.Helper()
	var found []string
	_, err := s.tables.Compare(s.t.Context(), s.tx, s.m, func(d Difference) error {
		found = append(found, show(d))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

func show(d Difference) string {
	text := d.Table + " " + d.Key
	switch {
	case d.OnlyA:
		return text + " only a"
	case d.OnlyB:
		return text + " only b"
	}
	shown := func(s *string) string {
		if s == nil {
			return "NULL"
		}
		return *s
	}
	for _, c := range d.Columns {
		text += fmt.Sprintf(" %s: %s, %s", c.Name, shown(c.A), shown(c.B))
	}
	return text
}

// equal flushes, and fails where the tables are not the replica's.
func (s *site) equal() {
	s.t.Helper()
	s.flush()
	if found := s.compare(); len(found) > 0 {
		s.t.Fatalf("the tables differ:\n%s", strings.Join(found, "\n"))
	}
}

func (s *site) want(text, want string) {
	s.t.Helper()
	if got := value(s.t, s.tx, text); got != want {
		s.t.Errorf("%s: %s, want %s", text, got, want)
	}
}

func integers(n ...int64) []replog.Value {
	var values []replog.Value
	for _, i := range n {
		values = append(values, replog.Integer(i))
	}
	return values
}

type set = map[string]replog.Value

func asError[E error](err error, into *E) bool { return errors.As(err, into) }

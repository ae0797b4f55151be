package story

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	sqlite3 "github.com/mattn/go-sqlite3"

	"replog/client"
	"replog/client/driver"
	"replog/replog"
)

func init() {
	sql.Register("replog with a function", &driver.Driver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		return c.RegisterFunc("mine", func(n int64) int64 { return n + int64(os.Getpid()) }, false)
	}})
}

// memory is where Linux has a file system without a disk, for which thousands of commits
// would wait.
const memory = "/dev/shm"

// mixedSeed is RAPID_SEED, or else another each time.
func mixedSeed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("RAPID_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("RAPID_SEED=%d", seed)
	return seed
}

// Whatever an application runs, five replicas of other shapes end equal, and no statement
// that may do something else elsewhere is ever run there.
func TestUnsafeStatementsAreNeverRunElsewhere(t *testing.T) {
	const statements = 10_000
	if info, err := os.Stat(memory); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", memory)
	}
	w := newWorld(t)
	devices := mixedDevices(w)
	rng := rand.New(rand.NewPCG(mixedSeed(t), 0))
	writers := []*mixedWriter{
		newMixedWriter(devices[0], driver.Name, rng, 0), newMixedWriter(devices[1], "replog with a function", rng, 1),
	}
	for done := 0; done < statements; {
		m := writers[rng.IntN(2)]
		done += m.work()
		if rng.IntN(15) == 0 {
			devices[rng.IntN(len(devices))].sync(client.Both)
		}
		if rng.IntN(4) == 0 {
			m.device.sync(client.Both)
		}
	}
	for _, m := range writers {
		m.close()
	}
	for range 2 {
		for _, d := range devices {
			d.sync(client.Both)
		}
	}
	sameBytes(w, append(devices, w.clone("fresh.db")))
	counts := checkMixedLog(w, devices[0])
	for _, m := range writers {
		for form, n := range m.ran {
			counts["ran: "+form] += n
		}
	}
	for _, form := range mixedForms {
		if counts["ran: "+form.name] == 0 {
			t.Errorf("%s never ran", form.name)
		}
	}
	if counts["applied"]*2 < counts["entries"] || counts["intents"] < statements/10 {
		t.Errorf("too little was applied, or run again: %v", counts)
	}
	t.Logf("%d entries, %d applied, %d intents in them", counts["entries"], counts["applied"], counts["intents"])
}

// mixedDevices are five replicas of the same content in other shapes: pages of other
// sizes, rows in another order, indexes and statistics of their own.
func mixedDevices(w *world) []*device {
	w.t.Helper()
	a := w.publish("a.db", mixedSchema+mixedRows("i"))
	b, c, d := w.clone("b.db"), w.clone("c.db"), w.clone("d.db")
	e := w.file("e.db", "PRAGMA page_size=512;"+mixedSchema+mixedRows("101 - i"))
	e.init(client.InitRequest{Token: w.token()})
	b.write("CREATE INDEX by_n ON item(n DESC); CREATE INDEX by_s ON item(s COLLATE NOCASE, n); ANALYZE")
	c.write("PRAGMA journal_mode=DELETE; PRAGMA page_size=16384; VACUUM; CREATE INDEX covering ON item(x, s, n, id)")
	d.write("ANALYZE; UPDATE sqlite_stat1 SET stat = '9000000 1 1'; CREATE INDEX codes ON code(label)")
	return []*device{a, b, c, d, e}
}

// sameBytes compares what plain reads of the files give.
func sameBytes(w *world, devices []*device) {
	w.t.Helper()
	for _, table := range mixedTables {
		query := "SELECT * FROM (SELECT rowid AS k, * FROM " + table + ") ORDER BY k"
		if table == "code" {
			query = "SELECT * FROM code ORDER BY k"
		}
		want := devices[0].read(query)
		for _, d := range devices[1:] {
			if got := d.read(query); got != want {
				w.t.Errorf("%s of %s is\n%s\nwant\n%s", table, d.path, got, want)
			}
			if n := d.status().Pending; n != 0 {
				w.t.Errorf("%s: %d pending", d.path, n)
			}
		}
	}
}

// checkMixedLog looks for statements in the log that must not be there, and counts.
func checkMixedLog(w *world, d *device) map[string]int {
	w.t.Helper()
	counts := map[string]int{}
	log, err := d.open().Log()
	if err != nil {
		w.t.Fatal(err)
	}
	err = log.Lines(w.t.Context(), replog.Filter{}, func(l replog.LogLine) error {
		counts["entries"]++
		if l.Outcome == replog.Applied {
			counts["applied"]++
		}
		for _, s := range l.Statements {
			switch {
			case strings.Contains(s.SQL, unsafeMark):
				w.t.Errorf("revision %d: %s is an intent", l.Revision, s.SQL)
			case strings.Contains(s.SQL, safeMark), strings.Contains(s.SQL, eitherMark):
				counts["intents"]++
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

// mixedWriter is an application on the driver that runs anything.
type mixedWriter struct {
	device *device
	rng    *rand.Rand
	parity int // of the keys that it gives
	db     *sql.DB
	conn   *sql.Conn
	next   int
	ran    map[string]int
}

func newMixedWriter(d *device, name string, rng *rand.Rand, parity int) *mixedWriter {
	t := d.w.t
	t.Helper()
	db, err := sql.Open(name, d.path+"?_busy_timeout=5000&_foreign_keys=1&_synchronous=0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mixedWriter{device: d, rng: rng, parity: parity, db: db, next: 1000 + parity, ran: map[string]int{}}
	if m.conn, err = db.Conn(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"ATTACH ':memory:' AS side", "CREATE TABLE side.other(v)", "INSERT INTO side.other VALUES(1), (2), (3)",
		"CREATE TEMP TABLE aside(v)", "INSERT INTO aside VALUES(4), (5)",
		"CREATE TEMP TABLE sums(k, v)",
		"CREATE TEMP TRIGGER shadow AFTER UPDATE ON watched BEGIN UPDATE watched SET m = NEW.n WHERE id = NEW.id; END",
	} {
		if _, err := m.conn.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	return m
}

func (m *mixedWriter) close() {
	if err := errors.Join(m.conn.Close(), m.db.Close()); err != nil {
		m.device.w.t.Error(err)
	}
}

// work runs some statements in a transaction, or one alone, and returns how many.
func (m *mixedWriter) work() int {
	list := []mixedStatement{m.draw()}
	for range m.rng.IntN(16) {
		if s := m.draw(); s.form.pragma == "" && list[0].form.pragma == "" {
			list = append(list, s)
		}
	}
	if pragma := list[0].form.pragma; pragma != "" {
		m.must("PRAGMA " + pragma)
		defer m.must("PRAGMA foreign_keys=ON; PRAGMA case_sensitive_like=OFF; PRAGMA ignore_check_constraints=OFF; PRAGMA reverse_unordered_selects=OFF")
	} else if m.rng.IntN(10) > 0 {
		m.must("BEGIN")
		defer m.end()
	}
	for i := range list {
		m.run(&list[i])
	}
	return len(list)
}

func (m *mixedWriter) must(sql string) {
	m.device.w.t.Helper()
	if _, err := m.conn.ExecContext(m.device.w.t.Context(), sql); err != nil {
		m.device.w.t.Fatalf("%s: %v", sql, err)
	}
}

// end commits, mostly. OR ROLLBACK may have ended the transaction.
func (m *mixedWriter) end() {
	sql := "COMMIT"
	if m.rng.IntN(20) == 0 {
		sql = "ROLLBACK"
	}
	_, err := m.conn.ExecContext(m.device.w.t.Context(), sql)
	if refused(err) { // deferred foreign keys
		m.must("ROLLBACK")
		err = nil
	}
	if err != nil && !strings.Contains(err.Error(), "no transaction is active") {
		m.device.w.t.Fatalf("%s: %v", sql, err)
	}
}

// refused tells whether a constraint refused something.
func refused(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.Code == sqlite3.ErrConstraint
}

func (m *mixedWriter) run(s *mixedStatement) {
	t := m.device.w.t
	t.Helper()
	ctx := t.Context()
	if s.form.rows {
		ctx = driver.AsRows(ctx)
	}
	err := m.exec(ctx, s)
	if err != nil && !refused(err) {
		t.Fatalf("%s %v: %v", s.sql, s.args, err)
	}
	if err == nil {
		m.ran[s.form.name]++
	}
}

func (m *mixedWriter) exec(ctx context.Context, s *mixedStatement) error {
	if !strings.Contains(s.sql, "RETURNING") {
		_, err := m.conn.ExecContext(ctx, s.sql, s.args...)
		return err
	}
	rows, err := m.conn.QueryContext(ctx, s.sql, s.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// mixedStatement is a statement that was drawn.
type mixedStatement struct {
	form *mixedForm
	sql  string
	args []any
}

// draw draws a safe statement or an unsafe one, as likely.
func (m *mixedWriter) draw() mixedStatement {
	for {
		f := &mixedForms[m.rng.IntN(len(mixedForms))]
		if wanted := m.rng.IntN(2) == 0; wanted == (f.mark == unsafeMark) || f.own && m.parity == 0 {
			continue
		}
		text := f.text[m.rng.IntN(len(f.text))]
		return mixedStatement{f, m.fill(strings.Replace(text, " ", " "+f.mark+" ", 1)), nil}.bound(m)
	}
}

// fill puts values in the place of names in braces.
func (m *mixedWriter) fill(text string) string {
	for strings.Contains(text, "{open}") {
		text = strings.Replace(text, "{open}", openCalls[m.rng.IntN(len(openCalls))], 1)
	}
	for strings.Contains(text, "{new}") {
		m.next += 2
		text = strings.Replace(text, "{new}", fmt.Sprint(m.next), 1)
	}
	for strings.Contains(text, "{id}") {
		text = strings.Replace(text, "{id}", fmt.Sprint(1+m.rng.IntN(100)), 1)
	}
	for strings.Contains(text, "{n}") {
		text = strings.Replace(text, "{n}", fmt.Sprint(m.rng.IntN(10)), 1)
	}
	return text
}

// bound gives an argument for each question mark.
func (s mixedStatement) bound(m *mixedWriter) mixedStatement {
	for range strings.Count(s.sql, "?") {
		s.args = append(s.args, int64(m.rng.IntN(9)))
	}
	return s
}

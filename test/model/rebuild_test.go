package model

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"replog/client"
	"replog/replog"
)

// blindness is what capture does not see of a table from then on.
type blindness struct {
	table string
	sight Sight
}

// goBlind lets the application make a table anew, as migrations do, which takes
// capture's triggers along; or somebody drop some of these.
func (n *node) goBlind() error {
	i := n.g.upTo(len(n.family.open()), "table")
	var l local
	done := "tables made anew"
	then := func() {}
	if n.g.chance(20, "capture's triggers are dropped") {
		var err error
		if l, err = n.dropCapture(i); err != nil {
			return err
		}
		done = "triggers of capture dropped"
	} else {
		r := &rebuild{node: n, t: n.family.tables[i], i: i}
		if err := r.draw(); err != nil {
			return err
		}
		l, then = r.local, r.commit
	}
	n.logf("device %d goes blind: %s", n.number, &l)
	last, err := n.number1("SELECT coalesce(max(id), 0) FROM replog_change")
	if err != nil {
		return err
	}
	start := replog.MillisOf(time.Now()) - 1
	events, err := n.app.run(&l)
	if err != nil {
		return fmt.Errorf("a table made anew: %w", err)
	}
	during, err := n.clockWrite(last, Span{start, replog.MillisOf(time.Now()) + 1})
	if err != nil {
		return err
	}
	if events != nil {
		then()
		n.count.add(done)
	} else {
		n.count.add(done + ", which was rolled back")
	}
	n.model.tell(events, during)
	for range n.g.upTo(4, "writes that capture misses") {
		if err := n.write(); err != nil {
			return err
		}
	}
	return nil
}

// dropCapture drops a few of capture's triggers.
func (n *node) dropCapture(i int) (l local, err error) {
	t := n.family.tables[i]
	rows, err := n.app.query("SELECT name FROM main.sqlite_schema WHERE type = 'trigger' AND lower(name) GLOB 'replog_*' AND tbl_name = " + replog.Text(t.Name).String() + " ORDER BY rowid")
	l.foreignKeys = true
	l.steps = []step{{sql: "BEGIN"}}
	for _, r := range rows {
		if n.g.chance(50, "this one is dropped") {
			l.steps = append(l.steps, step{sql: "DROP TRIGGER main." + replog.QuoteName(r[0].Bytes())})
		}
	}
	if len(l.steps) > 1 {
		l.steps = append(l.steps, step{look: true, blind: &blindness{t.Name, SeesSome}})
	}
	l.steps = append(l.steps, step{sql: "COMMIT"})
	return l, err
}

// rebuild is a migration that makes a table anew, in one transaction, with other
// writes before, within and after it.
type rebuild struct {
	*node
	local
	t    *familyTable
	i    int // of t in the family
	more bool
	// again are the triggers that are to be made again, and sight is what capture
	// sees then.
	again []string
	sight Sight
}

const made = `"made anew"`

func (r *rebuild) draw() error {
	g := r.g
	r.foreignKeys = g.chance(20, "foreign keys stay on")
	renamesFirst := !r.foreignKeys && g.chance(30, "the old table is renamed")
	legacy := renamesFirst || g.chance(50, "legacy_alter_table")
	r.must("BEGIN")
	r.others(3)
	r.steps = append(r.steps, step{look: true})
	r.must("PRAGMA legacy_alter_table=" + map[bool]string{false: "OFF", true: "ON"}[legacy])
	if err := r.dropTriggers(legacy); err != nil {
		return err
	}
	r.more = r.node.more[r.t.Name] != g.chance(30, "with or without the column that the server does not know")
	defs := slices.Clone(r.t.defs)
	if r.more {
		defs = append(defs, "more INTEGER"+pickOne(g, []string{"", " DEFAULT 7", " NOT NULL DEFAULT 7"}, "default"))
	}
	if g.chance(30, "columns in another order") {
		slices.Reverse(defs)
	}
	old, anew := r.t.quoted, made
	if renamesFirst {
		old, anew = made, r.t.quoted
		r.must("ALTER TABLE main." + anew + " RENAME TO " + old)
	}
	r.must(r.t.create(anew, defs))
	r.copy(old, anew)
	if !renamesFirst && g.chance(20, "writes that are lost") {
		r.others(2)
	}
	r.must("DROP TABLE main." + old)
	if !renamesFirst {
		r.must("ALTER TABLE main." + anew + " RENAME TO " + r.t.quoted)
	}
	for _, sql := range slices.Concat(r.t.indexes, r.again, []string{r.family.observer(r.i)}) {
		r.must(sql)
	}
	r.steps = append(r.steps, step{look: true, blind: &blindness{r.t.Name, r.sight}})
	r.others(3)
	r.must("COMMIT")
	return nil
}

func (r *rebuild) must(sql string) { r.steps = append(r.steps, step{sql: sql, must: true}) }

// others adds what else the application does in the transaction.
func (r *rebuild) others(most int) {
	for range r.g.upTo(most+1, "other steps") {
		if r.g.chance(20, "mark") {
			r.mark(r.g)
			continue
		}
		for _, sql := range statements(r.g, r.family) {
			r.steps = append(r.steps, step{sql: sql})
		}
	}
}

// dropTriggers drops the application's triggers that would be in the way, and
// picks those that are to be there again of these and of the table's: capture's
// too, where the application does what SQLite's documentation advises.
func (r *rebuild) dropTriggers(legacy bool) error {
	rows, err := r.app.query("SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY rowid")
	if err != nil {
		return err
	}
	r.sight = SeesNothing
	if r.g.chance(30, "all triggers are made again") {
		r.sight = SeesSome
	}
	for _, row := range rows {
		name, on, sql := row[0].Bytes(), row[1].Bytes(), row[2].Bytes()
		if strings.HasPrefix(name, "replog_") {
			if on == r.t.Name && r.sight == SeesSome {
				r.again = append(r.again, sql)
			}
			continue
		}
		if on != r.t.Name && (legacy || !strings.Contains(sql, r.t.quoted)) {
			continue
		}
		if on != r.t.Name {
			r.must("DROP TRIGGER main." + replog.QuoteName(name))
		} else if r.g.chance(20, "a trigger is forgotten") {
			continue
		}
		r.again = append(r.again, sql)
	}
	return nil
}

// copy fills the new table: as it was, with values changed, without some rows,
// with some more.
func (r *rebuild) copy(old, anew string) {
	var columns, values []string
	for _, c := range r.t.columns {
		columns, values = append(columns, c.name), append(values, c.name)
	}
	if r.more && r.node.more[r.t.Name] {
		columns, values = append(columns, "more"), append(values, "more")
	}
	where := ""
	if r.g.chance(30, "values change") {
		i := r.g.upTo(len(r.t.columns), "column")
		c, key := &r.t.columns[i], r.t.columns[r.t.Key[0]].name
		values[i] = fmt.Sprintf("CASE WHEN %s %s %s THEN %s ELSE %s END", key, pickOne(r.g, []string{"=", "<", ">"}, "operator"),
			pickOne(r.g, domains[r.t.columns[r.t.Key[0]].kind], "key"), c.literal(r.g), c.name)
	}
	if r.g.chance(20, "rows are left out") {
		c := pickOne(r.g, r.t.columns, "column")
		where = " WHERE " + c.name + pickOne(r.g, []string{" < ", " = ", " IS NOT "}, "operator") + c.literal(r.g)
	}
	or := pickOne(r.g, []string{"", "OR IGNORE ", "OR REPLACE "}, "or")
	r.must("INSERT " + or + "INTO main." + anew + "(" + strings.Join(columns, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM main." + old + where)
	if r.g.chance(20, "rows are added") {
		r.must("INSERT OR IGNORE INTO main." + anew + r.t.columnList() + " VALUES(" + strings.Join(r.t.literals(r.g), ", ") + ")")
	}
}

// commit notes what has been done.
func (r *rebuild) commit() {
	r.anew = true
	if r.more && !r.node.more[r.t.Name] {
		r.count.add("columns that the server does not know")
	}
	r.node.more[r.t.Name] = r.more
}

// countCaptures counts capture's triggers by table.
func (n *node) countCaptures() (map[string]int64, error) {
	count := map[string]int64{}
	rows, err := n.app.query("SELECT tbl_name, count(*) FROM main.sqlite_schema WHERE type = 'trigger' AND lower(name) GLOB 'replog_*' GROUP BY 1")
	for _, r := range rows {
		count[r[0].Bytes()] = r[1].Int64()
	}
	return count, err
}

// sees tells whether capture sees all tables.
func (n *node) sees() (bool, error) {
	now, err := n.countCaptures()
	if err != nil {
		return false, err
	}
	for _, t := range n.model.BlindTables() {
		if now[t] < n.captures[t] {
			return false, nil
		}
		// Capture's table is made after those that it sees.
		after, err := n.number1("SELECT count(*) FROM main.sqlite_schema AS t, main.sqlite_schema AS c WHERE t.type = 'table' AND t.name = " +
			replog.Text(t).String() + " AND c.name = 'replog_control' AND t.rowid > c.rowid")
		if err != nil || after > 0 {
			return false, err
		}
	}
	return true, nil
}

// closeModel closes what has gathered in the model, if the device did.
func (n *node) closeModel() ([]*Txn, error) {
	if !n.model.IsBlind() {
		return n.model.Close(), nil
	}
	sees, err := n.sees()
	if err != nil || !sees {
		return nil, err
	}
	recorded, err := n.recorded()
	if err != nil {
		return nil, err
	}
	compared := Span{n.begun, n.clock()}
	if n.natural {
		compared.From--
		compared.To++
	}
	closed, err := n.model.CloseBlind(recorded, compared)
	if err != nil {
		return nil, fmt.Errorf("device %d: %w", n.number, err)
	}
	n.count.add("times that capture saw again")
	return closed, nil
}

// recorded reads what the device has closed since the model did.
func (n *node) recorded() ([]Recorded, error) {
	rows, err := n.app.query(fmt.Sprintf("SELECT recorded, long FROM replog_outbox WHERE seq > %d ORDER BY seq", n.model.LastSeq))
	if err != nil {
		return nil, err
	}
	var list []Recorded
	for _, r := range rows {
		if !r[1].IsNull() {
			one, err := n.recordedLong(r[0].Bytes(), r[1].Int64())
			if err != nil {
				return nil, err
			}
			list = append(list, one)
			continue
		}
		t, _, err := replog.DecodeTransaction([]byte(r[0].Bytes()))
		if err != nil {
			return nil, err
		}
		net, err := replog.InMemory(t.NetChanges())
		if err != nil {
			return nil, err
		}
		list = append(list, Recorded{t.Seq, t.Marked, t.Label, net})
	}
	return list, nil
}

// recordedLong reads one of which the outbox has the first line alone.
func (n *node) recordedLong(first string, id int64) (one Recorded, err error) {
	var begin struct{ Begin replog.Transaction }
	if err := json.Unmarshal([]byte(first), &begin); err != nil {
		return one, err
	}
	one = Recorded{Seq: begin.Begin.Seq, Marked: begin.Begin.Marked, Label: begin.Begin.Label}
	rows, err := n.app.query(fmt.Sprintf("SELECT bodies FROM replog_long AS l WHERE id = %d"+
		" AND list = (SELECT max(list) FROM replog_long WHERE id = l.id AND list < 2) ORDER BY first", id))
	for _, r := range rows {
		for line := range strings.Lines(r[0].Bytes()) {
			c, err := replog.ParseChange([]byte(strings.TrimSuffix(line, "\n")))
			if err != nil {
				return one, err
			}
			one.Net = append(one.Net, c)
		}
	}
	return one, err
}

func (n *node) countResult(r *client.SyncResult) {
	n.count.addMany("entries that did something else when they were run again", r.Differed)
	n.count.addMany("rows that capture missed", r.Missed)
}

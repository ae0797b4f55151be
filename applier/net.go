package applier

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"replog/replog"
)

// Gathered is what became one transaction: its recorded statements, and its net
// changes.
type Gathered struct {
	Marked bool
	Label  string
	// Follows: in the order of GatherBack, it is an older step of the transaction
	// that was given before it. Only of the oldest one Marked and Label are known.
	Follows bool
	// Open: it belongs to the transaction at hand (see SetAside).
	Open bool
	// Intent is what the application ran, of which these are the changes; nil for
	// row statements. Ran tells what made those, as far as the driver knows.
	Intent *RanStatement
	Ran    []*RanStatement
	// Schema is a schema statement that the application ran, without changes.
	Schema     *RanStatement
	Statements []replog.Statement
	Net        []replog.Change
	// long has both where they are too many for memory.
	long *longLists
	// Time is the latest time in it.
	Time replog.Millis
	// Vanished counts the rows that went past capture, so that not all of what
	// they were is known.
	Vanished int
}

// Transaction gives the lists, the label, the time and whether it is marked: what
// a device adds to it is left open. The lists of a long transaction are on disk.
func (g *Gathered) Transaction() replog.Transaction {
	t := replog.Transaction{Marked: g.Marked, Label: g.Label, Time: g.Time, Statements: g.Statements}
	if g.long != nil {
		t.SetLong(g.long.statements, g.long.net)
	} else {
		t.SetNet(g.Net)
	}
	return t
}

// NetChanges returns the net changes.
func (g *Gathered) NetChanges() replog.Changes {
	switch {
	case g.long == nil:
		return replog.ChangeList(g.Net)
	case g.long.net == nil:
		return g.long.statements
	}
	return g.long.net
}

// load brings the lists of a long transaction into memory.
func (g *Gathered) load() (err error) {
	if g.long == nil {
		return nil
	}
	err = replog.EachChange(g.long.statements, func(_ int, c *replog.Change) error {
		g.Statements = append(g.Statements, replog.Statement{Change: *c})
		return nil
	})
	if err != nil {
		return err
	}
	g.Net, err = replog.InMemory(g.NetChanges())
	g.long = nil
	return err
}

// Gather works out the transactions, step by step where they hold intents, that
// capture has gathered since the last time, in order, without those that changed
// nothing in the end. The caller holds the write lock, and empties the change table
// by Forget afterwards. No time in the result is before last, nor before an earlier
// one.
//
// What a statement made of a row is not recorded but follows from the next fact
// about the row, and in the end from the row itself. So the statements always
// lead to what is in the tables, whatever went past capture in the columns that
// they wrote; and a fact about which nothing happened is no statement.
func (r *Replica) Gather(last replog.Millis) ([]*Gathered, error) {
	var list []*Gathered
	err := r.GatherBack(last, func(g *Gathered) error {
		list = append(list, g)
		return g.load()
	})
	slices.Reverse(list)
	return list, err
}

// GatherBack is Gather that gives the newest step of the newest transaction first,
// and holds no more in memory than one batch, and of a long transaction the rows that
// it changed again and again. Long ones come on disk: see Gathered.Transaction.
func (r *Replica) GatherBack(last replog.Millis, yield func(*Gathered) error) error {
	return r.gatherBack(last, defaultBatch, nil, yield)
}

// GatherBackWith is GatherBack with rows that went past capture: before is what
// they would be without that, after what they are now. They become part of the
// last transaction if that is unmarked, otherwise one of their own. All is held
// in memory, and nothing is an intent, as nobody knows what these missed.
func (r *Replica) GatherBackWith(last replog.Millis, missed []RowImage, yield func(*Gathered) error) error {
	if len(missed) == 0 {
		return r.GatherBack(last, yield)
	}
	return r.gatherBack(last, batchSize{math.MaxInt, math.MaxInt}, missed, yield)
}

func (r *Replica) gatherBack(last replog.Millis, size batchSize, missed []RowImage, yield func(*Gathered) error) error {
	batches, err := r.readBatches(last, size)
	if err != nil {
		return err
	}
	if len(missed) > 0 && len(batches.list) == 0 {
		batches.list = []batch{{first: 1, time: last}} // of no facts
	}
	if r.captured == nil && len(batches.list) > 0 { // for each batch the same
		tables, layout, err := r.capturedTables()
		if err != nil {
			return err
		}
		r.captured = &captured{r.Schema, tables, layout}
		defer func() { r.captured = nil }()
	}
	// Back from what is in the tables now: the state before a transaction is
	// the state after the one before it.
	states := rowStates{r: r, now: map[replog.RowID][]replog.Value{}, all: map[*Table]bool{}, instead: map[replog.RowID]bool{}}
	var long *longGathered // what is known so far of a step that goes on in the batch before
	var newer newerPart
	g := giver{yield: yield, open: r.openFacts}
	for _, b := range slices.Backward(batches.list) {
		records, err := r.readRecords(b.first, b.upTo)
		if err != nil {
			return err
		}
		batches.schema.asRows(records)
		if err := states.readMany(records, b); err != nil {
			return err
		}
		if records, err = states.tell(records, missed); err != nil { // of one batch
			return err
		}
		at := b.time
		for _, e := range records {
			at = max(at, e.time)
			e.time = at
		}
		var spans []*span
		if missed == nil {
			spans = split(records, b.goesOn, newer)
		} else {
			spans = splitWhole(records)
		}
		for i, s := range slices.Backward(spans) {
			goesOn := i == 0 && b.joins // as the newer part of one
			if goesOn && long == nil {
				long = newLongGathered(batches)
			}
			step, err := states.stepBack(s, long)
			if err == nil && goesOn {
				continue
			}
			if err == nil && long != nil {
				long.finish(step)
				long = nil
			}
			if err == nil {
				err = g.give(step, s.begins)
			}
			if err != nil {
				return err
			}
		}
		newer = newerPart{joins: b.joins, intent: b.joins && beginsWithIntent(spans, newer)}
		for row := range states.now {
			if !batches.recurs(row) {
				delete(states.now, row)
			}
		}
	}
	return nil
}

// giver gives the steps of transactions, but for those of transactions that
// changed nothing, and row statements that changed nothing.
type giver struct {
	yield func(*Gathered) error
	// given: a newer step of the transaction at hand was given; until then held are
	// those that changed nothing.
	given bool
	held  []*Gathered
	// open: the transaction is the one at hand.
	open bool
}

// give takes the next older step; with one that begins the transaction ends.
func (g *giver) give(step *Gathered, begins bool) error {
	if begins {
		defer func() { g.given, g.held, g.open = false, nil, false }()
	}
	step.Open = g.open
	changes := step.NetChanges().Len() > 0 || step.Schema != nil
	switch {
	case !changes && step.Intent == nil && !(begins && g.given):
		return nil
	case !changes && !g.given:
		g.held = append(g.held, step)
		return nil
	}
	for _, s := range append(g.held, step) {
		s.Follows = g.given
		g.given = true
		if err := g.yield(s); err != nil {
			return err
		}
	}
	g.held = nil
	return nil
}

// Forget empties the change table.
func (r *Replica) Forget() error { return r.Exec("DELETE FROM main.replog_change") }

// rowStates holds the images of rows at a point in time that moves backwards.
type rowStates struct {
	r   *Replica
	now map[replog.RowID][]replog.Value // nil: absent
	all map[*Table]bool                 // tables of which every row concerned is in now
	// instead are rows of which only what was missed counts.
	instead map[replog.RowID]bool
}

// manyRows is how many facts make it worth while to read a table's rows by one
// statement instead of one each.
const manyRows = 200

// readMany reads the rows of tables that have many facts.
func (s *rowStates) readMany(records []*record, b batch) error {
	clear(s.all)
	facts := map[*Table]int{}
	for _, e := range records {
		if e.table != nil {
			facts[e.table]++
		}
	}
	tables, layout, err := s.r.capturedTables()
	if err != nil {
		return err
	}
	for id, t := range tables {
		if facts[t] < manyRows {
			continue
		}
		var key, told []string
		for _, k := range t.Key {
			if !slices.Contains(layout[id], k) {
				return fmt.Errorf("%w: the key of table %q has changed", ErrSchema, t.Name)
			}
			key = append(key, replog.QuoteName(t.Columns[k].Name))
			told = append(told, imageColumn(slices.Index(layout[id], k)))
		}
		query := fmt.Sprintf("%s WHERE (%s) IN (SELECT %s FROM main.replog_change WHERE tbl = ? AND op <> %d AND id BETWEEN ? AND ?)",
			t.sql.selectAll, strings.Join(key, ", "), strings.Join(told, ", "), opMore)
		err := s.r.Query(query, func(image []replog.Value) error {
			row := rowID(t, t.KeyOf(image))
			if _, later := s.now[row]; !later {
				s.now[row] = image
			}
			return nil
		}, replog.Integer(id), replog.Integer(b.first), replog.Integer(b.upTo))
		if err != nil {
			return err
		}
		// The key -1 that opAssign tells of stands in no column.
		s.all[t] = !t.rowidAlias()
	}
	return nil
}

func (s *rowStates) at(h *history) ([]replog.Value, error) {
	if image, ok := s.now[h.id]; ok {
		return image, nil
	}
	if s.all[h.table] {
		return nil, nil
	}
	return s.r.Row(h.table, h.key)
}

// stepBack works out the transaction of a span, or, where there is long, a part
// of one.
func (s *rowStates) stepBack(p *span, long *longGathered) (*Gathered, error) {
	g := &Gathered{Marked: p.marked, Label: p.label, Intent: p.intent, Schema: p.schema, Ran: p.ran, Time: p.time}
	h := historiesOf(p.records)
	for _, row := range h.rows {
		var err error
		if row.after, err = s.at(row); err != nil {
			return nil, err
		}
		row.instead = s.instead[row.id]
		if row.resolve() {
			g.Vanished++
		}
		s.now[row.id] = row.before
	}
	if long != nil {
		return g, long.add(g, h, p.records)
	}
	g.build(h, p.records)
	return g, nil
}

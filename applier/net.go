package applier

import (
	"slices"

	"replog/replog"
)

// Gathered is what became one transaction: its recorded statements, and its net
// changes.
type Gathered struct {
	Marked     bool
	Label      string
	Statements []replog.Statement
	Net        []replog.Change
	// Time is the latest time in it.
	Time replog.Millis
	// Vanished counts the rows that went past capture, so that not all of what
	// they were is known.
	Vanished int
}

// Gather works out the transactions that capture has gathered since the last
// time, in order, without those that changed nothing in the end. The caller
// holds the write lock, and empties the change table by Forget afterwards. No
// time in the result is before last, nor before an earlier one.
//
// What a statement made of a row is not recorded but follows from the next fact
// about the row, and in the end from the row itself. So the statements always
// lead to what is in the tables, whatever went past capture in the columns that
// they wrote; and a fact about which nothing happened is no statement.
func (r *Replica) Gather(last replog.Millis) ([]*Gathered, error) {
	records, err := r.readRecords()
	if err != nil || len(records) == 0 {
		return nil, err
	}
	for _, e := range records {
		last = max(last, e.time)
		e.time = last
	}
	// Back from what is in the tables now: the state before a transaction is
	// the state after the one before it.
	states := rowStates{r: r, now: map[replog.RowID][]replog.Value{}}
	spans := split(records)
	list := make([]*Gathered, len(spans))
	for i, s := range slices.Backward(spans) {
		if list[i], err = states.stepBack(s); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(list, func(g *Gathered) bool { return len(g.Net) == 0 }), nil
}

// Forget empties the change table.
func (r *Replica) Forget() error { return r.Exec("DELETE FROM main.replog_change") }

// rowStates holds the images of rows at a point in time that moves backwards.
type rowStates struct {
	r   *Replica
	now map[replog.RowID][]replog.Value // nil: absent
}

func (s *rowStates) at(h *history) ([]replog.Value, error) {
	if image, ok := s.now[h.id]; ok {
		return image, nil
	}
	return s.r.Row(h.table, h.key)
}

// stepBack works out the transaction of a span.
func (s *rowStates) stepBack(p *span) (*Gathered, error) {
	g := &Gathered{Marked: p.marked, Label: p.label}
	h := historiesOf(p.records)
	for _, row := range h.rows {
		var err error
		if row.after, err = s.at(row); err != nil {
			return nil, err
		}
		if row.resolve() {
			g.Vanished++
		}
		s.now[row.id] = row.before
	}
	g.build(h, p.records)
	return g, nil
}

package applier

import (
	"encoding/json"
	"fmt"
	"slices"

	"replog/replog"
)

// event is one captured effect on one row, or a mark. Images run along the
// columns of the table; carried tells which columns of an update they hold.
type event struct {
	table    *Table
	op       int
	time     replog.Millis
	old, new []replog.Value
	carried  []bool // updates only
	label    replog.Value
	// cause is, of a copy, the row that the statement at hand was to write, an
	// UPDATE or an INSERT; its key is NULL where that is not known. written
	// tells whether that row was.
	cause             []replog.Value
	byUpdate, written bool
	// late is, of a copy, the row as updates captured after the copy left it;
	// nil where there were none.
	late []replog.Value
}

// oldKey and newKey are the row's key before and after; nil where it is absent.
func (e *event) oldKey() []replog.Value {
	if e.op == opInsert {
		return nil
	}
	return e.table.KeyOf(e.old)
}

func (e *event) newKey() []replog.Value {
	if e.op == opDelete {
		return nil
	}
	return e.table.KeyOf(e.new)
}

// movesKey tells whether an update changed the primary key.
func (e *event) movesKey() bool {
	return e.op == opUpdate && !slices.Equal(e.oldKey(), e.newKey())
}

// readEvents reads the change table in order. Updates that changed nothing are
// left out; those from or to a key with NULL become inserts and deletes.
func (r *Replica) readEvents() ([]*event, error) {
	tables, layout, err := r.capturedTables()
	if err != nil {
		return nil, err
	}
	var events []*event
	err = r.Query("SELECT * FROM main.replog_change ORDER BY id", func(row []replog.Value) error {
		width := (len(row) - 4) / 2
		tbl, op, time := row[1].Int64(), int(row[2].Int64()), replog.Millis(row[3].Int64())
		if op == opMark {
			events = append(events, &event{op: op, time: time, label: row[4]})
			return nil
		}
		t := tables[tbl]
		if t == nil {
			return fmt.Errorf("%w: change %d is of the unknown table %d", ErrSchema, row[0].Int64(), tbl)
		}
		e := &event{table: t, op: op, time: time}
		if op != opInsert {
			e.old = spread(t, layout[tbl], row[4:4+width])
		}
		if op != opDelete {
			e.new = spread(t, layout[tbl], row[4+width:])
		}
		switch op {
		case opCopy, opCopyUpdate:
			e.op, e.byUpdate = opCopy, op == opCopyUpdate
			e.cause, e.new = e.new, nil
		}
		if e.settle() {
			events = append(events, e)
		}
		return nil
	})
	return events, err
}

// capturedTables reads which table and columns the numbers in the change table
// stand for. A table or column that is gone is left out.
func (r *Replica) capturedTables() (map[int64]*Table, map[int64][]int, error) {
	tables, layout := map[int64]*Table{}, map[int64][]int{}
	err := r.Query("SELECT id, name, columns FROM main.replog_table", func(row []replog.Value) error {
		t := r.Schema.Table(row[1].Bytes())
		if t == nil {
			return nil
		}
		var names []string
		if err := json.Unmarshal([]byte(row[2].Bytes()), &names); err != nil {
			return fmt.Errorf("replog_table %q: %w", row[1].Bytes(), err)
		}
		id := row[0].Int64()
		tables[id] = t
		for _, name := range names {
			layout[id] = append(layout[id], t.Column(name))
		}
		return nil
	})
	return tables, layout, err
}

func spread(t *Table, layout []int, values []replog.Value) []replog.Value {
	image := make([]replog.Value, len(t.Columns))
	for i, n := range layout {
		if n >= 0 {
			image[n] = values[i]
		}
	}
	return image
}

// settle works out what an update carried and whether anything is left of it.
func (e *event) settle() bool {
	if e.op != opUpdate {
		return true
	}
	switch hadKey, hasKey := !hasNull(e.oldKey()), !hasNull(e.newKey()); {
	case !hadKey && !hasKey:
		return false
	case !hadKey:
		e.op, e.old = opInsert, nil
		return true
	case !hasKey:
		e.op, e.new = opDelete, nil
		return true
	case e.movesKey():
		return true
	}
	e.carried = make([]bool, len(e.old))
	for i := range e.old {
		e.carried[i] = e.old[i] != e.new[i]
	}
	return slices.Contains(e.carried, true)
}

func hasNull(values []replog.Value) bool { return slices.ContainsFunc(values, replog.Value.IsNull) }

// span is the events of one transaction.
type span struct {
	marked bool
	label  string
	events []*event
}

// split cuts the events at the marks.
func split(events []*event) []*span {
	spans := []*span{{}}
	for _, e := range events {
		last := spans[len(spans)-1]
		if e.op != opMark {
			last.events = append(last.events, e)
			continue
		}
		next := &span{}
		if !e.label.IsNull() {
			next.marked, next.label = true, labelText(e.label)
		}
		spans = append(spans, next)
	}
	return slices.DeleteFunc(spans, func(s *span) bool { return len(s.events) == 0 })
}

func labelText(v replog.Value) string {
	if v.Kind() == replog.KindText || v.Kind() == replog.KindBlob {
		return v.Bytes()
	}
	return v.String()
}

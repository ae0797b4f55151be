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
		if op == opInsert || op == opUpdate {
			e.new = spread(t, layout[tbl], row[4+width:])
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

// confirmEvictions turns the copies of rows that were really evicted into
// deletes, and drops the others: a copy is made before the statement decides,
// and OR IGNORE or UPSERT leave the row alone.
//
// A delete of the row ends its copy (the delete was captured). A copy counts when
// the row is inserted again, or when it is not there in the end. Updates captured
// in between were made before the eviction, by a BEFORE trigger, or after the
// new row came, by an AFTER trigger that ran before ours: reconcile finds out.
func (r *Replica) confirmEvictions(events []*event) ([]*event, error) {
	pending := map[replog.RowID]*event{}
	for _, e := range events {
		switch e.op {
		case opCopy:
			pending[rowID(e.table, e.oldKey())] = e
		case opUpdate:
			follow(pending, e)
		case opDelete:
			delete(pending, rowID(e.table, e.oldKey()))
		}
		if key := e.insertedKey(); key != nil {
			id := rowID(e.table, key)
			if copied := pending[id]; copied != nil {
				copied.op = opDelete
				delete(pending, id)
			}
		}
	}
	for _, copied := range pending {
		now, err := r.Row(copied.table, copied.oldKey())
		if err != nil {
			return nil, err
		}
		if now == nil {
			copied.op = opDelete
		}
	}
	return slices.DeleteFunc(events, func(e *event) bool { return e.op == opCopy }), nil
}

// insertedKey is the key at which a row appeared, by INSERT or by a key change.
func (e *event) insertedKey() []replog.Value {
	if e.op == opInsert || e.movesKey() {
		return e.newKey()
	}
	return nil
}

// follow notes what an update of a row did to its pending copy.
func follow(pending map[replog.RowID]*event, e *event) {
	id := rowID(e.table, e.oldKey())
	copied := pending[id]
	if copied == nil {
		return
	}
	if e.movesKey() {
		// The row was moved, not evicted.
		delete(pending, id)
		return
	}
	if copied.late == nil {
		copied.late = slices.Clone(copied.old)
	}
	for i, carried := range e.carried {
		if carried {
			copied.late[i] = e.new[i]
		}
	}
}

func rowID(t *Table, key []replog.Value) replog.RowID {
	return replog.RowID{Table: t.Name, Key: replog.KeyString(key)}
}

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

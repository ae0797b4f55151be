package applier

import (
	"encoding/json"
	"fmt"

	"replog/replog"
)

// record is one row of the change table: a mark, or a fact about a row.
type record struct {
	id    int64
	op    int
	table *Table
	time  replog.Millis
	label replog.Value  // of a mark
	ran   *RanStatement // of opStatement
	// image runs along the table's columns; of some operations it is the key
	// alone. carried tells which columns opUpdate may change.
	image   []replog.Value
	carried []bool
	// facts are what it says of one or two rows, and target, of an opMove, is
	// the record that says where the row goes.
	facts  []*fact
	target *record
	// late is a fact of a row that was inserted before this record, but told of
	// after it.
	late   *fact
	missed bool // it was not captured, but follows from a comparison
}

// readRecords reads a stretch of the change table in order.
func (r *Replica) readRecords(first, upTo int64) ([]*record, error) {
	tables, layout, err := r.capturedTables()
	if err != nil {
		return nil, err
	}
	var records []*record
	var more []part
	err = r.Query("SELECT * FROM main.replog_change WHERE id BETWEEN ? AND ? ORDER BY id", func(row []replog.Value) error {
		e := &record{id: row[0].Int64(), op: int(row[2].Int64()), time: replog.Millis(row[3].Int64())}
		values := row[changeHead:]
		switch e.op {
		case opMore:
			more = append(more, part{int(row[3].Int64()), values, row[4].Int64()})
			return nil
		case opStatement:
			e.ran = readRan(values[0])
		}
		records = append(records, e)
		if e.op == opMark {
			e.label = values[0]
		}
		if e.op == opMark || e.op == opStatement {
			return nil
		}
		tbl := row[1].Int64()
		if e.table = tables[tbl]; e.table == nil {
			return fmt.Errorf("%w: change %d is of the unknown table %d", ErrSchema, row[0].Int64(), tbl)
		}
		more = append(more, part{0, values, row[4].Int64()})
		e.read(layout[tbl], more)
		more = more[:0]
		return nil
	}, replog.Integer(first), replog.Integer(upTo))
	return records, err
}

// part is one row of the change table: some columns of a row. number counts from
// 0, which is the first part, though it comes last; changed has a bit for each.
type part struct {
	number  int
	values  []replog.Value
	changed int64
}

// read puts the parts of a fact together; columns of parts that are not there are
// NULL, and do not change.
func (e *record) read(layout []int, parts []part) {
	e.image = make([]replog.Value, len(e.table.Columns))
	if e.op == opUpdate {
		e.carried = make([]bool, len(e.image))
	}
	ends := partBounds(len(layout), len(e.table.Key))
	for _, p := range parts {
		begin := 0
		if p.number > 0 {
			begin = ends[p.number-1]
		}
		for i, n := range layout[begin:ends[p.number]] {
			if n < 0 {
				continue
			}
			e.image[n] = p.values[i]
			if e.carried != nil && i < partColumns {
				e.carried[n] = p.changed&(1<<i) != 0
			}
		}
	}
}

// capturedTables reads which table and columns the numbers in the change table
// stand for. A table or column that is gone is left out.
func (r *Replica) capturedTables() (map[int64]*Table, map[int64][]int, error) {
	if r.captured != nil {
		return r.captured.tables, r.captured.layout, nil
	}
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

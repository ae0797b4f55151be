package applier

import (
	"slices"

	"replog/replog"
)

// confirmEvictions turns the copies of rows that were really evicted into
// deletes, and drops the others: a copy is made before the statement decides,
// and OR IGNORE or UPSERT leave the row alone.
//
// A delete of the copied row, as it was copied, ends the copy: the delete was
// captured, and is not that of a new row by a trigger newer than ours. A copy
// counts when its row is not there in the end, or when it is inserted again,
// provided that the row that the statement was to write was written: otherwise
// the insert may be that of the copied row itself, captured late. (A row that is
// gone was evicted even if the other is not seen: a cascade of the eviction may
// take it away before it is written.) Updates captured
// in between were made before the eviction, by a BEFORE trigger, or after the
// new row came, by an AFTER trigger that ran before ours: reconcile finds out.
func (r *Replica) confirmEvictions(events []*event) ([]*event, error) {
	noteWritten(events)
	pending := map[replog.RowID]*event{}
	for _, e := range events {
		switch e.op {
		case opCopy:
			id := rowID(e.table, e.oldKey())
			if known := pending[id]; e.written || known == nil || !known.written {
				pending[id] = e
			}
		case opUpdate:
			follow(pending, e)
		case opDelete:
			id := rowID(e.table, e.oldKey())
			if copied := pending[id]; copied != nil && (!copied.written || copied.copies(e.old)) {
				delete(pending, id)
			}
		}
		if key := e.insertedKey(); key != nil {
			id := rowID(e.table, key)
			if copied := pending[id]; copied != nil && copied.written {
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

// copies tells whether a copy is of the row with that image.
func (e *event) copies(image []replog.Value) bool {
	return slices.Equal(e.old, image) || slices.Equal(e.late, image)
}

// noteWritten finds out, for each copy, whether the row that caused it was
// written: a later event then shows it.
func noteWritten(events []*event) {
	waiting := map[string][]*event{}
	for _, e := range events {
		if e.op == opCopy {
			name := e.causeName()
			if e.written = name == ""; !e.written {
				waiting[name] = append(waiting[name], e)
			}
			continue
		}
		if len(waiting) == 0 {
			continue
		}
		for _, name := range e.writtenNames() {
			waiting[name] = slices.DeleteFunc(waiting[name], func(copied *event) bool {
				copied.written = e.shows(copied.cause)
				return copied.written
			})
			if len(waiting[name]) == 0 {
				delete(waiting, name)
			}
		}
	}
}

// causeName names the row that caused a copy: by its key for an UPDATE, by its
// content for an INSERT. It is "" where nothing would show that row: without a
// key it is not captured.
func (e *event) causeName() string {
	switch {
	case hasNull(e.table.KeyOf(e.cause)):
		return ""
	case e.byUpdate:
		return updatedName(e.table, e.cause)
	}
	return insertedName(e.table, e.cause)
}

// writtenNames are the causeNames that an event answers to.
func (e *event) writtenNames() []string {
	switch e.op {
	case opInsert:
		return []string{insertedName(e.table, e.new), updatedName(e.table, e.new)}
	case opUpdate:
		return []string{updatedName(e.table, e.new)}
	}
	return nil
}

func updatedName(t *Table, image []replog.Value) string {
	return "update " + t.Name + replog.KeyString(foldNumbers(t.KeyOf(image)))
}

// insertedName leaves out what a BEFORE trigger does not see as it will be: a
// key that SQLite assigns, and defaults that REPLACE puts in the place of NULL.
func insertedName(t *Table, image []replog.Value) string {
	image = foldNumbers(image)
	for i, c := range t.Columns {
		if t.rowidAlias() && t.isKey(i) || c.NotNull && c.Default != "" {
			image[i] = replog.Value{}
		}
	}
	return "insert " + t.Name + replog.KeyString(image)
}

// foldNumbers takes 1 and 1.0 for the same: what a BEFORE trigger sees may not
// have the column's affinity yet.
func foldNumbers(image []replog.Value) []replog.Value {
	folded := make([]replog.Value, len(image))
	for i, v := range image {
		folded[i] = foldValue(v, "BINARY")
	}
	return folded
}

// shows tells whether the columns that an update carried are those of image, but
// for defaults in the place of NULL.
func (e *event) shows(image []replog.Value) bool {
	for i, carried := range e.carried {
		replaced := image[i].IsNull() && e.table.Columns[i].NotNull
		if carried && !replaced && foldValue(e.new[i], "BINARY") != foldValue(image[i], "BINARY") {
			return false
		}
	}
	return true
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

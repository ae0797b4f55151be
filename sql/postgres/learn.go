package postgres

import (
	"database/sql"
	"errors"

	"replog/replog"
)

// learn brings what this process knows of the log to where it stands: as this process
// left it, or some entries of other processes later. A log that gave up revisions has
// another chain, and nothing is known of it.
func (t *Tx) learn() error {
	k := t.known
	if k.chain == t.head.Chain && k.revision == t.head.Revision {
		k.stands(t.head)
		return nil
	}
	if k.chain == "" || k.revision == 0 || k.revision > t.head.Revision {
		k.forget(t.head)
		return nil
	}
	var chain replog.Chain
	err := t.c.row(t.log.text(selectChain), []any{int64(k.revision)}, &chain)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if chain != k.chain {
		k.forget(t.head)
		return nil
	}
	clear(k.devices)
	few, err := t.fewChanges(k.revision, t.head.Revision)
	if err != nil {
		return err
	}
	if few {
		err = t.readChanges(k.revision, t.head.Revision, &k.rows)
	} else {
		k.rows.reset(t.head.Revision)
	}
	k.stands(t.head)
	return err
}

// An index of rows is filled from the log where that takes no more than this.
const (
	fewRows  = 20_000
	fewBytes = generationBytes / 2
)

// fewChanges tells whether the entries above a revision, up to another, changed so
// little that it is worth while to read all of it.
func (t *Tx) fewChanges(above, upTo replog.Revision) (bool, error) {
	if upTo-above > fewRows {
		return false, nil
	}
	var rows, bytes, entries int64
	err := t.c.row(t.log.text(selectChangeCount), []any{int64(above), int64(upTo)}, &rows, &bytes, &entries)
	// Parts of the log that were dropped say nothing.
	return rows <= fewRows && bytes <= fewBytes && entries == int64(upTo-above), err
}

// readChanges adds to an index what the entries above a revision, up to another, did.
func (t *Tx) readChanges(above, upTo replog.Revision, x *rowIndex) error {
	rows, err := t.c.query(t.log.text(selectAllMade), int64(above), int64(upTo))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var p past
		var body sql.RawBytes
		if err := rows.Scan(&p.revision, &p.device, &body); err != nil {
			return err
		}
		sh, pieces, _, err := t.shapes.of(body)
		if err != nil {
			return err
		}
		p.body = string(body)
		x.add(rowHash(sh.table, string(pieces.key)), p)
	}
	return t.c.note(rows.Err())
}

// deepen lets the index of rows reach down to a revision, where that takes little.
func (t *Tx) deepen(above replog.Revision) error {
	x := &t.known.rows
	floor := x.floor()
	if above >= floor || floor > t.known.added.from || above < t.tooDeep {
		return nil
	}
	few, err := t.fewChanges(above, floor)
	if err != nil {
		return err
	}
	if !few {
		t.tooDeep = max(t.tooDeep, above+1)
		return nil
	}
	var before rowIndex
	before.reset(above)
	if err := t.readChanges(above, floor, &before); err != nil {
		return err
	}
	x.deepen(&before)
	return nil
}

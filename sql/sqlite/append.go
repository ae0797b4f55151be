package sqlite

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"replog/replog"
)

// Append implements replog.LogTx. Nothing of the entry is in the transaction
// after a *RevisionError, ErrHash, or a second entry for the same seq; after
// another error the transaction can only be rolled back.
func (t *tx) Append(e replog.Entry) error {
	if t.ended {
		return fmt.Errorf("append revision %d: the transaction has ended", e.Revision)
	}
	if want := t.head.Revision + 1; e.Revision != want {
		return &RevisionError{Want: want, Got: e.Revision}
	}
	r, err := takeApart(&e)
	if err != nil {
		return err
	}
	if r.hash != e.Hash {
		return fmt.Errorf("append revision %d: %w", e.Revision, ErrHash)
	}
	if err := t.appendEntry(&e, &r); err != nil {
		return t.log.explain(fmt.Errorf("append revision %d: %w", e.Revision, err))
	}
	if t.broken = t.appendRows(&e, &r); t.broken != nil {
		t.broken = t.log.explain(fmt.Errorf("append revision %d: %w", e.Revision, t.broken))
		return t.broken
	}
	t.head.Revision = e.Revision
	if len(e.Changes) > 0 {
		t.last.add(e.Revision, e.Transaction.Device)
	}
	return nil
}

func (t *tx) appendEntry(e *replog.Entry, r *recorded) error {
	var parts, net, changes any
	if len(e.Parts) > 0 {
		b, err := json.Marshal(e.Parts)
		if err != nil {
			return err
		}
		parts = string(b)
	}
	if r.net != nil {
		net = len(r.net)
	}
	if e.Outcome == replog.Applied {
		changes = len(e.Changes)
	}
	x := &e.Transaction
	return t.s.exec(insertEntry, int64(e.Revision), string(x.Device), int64(x.Seq), int64(x.Base), int64(x.Seen),
		x.Label, x.Marked, int64(x.Time), int64(e.Received), string(e.Outcome), e.Reason.Code, e.Reason.Detail,
		parts, e.Unsettled(), r.first, string(r.hash), len(r.statements), net, changes, e.AsRecorded())
}

func (t *tx) appendRows(e *replog.Entry, r *recorded) error {
	if err := t.appendStatements(e, r); err != nil {
		return err
	}
	if err := t.appendTouched(e); err != nil {
		return err
	}
	for i, body := range r.net {
		if err := t.s.exec(insertNet, int64(e.Revision), i, body); err != nil {
			return err
		}
	}
	if e.Outcome != replog.Applied {
		return nil
	}
	if !e.AsRecorded() {
		if err := t.appendEffects(e); err != nil {
			return err
		}
	}
	return t.appendChangedRows(e)
}

// appendChangedRows goes by key, not by number: that saves a tenth of the time where
// keys are random and many.
func (t *tx) appendChangedRows(e *replog.Entry) error {
	type place struct {
		row replog.RowID
		n   int
	}
	places := make([]place, len(e.Changes))
	for i := range e.Changes {
		places[i] = place{e.Changes[i].Row(), i}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.row.Table, b.row.Table), cmp.Compare(a.row.Key, b.row.Key))
	})
	for _, p := range places {
		if err := t.s.exec(insertChangedRow, p.row.Table, p.row.Key, int64(e.Revision), p.n); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) appendStatements(e *replog.Entry, r *recorded) error {
	var fates []replog.LogStatement
	if len(e.Parts) > 0 {
		fates = e.Line().Statements
	}
	for i, body := range r.statements {
		var outcome, reason, detail any
		if fates != nil && fates[i].Reason != nil {
			outcome, reason, detail = string(fates[i].Outcome), fates[i].Reason.Code, fates[i].Reason.Detail
		}
		if err := t.s.exec(insertStatement, int64(e.Revision), i, body, outcome, reason, detail); err != nil {
			return err
		}
	}
	return nil
}

// appendEffects stores the changes of an entry that were not, all of them,
// made as recorded: by number those that were.
func (t *tx) appendEffects(e *replog.Entry) error {
	planned := e.Transaction.NetChanges()
	byRow := make(map[replog.RowID]int, len(planned))
	for i := range planned {
		byRow[planned[i].Row()] = i
	}
	for i := range e.Changes {
		var net, body any
		c := e.Changes[i : i+1]
		if n, ok := byRow[c[0].Row()]; ok && replog.SameChanges(c, planned[n:n+1]) {
			net = n
		} else {
			body = string(c[0].AppendJSON(nil))
		}
		if err := t.s.exec(insertEffect, int64(e.Revision), i, net, body); err != nil {
			return err
		}
	}
	return nil
}

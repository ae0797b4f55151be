package sqlite

import (
	"cmp"
	"fmt"
	"slices"

	"replog/replog"
	"replog/sql/internal/form"
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
	recorded := form.Of(&e)
	if recorded.Hash != e.Hash {
		return fmt.Errorf("append revision %d: %w", e.Revision, ErrHash)
	}
	if err := t.appendEntry(&e, recorded); err != nil {
		return t.log.explain(fmt.Errorf("append revision %d: %w", e.Revision, err))
	}
	if t.broken = t.appendRows(&e, recorded); t.broken != nil {
		t.broken = t.log.explain(fmt.Errorf("append revision %d: %w", e.Revision, t.broken))
		return t.broken
	}
	t.head.Revision, t.head.Chain = e.Revision, t.head.Chain.Next(&e)
	if e.Made().Len() > 0 {
		t.last.Add(e.Revision, e.Transaction.Device)
	}
	return nil
}

func (t *tx) appendEntry(e *replog.Entry, recorded *replog.Form) error {
	first, err := form.FirstLine(recorded)
	if err != nil {
		return err
	}
	var parts, net, changes any
	if len(e.Parts) > 0 {
		parts = string(replog.EncodeParts(e.Parts))
	}
	if list := e.Transaction.RecordedNet(); list != nil {
		net = list.Len()
	}
	if e.Outcome == replog.Applied {
		changes = e.Made().Len()
	}
	x := &e.Transaction
	ran, err := form.RanOf(e, recorded)
	if err != nil {
		return err
	}
	return t.s.exec(insertEntry, int64(e.Revision), string(x.Device), int64(x.Seq), int64(x.Base), int64(x.Seen),
		x.Label, x.Marked, int64(x.Time), int64(e.Received), string(e.Outcome), e.Reason.Code, e.Reason.Detail,
		parts, e.Unsettled(), first, string(recorded.Hash), string(t.head.Chain.Next(e)), x.RecordedStatements().Len()+ran.Intents, net, changes, form.AsStored(e),
		ran.Intents, ran.Blocks, ran.Tables, e.AsRun, ran.Digest, ran.Lines, ran.Ends)
}

func (t *tx) appendRows(e *replog.Entry, recorded *replog.Form) error {
	if v := e.Schema; v != nil {
		if err := t.insertSchema(v); err != nil {
			return err
		}
	}
	if err := t.appendRecorded(e, recorded); err != nil {
		return err
	}
	if e.Outcome == replog.Applied {
		if !form.AsStored(e) {
			if err := t.appendEffects(e); err != nil {
				return err
			}
		}
		if err := t.appendChangedRows(e); err != nil {
			return err
		}
	}
	return t.appendTouched(e)
}

// appendRecorded stores the statements and the net changes of the recorded form.
func (t *tx) appendRecorded(e *replog.Entry, recorded *replog.Form) error {
	fates, err := e.Fates()
	if err != nil {
		return err
	}
	rows := e.Transaction.RecordedStatements()
	statements, rowStatements, net := 0, 0, 0
	return form.EachBody(recorded, func(kind form.Kind, body []byte) error {
		if kind == form.Net {
			net++
			return t.s.exec(insertNet, int64(e.Revision), net-1, string(body))
		}
		if kind == form.NoNet {
			return nil
		}
		var s replog.Statement
		if kind == form.Intent {
			s.Intent = &replog.Intent{}
		}
		if kind == form.Statement && len(e.Parts) > 0 {
			c, err := rows.At(rowStatements)
			if err != nil {
				return err
			}
			s.Change = *c
		}
		if kind == form.Statement {
			rowStatements++
		}
		var outcome, reason, detail any
		if p := fates.Of(statements, &s); p != nil {
			outcome, reason, detail = string(p.Outcome), p.Reason.Code, p.Reason.Detail
		}
		statements++
		return t.s.exec(insertStatement, int64(e.Revision), statements-1, string(body), outcome, reason, detail)
	})
}

// appendEffects stores the changes of an entry that were not, all of them, made as
// recorded.
func (t *tx) appendEffects(e *replog.Entry) error {
	return form.EachEffect(e, func(n, planned int, c *replog.Change) error {
		if planned >= 0 {
			return t.s.exec(insertEffect, int64(e.Revision), n, planned, nil)
		}
		return t.s.exec(insertEffect, int64(e.Revision), n, nil, string(c.AppendJSON(nil)))
	})
}

// sortedRows is how many rows appendChangedRows sorts at a time.
const sortedRows = 20_000

// appendChangedRows goes by key, not by number: that saves a tenth of the time where
// keys are random and many.
func (t *tx) appendChangedRows(e *replog.Entry) error {
	type place struct {
		row replog.RowID
		n   int
	}
	made := e.Made()
	places := make([]place, 0, min(made.Len(), sortedRows))
	insert := insertChangedRow
	if e.Schema != nil {
		insert = insertChangedAgain
	}
	put := func() error {
		slices.SortFunc(places, func(a, b place) int {
			return cmp.Or(cmp.Compare(a.row.Table, b.row.Table), cmp.Compare(a.row.Key, b.row.Key))
		})
		for _, p := range places {
			if err := t.s.exec(insert, p.row.Table, p.row.Key, int64(e.Revision), p.n); err != nil {
				return err
			}
		}
		places = places[:0]
		return nil
	}
	err := replog.EachChange(made, func(i int, c *replog.Change) error {
		if places = append(places, place{c.Row(), i}); len(places) < sortedRows {
			return nil
		}
		return put()
	})
	if err != nil {
		return err
	}
	return put()
}

package server

import (
	"errors"
	"fmt"

	"replog/replog"
)

// admit decides whether an uploaded transaction may be judged. One that is in
// the log already gets its first verdict again; the error is a *replog.Problem
// where the transaction is refused.
func admit(tx replog.LogTx, j *job, form *replog.Form) (*replog.Verdict, error) {
	t := &form.Transaction
	if t.Device != j.device {
		return nil, malformed("transaction %d is of device %s, the upload of %s", t.Seq, t.Device, j.device)
	}
	if t.Seq < 1 {
		return nil, malformed("%d is no seq", t.Seq)
	}
	last, err := tx.LastSeq(j.device)
	if err != nil {
		return nil, err
	}
	if j.lastSeq < last {
		return nil, forked(j.lastSeq, last)
	}
	if t.Seq <= last {
		known, err := recall(tx, j.device, form)
		if err == nil && known == nil {
			err = conflict(replog.CodeFork, "the device was copied or restored",
				"transaction %d in the log is another than the one that was sent", t.Seq)
		}
		return known, err
	}
	if t.Seq != last+1 {
		gap := conflict(replog.CodeGap, "a transaction is missing",
			"expected transaction %d of the device, got %d", last+1, t.Seq)
		gap.ExpectedSeq = last + 1
		return nil, gap
	}
	placed := *t
	j.rejoined.Place(&placed)
	return nil, wellFormed(&placed, tx.Head().Revision)
}

// recall returns the verdict of an uploaded transaction that is in the log, nil
// where the log holds none or another of that seq.
func recall(tx replog.LogTx, device replog.DeviceID, form *replog.Form) (*replog.Verdict, error) {
	known, err := tx.Find(device, form.Seq)
	if errors.Is(err, replog.ErrNotFound) {
		return nil, nil
	}
	if err != nil || known.Hash != form.Hash {
		return nil, err
	}
	return &known.Verdict, nil
}

// wellFormed checks what a transaction says about its place in history. What it
// does to rows is for judge.
func wellFormed(t *replog.Transaction, head replog.Revision) error {
	switch {
	case t.Base > head:
		return ahead(fmt.Sprintf("the base of transaction %d", t.Seq), t.Base, head)
	case t.Base < 0:
		return malformed("transaction %d: negative base", t.Seq)
	case t.Seen < 0 || t.Seen >= t.Seq:
		return malformed("transaction %d: it cannot have seen the verdict of %d", t.Seq, t.Seen)
	case t.NetChanges().Len() == 0 && !t.HasIntents():
		return malformed("transaction %d changes nothing", t.Seq)
	}
	previous := t.Seen
	for _, seq := range t.Without {
		if seq <= previous || seq >= t.Seq {
			return malformed("transaction %d: its list of transactions without effect is not in order", t.Seq)
		}
		previous = seq
	}
	return nil
}

package postgres

import (
	"fmt"

	"replog/replog"
	"replog/sql/internal/form"
)

// Append implements replog.LogTx. Nothing of the entry is in the transaction after a
// *RevisionError, a *SeqError or ErrHash; after another error it can only be rolled
// back.
func (t *Tx) Append(e replog.Entry) error {
	if t.ended {
		return fmt.Errorf("append revision %d: %w", e.Revision, ErrEnded)
	}
	if want := t.head.Revision + 1; e.Revision != want {
		return &RevisionError{Want: want, Got: e.Revision}
	}
	recorded := form.Of(&e)
	if recorded.Hash != e.Hash {
		return fmt.Errorf("append revision %d: %w", e.Revision, ErrHash)
	}
	if err := t.checkSeq(e.Transaction.Device, e.Transaction.Seq); err != nil {
		return fmt.Errorf("append revision %d: %w", e.Revision, err)
	}
	if err := t.append(&e, recorded); err != nil {
		t.broken = fmt.Errorf("append revision %d: %w", e.Revision, err)
		return t.broken
	}
	t.head.Revision, t.head.Chain = e.Revision, t.head.Chain.Next(&e)
	if e.Made().Len() > 0 {
		t.last.Add(e.Revision, e.Transaction.Device)
	}
	return nil
}

// checkSeq fails with a *SeqError where the log has the device's seq.
func (t *Tx) checkSeq(device replog.DeviceID, seq replog.Seq) error {
	last, err := t.LastSeq(device)
	if err != nil || seq > last {
		return err
	}
	if err := t.sendOf(device); err != nil {
		return err
	}
	var has bool
	if err := t.c.row(selectReceived, []any{t.log.n, string(device), int64(seq)}, &has); err != nil {
		return err
	}
	if has {
		return &SeqError{Device: device, Seq: seq}
	}
	return nil
}

func (t *Tx) append(e *replog.Entry, recorded *replog.Form) error {
	if err := t.makeParts(int64(e.Revision)); err != nil {
		return err
	}
	if v := e.Schema; v != nil {
		if err := t.insertSchema(v); err != nil {
			return err
		}
	}
	a := &appending{t: t, b: t.batches, e: e, revision: int64(e.Revision), asStored: form.AsStored(e)}
	if err := a.all(recorded); err != nil {
		return err
	}
	t.unsent[e.Transaction.Device] = true
	t.known.appended(e)
	if err := t.applyRows(e); err != nil {
		return err
	}
	return a.sendFull()
}

// entryColumns are those of an entry's row but for the database, and entryTypes theirs.
const (
	entryColumns = `revision, device, seq, base, seen, label, marked, recorded_at, received_at,
    outcome, reason, detail, parts, outcomes, unsettled, first_line, hash, chain, statements, net, changes, as_recorded,
    intents, net_blocks, tables, as_run, digest, step_lines, step_ends, size`
	entryTypes = `bigint text bigint bigint bigint text boolean bigint bigint
    text text text text integer boolean text text text bigint bigint bigint boolean
    bigint text text boolean text bigint text bigint`
)

// entryRow gathers the row of the entry.
func (a *appending) entryRow(recorded *replog.Form) error {
	e, x := a.e, &a.e.Transaction
	first, err := form.FirstLine(recorded)
	if err != nil {
		return err
	}
	ran, err := form.RanOf(e, recorded)
	if err != nil {
		return err
	}
	var parts []byte
	if len(e.Parts) > 0 {
		parts = replog.EncodeParts(e.Parts)
	}
	var net, changes any
	if list := x.RecordedNet(); list != nil {
		net = list.Len()
	}
	if e.Outcome == replog.Applied {
		changes = e.Made().Len()
	}
	a.b.entries.int(a.revision).text(string(x.Device)).int(int64(x.Seq)).int(int64(x.Base)).int(int64(x.Seen)).
		text(x.Label).bool(x.Marked).int(int64(x.Time)).int(int64(e.Received)).
		text(string(e.Outcome)).text(e.Reason.Code).text(e.Reason.Detail).json(parts).int(outcomesOf(e)).bool(e.Unsettled()).
		json([]byte(first)).text(string(recorded.Hash)).text(string(a.t.head.Chain.Next(e))).
		int(int64(x.RecordedStatements().Len() + ran.Intents)).any(net).any(changes).bool(a.asStored).
		int(int64(ran.Intents)).any(ran.Blocks).any(ran.Tables).bool(e.AsRun).any(ran.Digest).any(ran.Lines).any(ran.Ends).
		int(a.size)
	a.b.received.text(string(x.Device)).int(int64(x.Seq)).int(a.revision)
	a.b.bytes += len(parts) + len(first)
	return nil
}

// outcomeBits are the numbers of outcomes in entry.outcomes.
var outcomeBits = map[replog.Outcome]int64{
	replog.Applied: 1, replog.Ignored: 2, replog.Conflict: 4, replog.Rejected: 8, replog.Held: 16,
}

// outcomesOf are the outcomes of an entry and of its parts.
func outcomesOf(e *replog.Entry) int64 {
	bits := outcomeBits[e.Outcome]
	for i := range e.Parts {
		bits |= outcomeBits[e.Parts[i].Outcome]
	}
	return bits
}

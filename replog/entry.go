package replog

import (
	"errors"
	"io"
	"slices"
)

// Entry is one transaction in the log, at its revision.
type Entry struct {
	Revision Revision
	// Hash is the transaction's hash (see Transaction.Hash).
	Hash     Hash
	Received Millis
	Outcome  Outcome
	// Reason is that of the first part that was not applied; zero for an
	// entry that was applied whole.
	Reason Reason
	// Parts lists what did not share the outcome of the whole, or, where the
	// outcome is not Applied, what decided it. Empty for an entry that was
	// applied whole.
	Parts []Part
	// Transaction is the recorded form.
	Transaction Transaction
	// Form is the same with its bytes, whose hash has been verified, where they
	// are at hand: a store need not make them again. A long transaction has one.
	Form *Form
	// Changes are the net changes that the server made, with the values it
	// found (Old) and wrote (New); nil unless the outcome is Applied. Effects
	// that changed nothing are not in it.
	Changes []Change
	// LongChanges are in place of Changes where these are too long for memory.
	// Of a long transaction that was applied just as it is recorded they are its
	// NetChanges themselves.
	LongChanges Changes
	// Of a transaction with intents: Tables are those that its intents may write,
	// with what triggers and foreign keys do, or, of schema statements, those that
	// they are about, sorted.
	Tables []string
	// AsRun: its intents changed just what they changed on the device, and its row
	// statements too.
	AsRun bool
	// Digest is that of Changes where a replica at the revision before, which runs
	// the transaction's steps, makes just these changes; nil where that is not so.
	// BySteps: other devices are sent the steps, as they take less room.
	Digest  *Digest
	BySteps bool
	// Schema is what an entry with schema statements that was applied made of the
	// schema; nil for others. Its Changes are those of its row statements, step by
	// step: StepEnds has, for each step, how many of them are made when it is done.
	Schema   *SchemaVersion
	StepEnds []int
}

// Close lets go of what a long entry has on disk.
func (e *Entry) Close() error {
	var err error
	if e.Form != nil {
		err = e.Form.Close()
	}
	if c, ok := e.LongChanges.(io.Closer); ok {
		err = errors.Join(err, c.Close())
	}
	return err
}

// InMemory returns a long entry as one that has all of its lists in memory,
// whatever their length, and others as they are.
func (e *Entry) InMemory() (Entry, error) {
	short := *e
	short.Form, short.LongChanges = nil, nil
	var err error
	if short.Transaction, err = e.Transaction.InMemory(); err != nil {
		return Entry{}, err
	}
	if e.LongChanges != nil {
		short.Changes, err = InMemory(e.LongChanges)
	}
	return short, err
}

// Made returns the changes that the server made.
func (e *Entry) Made() Changes {
	if e.LongChanges != nil {
		return e.LongChanges
	}
	return ChangeList(e.Changes)
}

// AsRecorded tells whether the server made exactly the changes that the
// transaction records.
func (e *Entry) AsRecorded() bool {
	if e.Outcome != Applied {
		return false
	}
	if e.Transaction.HasIntents() {
		return e.AsRun
	}
	if net := e.Transaction.NetChanges(); e.Transaction.IsLong() || e.LongChanges != nil {
		return isSame(e.Made(), net)
	}
	same, _ := SameChanges(ChangeList(e.Changes), e.Transaction.NetChanges()) // in memory
	return same
}

// Verdict tells a device what became of one of its transactions.
type Verdict struct {
	Seq Seq `json:"seq"`
	// Hash is that of the transaction that was judged: where the device's own
	// has another, its file was copied or restored.
	Hash     Hash     `json:"hash"`
	Revision Revision `json:"revision"`
	Outcome  Outcome  `json:"outcome"`
	Reason   *Reason  `json:"reason,omitempty"`
	// Tables are those that its intents may write.
	Tables []string `json:"tables,omitempty"`
	Parts  []Part   `json:"parts,omitempty"`
	// AsRecorded: the entry's changes are the transaction's net changes, and those
	// of its intents on the device, so the download leaves them out.
	AsRecorded bool `json:"as_recorded,omitempty"`
}

// Verdict makes the entry's verdict.
func (e *Entry) Verdict() Verdict {
	v := Verdict{
		Seq: e.Transaction.Seq, Hash: e.Hash, Revision: e.Revision, Outcome: e.Outcome,
		Tables: e.Tables, Parts: e.Parts, AsRecorded: e.AsRecorded(),
	}
	if e.Reason != (Reason{}) {
		reason := e.Reason
		v.Reason = &reason
	}
	return v
}

// Unsettled tells whether a part of it is in conflict, rejected or held.
func (e *Entry) Unsettled() bool {
	return slices.ContainsFunc(e.Parts, func(p Part) bool { return p.Outcome.Waits() })
}

// NotApplied calls each for the net changes of t that the parts say were not
// applied and wait for a person: conflict, rejected or held. Stale ones are not
// among them.
func NotApplied(t *Transaction, parts []Part, each func(*Change) error) error {
	net := t.NetChanges()
	for _, p := range parts {
		if !p.Outcome.Waits() {
			continue
		}
		for _, n := range p.Rows {
			if n < 0 || n >= net.Len() {
				continue
			}
			c, err := net.At(n)
			if err == nil {
				err = each(c)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

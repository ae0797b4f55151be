package replog

import "slices"

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
	// Recorded is the same in bytes, whose hash has been verified, where they
	// are at hand: a store need not make them again.
	Recorded []byte
	// Changes are the net changes that the server made, with the values it
	// found (Old) and wrote (New); nil unless the outcome is Applied. Effects
	// that changed nothing are not in it.
	Changes []Change
}

// AsRecorded tells whether the server made exactly the changes that the
// transaction records.
func (e *Entry) AsRecorded() bool {
	return e.Outcome == Applied && SameChanges(e.Changes, e.Transaction.NetChanges())
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
	Parts    []Part   `json:"parts,omitempty"`
	// AsRecorded: the entry's changes are the transaction's net changes, so
	// the download leaves them out.
	AsRecorded bool `json:"as_recorded,omitempty"`
}

// Verdict makes the entry's verdict.
func (e *Entry) Verdict() Verdict {
	v := Verdict{
		Seq: e.Transaction.Seq, Hash: e.Hash, Revision: e.Revision, Outcome: e.Outcome,
		Parts: e.Parts, AsRecorded: e.AsRecorded(),
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

// NotApplied returns the net changes of the parts that wait for a person:
// conflict, rejected or held. Stale ones are not among them.
func (e *Entry) NotApplied() []Change { return NotApplied(&e.Transaction, e.Parts) }

// NotApplied returns the net changes of t that the parts say were not applied
// and wait for a person.
func NotApplied(t *Transaction, parts []Part) []Change {
	var changes []Change
	net := t.NetChanges()
	for _, p := range parts {
		if !p.Outcome.Waits() {
			continue
		}
		for _, n := range p.Rows {
			if n >= 0 && n < len(net) {
				changes = append(changes, net[n])
			}
		}
	}
	return changes
}

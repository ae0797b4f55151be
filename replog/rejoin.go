package replog

// Rejoined says where the transactions stand that a device had recorded when it came
// back after the log gave up revisions. They go up in their recorded form, which
// names revisions and verdicts that are no more: it is read as if they had been
// recorded on the history that is left.
type Rejoined struct {
	// UpTo is the highest of their seqs.
	UpTo Seq `json:"up_to"`
	// Base is the last revision that both histories are known to share.
	Base Revision `json:"base"`
	// Seen is the highest seq whose verdict still counts.
	Seen Seq `json:"seen"`
	// Without are seqs above Seen, in order, that were not applied by the verdicts
	// which no longer count: what was recorded after these knew of that.
	Without []Seq `json:"without,omitempty"`
}

// Place puts one of these transactions in its place on the history that is left; others,
// and all where r is nil, stay as they are.
func (r *Rejoined) Place(t *Transaction) {
	if r == nil || t.Seq > r.UpTo {
		return
	}
	t.Base = min(t.Base, r.Base)
	if t.Seen <= r.Seen {
		return
	}
	var without []Seq
	for _, seq := range r.Without {
		if seq > r.Seen && seq <= t.Seen {
			without = append(without, seq)
		}
	}
	t.Seen, t.Without = r.Seen, append(without, t.Without...)
}

// Point is a revision with its chain.
type Point struct {
	Revision Revision `json:"revision"`
	Chain    Chain    `json:"chain"`
}

// MostPoints is how many points a StandingRequest may have.
const MostPoints = 1000

// StandingRequest is the body of POST /v1/{db}/devices/{id}/standing, by which a
// device finds out where its history and the log's part.
type StandingRequest struct {
	// Points are some that the device was at, the newest first.
	Points []Point `json:"points"`
}

// Standing is its answer.
type Standing struct {
	Epoch Epoch    `json:"epoch"`
	Head  Revision `json:"head"`
	Chain Chain    `json:"chain"` // of the head
	// LastSeq is the highest seq of the device in the log.
	LastSeq Seq `json:"last_seq"`
	// Common is the newest of the points that the log has, 0 for none.
	Common Revision `json:"common"`
}

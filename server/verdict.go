package server

import (
	"slices"

	"replog/replog"
)

// verdict is what judge decided about one transaction.
type verdict struct {
	Outcome replog.Outcome
	Reason  replog.Reason
	Parts   []replog.Part
	// Changes are the changes made on the replica; those of a long transaction
	// are LongChanges. See replog.Entry.
	Changes     []replog.Change
	LongChanges replog.Changes
	made        *effects
	// What an entry has of a transaction with intents.
	Tables  []string
	AsRun   bool
	Digest  *replog.Digest
	BySteps bool
	// And of one with schema statements.
	Schema   *replog.SchemaVersion
	StepEnds []int
	ends     []func()
}

// close lets go of LongChanges.
func (v *verdict) close() {
	v.made.close()
	for _, end := range v.ends {
		end()
	}
}

// groupVerdict is what became of some rows of the transaction.
type groupVerdict struct {
	rows    []int // nil for all
	net     replog.Changes
	outcome replog.Outcome
	reason  replog.Reason
	stale   []replog.Part
	made    effects
	units   map[int]*unit // see carried
	// looked counts the rows that were looked at.
	looked int
}

// row is the number, in the transaction, of the group's i-th row.
func (g *groupVerdict) row(i int) int {
	if g.rows == nil {
		return i
	}
	return g.rows[i]
}

// numbers lists the rows.
func (g *groupVerdict) numbers() []int {
	if g.rows == nil {
		return upTo(g.net.Len())
	}
	return g.rows
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func (g *groupVerdict) set(outcome replog.Outcome, code, detail string) {
	g.outcome, g.reason = outcome, replog.Reason{Code: code, Detail: detail}
}

// outcomeRank lists the outcomes; that of a transaction is the first that one of
// its groups has.
var outcomeRank = []replog.Outcome{replog.Applied, replog.Conflict, replog.Rejected, replog.Held, replog.Ignored}

// sum makes the transaction's verdict of those on its groups.
type sum struct {
	parts []replog.Part
	best  int
}

func (s *sum) add(g *groupVerdict) {
	s.best = min(s.best, slices.Index(outcomeRank, g.outcome))
	if g.outcome != replog.Applied {
		s.parts = append(s.parts, replog.Part{Outcome: g.outcome, Reason: g.reason, Rows: g.numbers()})
	}
	s.parts = append(s.parts, g.stale...)
}

// verdict takes what was made.
func (s *sum) verdict(made *effects) (verdict, error) {
	v := verdict{Outcome: outcomeRank[s.best], Parts: s.parts, Changes: made.list, made: made}
	if len(v.Parts) > 0 {
		v.Reason = v.Parts[0].Reason
	}
	if v.Outcome != replog.Applied || !made.long {
		return v, nil
	}
	var err error
	if v.LongChanges, err = made.made(); err != nil {
		made.close()
	}
	return v, err
}

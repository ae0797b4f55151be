package server

import (
	"context"

	"replog/applier"
	"replog/replog"
)

// judge decides what becomes of an uploaded transaction and makes, on the
// replica, the changes that are applied, by the rules of docs/rules.md. It runs
// within the replica's transaction; errors are those of the stores, never the
// device's fault. What is unsure is kept for the next transaction of the upload.
// The caller closes the verdict.
//
// A *applier.LostError says that a statement took the replica's transaction with it.
func judge(ctx context.Context, replica *replica, log replog.LogTx, t *replog.Transaction, kept *unsure, may allowed) (v verdict, err error) {
	defer func() {
		if err == nil {
			err = kept.judged(t, &v)
		}
		if err != nil {
			v.close()
		}
	}()
	j := judgement{ctx: ctx, replica: replica, log: log, t: t, net: t.NetChanges(), allowed: may}
	if j.taint, err = kept.of(replica.Schema, log, t); err != nil {
		return verdict{}, err
	}
	if j.foreign, err = log.Foreign(t.Base, t.Device); err != nil {
		return verdict{}, err
	}
	if t.Schema {
		return j.schemaStatements()
	}
	if t.HasIntents() {
		return j.steps()
	}
	if err := replica.intents.Pause(j.net); err != nil {
		return verdict{}, err
	}
	return j.rowStatements()
}

// rowStatements judges a transaction of these alone.
func (j *judgement) rowStatements() (verdict, error) {
	row, twice, err := repeated(j.net)
	if err != nil {
		return verdict{}, err
	}
	if twice {
		return j.refuse(replog.Rejected, replog.Reason{Code: replog.ReasonMalformed, Detail: twiceText(row)}), nil
	}
	whole, err := j.group(nil)
	if err != nil {
		return verdict{}, err
	}
	if !j.t.Divisible() || !whole.outcome.Waits() {
		return j.one(whole)
	}
	groups, err := j.replica.Schema.Groups(j.net)
	if err != nil {
		return verdict{}, err
	}
	if groups.Len() == 1 {
		return j.one(whole)
	}
	return j.divide(groups)
}

// judgement is the work on one transaction.
type judgement struct {
	ctx     context.Context
	replica *replica
	log     replog.LogTx
	t       *replog.Transaction
	net     replog.Changes
	taint   *applier.Taint
	// foreign is above 0 if other devices changed anything after the base.
	foreign replog.Revision
	// blind takes rows that are inserted for absent without looking, as they
	// mostly are.
	blind bool
	allowed
}

// allowed says what a transaction may do beside changing rows.
type allowed struct {
	schema bool // change the schema
	// unrun, where not nil, is why one with intents is refused without being run.
	unrun *replog.Reason
}

// refuse applies nothing of it.
func (j *judgement) refuse(outcome replog.Outcome, reason replog.Reason) verdict {
	return verdict{
		Outcome: outcome, Reason: reason,
		Parts: []replog.Part{{Outcome: outcome, Reason: reason, Rows: upTo(j.net.Len())}},
	}
}

// one makes the transaction's verdict of that on all of its rows.
func (j *judgement) one(g *groupVerdict) (verdict, error) {
	s := sum{best: len(outcomeRank)}
	s.add(g)
	return s.verdict(&g.made)
}

// divide judges group by group.
func (j *judgement) divide(groups *applier.Groups) (verdict, error) {
	s := sum{best: len(outcomeRank)}
	made := &effects{planned: j.net, long: j.t.IsLong()}
	for rows := range groups.All() {
		g, err := j.group(rows)
		if err == nil && g.outcome == replog.Applied {
			err = made.addAll(rows, &g.made)
			g.made.close()
		}
		if err != nil {
			made.close()
			return verdict{}, err
		}
		s.add(g)
	}
	return s.verdict(made)
}

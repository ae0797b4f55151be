package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// verdict is what judge decided about one transaction.
type verdict struct {
	Outcome replog.Outcome
	Reason  replog.Reason
	Parts   []replog.Part
	// Changes are the changes made on the replica.
	Changes []replog.Change
}

// judge decides what becomes of an uploaded transaction and makes, on the
// replica, the changes that are applied, by the rules of docs/rules.md. It runs
// within the replica's transaction; errors are those of the stores, never the
// device's fault. What is unsure is kept for the next transaction of the upload.
func judge(ctx context.Context, replica *applier.Replica, log replog.LogTx, t *replog.Transaction, kept *unsure) (v verdict, err error) {
	defer func() { kept.judged(t, &v) }()
	j := judgement{ctx: ctx, replica: replica, log: log, t: t, net: t.NetChanges()}
	if row, twice := j.repeated(); twice {
		reason := replog.Reason{Code: replog.ReasonMalformed, Detail: fmt.Sprintf("%s has two net changes", row)}
		return j.refuse(replog.Rejected, reason), nil
	}
	if j.taint, err = kept.of(replica.Schema, log, t); err != nil {
		return verdict{}, err
	}
	if j.foreign, err = log.Foreign(t.Base, t.Device); err != nil {
		return verdict{}, err
	}
	whole, err := j.group(j.all())
	if err != nil {
		return verdict{}, err
	}
	if !t.Divisible() || !whole.outcome.Waits() {
		return j.sum([]*groupVerdict{whole}), nil
	}
	groups := replica.Schema.Groups(j.net)
	if len(groups) == 1 {
		return j.sum([]*groupVerdict{whole}), nil
	}
	var list []*groupVerdict
	for _, rows := range groups {
		g, err := j.group(rows)
		if err != nil {
			return verdict{}, err
		}
		list = append(list, g)
	}
	return j.sum(list), nil
}

// judgement is the work on one transaction.
type judgement struct {
	ctx     context.Context
	replica *applier.Replica
	log     replog.LogTx
	t       *replog.Transaction
	net     []replog.Change
	taint   *applier.Taint
	// foreign is above 0 if other devices changed anything after the base.
	foreign replog.Revision
	// blind takes rows that are inserted for absent without looking, as they
	// mostly are.
	blind bool
}

// groupVerdict is what became of some rows of the transaction.
type groupVerdict struct {
	rows    []int
	outcome replog.Outcome
	reason  replog.Reason
	stale   []replog.Part
	changes []replog.Change
	// looked counts the rows that were looked at.
	looked int
}

func (j *judgement) all() []int {
	rows := make([]int, len(j.net))
	for i := range rows {
		rows[i] = i
	}
	return rows
}

func (j *judgement) repeated() (replog.RowID, bool) {
	seen := map[replog.RowID]bool{}
	for i := range j.net {
		row := j.net[i].Row()
		if seen[row] {
			return row, true
		}
		seen[row] = true
	}
	return replog.RowID{}, false
}

func (j *judgement) refuse(outcome replog.Outcome, reason replog.Reason) verdict {
	return verdict{
		Outcome: outcome, Reason: reason,
		Parts: []replog.Part{{Outcome: outcome, Reason: reason, Rows: j.all()}},
	}
}

// errNotApplied makes a savepoint undo a group that is not applied.
var errNotApplied = errors.New("not applied")

// group judges some rows as one. What it wrote stays only if it is applied.
func (j *judgement) group(rows []int) (*groupVerdict, error) {
	j.blind = true
	g, err := j.attempt(rows)
	if err == nil && g.outcome != replog.Applied && g.looked < len(rows) {
		j.blind = false
		return j.attempt(rows)
	}
	return g, err
}

func (j *judgement) attempt(rows []int) (*groupVerdict, error) {
	g := &groupVerdict{rows: rows}
	err := j.replica.Savepoint(func() error {
		if err := j.decide(g); err != nil {
			return err
		}
		if g.outcome != replog.Applied {
			return errNotApplied
		}
		return nil
	})
	if errors.Is(err, errNotApplied) {
		g.changes = nil
		err = nil
	}
	return g, err
}

func (g *groupVerdict) set(outcome replog.Outcome, code, detail string) {
	g.outcome, g.reason = outcome, replog.Reason{Code: code, Detail: detail}
}

// decide goes through the steps of "Judging a group"; the first that decides
// ends it.
func (j *judgement) decide(g *groupVerdict) error {
	changes := make([]replog.Change, len(g.rows))
	for i, n := range g.rows {
		changes[i] = j.net[n]
	}
	if row, ok := j.taint.Touched(changes); ok {
		g.set(replog.Held, replog.ReasonBuildsOnUnsure,
			fmt.Sprintf("it builds on %s, which an earlier transaction of this device changed and that was not applied as this one expects", row))
		return nil
	}
	images, wholly, err := j.rule(g)
	if err != nil || g.outcome != "" {
		return err
	}
	switch {
	case len(g.stale) > 0 && wholly == len(g.rows):
		g.outcome, g.reason = replog.Ignored, g.stale[0].Reason
		g.stale = nil
		return nil
	case len(g.stale) > 0 && j.t.Marked:
		g.set(replog.Conflict, replog.ReasonPartlyStale, "some of it is stale, and a marked transaction is not divided: "+g.stale[0].Reason.Detail)
		g.stale = nil
		return nil
	}
	return j.write(g, images)
}

// rule puts each row to the conflict rule. It returns what is to be written and
// how many rows are stale as a whole.
func (j *judgement) rule(g *groupVerdict) (images []applier.RowImage, wholly int, err error) {
	for _, n := range g.rows {
		ruling, err := j.ruling(g, &j.net[n])
		if errors.Is(err, applier.ErrSchema) {
			g.set(replog.Rejected, replog.ReasonSchema, err.Error())
			g.stale = nil
			return nil, 0, nil
		}
		if err != nil {
			return nil, 0, err
		}
		switch ruling.Fate {
		case applier.Contested:
			g.outcome, g.reason, g.stale = replog.Conflict, ruling.Reason, nil
			return nil, 0, nil
		case applier.Stale:
			wholly++
			g.stale = append(g.stale, replog.Part{Outcome: replog.Ignored, Reason: ruling.Reason, Rows: []int{n}})
		case applier.Write:
			images = append(images, ruling.Image)
			g.changes = append(g.changes, ruling.Effect)
		}
		if len(ruling.StaleColumns) > 0 {
			reason := replog.Reason{Code: replog.ReasonStale, Detail: fmt.Sprintf(
				"%s of %s: newer changes by other devices won in %q", j.net[n].Op, j.net[n].Row(), ruling.StaleColumns)}
			g.stale = append(g.stale, replog.Part{Outcome: replog.Ignored, Reason: reason, Rows: []int{n}, Columns: ruling.StaleColumns})
		}
	}
	return images, wholly, nil
}

func (j *judgement) ruling(g *groupVerdict, c *replog.Change) (*applier.Ruling, error) {
	if j.blind && c.Op == replog.Insert {
		return j.replica.RuleAbsent(c)
	}
	g.looked++
	var concurrent []replog.PastChange
	if j.foreign > 0 {
		var err error
		if concurrent, err = j.log.Concurrent(c.Row(), j.t.Base, j.t.Device); err != nil {
			return nil, err
		}
	}
	return j.replica.Rule(c, j.t.Device, concurrent)
}

// write makes the changes and checks constraints and foreign keys.
func (j *judgement) write(g *groupVerdict, images []applier.RowImage) error {
	err := j.replica.Write(images)
	if err == nil {
		err = j.replica.CheckForeignKeys(images)
	}
	var constraint *applier.ConstraintError
	var foreign *applier.ForeignKeyError
	switch {
	case errors.As(err, &constraint):
		g.set(replog.Rejected, replog.ReasonConstraint, err.Error())
	case errors.As(err, &foreign):
		g.set(replog.Rejected, replog.ReasonForeignKey, err.Error())
	case err != nil:
		return err
	default:
		g.outcome = replog.Applied
		return nil
	}
	g.stale = nil
	return nil
}

// sum makes the transaction's verdict of those on its groups.
func (j *judgement) sum(groups []*groupVerdict) verdict {
	var v verdict
	rank := []replog.Outcome{replog.Applied, replog.Conflict, replog.Rejected, replog.Held, replog.Ignored}
	best := len(rank)
	for _, g := range groups {
		best = min(best, slices.Index(rank, g.outcome))
		if g.outcome != replog.Applied {
			v.Parts = append(v.Parts, replog.Part{Outcome: g.outcome, Reason: g.reason, Rows: g.rows})
		}
		v.Parts = append(v.Parts, g.stale...)
		v.Changes = append(v.Changes, g.changes...)
	}
	v.Outcome = rank[best]
	if len(v.Parts) > 0 {
		v.Reason = v.Parts[0].Reason
	}
	return v
}

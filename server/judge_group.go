package server

import (
	"errors"
	"fmt"

	"replog/applier"
	"replog/replog"
)

// errNotApplied makes a savepoint undo a group that is not applied.
var errNotApplied = errors.New("not applied")

// group judges some rows as one. What it wrote stays only if it is applied.
func (j *judgement) group(rows []int) (*groupVerdict, error) {
	j.blind = true
	g, err := j.attempt(rows)
	if err == nil && g.outcome != replog.Applied && g.looked < g.net.Len() {
		j.blind = false
		return j.attempt(rows)
	}
	return g, err
}

func (j *judgement) attempt(rows []int) (*groupVerdict, error) {
	g := &groupVerdict{rows: rows, net: j.net}
	if rows != nil {
		g.net = replog.Only(j.net, rows)
	}
	g.made = effects{planned: g.net, long: j.t.IsLong()}
	err := j.replica.Savepoint(func() error {
		if err := j.decide(g); err != nil {
			return err
		}
		if g.outcome != replog.Applied {
			return errNotApplied
		}
		return nil
	})
	if err != nil {
		g.made.close()
		g.made.list = nil
	}
	if errors.Is(err, errNotApplied) {
		err = nil
	}
	return g, err
}

// decide goes through the steps of "Judging a group"; the first that decides
// ends it.
func (j *judgement) decide(g *groupVerdict) error {
	row, touched, err := j.taint.Touched(g.net)
	if err != nil {
		return err
	}
	if touched {
		g.set(replog.Held, replog.ReasonBuildsOnUnsure, heldText(row))
		return nil
	}
	images := applier.NewImages(j.replica.Schema)
	defer images.Close()
	wholly, err := j.rule(g, images)
	if err != nil || g.outcome != "" {
		return err
	}
	switch {
	case len(g.stale) > 0 && wholly == g.net.Len():
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

// rule puts each row to the conflict rule. It adds what is to be written to
// images and returns how many rows are stale as a whole.
func (j *judgement) rule(g *groupVerdict, images *applier.Images) (wholly int, err error) {
	for i := range g.net.Len() {
		c, err := g.net.At(i)
		if err != nil {
			return 0, err
		}
		lacks := c.Unit > 0 && j.replica.Lacks(c)
		ruling, err := j.ruling(g, c, lacks)
		if err == nil && lacks {
			c, err = g.net.At(i) // finding the other half of a key change has read others
		}
		if errors.Is(err, applier.ErrSchema) {
			g.set(replog.Rejected, replog.ReasonSchema, err.Error())
			g.stale = nil
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if len(ruling.StaleColumns) > 0 {
			detail := fmt.Sprintf("%s of %s: newer changes by other devices won in %q", c.Op, c.Row(), ruling.StaleColumns)
			j.addStale(g, i, replog.Reason{Code: replog.ReasonStale, Detail: detail}, ruling.StaleColumns)
		}
		switch ruling.Fate {
		case applier.Contested:
			g.outcome, g.reason, g.stale = replog.Conflict, ruling.Reason, nil
			return 0, nil
		case applier.Stale:
			wholly++
			j.addStale(g, i, ruling.Reason, nil)
		case applier.Write:
			if err := images.Add(ruling.Image); err != nil {
				return 0, err
			}
			if err := g.made.add(i, c, ruling.Effect); err != nil {
				return 0, err
			}
		}
	}
	return wholly, nil
}

// addStale adds a stale row, or some columns of it. Of a marked transaction the
// first says all.
func (j *judgement) addStale(g *groupVerdict, i int, reason replog.Reason, columns []string) {
	if len(g.stale) == 0 || !j.t.Marked {
		g.stale = append(g.stale, replog.Part{Outcome: replog.Ignored, Reason: reason, Rows: []int{g.row(i)}, Columns: columns})
	}
}

// ruling is that on a change, which lacks columns where the row that it moves has more.
func (j *judgement) ruling(g *groupVerdict, c *replog.Change, lacks bool) (*applier.Ruling, error) {
	if lacks {
		var err error
		if c, err = j.carried(g, c); err != nil {
			return nil, err
		}
	}
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
func (j *judgement) write(g *groupVerdict, images *applier.Images) error {
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

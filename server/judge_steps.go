package server

import (
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// steps judges a transaction that holds intents. It has one outcome: its steps are
// done in order, on the result of each other, and where one of them cannot be done
// nothing of it stays.
func (j *judgement) steps() (verdict, error) {
	s := &stepsVerdict{judgement: j, exact: true, asRun: true}
	err := s.look()
	if err == nil && s.outcome == "" && j.unrun != nil {
		s.outcome, s.reason = replog.Rejected, *j.unrun
	}
	if err == nil && s.outcome == "" {
		err = s.run()
	}
	if err != nil {
		s.close()
		return verdict{}, err
	}
	return s.verdict()
}

// stepsVerdict is what becomes of a transaction with intents.
type stepsVerdict struct {
	*judgement
	tables  []string
	outcome replog.Outcome
	reason  replog.Reason
	made    *applier.Composition // of what is applied
	left    []replog.Part
	// exact: all row statements were written just as recorded. asRun: the intents
	// changed just what they changed on the device.
	exact, asRun bool
	// of is the digest of what an intent changed, and alone says that it is the
	// whole transaction.
	of    replog.Digest
	alone bool
	ends  []func() // let go of lists
}

func (s *stepsVerdict) close() {
	for _, end := range s.ends {
		end()
	}
	s.ends = nil
}

func (s *stepsVerdict) set(outcome replog.Outcome, code, detail string) {
	s.outcome, s.reason = outcome, replog.Reason{Code: code, Detail: detail}
}

// look finds the tables that intents may write, and whether anything builds on what
// was not applied.
func (s *stepsVerdict) look() error {
	tables := map[string]bool{}
	steps := s.t.AllSteps()
	s.alone = steps.Len() == 1
	err := replog.EachStep(steps, func(step *replog.Step) error {
		if step.Intent != nil {
			return s.lookAtIntent(step.Intent, tables)
		}
		return s.lookAtRows(step.NetChanges())
	})
	for name := range tables {
		s.tables = append(s.tables, name)
	}
	slices.Sort(s.tables)
	return err
}

func (s *stepsVerdict) lookAtIntent(in *replog.Intent, tables map[string]bool) error {
	if in.Schema != "" {
		s.set(replog.Rejected, replog.ReasonMalformed, "a schema statement in a transaction that does not say so")
		return nil
	}
	i, err := s.replica.intents.Inspect(in.SQL)
	if err != nil {
		return err
	}
	writes := i.Touches
	if len(writes) == 0 {
		writes = i.Writes // of a statement that cannot be looked into
	}
	for _, name := range writes {
		tables[name] = true
	}
	if table, touched := s.taint.TouchedTables(slices.Concat(i.Reads, i.Writes, i.Touches)); touched {
		s.held(replog.RowID{Table: table})
	}
	return nil
}

func (s *stepsVerdict) lookAtRows(net replog.Changes) error {
	row, twice, err := repeated(net)
	if err != nil {
		return err
	}
	if twice {
		s.set(replog.Rejected, replog.ReasonMalformed, twiceText(row))
	}
	row, touched, err := s.taint.Touched(net)
	if touched {
		s.held(row)
	}
	return err
}

func (s *stepsVerdict) held(row replog.RowID) {
	if s.outcome == "" {
		s.set(replog.Held, replog.ReasonBuildsOnUnsure, heldText(row))
	}
}

// run does the steps. What refuses one of them is in the verdict, not an error.
func (s *stepsVerdict) run() error {
	err := s.replica.Savepoint(func() error {
		made, err := s.replica.intents.Do(s.ctx, s.t.AllSteps(), applier.StepWork{
			Judged: true, Rows: s.rows, Ran: s.ran, Left: s.leave,
		})
		if err != nil {
			return s.refused(err)
		}
		s.made, s.outcome = made, replog.Applied
		s.ends = append(s.ends, func() { _ = made.Close() }) // a temporary file; nothing is lost
		return nil
	})
	if errors.Is(err, errNotApplied) {
		s.close()
		return nil
	}
	return err
}

// refused makes errNotApplied of an error that says that the transaction does not fit.
func (s *stepsVerdict) refused(err error) error {
	var lost *applier.LostError
	if errors.Is(err, errNotApplied) || errors.As(err, &lost) {
		return err // of a step of rows, which says why, or nothing that a savepoint undoes
	}
	reason, ok := refusal(err)
	if !ok {
		return err
	}
	s.outcome, s.reason = replog.Rejected, reason
	if reason.Code == replog.ReasonAffected {
		s.outcome = replog.Conflict
	}
	return errNotApplied
}

// rows puts row statements to the conflict rule, and writes them.
func (s *stepsVerdict) rows(net replog.Changes) (replog.Changes, error) {
	g := &groupVerdict{net: net, made: effects{planned: net, long: s.t.IsLong()}}
	s.ends = append(s.ends, g.made.close)
	images := applier.NewImages(s.replica.Schema)
	defer images.Close()
	if _, err := s.rule(g, images); err != nil {
		return nil, err
	}
	if g.outcome == "" && len(g.stale) > 0 {
		g.set(replog.Conflict, replog.ReasonPartlyStale, "some of it is stale, and a transaction with intents is not divided: "+g.stale[0].Reason.Detail)
	}
	if g.outcome == "" {
		if err := s.replica.Write(images); applier.IsConstraint(err) {
			g.set(replog.Rejected, replog.ReasonConstraint, err.Error())
		} else if err != nil {
			return nil, err
		}
	}
	if g.outcome != "" {
		s.outcome, s.reason = g.outcome, g.reason
		return nil, errNotApplied
	}
	made, err := g.made.made()
	if err == nil && s.exact {
		s.exact, err = replog.SameChanges(made, net)
	}
	return made, err
}

// ran compares what an intent changed with what it changed on the device.
func (s *stepsVerdict) ran(_ int, in *replog.Intent, r *applier.IntentResult) (err error) {
	s.ends = append(s.ends, r.Close)
	if !s.asRun && !s.alone {
		return nil
	}
	if s.of, err = replog.DigestChanges(r.Net); err != nil {
		return err
	}
	s.asRun = s.asRun && r.Net.Len() == in.Changes && s.of == in.Digest
	return nil
}

// leave leaves an optional intent out.
func (s *stepsVerdict) leave(statement int, _ *replog.Intent, cause error) {
	why, _ := refusal(cause)
	s.left = append(s.left, replog.Part{
		Outcome: replog.Ignored, Rows: []int{}, Statements: []int{statement},
		Reason: replog.Reason{Code: replog.ReasonOptional, Detail: why.Code + ": " + why.Detail},
	})
}

// refusal is why an intent was refused; false for an error that says that something
// broke.
func refusal(err error) (replog.Reason, bool) {
	var (
		affected *applier.AffectedError
		foreign  *applier.ForeignKeyError
		unsafe   *applier.UnsafeError
		limit    *applier.LimitError
		refused  *applier.IntentError
	)
	code := ""
	switch {
	case errors.As(err, &affected):
		code = replog.ReasonAffected
	case errors.As(err, &foreign):
		code = replog.ReasonForeignKey
	case errors.As(err, &unsafe) && (unsafe.Missing || unsafe.Class == applier.UnsafeTable):
		code = replog.ReasonSchema
	case errors.As(err, &unsafe):
		code = replog.ReasonUnsafe
	case errors.As(err, &limit):
		code = replog.ReasonLimit
	case errors.As(err, &refused) && applier.IsConstraint(refused.Err):
		code = replog.ReasonConstraint
	case errors.As(err, &refused):
		code = replog.ReasonStatement
	default:
		return replog.Reason{}, false
	}
	return replog.Reason{Code: code, Detail: err.Error()}, true
}

// verdict says what became of the transaction, and how replicas may repeat it.
func (s *stepsVerdict) verdict() (verdict, error) {
	if s.outcome != replog.Applied {
		v := s.refuse(s.outcome, s.reason)
		v.Tables, v.ends = s.tables, s.ends
		return v, nil
	}
	v := verdict{Outcome: s.outcome, LongChanges: s.made.List(), Tables: s.tables, ends: s.ends}
	if len(s.left) > 0 {
		v.Parts, v.Reason = s.left, s.left[0].Reason
		return v, nil
	}
	if !s.exact {
		return v, nil
	}
	digest, err := s.of, error(nil)
	if !s.alone {
		digest, err = replog.DigestChanges(v.LongChanges)
	}
	if err == nil {
		v.Digest, v.AsRun = &digest, s.asRun
		v.BySteps, err = shorterSteps(s.t.AllSteps(), v.LongChanges)
	}
	return v, err
}

// shorterSteps tells whether the steps take less room than the changes.
func shorterSteps(steps replog.Steps, changes replog.Changes) (bool, error) {
	const around = len(`{"change":}`) // that of an intent is as long
	size := 0
	var line []byte
	err := replog.EachStep(steps, func(s *replog.Step) error {
		if s.Intent != nil {
			line = s.Intent.AppendJSON(line[:0])
			size += len(line) + around
			return nil
		}
		return replog.EachChange(s.NetChanges(), func(_ int, c *replog.Change) error {
			line = c.AppendJSON(line[:0])
			size += len(line) + around
			return nil
		})
	})
	for i := 0; err == nil && i < changes.Len() && size >= 0; i++ {
		var c *replog.Change
		if c, err = changes.At(i); err == nil {
			line = c.AppendJSON(line[:0])
			size -= len(line) + around
		}
	}
	return size < 0, err
}

func twiceText(row replog.RowID) string { return fmt.Sprintf("%s has two net changes", row) }

func heldText(row replog.RowID) string {
	return fmt.Sprintf("it builds on %s, which an earlier transaction of this device changed and that was not applied as this one expects", row)
}

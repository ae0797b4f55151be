package server

import (
	"errors"
	"fmt"
	"slices"

	"replog/applier"
	"replog/replog"
)

// schemaStatements judges a transaction that holds schema statements. It has one
// outcome: its steps are done in order, on the result of each other, and where one of
// them cannot be done nothing of it stays.
func (j *judgement) schemaStatements() (verdict, error) {
	s := &schemaVerdict{stepsVerdict: stepsVerdict{judgement: j}, changes: replog.NewChangeSpill()}
	s.ends = append(s.ends, func() { _ = s.changes.Close() }) // a temporary file; nothing is lost
	err := s.look()
	if err == nil && s.outcome == "" {
		err = s.run()
	}
	if err != nil {
		s.close()
		return verdict{}, err
	}
	return s.verdict(), nil
}

// maxSchemaStatements bounds those of a transaction: to look at one takes
// milliseconds, in which other uploads wait.
const maxSchemaStatements = 1000

// schemaVerdict is what becomes of a transaction with schema statements.
type schemaVerdict struct {
	stepsVerdict
	changes  *replog.Spill[replog.Change] // that its row statements made
	stepEnds []int
	version  *replog.SchemaVersion
}

// look finds the tables that the statements are about, and whether anything builds on
// what was not applied.
func (s *schemaVerdict) look() error {
	if s.unrun != nil {
		s.outcome, s.reason = replog.Rejected, *s.unrun
	}
	objects, err := s.replica.objects()
	if err != nil {
		return err
	}
	statements := 0
	err = replog.EachStep(s.t.AllSteps(), func(step *replog.Step) error {
		switch {
		case step.Intent == nil:
			return s.lookAtRows(step.NetChanges())
		case step.Intent.Schema == "":
			s.set(replog.Rejected, replog.ReasonMalformed, "an intent beside schema statements")
			return nil
		}
		statements++
		s.tables = append(s.tables, applier.SchemaTables(step.Intent.SQL, objects)...)
		return nil
	})
	switch {
	case err != nil:
	case statements == 0:
		s.set(replog.Rejected, replog.ReasonMalformed, "it holds no schema statement, but says so")
	case statements > maxSchemaStatements:
		s.set(replog.Rejected, replog.ReasonLimit, fmt.Sprintf("it holds %d schema statements; at most %d are taken", statements, maxSchemaStatements))
	}
	slices.Sort(s.tables)
	s.tables = slices.Compact(s.tables)
	if table, touched := s.taint.TouchedTables(s.tables); touched {
		s.held(replog.RowID{Table: table})
	}
	return err
}

// run does the steps. What refuses one of them is in the verdict, not an error.
func (s *schemaVerdict) run() error {
	if err := s.replica.beginSchema(); err != nil {
		return err
	}
	err := s.replica.Savepoint(func() error {
		err := replog.EachStep(s.t.AllSteps(), s.step)
		if err == nil {
			err = s.check()
		}
		if err == nil {
			err = s.replica.endSchema()
		}
		if err == nil {
			err = s.note()
		}
		return err
	})
	if err == nil {
		s.outcome = replog.Applied
		return nil
	}
	if errors.Is(err, errNotApplied) {
		s.close()
		return s.replica.reread()
	}
	return err
}

func (s *schemaVerdict) step(step *replog.Step) error {
	var err error
	if step.Intent != nil {
		err = s.statement(step.Intent)
	} else {
		err = s.changeRows(step.NetChanges())
	}
	s.stepEnds = append(s.stepEnds, s.changes.Len())
	return err
}

func (s *schemaVerdict) statement(in *replog.Intent) error {
	looked, err := s.replica.inspectSchema(in)
	if err != nil {
		return err
	}
	if !s.schema && !looked.Already {
		s.set(replog.Rejected, replog.ReasonSchemaRight, fmt.Sprintf("the device's token does not allow it to change the schema: %.200s", looked.SQL))
		return errNotApplied
	}
	if looked.Refused == nil {
		if err := s.unseen(looked); err != nil {
			return err
		}
		err = s.replica.alter(in, looked, s.replica.limits.SchemaTime)
	} else {
		err = looked.Refused
	}
	var refused *applier.SchemaError
	if errors.As(err, &refused) {
		s.outcome, s.reason = replog.Rejected, schemaRefusal(refused)
		return errNotApplied
	}
	return err
}

// unseen refuses to take away what others wrote to a table after the base: whoever
// made the table anew, or dropped it, did not know of that.
func (s *schemaVerdict) unseen(looked *applier.SchemaStatement) error {
	drops := looked.Action == applier.SchemaDropColumn || looked.Action == applier.SchemaDrop && looked.Type == "table"
	t := s.replica.Schema.Table(looked.Name)
	if !drops || looked.Already || t == nil {
		return nil
	}
	at, err := s.log.Wrote(t.Name, s.t.Base, s.t.Device)
	if err != nil || at == 0 {
		return err
	}
	s.set(replog.Conflict, replog.ReasonSchema, fmt.Sprintf(
		"table %s was changed by another device at revision %d, which this one had not seen when it dropped what is in it: %.200s", t.Name, at, looked.SQL))
	return errNotApplied
}

// schemaRefusal is why a schema statement was refused.
func schemaRefusal(e *applier.SchemaError) replog.Reason {
	reason := replog.Reason{Code: replog.ReasonSchema, Detail: e.Error()}
	switch {
	case e.Class == applier.UnsafeData:
		reason.Code = replog.ReasonConstraint
	case e.Class == applier.UnsafeClash && e.There != nil:
		reason.Code = replog.ReasonSchemaClash
		reason.Detail = fmt.Sprintf("%s. The server has: %s. The device has: %s", e.Detail, e.There.SQL, e.SQL)
	}
	return reason
}

func (s *schemaVerdict) changeRows(net replog.Changes) error {
	made, err := s.rows(net)
	if err != nil {
		return err
	}
	return replog.EachChange(made, func(_ int, c *replog.Change) error { return s.changes.Add(*c) })
}

// check looks at foreign keys when all is done: in between, a table that is made anew
// is not there.
func (s *schemaVerdict) check() error {
	err := s.replica.CheckMade(s.changes)
	var foreign *applier.ForeignKeyError
	if errors.As(err, &foreign) {
		s.set(replog.Rejected, replog.ReasonForeignKey, err.Error())
		return errNotApplied
	}
	return err
}

// note describes the schema that there is now.
func (s *schemaVerdict) note() error {
	list, err := s.replica.objects()
	s.version = versionOf(list)
	return err
}

func versionOf(list []applier.Object) *replog.SchemaVersion {
	return &replog.SchemaVersion{Fingerprint: applier.FingerprintObjects(list), Objects: applier.FormatObjects(list)}
}

func (s *schemaVerdict) verdict() verdict {
	v := verdict{Outcome: s.outcome, LongChanges: s.changes, Schema: s.version, StepEnds: s.stepEnds}
	if s.outcome != replog.Applied {
		v = s.refuse(s.outcome, s.reason)
	}
	v.Tables, v.ends = s.tables, s.ends
	return v
}

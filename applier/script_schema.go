package applier

import (
	"context"
	"errors"
	"strings"

	"replog/replog"
)

// readSchema makes a database in memory like the one on which the script begins.
func (s *script) readSchema(ctx context.Context, base *Conn, log replog.Log, at replog.Revision) error {
	objects, err := ReadObjects(base)
	if err != nil {
		return err
	}
	version, err := log.SchemaAt(ctx, at)
	if err == nil {
		objects, err = ParseObjects(version.Objects)
	} else if errors.Is(err, replog.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return err
	}
	s.triggers = len(TriggerTexts(objects)) > 0
	byRowID, err := KeepsRowIDs(base)
	if err != nil {
		return err
	}
	made, err := newScratch(objects, byRowID)
	if err != nil {
		return err
	}
	if s.made, err = NewReplica(made.Conn); err != nil {
		return errors.Join(err, made.Close())
	}
	s.schema = s.made.Schema
	return nil
}

func (s *script) close() {
	if s.made != nil {
		_ = s.made.Close() // it was in memory
	}
}

// schemaEntry writes an entry with schema statements, step by step.
func (s *script) schemaEntry(e *replog.Entry) error {
	s.printf("BEGIN;\n")
	made := e.Made()
	step, done := 0, 0
	err := replog.EachStep(e.Transaction.AllSteps(), func(of *replog.Step) error {
		if step >= len(e.StepEnds) {
			return errors.New("a step that has no end")
		}
		end := e.StepEnds[step]
		step++
		if of.Intent != nil {
			return s.schemaStatement(of.Intent)
		}
		numbers := make([]int, 0, end-done)
		for ; done < end; done++ {
			numbers = append(numbers, done)
		}
		rows, err := s.changes(replog.Only(made, numbers))
		if err == nil && rows > 0 {
			s.check(rows)
		}
		return err
	})
	s.printf("COMMIT;\n")
	return err
}

// schemaStatement writes one as it was run, and runs it in memory. What led to nothing
// new is a comment.
func (s *script) schemaStatement(in *replog.Intent) error {
	o := SchemaOptions{Legacy: in.Legacy}
	looked, err := s.made.InspectSchema(in.SQL, o)
	if err != nil {
		return err
	}
	if looked.Already {
		s.printf("-- It was so already: %q\n", in.SQL)
		return nil
	}
	if looked.Type == typeTrigger && !s.triggers {
		s.triggers = true
		s.printf(triggersOff)
	}
	if in.Legacy {
		s.printf("PRAGMA legacy_alter_table = ON;\n")
	}
	end := ";"
	if strings.Contains(looked.SQL, "--") {
		end = "\n;" // it may end in a comment
	}
	s.printf("%s%s\n", looked.SQL, end)
	if in.Legacy {
		s.printf("PRAGMA legacy_alter_table = OFF;\n")
	}
	// What SQLite counts as changed by it is none of the log's changes.
	s.printf("UPDATE temp.replog_script SET expected = total_changes(), changed = total_changes();\n")
	looked.Refused = nil // the log has it
	if _, err := s.made.RunSchema(looked, o); err != nil {
		return err
	}
	s.schema = s.made.Schema
	return nil
}

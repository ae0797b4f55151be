package form

import (
	"errors"
	"fmt"

	"replog/replog"
)

// steps gives the lines of an entry's steps: intents, and the net changes of row
// statements.
func steps(s Source, r replog.Revision, blocks []netBlock, yield func(replog.LineKind, string) error) error {
	var net Bodies
	defer func() {
		if net != nil {
			net.Close()
		}
	}()
	number := 0
	return Each(s, Statements, r, func(body []byte) (err error) {
		n := number
		number++
		switch {
		case IsIntent(body):
			return yield(replog.LineIntent, string(body))
		case len(blocks) == 0 || n < blocks[0].first:
			return yield(replog.LineChange, string(body))
		case n < blocks[0].last:
			return nil
		}
		if net == nil {
			if net, err = s.Bodies(Nets, r); err != nil {
				return err
			}
		}
		count := blocks[0].net
		blocks = blocks[1:]
		return sendNext(net, count, yield)
	})
}

// schemaSteps gives the lines of an applied entry with schema statements: these, and
// the changes that were made in each step between them.
func schemaSteps(s Source, r replog.Revision, ends []int, yield func(replog.LineKind, string) error) error {
	changes, err := s.Bodies(Made, r)
	if err != nil {
		return err
	}
	w := stepWalk{ends: ends, changes: changes, yield: yield}
	return errors.Join(Each(s, Statements, r, w.statement), changes.Close())
}

// stepWalk goes through the statements of an entry with schema statements.
type stepWalk struct {
	ends    []int // of the steps that are not begun
	done    int   // changes that were given
	inRows  bool  // the step is of row statements
	changes Bodies
	yield   func(replog.LineKind, string) error
}

// statement gives a schema statement, or, at the first row statement of a step, the
// changes that were made in it.
func (w *stepWalk) statement(body []byte) error {
	isSchema := IsIntent(body)
	if !isSchema && w.inRows {
		return nil
	}
	if len(w.ends) == 0 {
		return fmt.Errorf("%w: a step that has no end", replog.ErrForm)
	}
	end := w.ends[0]
	w.ends, w.inRows = w.ends[1:], !isSchema
	if isSchema {
		return w.yield(replog.LineIntent, string(body))
	}
	count := end - w.done
	w.done = end
	return sendNext(w.changes, count, w.yield)
}

// Planned gives the net changes that an entry records, of which only the counts and
// the blocks are needed, as they are stored; and it may give intents.
func Planned(s Source, row *Row, hasIntents bool, yield func(replog.LineKind, string) error) error {
	switch {
	case hasIntents:
		list, err := row.blocks()
		if err != nil {
			return err
		}
		return steps(s, row.Revision, list, yield)
	case row.Net.Valid:
		return send(s, Nets, row.Revision, yield)
	}
	return send(s, Statements, row.Revision, yield)
}

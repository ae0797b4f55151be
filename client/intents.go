package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"replog/applier"
	"replog/client/gathered"
	"replog/replog"
)

// runner runs intents on the file.
func (d *Device) runner() *applier.Intents {
	if d.intents == nil {
		d.intents = applier.NewIntents(d.replica, applier.IntentOptions{})
	}
	return d.intents
}

// changeSchema runs f, which changes the schema as the log knows it.
func (d *Device) changeSchema(f func() error) error {
	err := gathered.Follow(d.replica, f)
	if d.intents != nil {
		d.intents.Forget()
	}
	return err
}

// intentsOff takes away what running intents needs: before row statements are
// written, and in the end.
func (d *Device) intentsOff() error {
	if d.intents == nil {
		return nil
	}
	return d.intents.Off()
}

// differedError says that running the steps of entries again made other changes than
// their digests say, so that the changes themselves are needed.
type differedError struct{ revision replog.Revision }

func (e *differedError) Error() string {
	return fmt.Sprintf("revision %d: running its statements again made other changes than elsewhere", e.revision)
}

// rerun makes an entry by running its steps. *differedError where that does not make
// what it made elsewhere; nothing of it is left then.
func (m *move) rerun(e *replog.Download) error {
	steps := e.Steps
	if steps == nil {
		p := m.find(e.Seq)
		if e.Device != m.id.Device || p == nil {
			return fmt.Errorf("%w: entry %d has a digest, and no steps", replog.ErrForm, e.Revision)
		}
		t, err := m.outbox().load(p)
		if err != nil {
			return err
		}
		steps = t.AllSteps()
	}
	var results results
	defer results.close()
	err := m.replica.Savepoint(func() error {
		made, err := m.runner().Do(context.Background(), steps, applier.StepWork{
			Ran:  results.add,
			Rows: func(net replog.Changes) (replog.Changes, error) { return net, m.replica.Apply(net) },
		})
		if err != nil {
			return err
		}
		digest, err := replog.DigestChanges(made.List())
		if err == nil && digest != *e.Digest {
			err = &differedError{e.Revision}
		}
		return errors.Join(err, made.Close())
	})
	var diverged *applier.DivergenceError
	if applier.IntentRefused(err) || errors.As(err, &diverged) || errors.Is(err, applier.ErrSchema) {
		return &differedError{e.Revision}
	}
	return err
}

// results are what intents did, which has to last as long as what is composed of it.
type results []*applier.IntentResult

func (l *results) add(_ int, _ *replog.Intent, r *applier.IntentResult) error {
	*l = append(*l, r)
	return nil
}

func (l *results) close() {
	for _, r := range *l {
		r.Close()
	}
}

// replaySteps is replayOne for a transaction with intents, which are run again.
func (m *move) replaySteps(p *pending, t *replog.Transaction, taint *applier.Taint) error {
	held, err := m.heldSteps(p, t, taint)
	if err != nil {
		return err
	}
	if held != "" {
		return m.outbox().replayed(p, t, nil, buildsOn(held))
	}
	var results results
	defer results.close()
	var made *applier.Composition
	err = m.replica.Savepoint(func() (err error) {
		made, err = m.runner().Do(context.Background(), t.AllSteps(), applier.StepWork{
			Judged: true,
			Ran:    results.add,
			Rows:   func(net replog.Changes) (replog.Changes, error) { return m.replica.ReplayStep(net) },
		})
		return err
	})
	var lost *applier.LostError
	if (applier.Refused(err) || applier.IntentRefused(err)) && !errors.As(err, &lost) {
		return m.outbox().replayed(p, t, nil, err.Error())
	}
	if err != nil {
		return err
	}
	return errors.Join(m.outbox().replayed(p, t, made.List(), ""), made.Close())
}

// heldSteps names what a transaction with intents builds on that is in a taint: a
// row, or a table of an intent; "" for nothing. It notes the tables that its intents
// may write.
func (d *Device) heldSteps(p *pending, t *replog.Transaction, taint *applier.Taint) (string, error) {
	named, touched := map[string]bool{}, map[string]bool{}
	err := replog.EachStep(t.AllSteps(), func(s *replog.Step) error {
		if s.Intent == nil {
			return nil
		}
		i, err := d.runner().Inspect(s.Intent.SQL)
		if err != nil {
			return err
		}
		for _, name := range slices.Concat(i.Reads, i.Writes, i.Touches) {
			named[name] = true
		}
		for _, name := range i.Touches {
			touched[name] = true
		}
		return nil
	})
	p.tables = slices.Sorted(maps.Keys(touched))
	if err != nil {
		return "", err
	}
	if table, held := taint.TouchedTables(slices.Sorted(maps.Keys(named))); held {
		return "table " + table, nil
	}
	row, held, err := taint.Touched(t.NetChanges())
	if err != nil || !held {
		return "", err
	}
	return rowName(row), nil
}

package client

import (
	"errors"

	"replog/applier"
	"replog/replog"
)

// shortcut moves to the new confirmed state without undoing the outbox, where
// that leads to the same tables as the full way. It tells whether it did; if
// not, nothing was changed. It takes for granted
//
//   - that every own transaction that has a verdict was applied as recorded, and
//     that no transaction of the outbox is without effect, or was recorded while
//     another was: then each of them would be made again just as it is. What
//     stays must have passed a replay before, as an application may write with
//     foreign keys off;
//   - that what other devices changed shares nothing with the outbox: no row, no
//     unique value, no reference. Then it can be written beside the outbox: no
//     order between the two makes a difference. Intents on either side may read
//     anything: then there is no short cut. Nor is there where schema statements of
//     the outbox do more than add something.
//
// Where nobody else changed anything, nothing is written to the tables at all.
func (m *move) shortcut() (bool, error) {
	if hoped, err := m.asHoped(); err != nil || !hoped || len(m.answer.made) > 0 {
		return false, err
	}
	for _, p := range m.pending {
		if !p.effect || len(p.without) > 0 || !p.replayed && m.verdict[p.seq] == nil || p.intents && p.schema != schemaAdds && m.answer.foreign > 0 {
			return false, nil
		}
	}
	if m.answer.steps {
		return false, nil
	}
	if m.answer.foreign > 0 {
		if ok, err := m.beside(); err != nil || !ok {
			return false, err
		}
	}
	m.short = true
	if err := m.judged(); err != nil {
		return false, err
	}
	return true, m.pruneLate(m.rest())
}

// errClash makes a savepoint undo what was written beside the outbox.
var errClash = errors.New("it clashes with the outbox")

// beside writes what other devices changed, in a savepoint that is undone where
// it clashes.
func (m *move) beside() (bool, error) {
	mine := applier.NewOverlap(m.replica.Schema)
	for _, p := range m.pending {
		t, err := m.outbox().load(p)
		if err != nil {
			return false, err
		}
		if err := mine.Add(m.replica.Widen(t.NetChanges())); err != nil {
			return false, err
		}
	}
	err := m.replica.Savepoint(func() error {
		return m.replica.WithoutTriggers(func() error {
			return m.answer.entries(func(e *replog.Download) error {
				if e.Device == m.id.Device {
					return nil
				}
				kept, err := m.kept(m.replica.Widen(e.List))
				if err != nil {
					return err
				}
				if met, err := mine.Meets(kept); err != nil || met {
					return errors.Join(err, errClash)
				}
				return errors.Join(m.replica.ApplyBeside(kept), closeKept(kept))
			})
		})
	})
	var diverged *applier.DivergenceError
	if errors.Is(err, errClash) || errors.As(err, &diverged) || applier.Refused(err) {
		return false, nil // the full way tells what is wrong, if anything is
	}
	return err == nil, err
}

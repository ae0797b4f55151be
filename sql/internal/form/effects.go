package form

import (
	"hash/maphash"
	"slices"

	"replog/replog"
)

// AsStored tells whether the changes of an entry are stored as recorded. What an
// intent does is not recorded.
func AsStored(e *replog.Entry) bool { return !e.Transaction.HasIntents() && e.AsRecorded() }

// EachEffect gives the changes of an entry that were not, all of them, made as
// recorded, valid until each returns: with the number of the net change those that
// were, but for where there are intents, and with -1 the others.
func EachEffect(e *replog.Entry, each func(n, planned int, c *replog.Change) error) error {
	plans := &plans{list: e.Transaction.NetChanges()}
	if e.Transaction.HasIntents() {
		plans.list = replog.ChangeList(nil) // the log tells a change of an intent by its body
	}
	return replog.EachChange(e.Made(), func(i int, c *replog.Change) error {
		made := *c // what plans reads may be of the same list
		n, planned, err := plans.of(&made)
		switch {
		case err != nil:
			return err
		case planned != nil && made.Equal(planned):
			return each(i, n, &made)
		}
		return each(i, -1, &made)
	})
}

// plans finds the net change that an effect comes from. Effects mostly come in
// the order of the net changes; only where they do not is there an index.
type plans struct {
	list replog.Changes
	next int
	seed maphash.Seed
	// byRow is by the row's hash. A clash only costs space in the store.
	byRow map[uint64]int
}

// of returns the net change of a row, with its number, and nil where it finds none.
func (p *plans) of(made *replog.Change) (int, *replog.Change, error) {
	if p.byRow == nil {
		for p.next < p.list.Len() {
			planned, err := p.list.At(p.next)
			p.next++
			if err != nil || planned.Table == made.Table && slices.Equal(planned.Key, made.Key) {
				return p.next - 1, planned, err
			}
		}
		if err := p.index(); err != nil {
			return 0, nil, err
		}
	}
	n, ok := p.byRow[maphash.Comparable(p.seed, made.Row())]
	if !ok {
		return 0, nil, nil
	}
	planned, err := p.list.At(n)
	return n, planned, err
}

func (p *plans) index() error {
	p.seed, p.byRow = maphash.MakeSeed(), make(map[uint64]int, p.list.Len())
	return replog.EachChange(p.list, func(i int, c *replog.Change) error {
		p.byRow[maphash.Comparable(p.seed, c.Row())] = i
		return nil
	})
}

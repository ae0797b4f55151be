package form

import (
	"errors"

	"replog/replog"
)

// madeChanges are the changes of an entry with intents: however short its form is, they
// may be millions. They are read once somebody asks for them, as most readers of the
// log do not.
type madeChanges struct {
	r        *Reader
	revision replog.Revision
	n        int
	list     *replog.Spill[replog.Change] // nil before they are read
}

// Len implements replog.Changes.
func (m *madeChanges) Len() int { return m.n }

// At implements replog.Changes.
func (m *madeChanges) At(i int) (*replog.Change, error) {
	if err := m.read(); err != nil {
		return nil, err
	}
	return m.list.At(i)
}

func (m *madeChanges) read() error {
	if m.list != nil {
		return nil
	}
	list := replog.NewChangeSpill()
	if err := m.r.eachMade(m.revision, list.Add); err != nil {
		return errors.Join(err, list.Close())
	}
	m.list = list
	return nil
}

// Close lets go of what is on disk.
func (m *madeChanges) Close() error { return m.list.Close() }

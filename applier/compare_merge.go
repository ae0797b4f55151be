package applier

import (
	"sort"

	"replog/replog"
)

// merge walks two ordered streams of one table side by side and counts.
type merge struct {
	plan  *plan
	row   func(RowDifference) error
	count TableComparison

	// Of the rows without a key that compareLoosely calls equal, those that
	// have no exact partner yet.
	open map[string]*unpaired
}

// unpaired is a row that A has more often (above 0) or B (below).
type unpaired struct {
	row   []replog.Value
	count int64
}

// callbackError carries an error of the caller's callback to the caller as it is.
type callbackError struct{ err error }

func (e *callbackError) Error() string { return e.err.Error() }

func (m *merge) run(a, b *Conn, sa, sb *shape, run pass) error {
	left, right := m.start(a, sa, m.plan.a, run), m.start(b, sb, m.plan.b, run)
	defer left.stop()
	defer right.stop()
	for {
		ra, err := left.head()
		if err != nil {
			return err
		}
		rb, err := right.head()
		if err != nil {
			return err
		}
		if ra == nil && rb == nil {
			return m.settle()
		}
		c := 0
		switch {
		case rb == nil:
			c = -1
		case ra == nil:
			c = 1
		default:
			c = compareLoosely(ra, rb, run.order)
		}
		if c > 0 {
			ra = nil
		} else {
			left.next()
		}
		if c < 0 {
			rb = nil
		} else {
			right.next()
		}
		if run.keyed {
			err = m.keyed(ra, rb)
		} else {
			err = m.unkeyed(ra, rb, run.order)
		}
		if err != nil {
			return err
		}
	}
}

func (m *merge) start(c *Conn, s *shape, t *tableShape, run pass) *stream {
	if t == nil {
		return startStream(c, "")
	}
	return startStream(c, m.plan.query(t, s, run))
}

// keyed takes rows whose keys are loosely equal, or the row of one side.
func (m *merge) keyed(a, b []replog.Value) error {
	if a != nil && b != nil {
		for _, i := range m.plan.key {
			if a[i] != b[i] {
				// 1 and 1.0: two rows.
				if err := m.tell(a, nil, 1); err != nil {
					return err
				}
				return m.tell(nil, b, 1)
			}
		}
		if sameValues(a, b) {
			return nil
		}
	}
	return m.tell(a, b, 1)
}

// unkeyed takes rows that are loosely equal, or the row of one side.
func (m *merge) unkeyed(a, b []replog.Value, order []int) error {
	if a != nil && b != nil && sameValues(a, b) {
		return nil
	}
	for _, u := range m.open {
		one := a
		if one == nil {
			one = b
		}
		if compareLoosely(u.row, one, order) != 0 {
			if err := m.settle(); err != nil {
				return err
			}
		}
		break
	}
	m.add(a, 1)
	m.add(b, -1)
	return nil
}

func (m *merge) add(row []replog.Value, n int64) {
	if row == nil {
		return
	}
	if m.open == nil {
		m.open = map[string]*unpaired{}
	}
	key := replog.KeyString(row)
	u := m.open[key]
	if u == nil {
		u = &unpaired{row: row}
		m.open[key] = u
	}
	if u.count += n; u.count == 0 {
		delete(m.open, key)
	}
}

// settle tells the rows that found no partner.
func (m *merge) settle() error {
	keys := make([]string, 0, len(m.open))
	for key := range m.open {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		u := m.open[key]
		var err error
		if u.count > 0 {
			err = m.tell(u.row, nil, u.count)
		} else {
			err = m.tell(nil, u.row, -u.count)
		}
		if err != nil {
			return err
		}
	}
	clear(m.open)
	return nil
}

// tell counts a difference and hands it to the callback.
func (m *merge) tell(a, b []replog.Value, n int64) error {
	switch {
	case b == nil:
		m.count.OnlyA += n
	case a == nil:
		m.count.OnlyB += n
	default:
		m.count.Different++
	}
	if m.row == nil {
		return nil
	}
	err := m.row(RowDifference{Table: m.plan.name, Columns: m.plan.columns, Key: m.plan.key, A: a, B: b, Count: n})
	if err != nil {
		return &callbackError{err}
	}
	return nil
}

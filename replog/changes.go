package replog

// Changes is a list of changes, which may be too long for memory.
type Changes interface {
	// Len is how many there are.
	Len() int
	// At returns one of them, valid until the next call; it is not to be
	// changed. Going through the list in order is fast. It fails where the list
	// is kept on disk and cannot be read.
	At(i int) (*Change, error)
}

// ChangeList is a list in memory.
type ChangeList []Change

// Len implements Changes.
func (l ChangeList) Len() int { return len(l) }

// At implements Changes.
func (l ChangeList) At(i int) (*Change, error) { return &l[i], nil }

// statementList is what statements did, as a list of changes.
type statementList []Statement

func (l statementList) Len() int                  { return len(l) }
func (l statementList) At(i int) (*Change, error) { return &l[i].Change, nil }

// Only returns some changes of a list, by number.
func Only(of Changes, rows []int) Changes { return &only{of, rows} }

type only struct {
	of   Changes
	rows []int
}

func (l *only) Len() int                  { return len(l.rows) }
func (l *only) At(i int) (*Change, error) { return l.of.At(l.rows[i]) }

// EachChange calls f for each change, in order, until one call fails.
func EachChange(l Changes, f func(i int, c *Change) error) error {
	for i := range l.Len() {
		c, err := l.At(i)
		if err == nil {
			err = f(i, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// InMemory returns a list in memory, whatever its length.
func InMemory(l Changes) ([]Change, error) {
	if l, ok := l.(ChangeList); ok {
		return l, nil
	}
	list := make([]Change, 0, l.Len())
	err := EachChange(l, func(_ int, c *Change) error {
		list = append(list, *c)
		return nil
	})
	return list, err
}

// NewChangeSpill makes a list that is kept on disk where it is long.
func NewChangeSpill() *Spill[Change] {
	var parser ChangeParser
	return NewSpill(Codec[Change]{
		Size:   (*Change).size,
		Append: func(b []byte, c *Change) []byte { return c.AppendJSON(b) },
		Parse:  parser.Parse,
	})
}

// size is about how much memory a change takes, in bytes. Names are shared.
func (c *Change) size() int {
	const itself, value, name = 256, 32, 16
	n := itself + name*len(c.Columns) + value*(len(c.Key)+len(c.Old)+len(c.New))
	for _, list := range [][]Value{c.Key, c.Old, c.New} {
		for i := range list {
			n += len(list[i].str)
		}
	}
	return n
}

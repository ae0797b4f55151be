package model

import (
	"fmt"
	"slices"

	"replog/replog"
)

// adopt checks the recorded net changes against the model's, and gives the
// model their order and times. It returns what is wrong.
func (t *Txn) adopt(recorded []replog.Change, statements int) (err error) {
	t.Net, err = adopt(t.Net, recorded, statements)
	return err
}

// adoptSteps checks the recorded steps against the model's, and gives these what adopt
// gives.
func (t *Txn) adoptSteps(r *replog.Transaction) error {
	steps := t.Steps
	t.Steps, t.Net = nil, nil
	err := replog.EachStep(r.AllSteps(), func(s *replog.Step) error {
		if s.Intent == nil && s.NetChanges().Len() == 0 {
			t.Steps = append(t.Steps, Step{statements: s.Statements.Len()})
			return nil
		}
		if len(steps) == 0 {
			return fmt.Errorf("step %d is unexpected", len(t.Steps))
		}
		next := steps[0]
		steps = steps[1:]
		if (s.Intent != nil) != (next.Intent != nil) {
			return fmt.Errorf("step %d is an intent: %v, want %v", len(t.Steps), s.Intent != nil, next.Intent != nil)
		}
		if err := next.adopt(s); err != nil {
			return fmt.Errorf("step %d: %w", len(t.Steps), err)
		}
		t.Steps, t.Net = append(t.Steps, next), append(t.Net, next.Net...)
		return nil
	})
	if err == nil && len(steps) > 0 {
		err = fmt.Errorf("%d steps are missing", len(steps))
	}
	return err
}

func (s *Step) adopt(recorded *replog.Step) error {
	if s.Intent != nil {
		return s.Intent.adopt(recorded.Intent)
	}
	statements, err := replog.InMemory(recorded.Statements)
	if err != nil {
		return err
	}
	net, err := replog.InMemory(recorded.NetChanges())
	if err != nil {
		return err
	}
	one := replog.Transaction{Net: net}
	for _, c := range statements {
		one.Statements = append(one.Statements, replog.Statement{Change: c})
	}
	if err := sameOrder(&one); err != nil {
		return err
	}
	s.statements = len(statements)
	s.Net, err = adopt(s.Net, net, len(statements))
	return err
}

func (in *Intent) adopt(recorded *replog.Intent) error {
	got := fmt.Sprintf("%s %s affected %d changes %d optional %v expect %s", recorded.SQL, replog.KeyString(recorded.Args), recorded.Affected, recorded.Changes, recorded.Optional, expectation(recorded.Expect))
	want := fmt.Sprintf("%s %s affected %d changes %d optional %v expect %s", in.SQL, replog.KeyString(in.Args), in.Affected, len(in.Net), in.Optional, expectation(in.Expect))
	if got != want {
		return fmt.Errorf("it is %s, want %s", got, want)
	}
	in.Time = recorded.Time
	return nil
}

func expectation(n *int64) string {
	if n == nil {
		return "nothing"
	}
	return fmt.Sprint(*n)
}

// adopt returns a list of net changes as the recorded ones are ordered, which come of
// so many statements.
func adopt(nets []*Net, recorded []replog.Change, statements int) ([]*Net, error) {
	byRow := map[replog.RowID]*Net{}
	for _, n := range nets {
		byRow[n.ID] = n
	}
	if len(recorded) != len(nets) {
		return nil, fmt.Errorf("%d net changes are recorded, want %d:\n%s\nwant\n%s", len(recorded), len(nets), changeList(recorded), netList(nets))
	}
	var ordered []*Net
	for i := range recorded {
		c := &recorded[i]
		n := byRow[c.Row()]
		if n == nil {
			return nil, fmt.Errorf("net change %d of %s is unexpected or there twice:\n%s\nwant\n%s", i, c.Row(), changeList(recorded), netList(nets))
		}
		delete(byRow, c.Row())
		if err := n.adopt(c); err != nil {
			return nil, fmt.Errorf("net change of %s: %w:\n%s\nwant\n%s", c.Row(), err, changeList(recorded), netList(nets))
		}
		ordered = append(ordered, n)
	}
	if tearUnits(ordered, recorded, statements) {
		return ordered, nil
	}
	if err := sameUnits(ordered, recorded); err != nil {
		return nil, fmt.Errorf("%w:\n%s\nwant\n%s", err, changeList(recorded), netList(nets))
	}
	return ordered, nil
}

// sameOrder checks that net changes come in the order in which the recorded
// statements first touched their rows.
func sameOrder(r *replog.Transaction) error {
	touched := map[replog.RowID]int{}
	touch := func(id replog.RowID) {
		if _, ok := touched[id]; !ok {
			touched[id] = len(touched)
		}
	}
	for i := range r.Statements {
		s := &r.Statements[i]
		touch(s.Row())
		if s.Op != replog.Update {
			continue
		}
		key := slices.Clone(s.Key)
		for k, name := range s.KeyColumns {
			if c := slices.Index(s.Columns, name); c >= 0 {
				key[k] = s.New[c]
			}
		}
		touch(replog.RowID{Table: s.Table, Key: replog.KeyString(key)})
	}
	last := -1
	net, err := replog.InMemory(r.NetChanges())
	if err != nil {
		return err
	}
	for _, c := range net {
		at, ok := touched[c.Row()]
		if !ok || at < last {
			return fmt.Errorf("%s is out of order, or no statement touches it:\n%s", c.Row(), changeList(net))
		}
		last = at
	}
	return nil
}

func (n *Net) adopt(c *replog.Change) error {
	columns := n.Changed
	if n.Op != replog.Update {
		columns = nil
		for i := range n.Table.Columns {
			columns = append(columns, i)
		}
	}
	if c.Op != n.Op || len(c.Columns) != len(columns) {
		return fmt.Errorf("%s of %d columns, want %s of %d", c.Op, len(c.Columns), n.Op, len(columns))
	}
	n.Time, n.Times = c.Time, map[int]replog.Millis{}
	for i, name := range c.Columns {
		col := slices.IndexFunc(n.Table.Columns, func(x Column) bool { return x.Name == name })
		if !slices.Contains(columns, col) {
			return fmt.Errorf("column %s did not change", name)
		}
		n.Times[col] = c.TimeOf(i)
		if n.Op != replog.Update && c.TimeOf(i) != c.Time {
			return fmt.Errorf("the times of a row's columns differ")
		}
		if n.Before != nil && c.Old[i] != n.Before[col] {
			return fmt.Errorf("column %s was %s, want %s", name, c.Old[i], n.Before[col])
		}
		if n.After != nil && c.New[i] != n.After[col] {
			return fmt.Errorf("column %s became %s, want %s", name, c.New[i], n.After[col])
		}
	}
	return n.sameContext(c)
}

// sameContext compares the columns that an UPDATE carries along; the key's,
// which it carries as its key, may be left out.
func (n *Net) sameContext(c *replog.Change) error {
	for col, x := range n.Table.Columns {
		v, ok := Value{}, false
		if c.Context != nil {
			if i := slices.Index(c.Context.Columns, x.Name); i >= 0 {
				v, ok = c.Context.Values[i], true
			}
		}
		switch want := n.Context(col); {
		case slices.Contains(n.Table.Key, col):
		case want != ok:
			return fmt.Errorf("carries %s: %v, want %v", x.Name, ok, want)
		case ok && v != n.After[col]:
			return fmt.Errorf("carries %s as %s, want %s", x.Name, v, n.After[col])
		}
	}
	return nil
}

// wholeBatch is how many statements gathering does not cut, with the limits of these
// tests.
const wholeBatch = 2

// tearUnits takes over units that fell apart: where gathering cuts a long
// transaction, a key change may be told as a row gone and another come
// (docs/limits.md), never the other way round.
func tearUnits(nets []*Net, recorded []replog.Change, statements int) bool {
	if statements <= wholeBatch {
		return false
	}
	for i, a := range nets {
		for j, b := range nets {
			if recorded[i].Unit > 0 && recorded[i].Unit == recorded[j].Unit && (a.Unit == 0 || a.Unit != b.Unit) {
				return false
			}
		}
	}
	for i, n := range nets {
		if n.Unit = 0; recorded[i].Unit > 0 {
			n.Unit = 1000*len(nets) + recorded[i].Unit // apart from the model's numbers
		}
	}
	return true
}

// sameUnits compares which rows are joined, whatever the numbers.
func sameUnits(nets []*Net, recorded []replog.Change) error {
	for i, a := range nets {
		for j, b := range nets {
			want := a.Unit > 0 && a.Unit == b.Unit
			if got := recorded[i].Unit > 0 && recorded[i].Unit == recorded[j].Unit; got != want {
				return fmt.Errorf("%s and %s are of one unit: %v, want %v", a.ID, b.ID, got, want)
			}
		}
	}
	return nil
}

func changeList(changes []replog.Change) string {
	out := ""
	for _, c := range changes {
		out += fmt.Sprintf("  %s %s %v old %s new %s unit %d time %d %v\n", c.Op, c.Row(), c.Columns, replog.KeyString(c.Old), replog.KeyString(c.New), c.Unit, c.Time, c.Times)
	}
	return out
}

func netList(nets []*Net) string {
	out := ""
	for _, n := range nets {
		out += fmt.Sprintf("  %s %s old %s new %s unit %d time %d %v\n", n.Op, n.ID, n.Before, n.After, n.Unit, n.Time, n.Times)
	}
	return out
}

// list renders what a transaction does.
func (t *Txn) list() string {
	if t.Steps == nil {
		return netList(t.Net)
	}
	out := ""
	for _, s := range t.Steps {
		if out += netList(s.Net); s.Intent != nil {
			out += fmt.Sprintf("  %s %s affected %d changes %d time %d\n", s.Intent.SQL, replog.KeyString(s.Intent.Args), s.Intent.Affected, len(s.Intent.Net), s.Intent.Time)
		}
	}
	return out
}

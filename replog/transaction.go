package replog

// Statement is the smallest thing recorded and stored. A row statement is one
// INSERT, UPDATE or DELETE of one row by primary key, carried as a Change; an intent
// is what an application ran.
type Statement struct {
	Change
	Intent *Intent // nil for a row statement
}

// Transaction is the recorded form of the statements that one device committed
// together. It is fixed when the transaction is closed.
type Transaction struct {
	Device DeviceID `json:"device"`
	Seq    Seq      `json:"seq"`
	// Marked: its boundaries are known, and it has one outcome. Whole: it is
	// unmarked, but its device forbids division (init --unmarked=whole).
	Marked bool   `json:"marked,omitempty"`
	Whole  bool   `json:"whole,omitempty"`
	Label  string `json:"label,omitempty"`
	// Schema: it holds schema statements. Its other statements are row statements
	// then, in steps between them.
	Schema bool `json:"schema,omitempty"`
	// Base is the device's sync point when it was closed.
	Base Revision `json:"base"`
	// Seen is the highest of the device's own seqs whose verdict it had
	// processed then.
	Seen Seq `json:"seen"`
	// Without lists own pending seqs, above Seen, that were without effect then.
	Without []Seq `json:"without,omitempty"`
	// Time is the latest of its statements' times.
	Time Millis `json:"time"`
	// Nonce is 16 random bytes in hex: two devices that record the same
	// statements under one identity can be told apart by the hash.
	Nonce      string      `json:"nonce"`
	Statements []Statement `json:"-"`
	// Net holds the net changes where they differ from Statements; nil where
	// they are the same.
	Net []Change `json:"-"`
	// Steps are in place of Statements and Net where the transaction holds intents.
	Steps []Step `json:"-"`
	// long has the lists in place of Statements, Net and Steps where these are too
	// long for memory.
	long *longLists
}

type longLists struct {
	statements, net Changes
	steps           Steps // in place of the others
}

// SetLong gives the transaction's lists, in place of Statements and Net, which
// stay empty. A nil net says that the statements are the net changes.
func (t *Transaction) SetLong(statements, net Changes) {
	t.long = &longLists{statements: statements, net: net}
}

// SetLongSteps gives the steps of a transaction with intents, in place of Steps,
// which stay empty.
func (t *Transaction) SetLongSteps(steps Steps) { t.long = &longLists{steps: steps} }

// HasIntents tells whether the transaction holds intents, and its row statements
// are in steps between them.
func (t *Transaction) HasIntents() bool { return t.steps() != nil }

// steps are those of a transaction with intents, nil for others.
func (t *Transaction) steps() Steps {
	switch {
	case t.long != nil:
		return t.long.steps
	case t.Steps != nil:
		return stepList(t.Steps)
	}
	return nil
}

// AllSteps returns the steps; without intents there is one.
func (t *Transaction) AllSteps() Steps {
	if steps := t.steps(); steps != nil {
		return steps
	}
	return stepList{{Statements: t.RecordedStatements(), Net: t.RecordedNet()}}
}

// IsLong tells whether Statements, Net and Steps are empty as they are too long for
// memory.
func (t *Transaction) IsLong() bool { return t.long != nil }

// InMemory returns a long transaction as one that has its lists in memory,
// whatever their length, and others as they are.
func (t *Transaction) InMemory() (Transaction, error) {
	short := *t
	short.long = nil
	if t.long == nil {
		return short, nil
	}
	if t.long.steps != nil {
		var err error
		short.Steps, err = stepsInMemory(t.long.steps)
		return short, err
	}
	err := EachChange(t.long.statements, func(_ int, c *Change) error {
		short.Statements = append(short.Statements, Statement{Change: *c})
		return nil
	})
	if err == nil && t.long.net != nil {
		short.Net, err = InMemory(t.long.net)
	}
	return short, err
}

func stepsInMemory(l Steps) ([]Step, error) {
	list := make([]Step, 0, l.Len())
	err := EachStep(l, func(s *Step) error {
		var own Step
		if s.Intent != nil {
			intent := *s.Intent
			list = append(list, Step{Intent: &intent})
			return nil
		}
		statements, err := InMemory(s.Statements)
		own.Statements = ChangeList(statements)
		if s.Net != nil && err == nil {
			var net []Change
			net, err = InMemory(s.Net)
			own.Net = ChangeList(net)
		}
		list = append(list, own)
		return err
	})
	return list, err
}

// RecordedStatements returns what the row statements did, in order.
func (t *Transaction) RecordedStatements() Changes {
	if steps := t.steps(); steps != nil {
		return steps.rows(false)
	}
	if t.long != nil {
		return t.long.statements
	}
	return statementList(t.Statements)
}

// RecordedNet returns the net changes, nil where they are the same as the
// statements, as they are taken for where there are intents.
func (t *Transaction) RecordedNet() Changes {
	switch {
	case t.HasIntents():
		return nil
	case t.long != nil:
		return t.long.net
	case t.Net != nil:
		return ChangeList(t.Net)
	}
	return nil
}

// NetChanges returns what the transaction did to each row, in the order in
// which its statements first touched them: no row twice, no change without
// effect. Of a transaction with intents they are those of each step of row
// statements, one after the other.
func (t *Transaction) NetChanges() Changes {
	if steps := t.steps(); steps != nil {
		return steps.rows(true)
	}
	if net := t.RecordedNet(); net != nil {
		return net
	}
	return t.RecordedStatements()
}

// CountStatements is how many statements it has. It fails where a long transaction
// cannot be read.
func (t *Transaction) CountStatements() (int, error) {
	n := t.RecordedStatements().Len()
	steps := t.steps()
	if steps == nil {
		return n, nil
	}
	err := EachStep(steps, func(s *Step) error {
		if s.Intent != nil {
			n++
		}
		return nil
	})
	return n, err
}

// DistinctNet returns the net changes where they differ from the row statements, of
// a transaction with intents those of any step; nil where they are the same.
func (t *Transaction) DistinctNet() (Changes, error) {
	steps := t.steps()
	if steps == nil {
		return t.RecordedNet(), nil
	}
	distinct := false
	err := EachStep(steps, func(s *Step) error {
		distinct = distinct || s.Net != nil
		return nil
	})
	if !distinct {
		return nil, err
	}
	return t.NetChanges(), err
}

// EachStatement calls f for each statement, in order, with its number, until one
// call fails.
func (t *Transaction) EachStatement(f func(n int, s *Statement) error) error {
	n := 0
	return EachStep(t.AllSteps(), func(s *Step) error {
		if s.Intent != nil {
			n++
			return f(n-1, &Statement{Intent: s.Intent})
		}
		return EachChange(s.Statements, func(_ int, c *Change) error {
			n++
			return f(n-1, &Statement{Change: *c})
		})
	})
}

// Divisible tells whether the server may divide the transaction into groups.
func (t *Transaction) Divisible() bool { return !t.Marked && !t.Whole && !t.HasIntents() }

// SetNet records net, leaving Net nil where the statements say the same.
func (t *Transaction) SetNet(net []Change) {
	t.Net = nil
	if sameLists(statementList(t.Statements), net) {
		return
	}
	if net == nil {
		net = []Change{}
	}
	t.Net = net
}

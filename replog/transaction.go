package replog

// Statement is the smallest thing recorded and stored. A row statement is one
// INSERT, UPDATE or DELETE of one row by primary key, carried as a Change.
// (Intents, the second kind, will carry SQL text and arguments.)
type Statement struct {
	Change
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
	// long has both lists in place of Statements and Net where these are too
	// long for memory.
	long *longLists
}

type longLists struct{ statements, net Changes }

// SetLong gives the transaction's lists, in place of Statements and Net, which
// stay empty. A nil net says that the statements are the net changes.
func (t *Transaction) SetLong(statements, net Changes) { t.long = &longLists{statements, net} }

// IsLong tells whether Statements and Net are empty as they are too long for
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
	err := EachChange(t.long.statements, func(_ int, c *Change) error {
		short.Statements = append(short.Statements, Statement{Change: *c})
		return nil
	})
	if err == nil && t.long.net != nil {
		short.Net, err = InMemory(t.long.net)
	}
	return short, err
}

// RecordedStatements returns what the statements did, in order.
func (t *Transaction) RecordedStatements() Changes {
	if t.long != nil {
		return t.long.statements
	}
	return statementList(t.Statements)
}

// RecordedNet returns the net changes, nil where they are the same as the
// statements.
func (t *Transaction) RecordedNet() Changes {
	switch {
	case t.long != nil:
		return t.long.net
	case t.Net != nil:
		return ChangeList(t.Net)
	}
	return nil
}

// NetChanges returns what the transaction did to each row, in the order in
// which its statements first touched them: no row twice, no change without
// effect.
func (t *Transaction) NetChanges() Changes {
	if net := t.RecordedNet(); net != nil {
		return net
	}
	return t.RecordedStatements()
}

// Divisible tells whether the server may divide the transaction into groups.
func (t *Transaction) Divisible() bool { return !t.Marked && !t.Whole }

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

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
}

// NetChanges returns what the transaction did to each row, in the order in
// which its statements first touched them: no row twice, no change without
// effect.
func (t *Transaction) NetChanges() []Change {
	if t.Net != nil {
		return t.Net
	}
	net := make([]Change, len(t.Statements))
	for i := range t.Statements {
		net[i] = t.Statements[i].Change
	}
	return net
}

// Divisible tells whether the server may divide the transaction into groups.
func (t *Transaction) Divisible() bool { return !t.Marked && !t.Whole }

// SetNet records net, leaving Net nil where the statements say the same.
func (t *Transaction) SetNet(net []Change) {
	t.Net = nil
	if SameChanges(t.NetChanges(), net) {
		return
	}
	if net == nil {
		net = []Change{}
	}
	t.Net = net
}

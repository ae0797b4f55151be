package replog

import (
	"reflect"
	"testing"
)

func TestNetChangesAreTheStatementsUnlessTheyDiffer(t *testing.T) {
	x := transaction(changes()...)
	if got := mustList(x.NetChanges()); !reflect.DeepEqual(got, changes()) {
		t.Errorf("got %+v", got)
	}
	x.SetNet(changes())
	if x.Net != nil {
		t.Error("net changes that are the statements are kept twice")
	}
	x.SetNet(changes()[:2])
	if got := mustList(x.NetChanges()); !reflect.DeepEqual(got, changes()[:2]) {
		t.Errorf("got %+v", got)
	}
	x.SetNet(changes())
	if x.Net != nil {
		t.Error("net changes of before stay")
	}
}

func TestStatementsThatCancelOutHaveNoNetChanges(t *testing.T) {
	for _, none := range [][]Change{nil, {}} {
		x := transaction(changes()...)
		x.SetNet(none)
		if x.Net == nil || x.NetChanges().Len() != 0 {
			t.Errorf("net changes are %+v", x.Net)
		}
	}
	empty := transaction()
	if empty.SetNet(nil); empty.Net != nil {
		t.Error("no statements and no net changes differ")
	}
}

func TestOnlyUnmarkedTransactionsThatTheDeviceLetsAreDivisible(t *testing.T) {
	for _, test := range []struct{ marked, whole, want bool }{
		{false, false, true}, {true, false, false}, {false, true, false}, {true, true, false},
	} {
		x := Transaction{Marked: test.marked, Whole: test.whole}
		if x.Divisible() != test.want {
			t.Errorf("marked %t, whole %t: Divisible is %t", test.marked, test.whole, x.Divisible())
		}
	}
}

func TestTheHashCoversWhatIsRecorded(t *testing.T) {
	x := transaction(changes()...)
	_, first := x.Encode()
	if _, again := x.Encode(); again != first {
		t.Error("the hash changes from one encoding to the next")
	}
	for name, alter := range map[string]func(*Transaction){
		"nonce":     func(x *Transaction) { x.Nonce = "f" + x.Nonce[1:] },
		"base":      func(x *Transaction) { x.Base++ },
		"seen":      func(x *Transaction) { x.Seen++ },
		"without":   func(x *Transaction) { x.Without = nil },
		"device":    func(x *Transaction) { x.Device = bert },
		"net":       func(x *Transaction) { x.SetNet(nil) },
		"statement": func(x *Transaction) { x.Statements = x.Statements[1:] },
	} {
		y := transaction(changes()...)
		alter(&y)
		if _, hash := y.Encode(); hash == first {
			t.Errorf("another %s has the same hash", name)
		}
	}
}

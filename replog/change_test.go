package replog

import (
	"errors"
	"testing"
)

func TestWellFormedChangesAreValid(t *testing.T) {
	for _, c := range changes() {
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestMalformedChangesAreRefused(t *testing.T) {
	const (
		inserted = iota
		updated
		deleted
	)
	for name, test := range map[string]struct {
		of    int
		alter func(*Change)
	}{
		"no table":                     {inserted, func(c *Change) { c.Table = "" }},
		"no key":                       {inserted, func(c *Change) { c.Key, c.KeyColumns = nil, nil }},
		"a key column too few":         {updated, func(c *Change) { c.KeyColumns = c.KeyColumns[:1] }},
		"no columns":                   {updated, func(c *Change) { c.Columns, c.Old, c.New, c.Times = nil, nil, nil, nil }},
		"an insert with old values":    {inserted, func(c *Change) { c.Old = c.New }},
		"an insert without values":     {inserted, func(c *Change) { c.New = nil }},
		"an update without old values": {updated, func(c *Change) { c.Old = nil }},
		"an update without new values": {updated, func(c *Change) { c.New = nil }},
		"a delete with new values":     {deleted, func(c *Change) { c.New = c.Old }},
		"a delete without old values":  {deleted, func(c *Change) { c.Old = nil }},
		"a value too many":             {inserted, func(c *Change) { c.New = append(c.New, Value{}) }},
		"a time too few":               {updated, func(c *Change) { c.Times = c.Times[:1] }},
		"a negative unit":              {deleted, func(c *Change) { c.Unit = -1 }},
		"context of an insert":         {inserted, func(c *Change) { c.Context = changes()[updated].Context }},
		"context without a value":      {updated, func(c *Change) { c.Context = &Context{Columns: []string{"a"}} }},
		"an unknown operation":         {inserted, func(c *Change) { c.Op = "upsert" }},
		"no operation":                 {inserted, func(c *Change) { c.Op = "" }},
	} {
		c := changes()[test.of]
		test.alter(&c)
		if err := c.Validate(); !errors.Is(err, ErrChange) {
			t.Errorf("%s: got error %v, want ErrChange", name, err)
		}
		if _, err := ParseChange(c.AppendJSON(nil)); !errors.Is(err, ErrForm) {
			t.Errorf("%s, encoded: got error %v, want ErrForm", name, err)
		}
	}
}

func TestBeforeAndAfterTellWhatAChangeCarries(t *testing.T) {
	all := changes()
	for _, test := range []struct {
		name          string
		change        *Change
		column        string
		before, after string // "" where the change does not say
	}{
		{"inserted column", &all[0], "price", "", "0.1"},
		{"inserted NULL", &all[0], "note", "", "NULL"},
		{"updated column", &all[1], "x", "-9223372036854775808", "9223372036854775807"},
		{"context", &all[1], "parent", "3", "3"},
		{"other column", &all[1], "z", "", ""},
		{"deleted column", &all[2], "id", "x''", ""},
	} {
		got := [2]string{}
		if v, ok := test.change.Before(test.column); ok {
			got[0] = v.String()
		}
		if v, ok := test.change.After(test.column); ok {
			got[1] = v.String()
		}
		if got != [2]string{test.before, test.after} {
			t.Errorf("%s: got %q", test.name, got)
		}
	}
}

func TestTimesOfColumns(t *testing.T) {
	all := changes()
	if got := all[1].TimeOf(0); got != 1700000000002 {
		t.Errorf("a column with a time of its own has %d", got)
	}
	if got := all[0].TimeOf(4); got != all[0].Time {
		t.Errorf("a column without a time of its own has %d", got)
	}
}

func TestOnlyADeleteInAUnitMoves(t *testing.T) {
	want := []bool{false, false, true, false}
	for i, c := range changes() {
		if c.Moves() != want[i] {
			t.Errorf("change %d: Moves is %t", i, c.Moves())
		}
	}
}

func TestRowsAreTheSameWhenTableAndExactKeyAre(t *testing.T) {
	a, b := changes()[0], changes()[0]
	if a.Row() != b.Row() {
		t.Error("one row is two")
	}
	for _, key := range []Value{Real(17), Text("17"), {}} {
		if b.Key = []Value{key}; a.Row() == b.Row() {
			t.Errorf("17 and %s (%s) are one row", key, key.Kind())
		}
	}
	if b = a; func() bool { b.Table = "ORDER"; return a.Row() == b.Row() }() {
		t.Error("two tables are one")
	}
}

func TestSameChangesComparesEveryField(t *testing.T) {
	for i := range changes() {
		if !changes()[i].Equal(&changes()[i]) {
			t.Errorf("change %d differs from itself", i)
		}
	}
	for name, alter := range map[string]func(*Change){
		"table":           func(c *Change) { c.Table += "x" },
		"operation":       func(c *Change) { c.Op = Insert },
		"key":             func(c *Change) { c.Key = []Value{Text("b"), c.Key[1]} },
		"key columns":     func(c *Change) { c.KeyColumns = []string{"x", "y"} },
		"columns":         func(c *Change) { c.Columns = []string{"y", "x"} },
		"old":             func(c *Change) { c.Old = c.New },
		"new":             func(c *Change) { c.New = c.Old },
		"class of a new":  func(c *Change) { c.New = []Value{Real(1), c.New[1]} },
		"time":            func(c *Change) { c.Time++ },
		"times":           func(c *Change) { c.Times = []Millis{1, 2} },
		"no times":        func(c *Change) { c.Times = nil },
		"no context":      func(c *Change) { c.Context = nil },
		"context columns": func(c *Change) { c.Context = &Context{Columns: []string{"p"}, Values: c.Context.Values} },
		"context values":  func(c *Change) { c.Context = &Context{Columns: c.Context.Columns, Values: []Value{{}}} },
		"unit":            func(c *Change) { c.Unit = 1 },
		"restored":        func(c *Change) { c.Restored = true },
	} {
		altered, as := changes()[1], changes()[1]
		alter(&altered)
		if altered.Equal(&as) || as.Equal(&altered) {
			t.Errorf("a change with another %s is the same", name)
		}
	}
	for name, other := range map[string][]Change{"of another length": changes()[:3], "in another order": {changes()[1], changes()[0]}} {
		same, err := SameChanges(ChangeList(changes()[:2]), ChangeList(other))
		if same || err != nil {
			t.Errorf("lists %s are the same, error %v", name, err)
		}
	}
	if same, err := SameChanges(ChangeList(changes()), ChangeList(changes())); !same || err != nil {
		t.Errorf("a list is not the same as itself, error %v", err)
	}
}

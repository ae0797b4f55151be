package orm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"replog/applier"
	"replog/client/driver"
	"replog/replog"
)

// install makes a device's file of one whose tables are there, as far as capture
// goes.
func install(t *testing.T, path string) {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Begin(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Install(), c.Commit()); err != nil {
		t.Fatal(err)
	}
}

// recorded lists the transactions that capture has gathered, as "label: OP TABLE,
// …"; "-" for an unmarked one.
func recorded(t *testing.T, path string) (list []string) {
	t.Helper()
	c, err := applier.Open(path, applier.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := applier.NewReplica(c)
	if err != nil {
		t.Fatal(err)
	}
	gathered, err := r.Gather(0)
	if err != nil {
		t.Fatal(err)
	}
	name, steps := "", applier.NewComposition(r.Schema)
	for _, g := range gathered {
		if name == "" {
			name = "-"
			if g.Marked {
				name = fmt.Sprintf("%q", g.Label)
			}
		}
		if err := steps.Add(g.NetChanges()); err != nil {
			t.Fatal(err)
		}
		if g.Follows {
			continue // by another step of the transaction
		}
		net, err := replog.InMemory(steps.List())
		if err != nil {
			t.Fatal(err)
		}
		var changes []string
		for _, n := range net {
			changes = append(changes, fmt.Sprintf("%s %s", n.Op, n.Table))
		}
		list = append(list, name+": "+strings.Join(changes, ", "))
		name, steps = "", applier.NewComposition(r.Schema)
	}
	return list
}

// beside runs a test on both drivers, each on a device's file of its own, and
// compares what it noted.
func beside(t *testing.T, run func(t *testing.T, name string) (path string, notes []any), want []string) {
	t.Helper()
	var texts [2]string
	for i, name := range []string{"sqlite3", driver.Name} {
		path, notes := run(t, name)
		text, err := json.MarshalIndent(notes, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
		if got := recorded(t, path); name == driver.Name && !slices.Equal(got, want) {
			t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if texts[0] != texts[1] {
		t.Errorf("mattn's driver:\n%s\nours:\n%s", texts[0], texts[1])
	}
}

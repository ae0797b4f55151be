package server

import (
	"fmt"

	"replog/applier"
	"replog/replog"
)

// unit is what a group has of the rows that one key change joins.
type unit struct {
	rows   int
	remove *replog.Change // a DELETE, the last
}

// carried completes the INSERT of a key change by a device with an older schema, which
// does not know all that the row has. Where more rows move, nobody can tell which is
// which: that is applier.ErrSchema.
func (j *judgement) carried(g *groupVerdict, c *replog.Change) (*replog.Change, error) {
	insert := *c // what it points to may be read over
	if g.units == nil {
		if err := g.findUnits(); err != nil {
			return nil, err
		}
	}
	u := g.units[insert.Unit]
	if u.rows != 2 || u.remove == nil || u.remove.Table != insert.Table {
		return nil, fmt.Errorf("%w: rows of table %q change places, and the device does not have all of their columns", applier.ErrSchema, insert.Table)
	}
	return j.replica.Carry(&insert, u.remove)
}

func (g *groupVerdict) findUnits() error {
	g.units = map[int]*unit{}
	return replog.EachChange(g.net, func(_ int, c *replog.Change) error {
		if c.Unit == 0 {
			return nil
		}
		u := g.units[c.Unit]
		if u == nil {
			u = &unit{}
			g.units[c.Unit] = u
		}
		u.rows++
		if c.Op == replog.Delete {
			found := *c
			u.remove = &found
		}
		return nil
	})
}
